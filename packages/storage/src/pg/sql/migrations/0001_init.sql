-- Everything Tusk keeps. Each step runs in the installer's transaction (Migrations.ts).

comment on schema kafka is 'Tusk, a Kafka broker: everything it keeps';
comment on table kafka.migrations is 'Versions of this schema, one row for each step taken';

create table kafka.cluster (
  one boolean primary key default true check (one),
  cluster_id text not null,
  epoch integer not null default 0,
  next_producer_id bigint not null default 0,
  next_partition_id integer not null default 1,
  created_at timestamptz not null default now()
);
comment on table kafka.cluster is 'One row: the identity of the cluster and what it gives out in order';
comment on column kafka.cluster.epoch is 'Raised each time a broker becomes the writer; the leader epoch of every partition';
insert into kafka.cluster (cluster_id)
  values (regexp_replace(rtrim(translate(encode(uuid_send(gen_random_uuid()), 'base64'), '+/', '-_'), '='), '^-', 'A'));

create table kafka.topics (
  topic_id text collate "C" primary key,
  name text collate "C" not null unique,
  created_at timestamptz not null default now()
);
comment on table kafka.topics is 'Topics by id (Kafka''s text form of a UUID) and name';

create table kafka.partitions (
  partition_id integer primary key,
  topic_id text collate "C",
  partition_index integer not null,
  log_start_offset bigint not null default 0,
  end_offset_floor bigint not null default 0,
  timestamp_high_floor bigint not null default -1,
  cumulative_bytes_floor bigint not null default 0,
  unique (topic_id, partition_index)
);
comment on table kafka.partitions is 'Partitions: which topic and index a partition id of kafka.batches stands for; without a topic: of a deleted one, batches still to be deleted. Ends lie in kafka.batches: see kafka.partition_overview';
comment on column kafka.partitions.end_offset_floor is 'The end offset as it was when the newest batch was deleted; so are the other floors';

create table kafka.batches (
  partition_id integer not null,
  leader_epoch integer not null,
  base_offset bigint not null,
  last_offset bigint not null,
  max_timestamp bigint not null,
  timestamp_high bigint not null,
  cumulative_bytes bigint not null,
  producer_id bigint not null,
  base_sequence integer not null,
  producer_epoch smallint not null,
  data bytea not null,
  primary key (partition_id, base_offset)
) with (
  autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 10000,
  autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 500000,
  autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 1000000,
  autovacuum_vacuum_cost_delay = 1, autovacuum_vacuum_cost_limit = 2000, vacuum_truncate = false,
  toast.autovacuum_vacuum_scale_factor = 0, toast.autovacuum_vacuum_threshold = 50000,
  toast.autovacuum_vacuum_insert_scale_factor = 0, toast.autovacuum_vacuum_insert_threshold = 5000000,
  toast.autovacuum_vacuum_cost_delay = 1, toast.autovacuum_vacuum_cost_limit = 2000, toast.vacuum_truncate = false
);
-- Large batches lie apart and are not compressed again. (In "create table" only from Postgres 16 on.)
alter table kafka.batches alter column data set storage external;
comment on table kafka.batches is 'The log: a row is a record batch as its producer sent it (compressed as it came), base offset and leader epoch patched in';
comment on column kafka.batches.timestamp_high is 'The greatest max_timestamp of the partition up to and with this batch: grows with the offset, for searches by time';
comment on column kafka.batches.cumulative_bytes is 'Bytes ever appended to the partition up to and with this batch';
comment on column kafka.batches.data is 'Record batch, format version 2 of Kafka''s protocol';

create table kafka.leader_epochs (
  partition_id integer not null,
  epoch integer not null,
  start_offset bigint not null,
  primary key (partition_id, epoch)
);
comment on table kafka.leader_epochs is 'Offset of the first append of each leader epoch to a partition';

create table kafka.producer_snapshots (
  partition_id integer primary key,
  end_offset bigint not null,
  value bytea not null
) with (fillfactor = 50);
comment on table kafka.producer_snapshots is 'State of idempotent producers up to an offset, so that loading a partition reads only what follows';

create table kafka.configs (
  resource_type integer not null,
  resource_name text collate "C" not null,
  name text collate "C" not null,
  value text collate "C" not null,
  primary key (resource_type, resource_name, name)
);
comment on table kafka.configs is 'Configs that were set; resource_type: 2 topic, 4 broker (its id, empty for all), 32 group';

create table kafka.offsets (
  group_id text collate "C" not null,
  partition_id integer not null,
  committed_offset bigint not null,
  leader_epoch integer not null,
  commit_timestamp bigint not null,
  expire_timestamp bigint not null,
  metadata text collate "C",
  primary key (group_id, partition_id)
) with (
  fillfactor = 50, autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_threshold = 1000,
  autovacuum_vacuum_cost_delay = 0, autovacuum_analyze_scale_factor = 0.5, autovacuum_analyze_threshold = 10000
);

create index offsets_partition_id on kafka.offsets (partition_id);
comment on table kafka.offsets is 'Offsets committed by groups; see kafka.group_lag';

create table kafka.groups (
  group_id text collate "C" primary key,
  kind text collate "C" not null,
  value text collate "C" not null
) with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_threshold = 1000);
comment on table kafka.groups is 'Groups as of their last stable generation; value is the coordinator''s own text';

create function kafka.plan_read(
    ids integer[], froms bigint[], maxes bigint[], total bigint,
    out request integer, out part integer, out first_base bigint, out last_base bigint
  ) returns setof record language plpgsql stable rows 10 as $$
  declare
    budget bigint := total;
    nothing_yet boolean := true;
    start_base bigint;
    head record;
    item record;
    room bigint;
    taken bigint;
  begin
    for i in 1 .. coalesce(array_length(ids, 1), 0) loop
      exit when budget <= 0 and not nothing_yet;
      select b.base_offset, b.last_offset into head from kafka.batches b
        where b.partition_id = ids[i] and b.base_offset <= froms[i] order by b.base_offset desc limit 1;
      start_base := case when head.last_offset >= froms[i] then head.base_offset else froms[i] end;
      room := least(maxes[i], budget);
      taken := 0;
      last_base := null;
      for item in select b.base_offset, octet_length(b.data) as size from kafka.batches b
        where b.partition_id = ids[i] and b.base_offset >= start_base order by b.base_offset
      loop
        exit when taken + item.size > room and not nothing_yet;
        if last_base is null then
          first_base := item.base_offset;
        end if;
        last_base := item.base_offset;
        nothing_yet := false;
        taken := taken + item.size;
        exit when taken >= room;
      end loop;
      if last_base is not null then
        budget := budget - taken;
        request := i - 1;
        part := ids[i];
        return next;
      end if;
    end loop;
  end $$;
comment on function kafka.plan_read(integer[], bigint[], bigint[], bigint) is 'Which batches a fetch takes from each partition: from the one that holds the offset on, as long as they fit';

create function kafka.first_base_at_time(id integer, wanted bigint) returns bigint language plpgsql stable as $$
  declare
    low bigint;
    high bigint;
    middle bigint;
    log_start bigint;
    probe record;
  begin
    select p.log_start_offset into log_start from kafka.partitions p where p.partition_id = id;
    log_start := coalesce(log_start, 0);
    select b.base_offset, b.last_offset into probe from kafka.batches b
      where b.partition_id = id and b.base_offset <= log_start order by b.base_offset desc limit 1;
    if probe.last_offset >= log_start then
      low := probe.base_offset;
    else
      select b.base_offset into low from kafka.batches b
        where b.partition_id = id and b.base_offset > log_start order by b.base_offset limit 1;
    end if;
    select b.base_offset, b.timestamp_high into probe from kafka.batches b
      where b.partition_id = id order by b.base_offset desc limit 1;
    if low is null or probe.timestamp_high < wanted then
      return null;
    end if;
    high := probe.base_offset;
    -- low and high are bases of batches, and high's time is late enough.
    while low < high loop
      middle := low + (high - low) / 2;
      select b.base_offset, b.timestamp_high into probe from kafka.batches b
        where b.partition_id = id and b.base_offset <= middle order by b.base_offset desc limit 1;
      if probe.timestamp_high >= wanted then
        high := probe.base_offset;
      else
        select b.base_offset into low from kafka.batches b
          where b.partition_id = id and b.base_offset > middle order by b.base_offset limit 1;
      end if;
    end loop;
    return high;
  end $$;
comment on function kafka.first_base_at_time(integer, bigint) is 'Base offset of the first batch at or above the log start that holds a time at or after the one wanted (milliseconds): a binary search over the primary key';

create view kafka.partition_overview as
  select t.name as topic, p.partition_index as partition, p.partition_id, p.log_start_offset,
    greatest(newest.last_offset + 1, p.end_offset_floor) as end_offset,
    coalesce(newest.cumulative_bytes - oldest.cumulative_bytes + oldest.bytes, 0) as size_bytes,
    to_timestamp(newest.timestamp_high / 1000.0) as newest_timestamp
  from kafka.partitions p
  join kafka.topics t on t.topic_id = p.topic_id
  left join lateral (
    select b.last_offset, b.cumulative_bytes, b.timestamp_high from kafka.batches b
    where b.partition_id = p.partition_id order by b.base_offset desc limit 1) newest on true
  left join lateral (
    select b.cumulative_bytes, octet_length(b.data) as bytes from kafka.batches b
    where b.partition_id = p.partition_id order by b.base_offset limit 1) oldest on true;
comment on view kafka.partition_overview is 'Each partition with the offsets it holds (end_offset: the next to be given) and its bytes';

create view kafka.topic_overview as
  select t.name as topic, t.topic_id, count(o.partition_id) as partitions,
    coalesce(sum(o.end_offset - o.log_start_offset), 0) as records, coalesce(sum(o.size_bytes), 0) as size_bytes,
    (select jsonb_object_agg(c.name, c.value) from kafka.configs c
     where c.resource_type = 2 and c.resource_name = t.name) as configs
  from kafka.topics t left join kafka.partition_overview o on o.topic = t.name
  group by t.name, t.topic_id;
comment on view kafka.topic_overview is 'Each topic with its partitions, records (offsets from log start to end; fewer where compacted), bytes and configs';

create view kafka.group_lag as
  select f.group_id, g.kind, o.topic, o.partition, f.committed_offset, o.end_offset,
    o.end_offset - f.committed_offset as lag, to_timestamp(f.commit_timestamp / 1000.0) as committed_at
  from kafka.offsets f
  join kafka.partition_overview o on o.partition_id = f.partition_id
  left join kafka.groups g on g.group_id = f.group_id;
comment on view kafka.group_lag is 'Each offset that a group committed, and how far the partition''s end lies beyond it';
