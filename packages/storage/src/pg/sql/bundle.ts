// Made of the .sql files beside it by `npm run sql`: file names and texts, nothing else. Not edited by hand.

export const migrations = {
  "0001_init": `-- Everything Tusk keeps. Each step runs in the installer's transaction (Migrations.ts).

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
comment on view kafka.group_lag is 'Each offset that a group committed, and how far the partition''s end lies beyond it';`,
  "0002_compaction": `-- How far partitions are compacted, and their bytes where batches were taken from their midst.

alter table kafka.partitions add column cleaned_offset bigint, add column cleaned_bytes bigint,
  add column delete_horizon bigint;
comment on column kafka.partitions.cleaned_offset is 'Compacted up to here: for each key only the latest record is left below; null: never compacted';
comment on column kafka.partitions.cleaned_bytes is 'cumulative_bytes of the last batch below cleaned_offset';
comment on column kafka.partitions.delete_horizon is 'When the first tombstone below cleaned_offset may go, in milliseconds; -1: there is none';

create function kafka.partition_bytes(id integer, cleaned bigint) returns bigint language plpgsql stable as $$
  declare
    newest bigint;
    oldest record;
  begin
    if cleaned is not null then
      return (select coalesce(sum(octet_length(b.data)), 0) from kafka.batches b where b.partition_id = id);
    end if;
    select b.cumulative_bytes into newest from kafka.batches b
      where b.partition_id = id order by b.base_offset desc limit 1;
    select b.cumulative_bytes, octet_length(b.data) as bytes into oldest from kafka.batches b
      where b.partition_id = id order by b.base_offset limit 1;
    return coalesce(newest - oldest.cumulative_bytes + oldest.bytes, 0);
  end $$;
comment on function kafka.partition_bytes(integer, bigint) is 'Bytes of a partition''s batches; summed up one by one only where compaction took some from their midst';

create or replace view kafka.partition_overview as
  select t.name as topic, p.partition_index as partition, p.partition_id, p.log_start_offset,
    greatest(newest.last_offset + 1, p.end_offset_floor) as end_offset,
    kafka.partition_bytes(p.partition_id, p.cleaned_offset) as size_bytes,
    to_timestamp(newest.timestamp_high / 1000.0) as newest_timestamp
  from kafka.partitions p
  join kafka.topics t on t.topic_id = p.topic_id
  left join lateral (
    select b.last_offset, b.timestamp_high from kafka.batches b
    where b.partition_id = p.partition_id order by b.base_offset desc limit 1) newest on true;`,
  "0003_group_members": `-- Members of consumer groups are rows of their own: a heartbeat that changes one member writes one row.

create table kafka.group_members (
  group_id text collate "C" not null,
  member_id text collate "C" not null,
  value text collate "C" not null,
  primary key (group_id, member_id)
) with (
  fillfactor = 50, autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_threshold = 1000,
  autovacuum_vacuum_cost_delay = 0
);
comment on table kafka.group_members is 'Members of groups that keep them apart; value is the coordinator''s own text';`,
  "0004_function_costs": `-- Each looks up some rows by the primary key. The number was free for long: it is taken by databases with later steps, too, as it
-- touches nothing that those do.

alter function kafka.plan_read(integer[], bigint[], bigint[], bigint) cost 50;
alter function kafka.first_base_at_time(integer, bigint) cost 50;
alter function kafka.partition_bytes(integer, bigint) cost 50;`,
  "0005_views": `-- What a person sees of groups, members and configs (docs/sql.md). Members are read out of the coordinator's own text:
-- where that is of a later form, a view shows less of them and never fails.

create function kafka.json_of(value text) returns jsonb language plpgsql immutable strict as $$
  begin
    return value::jsonb;
  exception when others then
    return null;
  end $$;
comment on function kafka.json_of(text) is 'The value as JSON; null where it is none';

-- An int16 version, then topics: a text with an int16 length, partitions as int32, both after int32 counts.
create function kafka.classic_assignment(assignment bytea)
    returns table (topic text, partition integer) language plpgsql immutable strict as $$
  declare
    at integer := 2;
    size integer;
    partitions integer;
  begin
    for t in 1 .. ('x' || encode(substring(assignment from at + 1 for 4), 'hex'))::bit(32)::integer loop
      at := case when t = 1 then at + 4 else at end;
      size := get_byte(assignment, at) * 256 + get_byte(assignment, at + 1);
      topic := convert_from(substring(assignment from at + 3 for size), 'UTF8');
      at := at + 2 + size;
      partitions := ('x' || encode(substring(assignment from at + 1 for 4), 'hex'))::bit(32)::integer;
      at := at + 4;
      for p in 1 .. partitions loop
        exit when at + 4 > octet_length(assignment);
        partition := ('x' || encode(substring(assignment from at + 1 for 4), 'hex'))::bit(32)::integer;
        at := at + 4;
        return next;
      end loop;
    end loop;
  exception when others then
    return;
  end $$;
comment on function kafka.classic_assignment(bytea) is 'Partitions in what the leader of a classic group assigned to a consumer (ConsumerProtocolAssignment)';

create function kafka.owned_partitions(kind text, owner jsonb, member jsonb)
    returns table (topic text, partition integer) language plpgsql stable as $$
  begin
    if kind = 'classic' and owner ->> 'protocolType' = 'consumer' then
      return query select c.topic, c.partition from kafka.classic_assignment(decode(member ->> 'assignment', 'base64')) c;
    elsif kind = 'consumer' then
      -- By topic id: partition, epoch, partition, epoch …
      return query
        select t.name, pair.number::integer
        from jsonb_each(member -> 'assigned') topics (id, numbers)
        join kafka.topics t on t.topic_id = topics.id
        cross join lateral jsonb_array_elements_text(topics.numbers) with ordinality pair (number, place)
        where pair.place % 2 = 1;
    elsif kind = 'streams' then
      return query
        select distinct source.name, task.number::integer
        from jsonb_array_elements(owner -> 'topology' -> 'subtopologies') sub (json)
        cross join lateral jsonb_each(member -> 'held' -> 'active' -> (sub.json ->> 'subtopologyId')) epoch (number, tasks)
        cross join lateral jsonb_array_elements_text(epoch.tasks) task (number)
        cross join lateral (
          select jsonb_array_elements_text(sub.json -> 'sourceTopics')
          union select jsonb_array_elements(sub.json -> 'repartitionSourceTopics') ->> 'name') source (name);
    end if;
  exception when others then
    return;
  end $$;
comment on function kafka.owned_partitions(text, jsonb, jsonb) is 'Partitions that a member reads, out of its own and its group''s stored form; of a streams member those of its active tasks';

create view kafka.member_overview as
  select g.group_id, g.kind, m.member_id, coalesce(m.json ->> 'groupInstanceId', m.json ->> 'instanceId') as instance_id,
    m.json ->> 'clientId' as client_id, m.json ->> 'clientHost' as client_host,
    (select array_agg(o.topic || '-' || o.partition order by o.topic, o.partition)
     from kafka.owned_partitions(g.kind, parsed.json, m.json) o) as partitions,
    m.json as details
  from kafka.groups g
  cross join lateral (select kafka.json_of(g.value)) parsed (json)
  cross join lateral (
    select i.json ->> 'memberId', i.json
    from jsonb_array_elements(
      case jsonb_typeof(parsed.json -> 'members') when 'array' then parsed.json -> 'members' else '[]'::jsonb end) i (json)
    union all
    select a.member_id, kafka.json_of(a.value) from kafka.group_members a where a.group_id = g.group_id) m (member_id, json);
comment on view kafka.member_overview is 'Members of groups of every kind, as of the last change that was stored; details is the coordinator''s own form';

create view kafka.member_lag as
  select g.group_id, g.kind, m.member_id, m.client_id, m.client_host, own.topic, own.partition,
    f.committed_offset, o.end_offset, o.end_offset - coalesce(f.committed_offset, o.log_start_offset) as lag
  from kafka.groups g
  join kafka.member_overview m on m.group_id = g.group_id
  cross join lateral kafka.owned_partitions(g.kind, kafka.json_of(g.value), m.details) own
  left join kafka.partition_overview o on o.topic = own.topic and o.partition = own.partition
  left join kafka.offsets f on f.group_id = g.group_id and f.partition_id = o.partition_id;
comment on view kafka.member_lag is 'Each partition that a member reads, and how far it is behind: from the committed offset, or the log start where there is none';

create view kafka.group_overview as
  select ids.group_id, g.kind,
    (select count(*) from kafka.member_overview m where m.group_id = ids.group_id) as members,
    lag.partitions, lag.lag, lag.committed_at,
    (select jsonb_object_agg(c.name, c.value) from kafka.configs c
     where c.resource_type = 32 and c.resource_name = ids.group_id) as configs
  from (select group_id from kafka.groups union select group_id from kafka.offsets) ids
  left join kafka.groups g on g.group_id = ids.group_id
  left join lateral (
    select count(*) as partitions, coalesce(sum(l.lag), 0) as lag, max(l.committed_at) as committed_at
    from kafka.group_lag l where l.group_id = ids.group_id) lag on true;
comment on view kafka.group_overview is 'Each group with its kind (null: offsets only, nobody ever joined), members, partitions with a committed offset, lag over all of them, and configs';

create view kafka.config_overview as
  select case c.resource_type when 2 then 'topic' when 4 then 'broker' when 32 then 'group'
      else c.resource_type::text end as resource,
    case when c.resource_type = 4 and c.resource_name = '' then '(all brokers)' else c.resource_name end as resource_name,
    c.name, c.value
  from kafka.configs c;
comment on view kafka.config_overview is 'Every config that was set while Tusk ran; all else has its default, or what the broker was started with';

create view kafka.disk_usage as
  select c.relname::text as table_name, pg_table_size(c.oid) as table_bytes, pg_indexes_size(c.oid) as index_bytes,
    pg_total_relation_size(c.oid) as total_bytes, s.n_live_tup as rows_estimated, s.n_dead_tup as dead_rows_estimated
  from pg_class c join pg_stat_all_tables s on s.relid = c.oid
  where c.relnamespace = 'kafka'::regnamespace and c.relkind = 'r';
comment on view kafka.disk_usage is 'Bytes on disk of each table with its indexes, as Postgres counts them; dead rows are those that vacuum will make room of';

create view kafka.active_broker as
  select l.pid, a.application_name, a.usename::text as role, a.client_addr, a.backend_start as since, c.cluster_id, c.epoch
  from pg_locks l
  left join pg_stat_activity a on a.pid = l.pid
  cross join kafka.cluster c
  where l.locktype = 'advisory' and l.classid = 1416983403 and l.objid = 1 and l.objsubid = 2 and l.granted
    and l.database = (select d.oid from pg_database d where d.datname = current_database());
comment on view kafka.active_broker is 'The session of the broker that writes: it holds the cluster''s lock; no row: none does';`,
  "0006_share_views": `-- Share groups in the views: their members, and where they are in each partition. Both lie in kafka.group_members.

create or replace view kafka.member_overview as
  select g.group_id, g.kind, m.member_id, coalesce(m.json ->> 'groupInstanceId', m.json ->> 'instanceId') as instance_id,
    m.json ->> 'clientId' as client_id, m.json ->> 'clientHost' as client_host,
    (select array_agg(o.topic || '-' || o.partition order by o.topic, o.partition)
     from kafka.owned_partitions(g.kind, parsed.json, m.json) o) as partitions,
    m.json as details
  from kafka.groups g
  cross join lateral (select kafka.json_of(g.value)) parsed (json)
  cross join lateral (
    select i.json ->> 'memberId', i.json
    from jsonb_array_elements(
      case jsonb_typeof(parsed.json -> 'members') when 'array' then parsed.json -> 'members' else '[]'::jsonb end) i (json)
    union all
    select case g.kind when 'share' then substring(a.member_id from '^member/(.*)$') else a.member_id end, kafka.json_of(a.value)
    from kafka.group_members a
    where a.group_id = g.group_id and (g.kind <> 'share' or a.member_id like 'member/%')) m (member_id, json);

create view kafka.share_lag as
  select g.group_id, o.topic, o.partition, shared.start_offset, o.end_offset,
    greatest(o.end_offset - greatest(shared.start_offset, o.log_start_offset), 0) as lag
  from kafka.groups g
  join kafka.group_members m on m.group_id = g.group_id
  cross join lateral (
    select substring(m.member_id from '^partition/([0-9]{1,9})$')::integer,
      substring(kafka.json_of(m.value) ->> 'startOffset' from '^[0-9]{1,18}$')::bigint) shared (partition_id, start_offset)
  join kafka.partition_overview o on o.partition_id = shared.partition_id
  where g.kind = 'share';
comment on view kafka.share_lag is 'Where each share group is in each partition: below start_offset all is done with; lag counts what is given out now, too';

create or replace view kafka.group_overview as
  select ids.group_id, g.kind,
    (select count(*) from kafka.member_overview m where m.group_id = ids.group_id) as members,
    lag.partitions, lag.lag, lag.committed_at,
    (select jsonb_object_agg(c.name, c.value) from kafka.configs c
     where c.resource_type = 32 and c.resource_name = ids.group_id) as configs
  from (select group_id from kafka.groups union select group_id from kafka.offsets) ids
  left join kafka.groups g on g.group_id = ids.group_id
  left join lateral (
    select count(*) as partitions, coalesce(sum(l.lag), 0) as lag, max(l.committed_at) as committed_at
    from (
      select l.lag, l.committed_at from kafka.group_lag l where l.group_id = ids.group_id
      union all
      select s.lag, null from kafka.share_lag s where s.group_id = ids.group_id) l) lag on true;`,
  "0007_offsets_by_id": `-- Rows of offsets are found by an id of the broker's, and never changed in place: under an open snapshot an index by
-- group and partition leads through every version that there ever was. Nobody but the broker writes here, so that the key
-- needs no guard.

alter table kafka.offsets add column commit_id bigint;

update kafka.offsets o set commit_id = n.commit_id
  from (select group_id, partition_id, row_number() over (order by commit_timestamp) as commit_id from kafka.offsets) n
  where o.group_id = n.group_id and o.partition_id = n.partition_id;

alter table kafka.offsets drop constraint offsets_pkey, alter column commit_id set not null, add primary key (commit_id);

alter table kafka.offsets set (
  fillfactor = 100, autovacuum_vacuum_scale_factor = 0.2, autovacuum_vacuum_threshold = 20000
);
comment on table kafka.offsets is 'Offsets committed by groups, a row each; a new commit is a new row, with a greater commit_id; see kafka.group_lag';`,
  "0008_failover": `-- Which server a take-over was on, so that the next one sees a failover; and what tells whether a commit is stored.

alter table kafka.cluster add column system_identifier text, add column timeline text,
  add column failover_epoch integer not null default 0;
comment on column kafka.cluster.system_identifier is 'Of the server that the last writer was on; null: not noted yet';
comment on column kafka.cluster.timeline is 'Timeline of that server then: a promoted standby goes on with another one';
comment on column kafka.cluster.failover_epoch is 'Epoch of the last writer that found another server or timeline than the one before it; 0: none did';

alter table kafka.partitions add column failover_epoch integer not null default 0;
comment on column kafka.partitions.failover_epoch is 'kafka.cluster.failover_epoch as of the last time the partition''s end leapt over what a failover may have lost';

create table kafka.commits (
  commit_id bigint primary key
) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 0);
comment on table kafka.commits is 'The last commit of a writer that added no batch and no offset: where the connection was lost during it, the row tells whether it is stored';
comment on column kafka.commits.commit_id is 'Epoch times 2^32, and a number of the writer''s';`,
  "0009_any_number": `-- Times and offsets are the clients': any number of 64 bits. What Postgres has no time for is shown as the nearest one
-- that it has, so that one record, or one commit, does not take a view from everybody.

create function kafka.time_of(ms bigint) returns timestamptz language sql immutable strict parallel safe cost 1 as $$
    select to_timestamp(greatest(least(ms, 253402300799999), -62135596800000) / 1000.0)
  $$;
comment on function kafka.time_of(bigint) is 'Milliseconds as a time; between the years 1 and 9999, whatever a client sent';

create or replace view kafka.partition_overview as
  select t.name as topic, p.partition_index as partition, p.partition_id, p.log_start_offset,
    greatest(newest.last_offset + 1, p.end_offset_floor) as end_offset,
    kafka.partition_bytes(p.partition_id, p.cleaned_offset) as size_bytes,
    kafka.time_of(newest.timestamp_high) as newest_timestamp
  from kafka.partitions p
  join kafka.topics t on t.topic_id = p.topic_id
  left join lateral (
    select b.last_offset, b.timestamp_high from kafka.batches b
    where b.partition_id = p.partition_id order by b.base_offset desc limit 1) newest on true;

create or replace view kafka.group_lag as
  select f.group_id, g.kind, o.topic, o.partition, f.committed_offset, o.end_offset,
    o.end_offset - greatest(f.committed_offset, 0) as lag, kafka.time_of(f.commit_timestamp) as committed_at
  from kafka.offsets f
  join kafka.partition_overview o on o.partition_id = f.partition_id
  left join kafka.groups g on g.group_id = f.group_id;

create or replace view kafka.member_lag as
  select g.group_id, g.kind, m.member_id, m.client_id, m.client_host, own.topic, own.partition,
    f.committed_offset, o.end_offset,
    o.end_offset - greatest(coalesce(f.committed_offset, o.log_start_offset), 0) as lag
  from kafka.groups g
  join kafka.member_overview m on m.group_id = g.group_id
  cross join lateral kafka.owned_partitions(g.kind, kafka.json_of(g.value), m.details) own
  left join kafka.partition_overview o on o.topic = own.topic and o.partition = own.partition
  left join kafka.offsets f on f.group_id = g.group_id and f.partition_id = o.partition_id;`,
  "0010_view_costs": `-- What the views cost, told to the planner: with Postgres' own guesses (1,000 rows of a function, 100 of each array) it sees tens
-- of millions of rows in a few, and compiles code for them. Sizes and topics are looked up, not computed one by one.

alter function kafka.json_of(text) cost 10;
alter function kafka.classic_assignment(bytea) cost 50 rows 10;

create or replace function kafka.owned_partitions(kind text, owner jsonb, member jsonb)
    returns table (topic text, partition integer) language plpgsql stable cost 50 rows 10
    set plan_cache_mode = force_generic_plan set enable_seqscan = off as $$
  begin
    if kind = 'classic' and owner ->> 'protocolType' = 'consumer' then
      return query select c.topic, c.partition from kafka.classic_assignment(decode(member ->> 'assignment', 'base64')) c;
    elsif kind = 'consumer' then
      -- By topic id: partition, epoch, partition, epoch … A topic is looked up where it is named.
      return query
        select named.name, pair.number::integer
        from jsonb_each(member -> 'assigned') topics (id, numbers)
        cross join lateral (select t.name from kafka.topics t where t.topic_id = topics.id offset 0) named
        cross join lateral jsonb_array_elements_text(topics.numbers) with ordinality pair (number, place)
        where pair.place % 2 = 1;
    elsif kind = 'streams' then
      return query
        select distinct source.name, task.number::integer
        from jsonb_array_elements(owner -> 'topology' -> 'subtopologies') sub (json)
        cross join lateral jsonb_each(member -> 'held' -> 'active' -> (sub.json ->> 'subtopologyId')) epoch (number, tasks)
        cross join lateral jsonb_array_elements_text(epoch.tasks) task (number)
        cross join lateral (
          select jsonb_array_elements_text(sub.json -> 'sourceTopics')
          union select jsonb_array_elements(sub.json -> 'repartitionSourceTopics') ->> 'name') source (name);
    end if;
  exception when others then
    return;
  end $$;

create function kafka.members_of(id text, kind text, owner jsonb)
    returns table (member_id text, details jsonb) language plpgsql stable cost 50 rows 10
    set plan_cache_mode = force_generic_plan set enable_seqscan = off as $$
  begin
    return query
      select i.json ->> 'memberId', i.json
      from jsonb_array_elements(
        case jsonb_typeof(owner -> 'members') when 'array' then owner -> 'members' else '[]'::jsonb end) i (json);
    return query
      select case kind when 'share' then substring(a.member_id from '^member/(.*)$') else a.member_id end,
        kafka.json_of(a.value)
      from kafka.group_members a
      where a.group_id = id and (kind <> 'share' or a.member_id like 'member/%');
  end $$;
comment on function kafka.members_of(text, text, jsonb) is 'Members of a group, out of its own stored form and their rows';

create or replace view kafka.partition_overview as
  select t.name as topic, p.partition_index as partition, p.partition_id, p.log_start_offset,
    greatest(newest.last_offset + 1, p.end_offset_floor) as end_offset,
    case when p.cleaned_offset is null
      then coalesce(newest.cumulative_bytes - oldest.cumulative_bytes + oldest.bytes, 0)
      else kafka.partition_bytes(p.partition_id, p.cleaned_offset) end as size_bytes,
    kafka.time_of(newest.timestamp_high) as newest_timestamp
  from kafka.partitions p
  join kafka.topics t on t.topic_id = p.topic_id
  left join lateral (
    select b.last_offset, b.timestamp_high, b.cumulative_bytes from kafka.batches b
    where b.partition_id = p.partition_id order by b.base_offset desc limit 1) newest on true
  left join lateral (
    select b.cumulative_bytes, octet_length(b.data) as bytes from kafka.batches b
    where b.partition_id = p.partition_id order by b.base_offset limit 1) oldest on true;

-- Here and in kafka.member_lag: partitions with their ends, without what else kafka.partition_overview looks up.
create or replace view kafka.group_lag as
  select f.group_id, g.kind, o.topic, o.partition, f.committed_offset, o.end_offset,
    o.end_offset - greatest(f.committed_offset, 0) as lag, kafka.time_of(f.commit_timestamp) as committed_at
  from kafka.offsets f
  join (
    select t.name as topic, p.partition_index as partition, p.partition_id, p.log_start_offset,
      greatest((select b.last_offset + 1 from kafka.batches b
        where b.partition_id = p.partition_id order by b.base_offset desc limit 1), p.end_offset_floor) as end_offset
    from kafka.partitions p join kafka.topics t on t.topic_id = p.topic_id) o on o.partition_id = f.partition_id
  left join kafka.groups g on g.group_id = f.group_id;

create or replace view kafka.topic_overview as
  select t.name as topic, t.topic_id, count(o.partition_id) as partitions,
    coalesce(sum(o.end_offset - o.log_start_offset), 0) as records, coalesce(sum(o.size_bytes), 0) as size_bytes,
    (select jsonb_object_agg(c.name, c.value) from kafka.configs c
     where c.resource_type = 2 and c.resource_name = t.name) as configs
  from kafka.topics t left join kafka.partition_overview o on o.topic = t.name
  group by t.topic_id;

create or replace view kafka.member_overview as
  select g.group_id, g.kind, m.member_id collate "C" as member_id,
    coalesce(m.details ->> 'groupInstanceId', m.details ->> 'instanceId') as instance_id,
    m.details ->> 'clientId' as client_id, m.details ->> 'clientHost' as client_host,
    (select array_agg(o.topic || '-' || o.partition order by o.topic, o.partition)
     from kafka.owned_partitions(g.kind, parsed.json, m.details) o) as partitions,
    m.details
  from kafka.groups g
  cross join lateral (select kafka.json_of(g.value) offset 0) parsed (json)
  cross join lateral kafka.members_of(g.group_id, g.kind, parsed.json) m;

create or replace view kafka.member_lag as
  select g.group_id, g.kind, m.member_id collate "C" as member_id, m.details ->> 'clientId' as client_id, m.details ->> 'clientHost' as client_host,
    own.topic, own.partition, f.committed_offset, o.end_offset,
    o.end_offset - greatest(coalesce(f.committed_offset, o.log_start_offset), 0) as lag
  from kafka.groups g
  cross join lateral (select kafka.json_of(g.value) offset 0) parsed (json)
  cross join lateral kafka.members_of(g.group_id, g.kind, parsed.json) m
  cross join lateral kafka.owned_partitions(g.kind, parsed.json, m.details) own
  left join (
    select t.name as topic, p.partition_index as partition, p.partition_id, p.log_start_offset,
      greatest((select b.last_offset + 1 from kafka.batches b
        where b.partition_id = p.partition_id order by b.base_offset desc limit 1), p.end_offset_floor) as end_offset
    from kafka.partitions p join kafka.topics t on t.topic_id = p.topic_id) o on o.topic = own.topic and o.partition = own.partition
  left join kafka.offsets f on f.group_id = g.group_id and f.partition_id = o.partition_id;

create or replace view kafka.group_overview as
  select ids.group_id, g.kind,
    (select count(*) from kafka.members_of(ids.group_id, g.kind, kafka.json_of(g.value))) as members,
    coalesce(lag.partitions, 0) as partitions, coalesce(lag.lag, 0) as lag, lag.committed_at,
    (select jsonb_object_agg(c.name, c.value) from kafka.configs c
     where c.resource_type = 32 and c.resource_name = ids.group_id) as configs
  from (select group_id from kafka.groups union select group_id from kafka.offsets) ids
  left join kafka.groups g on g.group_id = ids.group_id
  left join (
    select l.group_id, count(*) as partitions, sum(l.lag) as lag, max(l.committed_at) as committed_at
    from (
      select l.group_id, l.lag, l.committed_at from kafka.group_lag l
      union all
      select s.group_id, s.lag, null from kafka.share_lag s) l
    group by l.group_id) lag on lag.group_id = ids.group_id;`,
  "0011_comments": `-- A group that reads and never committed is behind by all that it has not read; and every column says what it is.

create or replace view kafka.group_overview as
  select ids.group_id, g.kind,
    (select count(*) from kafka.members_of(ids.group_id, g.kind, kafka.json_of(g.value))) as members,
    coalesce(lag.partitions, 0) as partitions, coalesce(lag.lag, 0) as lag, lag.committed_at,
    (select jsonb_object_agg(c.name, c.value) from kafka.configs c
     where c.resource_type = 32 and c.resource_name = ids.group_id) as configs
  from (select group_id from kafka.groups union select group_id from kafka.offsets) ids
  left join kafka.groups g on g.group_id = ids.group_id
  left join (
    select l.group_id, count(l.known) as partitions, sum(l.lag) as lag, max(l.committed_at) as committed_at
    from (
      select l.group_id, 1 as known, l.lag, l.committed_at from kafka.group_lag l
      union all
      select s.group_id, 1, s.lag, null from kafka.share_lag s
      union all
      select unread.group_id, null, greatest((select b.last_offset + 1 from kafka.batches b
        where b.partition_id = unread.partition_id order by b.base_offset desc limit 1), unread.end_offset_floor)
        - unread.log_start_offset, null
      from (
        select distinct g.group_id, p.partition_id, p.log_start_offset, p.end_offset_floor
        from kafka.groups g
        cross join lateral (select kafka.json_of(g.value) offset 0) parsed (json)
        cross join lateral kafka.members_of(g.group_id, g.kind, parsed.json) m
        cross join lateral kafka.owned_partitions(g.kind, parsed.json, m.details) own
        join kafka.topics t on t.name = own.topic
        join kafka.partitions p on p.topic_id = t.topic_id and p.partition_index = own.partition
        where not exists (
          select from kafka.offsets f where f.group_id = g.group_id and f.partition_id = p.partition_id)) unread) l
    group by l.group_id) lag on lag.group_id = ids.group_id;
comment on view kafka.group_overview is 'Each group with its kind (null: offsets only, nobody ever joined), members, partitions with a committed offset, lag over all that it reads, and configs';
comment on column kafka.cluster.one is 'Always true: there is one row';
comment on column kafka.cluster.cluster_id is 'Kafka''s text form of a UUID; clients are told it';
comment on column kafka.cluster.epoch is 'Raised each time a broker becomes the writer; the leader epoch of every partition';
comment on column kafka.cluster.next_producer_id is 'The next producer id to be given';
comment on column kafka.cluster.next_partition_id is 'The next partition id to be given';
comment on column kafka.cluster.created_at is 'When the schema was installed';
comment on column kafka.cluster.system_identifier is 'Of the server that the last writer was on; null: not noted yet';
comment on column kafka.cluster.timeline is 'Timeline of that server then: a promoted standby goes on with another one';
comment on column kafka.cluster.failover_epoch is 'Epoch of the last writer that found another server or timeline than the one before it; 0: none did';
comment on column kafka.topics.topic_id is 'Kafka''s text form of a UUID; never given twice';
comment on column kafka.topics.name is 'The topic''s name';
comment on column kafka.topics.created_at is 'When it was created';
comment on column kafka.partitions.partition_id is 'A number of the cluster''s own, never given twice';
comment on column kafka.partitions.topic_id is 'Its topic; null: that is deleted, and batches are still to be deleted';
comment on column kafka.partitions.partition_index is 'Its number in its topic, as clients know it';
comment on column kafka.partitions.log_start_offset is 'Nobody reads below it';
comment on column kafka.partitions.end_offset_floor is 'The end offset as it was when the newest batch was deleted; so are the other floors';
comment on column kafka.partitions.timestamp_high_floor is 'The greatest timestamp as it was when the newest batch was deleted; -1: there was none';
comment on column kafka.partitions.cumulative_bytes_floor is 'Bytes ever appended, as of when the newest batch was deleted';
comment on column kafka.partitions.cleaned_offset is 'Compacted up to here: for each key only the latest record is left below; null: never compacted';
comment on column kafka.partitions.cleaned_bytes is 'cumulative_bytes of the last batch below cleaned_offset';
comment on column kafka.partitions.delete_horizon is 'When the first tombstone below cleaned_offset may go, in milliseconds; -1: there is none';
comment on column kafka.partitions.failover_epoch is 'kafka.cluster.failover_epoch as of the last time the partition''s end leapt over what a failover may have lost';
comment on column kafka.batches.partition_id is 'The partition, as in kafka.partitions';
comment on column kafka.batches.leader_epoch is 'The writer''s epoch when it was appended';
comment on column kafka.batches.base_offset is 'Offset of its first record';
comment on column kafka.batches.last_offset is 'Offset of its last record, also where compaction took that away';
comment on column kafka.batches.max_timestamp is 'The greatest time of its records, in milliseconds; -1: they have none';
comment on column kafka.batches.timestamp_high is 'The greatest max_timestamp of the partition up to and with this batch: grows with the offset, for searches by time';
comment on column kafka.batches.cumulative_bytes is 'Bytes ever appended to the partition up to and with this batch';
comment on column kafka.batches.producer_id is 'Of an idempotent producer; -1: of none';
comment on column kafka.batches.base_sequence is 'The producer''s number of the first record; -1: of no idempotent producer';
comment on column kafka.batches.producer_epoch is 'The producer''s epoch; -1: of no idempotent producer';
comment on column kafka.batches.data is 'Record batch, format version 2 of Kafka''s protocol';
comment on column kafka.leader_epochs.partition_id is 'The partition, as in kafka.partitions';
comment on column kafka.leader_epochs.epoch is 'The leader epoch';
comment on column kafka.leader_epochs.start_offset is 'Offset of the first append in it';
comment on column kafka.producer_snapshots.partition_id is 'The partition, as in kafka.partitions';
comment on column kafka.producer_snapshots.end_offset is 'Up to here the value tells all of it; what follows is told by the batches';
comment on column kafka.producer_snapshots.value is 'Producers with their last batches, the broker''s own text';
comment on column kafka.configs.resource_type is '2: topic, 4: broker, 32: group';
comment on column kafka.configs.resource_name is 'Of the topic, broker or group; empty: all brokers';
comment on column kafka.configs.name is 'The config''s name, as Kafka has it';
comment on column kafka.configs.value is 'What it was set to';
comment on column kafka.offsets.group_id is 'The group''s id';
comment on column kafka.offsets.partition_id is 'The partition, as in kafka.partitions';
comment on column kafka.offsets.committed_offset is 'The next record that the group wants';
comment on column kafka.offsets.leader_epoch is 'Leader epoch of the last record it had, as the client said; -1: it said none';
comment on column kafka.offsets.commit_timestamp is 'When it was committed, in milliseconds';
comment on column kafka.offsets.expire_timestamp is 'When it may be forgotten, in milliseconds; -1: by the broker''s retention';
comment on column kafka.offsets.metadata is 'A text of the client''s';
comment on column kafka.offsets.commit_id is 'A number of the broker''s: a new commit is a new row, with a greater one';
comment on column kafka.groups.group_id is 'The group''s id';
comment on column kafka.groups.kind is 'classic, consumer, share or streams';
comment on column kafka.groups.value is 'The coordinator''s own text';
comment on column kafka.group_members.group_id is 'The group''s id';
comment on column kafka.group_members.member_id is 'The member''s id; of a share group also partition/<id>, where it is in a partition';
comment on column kafka.group_members.value is 'The coordinator''s own text';
comment on column kafka.commits.commit_id is 'Epoch times 2^32, and a number of the writer''s';
comment on column kafka.migrations.migration_id is 'The step''s number';
comment on column kafka.migrations.created_at is 'When it was taken';
comment on column kafka.migrations.name is 'The step''s name';
comment on column kafka.topic_overview.topic is 'The topic''s name';
comment on column kafka.topic_overview.topic_id is 'Kafka''s text form of a UUID';
comment on column kafka.topic_overview.partitions is 'How many it has';
comment on column kafka.topic_overview.records is 'Offsets from log start to end, over all partitions; fewer records where compacted';
comment on column kafka.topic_overview.size_bytes is 'Bytes of its batches';
comment on column kafka.topic_overview.configs is 'Configs that were set for it; null: none';
comment on column kafka.partition_overview.topic is 'The topic''s name';
comment on column kafka.partition_overview.partition is 'Its number in the topic';
comment on column kafka.partition_overview.partition_id is 'The number it has in all tables';
comment on column kafka.partition_overview.log_start_offset is 'The first offset that can be read';
comment on column kafka.partition_overview.end_offset is 'The next offset to be given';
comment on column kafka.partition_overview.size_bytes is 'Bytes of its batches';
comment on column kafka.partition_overview.newest_timestamp is 'The greatest time of its records; null: there is no batch';
comment on column kafka.group_lag.group_id is 'The group''s id';
comment on column kafka.group_lag.kind is 'classic, consumer or streams; null: nobody ever joined';
comment on column kafka.group_lag.topic is 'The topic''s name';
comment on column kafka.group_lag.partition is 'The partition''s number in the topic';
comment on column kafka.group_lag.committed_offset is 'The next record that the group wants';
comment on column kafka.group_lag.end_offset is 'The next offset to be given';
comment on column kafka.group_lag.lag is 'By how much the end lies beyond the committed offset';
comment on column kafka.group_lag.committed_at is 'When it was committed';
comment on column kafka.share_lag.group_id is 'The group''s id';
comment on column kafka.share_lag.topic is 'The topic''s name';
comment on column kafka.share_lag.partition is 'The partition''s number in the topic';
comment on column kafka.share_lag.start_offset is 'All below is done with';
comment on column kafka.share_lag.end_offset is 'The next offset to be given';
comment on column kafka.share_lag.lag is 'Offsets that are not done with; what is given out now, too';
comment on column kafka.member_overview.group_id is 'The group''s id';
comment on column kafka.member_overview.kind is 'classic, consumer, share or streams';
comment on column kafka.member_overview.member_id is 'The member''s id';
comment on column kafka.member_overview.instance_id is 'group.instance.id of a static member; null: it is none';
comment on column kafka.member_overview.client_id is 'client.id, as the client said';
comment on column kafka.member_overview.client_host is 'Where it connected from';
comment on column kafka.member_overview.partitions is 'What it reads, as topic-partition; null: nothing, or not known';
comment on column kafka.member_overview.details is 'The coordinator''s own form, not to be relied on';
comment on column kafka.member_lag.group_id is 'The group''s id';
comment on column kafka.member_lag.kind is 'classic, consumer or streams';
comment on column kafka.member_lag.member_id is 'The member''s id';
comment on column kafka.member_lag.client_id is 'client.id, as the client said';
comment on column kafka.member_lag.client_host is 'Where it connected from';
comment on column kafka.member_lag.topic is 'A topic that it reads';
comment on column kafka.member_lag.partition is 'The partition''s number in the topic';
comment on column kafka.member_lag.committed_offset is 'The next record that the group wants; null: none was committed yet';
comment on column kafka.member_lag.end_offset is 'The next offset to be given';
comment on column kafka.member_lag.lag is 'From the committed offset to the end, or from the log start where there is none';
comment on column kafka.group_overview.group_id is 'The group''s id';
comment on column kafka.group_overview.kind is 'classic, consumer, share or streams; null: offsets only, nobody ever joined';
comment on column kafka.group_overview.members is 'How many there are';
comment on column kafka.group_overview.partitions is 'How many have a committed offset';
comment on column kafka.group_overview.lag is 'Over these, and from the log start over those that a member reads and that have none';
comment on column kafka.group_overview.committed_at is 'The last commit';
comment on column kafka.group_overview.configs is 'Configs that were set for it; null: none';
comment on column kafka.config_overview.resource is 'topic, broker or group';
comment on column kafka.config_overview.resource_name is 'Of the topic, broker or group';
comment on column kafka.config_overview.name is 'The config''s name, as Kafka has it';
comment on column kafka.config_overview.value is 'What it was set to';
comment on column kafka.disk_usage.table_name is 'The table';
comment on column kafka.disk_usage.table_bytes is 'Bytes of the table, large values included';
comment on column kafka.disk_usage.index_bytes is 'Bytes of its indexes';
comment on column kafka.disk_usage.total_bytes is 'Both';
comment on column kafka.disk_usage.rows_estimated is 'Rows, as Postgres counts along';
comment on column kafka.disk_usage.dead_rows_estimated is 'Rows that are deleted, and that vacuum will make room of';
comment on column kafka.active_broker.pid is 'Of its Postgres session';
comment on column kafka.active_broker.application_name is 'What the session calls itself';
comment on column kafka.active_broker.role is 'The role it logged in as';
comment on column kafka.active_broker.client_addr is 'Where it connected from; null: from the server''s own machine';
comment on column kafka.active_broker.since is 'When the session began';
comment on column kafka.active_broker.cluster_id is 'The cluster''s id';
comment on column kafka.active_broker.epoch is 'Raised by each take-over: every partition''s leader epoch';`,
  "0012_transactions": `-- Transactions: what is open and what was aborted, for each partition they touch; and the state of transactional ids.
-- Rows are never changed in place, as those of offsets are not (0007): each has a key that only rises.

create table kafka.open_transactions (
  partition_id integer not null,
  first_offset bigint not null,
  producer_id bigint not null,
  primary key (partition_id, first_offset)
) with (autovacuum_vacuum_scale_factor = 0.2, autovacuum_vacuum_threshold = 20000);
comment on table kafka.open_transactions is 'Transactions that have not ended, a row for each partition: read_committed goes up to the first of them';
comment on column kafka.open_transactions.partition_id is 'The partition';
comment on column kafka.open_transactions.first_offset is 'Its first record there';
comment on column kafka.open_transactions.producer_id is 'Whose it is: see kafka.transactions';

create table kafka.aborted_transactions (
  partition_id integer not null,
  first_offset bigint not null,
  last_offset bigint not null,
  producer_id bigint not null,
  last_stable_offset bigint not null,
  primary key (partition_id, last_offset)
);
comment on table kafka.aborted_transactions is 'Transactions that were aborted, as long as a record of theirs is there: a row for each partition';
comment on column kafka.aborted_transactions.partition_id is 'The partition';
comment on column kafka.aborted_transactions.first_offset is 'Its first record there';
comment on column kafka.aborted_transactions.last_offset is 'Its marker there';
comment on column kafka.aborted_transactions.producer_id is 'Whose it was';
comment on column kafka.aborted_transactions.last_stable_offset is 'How far read_committed could go behind it: none that ended later begins below';

create table kafka.transactional_ids (
  revision bigint primary key,
  transactional_id text not null,
  value text not null
) with (autovacuum_vacuum_scale_factor = 0.2, autovacuum_vacuum_threshold = 20000);
comment on table kafka.transactional_ids is 'Transactional ids, a row each: see kafka.transactions';
comment on column kafka.transactional_ids.revision is 'Rises with each change of any of them: a change is a new row';
comment on column kafka.transactional_ids.transactional_id is 'transactional.id of the producer';
comment on column kafka.transactional_ids.value is 'The coordinator''s own form';

create function kafka.partition_names(ids integer[]) returns text[] language sql stable as $$
  select array_agg(t.name || '-' || p.partition_index order by t.name, p.partition_index)
  from kafka.partitions p join kafka.topics t on t.topic_id = p.topic_id where p.partition_id = any (ids) $$;
comment on function kafka.partition_names(integer[]) is 'Partitions as topic-partition, in order; null for none';

create view kafka.transactions as
  select t.transactional_id, (s.json ->> 'producerId')::bigint as producer_id,
    (s.json ->> 'producerEpoch')::integer as producer_epoch, s.json ->> 'phase' as state,
    case when s.json ->> 'phase' = 'Ongoing' then kafka.time_of((s.json ->> 'startedAtMs')::bigint) end as since,
    make_interval(secs => (s.json ->> 'timeoutMs')::bigint / 1000.0) as timeout,
    kafka.partition_names(array(select jsonb_array_elements_text(s.json -> 'partitionIds')::integer)) as partitions,
    kafka.partition_names(held.ids) as holds_back
  from kafka.transactional_ids t cross join lateral (select kafka.json_of(t.value)) s (json)
  left join (
    select first.producer_id, array_agg(first.partition_id) as ids from (
      select distinct on (partition_id) partition_id, producer_id from kafka.open_transactions
      order by partition_id, first_offset) first
    group by first.producer_id) held on held.producer_id = (s.json ->> 'producerId')::bigint;
comment on view kafka.transactions is 'Each transactional id, and what it has open';
comment on column kafka.transactions.transactional_id is 'transactional.id of the producer';
comment on column kafka.transactions.producer_id is 'Its producer id now';
comment on column kafka.transactions.producer_epoch is 'Its epoch now: an older one is fenced';
comment on column kafka.transactions.state is 'Empty, Ongoing, CompleteCommit or CompleteAbort, as kafka-transactions tells it';
comment on column kafka.transactions.since is 'When the open transaction began; null: none is open';
comment on column kafka.transactions.timeout is 'transaction.timeout.ms: an open one is aborted after so long';
comment on column kafka.transactions.partitions is 'What the open transaction has written to, as topic-partition';
comment on column kafka.transactions.holds_back is 'Where read_committed waits for it and for none before it, as topic-partition';

create or replace view kafka.partition_overview as
  select t.name as topic, p.partition_index as partition, p.partition_id, p.log_start_offset,
    greatest(newest.last_offset + 1, p.end_offset_floor) as end_offset,
    case when p.cleaned_offset is null
      then coalesce(newest.cumulative_bytes - oldest.cumulative_bytes + oldest.bytes, 0)
      else kafka.partition_bytes(p.partition_id, p.cleaned_offset) end as size_bytes,
    kafka.time_of(newest.timestamp_high) as newest_timestamp,
    least(greatest(newest.last_offset + 1, p.end_offset_floor), (
      select greatest(o.first_offset, p.log_start_offset) from kafka.open_transactions o
      where o.partition_id = p.partition_id order by o.first_offset limit 1)) as last_stable_offset
  from kafka.partitions p
  join kafka.topics t on t.topic_id = p.topic_id
  left join lateral (
    select b.last_offset, b.timestamp_high, b.cumulative_bytes from kafka.batches b
    where b.partition_id = p.partition_id order by b.base_offset desc limit 1) newest on true
  left join lateral (
    select b.cumulative_bytes, octet_length(b.data) as bytes from kafka.batches b
    where b.partition_id = p.partition_id order by b.base_offset limit 1) oldest on true;
comment on column kafka.partition_overview.last_stable_offset is 'How far read_committed goes: to the first open transaction, or the end';`,
  "0013_outbox": `-- What SQL sessions hand to the broker: records to append, and offsets that they committed. A row is visible exactly if
-- its transaction committed. The broker takes what became visible since its last snapshot, and deletes it by key in the
-- commit that appends it.

-- A header of a record; both fields as the record has them.
create type kafka.header as (key text, value bytea);

create function kafka.headers(headers jsonb) returns kafka.header[] language plpgsql immutable strict parallel safe
    set search_path = pg_catalog, pg_temp as $$
  declare
    pairs jsonb := headers;
  begin
    if jsonb_typeof(pairs) = 'object' then
      pairs := (select jsonb_agg(jsonb_build_array(e.key, e.value)) from jsonb_each(pairs) e);
    end if;
    if jsonb_typeof(pairs) <> 'array' or exists (
      select from jsonb_array_elements(pairs) p where not coalesce(
        jsonb_typeof(p -> 0) = 'string' and jsonb_typeof(p -> 1) in ('string', 'null') and p -> 2 is null, false)) then
      raise exception 'not headers of a record: %', left(headers::text, 200) using errcode = '22023',
        detail = 'A header is a name and a value, and a value is a string or null.',
        hint = 'Write {"name": "value"}, or [["name", "value"], …] to keep an order or to repeat a name.';
    end if;
    return (
      select array_agg(row(p.pair ->> 0, convert_to(p.pair ->> 1, 'UTF8'))::kafka.header order by p.place)
      from jsonb_array_elements(pairs) with ordinality p (pair, place));
  end $$;
comment on function kafka.headers(jsonb) is 'Headers for kafka.produce, of an object or of an array of pairs';

create function kafka.header_bytes(headers kafka.header[]) returns bigint language plpgsql immutable as $$
  begin
    if exists (select from unnest(headers) h where h.key is null) then
      raise exception 'a header has no name' using errcode = '22004',
        hint = 'The value of a header may be null, its name may not.';
    end if;
    return (select sum(octet_length(h.key) + coalesce(octet_length(h.value), 0) + 10) from unnest(headers) h);
  end $$;
comment on function kafka.header_bytes(kafka.header[]) is 'What headers add to a record at most';

create table kafka.outbox (
  xid xid8 not null default pg_current_xact_id(),
  id bigint generated always as identity,
  partition_id integer not null,
  timestamp bigint not null default (extract(epoch from clock_timestamp()) * 1000)::bigint,
  key bytea,
  value bytea,
  headers kafka.header[],
  group_id text collate "C",
  committed_offset bigint,
  claim bigint,
  primary key (xid, id)
) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 0,
  autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 1000000, vacuum_truncate = false);
-- Bytes are stored as they are: a session does not wait for their compression.
alter table kafka.outbox alter column key set storage external, alter column value set storage external;
comment on table kafka.outbox is 'Records of kafka.produce that the broker has not appended yet: see kafka.outbox_lag';
comment on column kafka.outbox.xid is 'The transaction that calls';
comment on column kafka.outbox.id is 'Rises with each call: the order within a session';
comment on column kafka.outbox.partition_id is 'The partition';
comment on column kafka.outbox.timestamp is 'Of the record, in milliseconds since 1970';
comment on column kafka.outbox.key is 'Of the record; null: none';
comment on column kafka.outbox.value is 'Of the record; null: a tombstone';
comment on column kafka.outbox.headers is 'Of the record, in order; null: none';
comment on column kafka.outbox.group_id is 'Set if the row is no record: the group that committed an offset in SQL';
comment on column kafka.outbox.committed_offset is 'What it committed; null: it has given its claim back';
comment on column kafka.outbox.claim is 'The claim by which it did';

create table kafka.outbox_refused (
  refused_id bigint generated always as identity primary key,
  id bigint not null,
  refused_at timestamptz not null default now(),
  reason text not null,
  partition_id integer not null,
  timestamp bigint not null,
  key bytea,
  value bytea,
  headers kafka.header[]
);
comment on table kafka.outbox_refused is 'Records of kafka.produce that cannot be appended any more, for a person to look at';
comment on column kafka.outbox_refused.refused_id is 'Rises with each refusal';
comment on column kafka.outbox_refused.id is 'Its id in kafka.outbox';
comment on column kafka.outbox_refused.refused_at is 'When the broker gave it up';
comment on column kafka.outbox_refused.reason is 'Why';
comment on column kafka.outbox_refused.partition_id is 'The partition it was for';
comment on column kafka.outbox_refused.timestamp is 'Of the record, in milliseconds since 1970';
comment on column kafka.outbox_refused.key is 'Of the record';
comment on column kafka.outbox_refused.value is 'Of the record';
comment on column kafka.outbox_refused.headers is 'Of the record';

create table kafka.sql_settings (
  one boolean primary key default true check (one),
  dedup_window interval not null default '24 hours',
  max_message_bytes integer not null default 1048588,
  cleanup_policy text not null default 'delete'
);
insert into kafka.sql_settings default values;
comment on table kafka.sql_settings is 'One row: settings of the broker that SQL''s functions go by; the broker keeps it';
comment on column kafka.sql_settings.one is 'True: there is one row';
comment on column kafka.sql_settings.dedup_window is 'For how long kafka.produce knows a dedup key again';
comment on column kafka.sql_settings.max_message_bytes is 'message.max.bytes that the broker was started with';
comment on column kafka.sql_settings.cleanup_policy is 'log.cleanup.policy that the broker was started with';

create table kafka.outbox_keys (
  topic text collate "C" not null,
  key text collate "C" not null,
  expires_at timestamptz not null,
  primary key (topic, key)
) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 0);
create index outbox_keys_expire on kafka.outbox_keys (expires_at);
comment on table kafka.outbox_keys is 'Dedup keys of kafka.produce, as long as they are known';
comment on column kafka.outbox_keys.topic is 'The topic: each has keys of its own';
comment on column kafka.outbox_keys.key is 'What the caller gave as dedup';
comment on column kafka.outbox_keys.expires_at is 'From then on it counts as new';

-- In the statement that deletes what is appended: all of it was there, or nothing is stored.
create function kafka.all_there(there bigint, wanted bigint) returns boolean language plpgsql immutable as $$
  begin
    if there <> wanted then
      raise exception 'of % rows of kafka.outbox only % are there', wanted, there using errcode = 'P0002';
    end if;
    return true;
  end $$;
comment on function kafka.all_there(bigint, bigint) is 'The broker''s own: fails if a row that it appends is gone';

-- Rights, in the columns of Kafka's ACLs. Kafka's API and SQL obey the same rows.
create table kafka.acls (
  resource_type text collate "C" not null,
  resource_name text collate "C" not null,
  pattern_type text collate "C" not null default 'LITERAL',
  principal text collate "C" not null,
  host text collate "C" not null default '*',
  operation text collate "C" not null,
  permission_type text collate "C" not null,
  primary key (resource_type, resource_name, pattern_type, principal, host, operation, permission_type),
  check (resource_type in ('TOPIC', 'GROUP', 'CLUSTER', 'TRANSACTIONAL_ID', 'DELEGATION_TOKEN', 'USER')),
  check (pattern_type in ('LITERAL', 'PREFIXED')),
  check (operation in ('ALL', 'READ', 'WRITE', 'CREATE', 'DELETE', 'ALTER', 'DESCRIBE', 'CLUSTER_ACTION',
    'DESCRIBE_CONFIGS', 'ALTER_CONFIGS', 'IDEMPOTENT_WRITE', 'CREATE_TOKENS', 'DESCRIBE_TOKENS')),
  check (permission_type in ('ALLOW', 'DENY'))
);
comment on table kafka.acls is 'Who may do what: kafka.allow and kafka.deny add a row';
comment on column kafka.acls.resource_type is 'TOPIC, GROUP and so on';
comment on column kafka.acls.resource_name is 'Its name, a prefix of it, or *';
comment on column kafka.acls.pattern_type is 'LITERAL or PREFIXED';
comment on column kafka.acls.principal is 'User:name, or Group:name for the members of a role of Postgres';
comment on column kafka.acls.host is 'The address from which it holds; * for any';
comment on column kafka.acls.operation is 'READ, WRITE and so on, or ALL';
comment on column kafka.acls.permission_type is 'ALLOW or DENY, which goes before';

-- The role of a session, also inside a function that runs as its owner: what SET ROLE chose, else who logged in. Its
-- body is parsed here, once: no search_path of a session makes another meaning of it.
create function kafka.session_role() returns name language sql stable begin atomic
  select case current_setting('role') when 'none' then session_user else current_setting('role')::name end;
end;
comment on function kafka.session_role() is 'The role whose rights count: that of SET ROLE, else the one that logged in';

-- Its body goes into the statements that use it.
create function kafka.acls_say(role name, op text, kind text, resource text) returns table (allowed boolean)
    language sql stable
begin atomic
  select bool_and(a.permission_type = 'ALLOW') from kafka.acls a
  where a.resource_type = kind
    and (a.resource_name in (resource, '*') and a.pattern_type = 'LITERAL'
      or a.pattern_type = 'PREFIXED' and starts_with(resource, a.resource_name))
    and a.operation in (op, 'ALL')
    and (a.principal in ('User:' || role, 'User:*') or a.principal like 'Group:%' and pg_has_role(
      to_regrole(quote_ident(role))::oid, to_regrole(quote_ident(substr(a.principal, 7)))::oid, 'MEMBER'))
    and (a.host = '*' or a.host = coalesce(host(inet_client_addr()), '127.0.0.1'));
end;
comment on function kafka.acls_say(name, text, text, text) is 'What the rows of kafka.acls say of it; null: nothing';

-- A row has to allow it, and none to deny it. The owner, who has its privileges, and superusers may do all. It runs as the
-- owner, with a search_path of its own: nothing of a caller is taken for what is named here.
create function kafka.may(role name, op text, kind text, resource text) returns boolean language plpgsql stable
    security definer set search_path = pg_catalog, pg_temp as $$
  begin
    return coalesce((select s.allowed from kafka.acls_say(role, op, kind, resource) s), false)
      or coalesce(pg_has_role(to_regrole(quote_ident(role))::oid, current_user, 'USAGE'), false);
  end $$;
comment on function kafka.may(name, text, text, text) is 'Whether a role may do an operation on a resource, by kafka.acls';

-- A row of kafka.acls, as kafka.allow and the others are told of it.
create function kafka.acl_of(role text, operation text, resource text, resource_type text, pattern_type text,
    permission_type text) returns kafka.acls language plpgsql stable as $$
  declare
    operations constant text[] := '{ALL,READ,WRITE,CREATE,DELETE,ALTER,DESCRIBE,CLUSTER_ACTION,DESCRIBE_CONFIGS,ALTER_CONFIGS,IDEMPOTENT_WRITE,CREATE_TOKENS,DESCRIBE_TOKENS}';
    types constant text[] := '{TOPIC,GROUP,CLUSTER,TRANSACTIONAL_ID,DELEGATION_TOKEN,USER}';
    patterns constant text[] := '{LITERAL,PREFIXED}';
    told record;
  begin
    for told in select * from (values ('operation', operation, operations), ('resource type', resource_type, types),
        ('pattern type', pattern_type, patterns)) v (what, name, names) loop
      if not coalesce(upper(told.name) = any (told.names), false) then
        raise exception 'there is no % "%"', told.what, told.name using errcode = '22023',
          hint = format('One of %s.', lower(array_to_string(told.names, ', ')));
      end if;
    end loop;
    if role is null or resource is null then
      raise exception 'the % is null', case when role is null then 'role' else 'resource' end using errcode = '22004';
    end if;
    return row(upper(resource_type), resource, upper(pattern_type),
      case when role ~ '^(User|Group):.' then role else 'User:' || role end, '*'::text, upper(operation), permission_type);
  end $$;
comment on function kafka.acl_of(text, text, text, text, text, text) is 'A row of kafka.acls out of what a person says, or what is wrong with it';

create function kafka.check_role(role text) returns void language plpgsql stable as $$
  begin
    if role not like 'User:%' and not exists (
      select from pg_roles r where r.rolname = regexp_replace(role, '^Group:', '')) then
      raise exception 'there is no role "%"', regexp_replace(role, '^Group:', '') using errcode = '42704',
        hint = format('Make it first, or write %L for a name that only clients of Kafka have.',
          'User:' || regexp_replace(role, '^Group:', ''));
    end if;
  end $$;
comment on function kafka.check_role(text) is 'Fails if Postgres has no such role';

create function kafka.allow(role text, operation text, resource text, resource_type text default 'topic',
    pattern_type text default 'literal') returns void language plpgsql security definer
    set search_path = pg_catalog, pg_temp as $$
  declare
    member name := regexp_replace(role, '^(User|Group):', '');
  begin
    perform kafka.check_role(role);
    insert into kafka.acls
      select (kafka.acl_of(role, operation, resource, resource_type, pattern_type, 'ALLOW')).* on conflict do nothing;
    -- What is in the schema cannot be named without.
    if exists (select from pg_roles r where r.rolname = member) then
      execute format('grant usage on schema kafka to %I', member);
    elsif role = 'User:*' then
      grant usage on schema kafka to public;
    end if;
  end $$;
comment on function kafka.allow(text, text, text, text, text) is 'Lets a role do an operation, and name what is in the schema';

create function kafka.deny(role text, operation text, resource text, resource_type text default 'topic',
    pattern_type text default 'literal') returns void language plpgsql security definer
    set search_path = pg_catalog, pg_temp as $$
  begin
    perform kafka.check_role(role);
    insert into kafka.acls
      select (kafka.acl_of(role, operation, resource, resource_type, pattern_type, 'DENY')).* on conflict do nothing;
  end $$;
comment on function kafka.deny(text, text, text, text, text) is 'Keeps a role from an operation, whatever else allows it';

create function kafka.revoke(role text, operation text, resource text, resource_type text default 'topic',
    pattern_type text default 'literal') returns bigint language plpgsql security definer
    set search_path = pg_catalog, pg_temp as $$
  declare
    acl kafka.acls := kafka.acl_of(role, operation, resource, resource_type, pattern_type, 'ALLOW');
    gone bigint;
  begin
    delete from kafka.acls a
      where (a.resource_type, a.resource_name, a.pattern_type, a.principal, a.operation)
        = (acl.resource_type, acl.resource_name, acl.pattern_type, acl.principal, acl.operation);
    get diagnostics gone = row_count;
    return gone;
  end $$;
comment on function kafka.revoke(text, text, text, text, text) is 'Undoes kafka.allow and kafka.deny; how many rows of kafka.acls that were';

-- Nobody but the owner sees or calls what is here, until a grant says so.
revoke execute on function kafka.may(name, text, text, text), kafka.all_there(bigint, bigint),
  kafka.header_bytes(kafka.header[]), kafka.acls_say(name, text, text, text),
  kafka.acl_of(text, text, text, text, text, text), kafka.check_role(text),
  kafka.allow(text, text, text, text, text), kafka.deny(text, text, text, text, text),
  kafka.revoke(text, text, text, text, text) from public;

create view kafka.outbox_lag as
  select count(*) filter (where o.group_id is null) as records,
    kafka.time_of(min(o.timestamp) filter (where o.group_id is null)) as since,
    coalesce(sum(coalesce(octet_length(o.key), 0) + coalesce(octet_length(o.value), 0)), 0)::bigint as bytes,
    (select count(*) from kafka.outbox_refused) as refused
  from kafka.outbox o;
comment on view kafka.outbox_lag is 'What kafka.produce has left for the broker to append';
comment on column kafka.outbox_lag.records is 'Records that wait';
comment on column kafka.outbox_lag.since is 'The time of the oldest of them; null: none waits';
comment on column kafka.outbox_lag.bytes is 'Bytes of their keys and values';
comment on column kafka.outbox_lag.refused is 'Records that cannot be appended any more: see kafka.outbox_refused';`,
  "0014_produce": `-- Records out of SQL. A function of security definer has a search_path of its own, so that no operator, function, type or
-- temporary table of a caller is taken for what it names (0.3 us a call on Postgres 18, 0.9 on 15). Others have none if
-- they are called within those alone.

-- Murmur2 as Kafka's Java producer has it. A product of 32 and 31 bits fits into bigint. Few expressions: Postgres
-- prepares each of them anew in each transaction.
create function kafka.murmur2(bytes bytea) returns integer language plpgsql immutable strict parallel safe as $$
  declare
    size integer := octet_length(bytes);
    h bigint := 2538058380 # octet_length(bytes)::bigint;
    k bigint;
  begin
    for i in 0 .. size - 4 by 4 loop
      k := (get_byte(bytes, i) | (get_byte(bytes, i + 1) << 8) | (get_byte(bytes, i + 2) << 16)
        | (get_byte(bytes, i + 3)::bigint << 24)) * 1540483477 & 4294967295;
      h := (h * 1540483477 & 4294967295) # ((k # (k >> 24)) * 1540483477 & 4294967295);
    end loop;
    if size & 3 > 0 then
      h := (h # (get_byte(bytes, size - (size & 3))
        | (case when size & 3 > 1 then get_byte(bytes, size - (size & 3) + 1) << 8 else 0 end)
        | (case when size & 3 > 2 then get_byte(bytes, size - 1) << 16 else 0 end))) * 1540483477 & 4294967295;
    end if;
    h := (h # (h >> 13)) * 1540483477 & 4294967295;
    return (h # (h >> 15)) << 32 >> 32;
  end $$;
comment on function kafka.murmur2(bytea) is 'The hash of a key by which Kafka''s Java producer chooses a partition';

create function kafka.record_time(at timestamptz) returns bigint language plpgsql stable as $$
  begin
    if not isfinite(at) or at < to_timestamp(0) then
      raise exception 'a record cannot have the timestamp %', at using errcode = '22008',
        detail = 'Kafka counts milliseconds since 1970.';
    end if;
    return floor(date_part('epoch', at) * 1000);
  end $$;
comment on function kafka.record_time(timestamptz) is 'The time of a record in milliseconds; now for null';

-- What kafka.produce asks of a topic lies in one row: looked up part by part it would cost more than the record. Triggers
-- keep it, in the broker's own commits.
create table kafka.sql_topics (
  topic text collate "C" primary key,
  partition_ids integer[] not null,
  max_message_bytes bigint not null,
  is_compacted boolean not null
) with (fillfactor = 50);
comment on table kafka.sql_topics is 'Topics as kafka.produce sees them: triggers on kafka.topics, kafka.partitions and kafka.configs keep it';
comment on column kafka.sql_topics.topic is 'Name of the topic';
comment on column kafka.sql_topics.partition_ids is 'Its partitions, in order';
comment on column kafka.sql_topics.max_message_bytes is 'The topic''s own max.message.bytes, else the brokers'' message.max.bytes, else what the broker was started with';
comment on column kafka.sql_topics.is_compacted is 'Whether its cleanup.policy contains compact';

create function kafka.keep_topics(names text[]) returns void language plpgsql as $$
  begin
    delete from kafka.sql_topics s
      where s.topic = any (names) and not exists (select from kafka.topics t where t.name = s.topic);
    insert into kafka.sql_topics
      select t.name, p.ids,
        coalesce(
          (select c.value::bigint from kafka.configs c where c.resource_type in (2, 4)
            and c.resource_name in (t.name, '') and c.name in ('max.message.bytes', 'message.max.bytes')
            order by c.resource_type limit 1), s.max_message_bytes),
        coalesce(
          (select c.value from kafka.configs c where c.resource_type in (2, 4)
            and c.resource_name in (t.name, '') and c.name in ('cleanup.policy', 'log.cleanup.policy')
            order by c.resource_type limit 1), s.cleanup_policy) like '%compact%'
      from kafka.topics t
      cross join kafka.sql_settings s
      cross join lateral (
        select array_agg(p.partition_id order by p.partition_index) as ids from kafka.partitions p
        where p.topic_id = t.topic_id) p
      where t.name = any (names) and p.ids is not null
      on conflict (topic) do update set partition_ids = excluded.partition_ids,
        max_message_bytes = excluded.max_message_bytes, is_compacted = excluded.is_compacted;
  end $$;
comment on function kafka.keep_topics(text[]) is 'Brings these topics in kafka.sql_topics up to date';

create function kafka.topics_changed() returns trigger language plpgsql as $$
  begin
    case tg_table_name
      when 'topics' then
        perform kafka.keep_topics(array(select c.name from changed c));
      when 'partitions' then
        perform kafka.keep_topics(array(
          select t.name from kafka.topics t where t.topic_id in (select c.topic_id from changed c)));
      when 'configs' then
        perform kafka.keep_topics(array(
          select c.resource_name from changed c
          where c.resource_type = 2 and c.name in ('max.message.bytes', 'cleanup.policy')
          union select t.name from kafka.topics t where exists (
            select from changed c
            where c.resource_type = 4 and c.name in ('message.max.bytes', 'log.cleanup.policy'))));
      else
        perform kafka.keep_topics(array(select t.name from kafka.topics t));
    end case;
    return null;
  end $$;
comment on function kafka.topics_changed() is 'Trigger: looks at the topics of the rows that changed';

create trigger keep_sql_topics after delete on kafka.topics
  referencing old table as changed for each statement execute function kafka.topics_changed();
create trigger keep_sql_topics after insert on kafka.partitions
  referencing new table as changed for each statement execute function kafka.topics_changed();
create trigger keep_sql_topics_added after insert on kafka.configs
  referencing new table as changed for each statement execute function kafka.topics_changed();
create trigger keep_sql_topics_set after update on kafka.configs
  referencing new table as changed for each statement execute function kafka.topics_changed();
create trigger keep_sql_topics_removed after delete on kafka.configs
  referencing old table as changed for each statement execute function kafka.topics_changed();
create trigger keep_sql_topics after update on kafka.sql_settings
  for each statement execute function kafka.topics_changed();
select kafka.keep_topics(array(select t.name from kafka.topics t));

create function kafka.refuse_right(role name, operation text, resource_type text, resource text)
    returns void language plpgsql as $$
  begin
    if resource is null then
      raise exception 'the % is null', lower(resource_type) using errcode = '22004';
    end if;
    raise exception 'permission denied for % "%"', lower(resource_type), resource using errcode = '42501',
      detail = format('Role %I has no right to %s it by kafka.acls.', role, lower(operation)),
      hint = format('As the owner of the schema: select kafka.allow(%L, %L, %L%s).', role, lower(operation), resource,
        case resource_type when 'TOPIC' then '' else format(', %L', lower(resource_type)) end);
  end $$;
comment on function kafka.refuse_right(name, text, text, text) is 'Says which right is missing';

-- For a record that found no place: looks again, and says why.
create function kafka.refuse_record(role name, topic text, partition integer, bytes bigint, keyless boolean)
    returns void language plpgsql as $$
  declare
    it record;
  begin
    if topic is null or not kafka.may(role, 'WRITE', 'TOPIC', topic) then
      perform kafka.refuse_right(role, 'WRITE', 'TOPIC', topic);
    end if;
    select * into it from kafka.sql_topics t where t.topic = refuse_record.topic;
    if not found then
      raise exception 'there is no topic "%"', topic using errcode = '42704',
        hint = 'Make it first, with any client or tool of Kafka: kafka-topics --create --topic …';
    elsif partition < 0 or partition >= cardinality(it.partition_ids) then
      raise exception 'topic "%" has no partition %', topic, partition using errcode = '22003',
        detail = format('Its partitions are 0 to %s.', cardinality(it.partition_ids) - 1),
        hint = 'Without a partition the key chooses one, as it does in Kafka''s Java producer.';
    elsif bytes > it.max_message_bytes then
      raise exception 'the record is too large for topic "%"', topic using errcode = '54000',
        detail = format('With key and headers, as a batch of its own, it takes %s bytes; max.message.bytes is %s.',
          bytes, it.max_message_bytes),
        hint = 'Raise max.message.bytes of the topic, or send a reference to what lies elsewhere.';
    elsif keyless and it.is_compacted then
      raise exception 'topic "%" takes no record without a key', topic using errcode = '23502',
        detail = 'Its cleanup.policy is compact: of each key the newest record stays.', hint = 'Give a key.';
    end if;
    raise exception 'topic "%" was changed at this moment', topic using errcode = '40001', hint = 'Try again.';
  end $$;
comment on function kafka.refuse_record(name, text, integer, bigint, boolean) is 'Says why kafka.produce cannot take a record';

-- One call of sixteen takes keys away that expired, as many as 64, and none that another transaction holds.
create function kafka.first_call(topic text, dedup text) returns boolean language plpgsql as $$
  begin
    if octet_length(dedup) > 1000 then
      raise exception 'a dedup key of % bytes', octet_length(dedup) using errcode = '22001',
        detail = 'It may have 1000 bytes.', hint = 'Give a hash of it: sha256(…)::text.';
    end if;
    -- Looked at first, so that calls with a key that is known wait for nobody.
    if exists (select from kafka.outbox_keys k
      where k.topic = first_call.topic and k.key = dedup and k.expires_at > clock_timestamp()) then
      return false;
    end if;
    if hashtext(dedup) & 15 = 0 then
      delete from kafka.outbox_keys k using (
        select e.topic, e.key from kafka.outbox_keys e where e.expires_at <= clock_timestamp()
        order by e.expires_at limit 64 for update skip locked) old
      where k.topic = old.topic and k.key = old.key;
    end if;
    insert into kafka.outbox_keys as k (topic, key, expires_at)
      select first_call.topic, dedup, clock_timestamp() + s.dedup_window from kafka.sql_settings s
      on conflict on constraint outbox_keys_pkey do update set expires_at = excluded.expires_at
        where k.expires_at <= clock_timestamp();
    return found;
  end $$;
comment on function kafka.first_call(text, text) is 'Whether no call had this dedup key within the window; waits for a transaction that has it';

-- A broker that sleeps holds this lock, OUTBOX_LOCK in SchemaVersion.ts; whoever gets it, shared, keeps the broker awake
-- until the transaction ends. (No broker sleeps so where PREPARE TRANSACTION is allowed: it refuses what has notified.)
create function kafka.broker_sleeps() returns boolean language sql begin atomic
  select not pg_try_advisory_xact_lock_shared(1416983403, 3);
end;
comment on function kafka.broker_sleeps() is 'Whether the broker has to be notified; keeps it awake if not';

-- Without a key: all of a transaction goes to one partition, so that it becomes few batches, and the next one elsewhere.
create function kafka.place_of(key bytea) returns integer language sql begin atomic
  select case when key is null then hashint8(pg_current_xact_id()::text::bigint) else kafka.murmur2(key) end & 2147483647;
end;
comment on function kafka.place_of(bytea) is 'Modulo the number of partitions: the one that takes a record with this key';

-- 61 of a batch, at most 20 of a record.
create function kafka.record_bytes(key bytea, value bytea) returns bigint language sql immutable begin atomic
  select 81::bigint + coalesce(octet_length(key), 0) + coalesce(octet_length(value), 0);
end;
comment on function kafka.record_bytes(bytea, bytea) is 'What a record without headers takes at most, as a batch of its own';

-- One statement does it, with one plan for all calls: a plan for the values of each call would cost more than the rest.
create function kafka.produce(topic text, value bytea, key bytea, headers kafka.header[] default null,
    partition integer default null, "timestamp" timestamptz default null, dedup text default null)
    returns bigint language plpgsql security definer set search_path = pg_catalog, pg_temp
    set plan_cache_mode = force_generic_plan as $$
  declare
    role name := kafka.session_role();
    more bigint := 0;
    made bigint;
  begin
    if headers is not null then
      more := coalesce(kafka.header_bytes(headers), 0);
    end if;
    if dedup is not null and topic is not null and kafka.may(role, 'WRITE', 'TOPIC', topic)
      and not kafka.first_call(topic, dedup) then
      return null;
    end if;
    insert into kafka.outbox as o (partition_id, timestamp, key, value, headers)
      select t.partition_ids[1 + coalesce(partition, kafka.place_of(produce.key) % cardinality(t.partition_ids))],
        case when "timestamp" is null then date_part('epoch', clock_timestamp()) * 1000
          else kafka.record_time("timestamp") end,
        produce.key, produce.value, produce.headers
      from kafka.sql_topics t
      where t.topic = produce.topic and (partition is null or partition between 0 and cardinality(t.partition_ids) - 1)
        and more + kafka.record_bytes(produce.key, produce.value) <= t.max_message_bytes
        and (produce.key is not null or not t.is_compacted)
        -- The quickest first: the owner needs no row, and who has none may have the owner's privileges.
        and (role = current_user or (select s.allowed from kafka.acls_say(role, 'WRITE', 'TOPIC', produce.topic) s)
          or kafka.may(role, 'WRITE', 'TOPIC', produce.topic))
      returning o.id into made;
    if made is null then
      perform kafka.refuse_record(role, topic, partition, more + kafka.record_bytes(key, value), key is null);
    end if;
    if kafka.broker_sleeps() then
      perform pg_notify('kafka_outbox', '');
    end if;
    return made;
  end $$;
comment on function kafka.produce(text, bytea, bytea, kafka.header[], integer, timestamptz, text) is 'A record for a topic, in the caller''s transaction; its id, or null if its dedup key is known';

-- All or none of them, in order; keys are none, or as many.
create function kafka.produce_many(topic text, records bytea[], keys bytea[], headers kafka.header[] default null,
    partition integer default null, "timestamp" timestamptz default null)
    returns bigint language plpgsql security definer set search_path = pg_catalog, pg_temp
    set plan_cache_mode = force_generic_plan as $$
  declare
    role name := kafka.session_role();
    ms bigint := kafka.record_time(coalesce("timestamp", clock_timestamp()));
    more bigint := coalesce(kafka.header_bytes(headers), 0);
    made bigint;
  begin
    if not kafka.may(role, 'WRITE', 'TOPIC', topic) then
      perform kafka.refuse_right(role, 'WRITE', 'TOPIC', topic);
    end if;
    if cardinality(keys) <> cardinality(records) then
      raise exception '% records and % keys', cardinality(records), cardinality(keys) using errcode = '2202E',
        hint = 'Give a key for each record, null for one without, or no keys at all.';
    end if;
    insert into kafka.outbox (partition_id, timestamp, key, value, headers)
      select t.partition_ids[1 + coalesce(partition, kafka.place_of(r.key) % cardinality(t.partition_ids))], ms, r.key,
        r.value, produce_many.headers
      from unnest(records, keys) with ordinality r (value, key, number)
      join kafka.sql_topics t on t.topic = produce_many.topic
      where (partition is null or partition between 0 and cardinality(t.partition_ids) - 1)
        and more + kafka.record_bytes(r.key, r.value) <= t.max_message_bytes
        and (r.key is not null or not t.is_compacted)
      order by r.number;
    get diagnostics made = row_count;
    if made < cardinality(records) then
      perform kafka.refuse_record(role, topic, partition, more + max(kafka.record_bytes(r.key, r.value)),
        bool_or(r.key is null)) from unnest(records, keys) r (value, key);
    end if;
    if made > 0 and kafka.broker_sleeps() then
      perform pg_notify('kafka_outbox', '');
    end if;
    return made;
  end $$;
comment on function kafka.produce_many(text, bytea[], bytea[], kafka.header[], integer, timestamptz) is 'Records for a topic, in order, in the caller''s transaction; how many';

create function kafka.bytes_of(texts text[]) returns bytea[] language plpgsql immutable strict parallel safe
    set search_path = pg_catalog, pg_temp as $$
  begin
    return array(select convert_to(t.text, 'UTF8') from unnest(texts) with ordinality t (text, number) order by t.number);
  end $$;
comment on function kafka.bytes_of(text[]) is 'Each text in UTF-8';

-- The other types. They run as their caller, every name in them is whole, and there is no operator. A literal of no type
-- is a text to Postgres, as text is the one string among them; the key has a default in one function for each type of
-- value, so that a call without one has one meaning.
create function kafka.produce(topic text, value text, key text default null, headers kafka.header[] default null,
    partition integer default null, "timestamp" timestamptz default null, dedup text default null)
    returns bigint language plpgsql as $$
  begin
    return kafka.produce(topic, pg_catalog.convert_to(value, 'UTF8'), pg_catalog.convert_to(key, 'UTF8'), headers,
      partition, "timestamp", dedup);
  end $$;
comment on function kafka.produce(text, text, text, kafka.header[], integer, timestamptz, text) is 'A record of text, in UTF-8';

create function kafka.produce(topic text, value text, key bytea, headers kafka.header[] default null,
    partition integer default null, "timestamp" timestamptz default null, dedup text default null)
    returns bigint language plpgsql as $$
  begin
    return kafka.produce(topic, pg_catalog.convert_to(value, 'UTF8'), key, headers, partition, "timestamp", dedup);
  end $$;
comment on function kafka.produce(text, text, bytea, kafka.header[], integer, timestamptz, text) is 'A record of text, in UTF-8, by a key of bytes';

create function kafka.produce(topic text, value bytea, key text default null, headers kafka.header[] default null,
    partition integer default null, "timestamp" timestamptz default null, dedup text default null)
    returns bigint language plpgsql as $$
  begin
    return kafka.produce(topic, value, pg_catalog.convert_to(key, 'UTF8'), headers, partition, "timestamp", dedup);
  end $$;
comment on function kafka.produce(text, bytea, text, kafka.header[], integer, timestamptz, text) is 'A record of bytes by a key of text';

create function kafka.produce(topic text, value jsonb, key text default null, headers kafka.header[] default null,
    partition integer default null, "timestamp" timestamptz default null, dedup text default null)
    returns bigint language plpgsql as $$
  begin
    return kafka.produce(topic, pg_catalog.convert_to(value::pg_catalog.text, 'UTF8'),
      pg_catalog.convert_to(key, 'UTF8'), headers, partition, "timestamp", dedup);
  end $$;
comment on function kafka.produce(text, jsonb, text, kafka.header[], integer, timestamptz, text) is 'A record of JSON, as Postgres writes it';

create function kafka.produce(topic text, value jsonb, key bytea, headers kafka.header[] default null,
    partition integer default null, "timestamp" timestamptz default null, dedup text default null)
    returns bigint language plpgsql as $$
  begin
    return kafka.produce(topic, pg_catalog.convert_to(value::pg_catalog.text, 'UTF8'), key, headers, partition,
      "timestamp", dedup);
  end $$;
comment on function kafka.produce(text, jsonb, bytea, kafka.header[], integer, timestamptz, text) is 'A record of JSON, as Postgres writes it, by a key of bytes';

create function kafka.produce_many(topic text, records bytea[], keys text[] default null,
    headers kafka.header[] default null, partition integer default null, "timestamp" timestamptz default null)
    returns bigint language plpgsql as $$
  begin
    return kafka.produce_many(topic, records, kafka.bytes_of(keys), headers, partition, "timestamp");
  end $$;
comment on function kafka.produce_many(text, bytea[], text[], kafka.header[], integer, timestamptz) is 'Records of bytes by keys of text';

create function kafka.produce_many(topic text, records text[], keys text[] default null,
    headers kafka.header[] default null, partition integer default null, "timestamp" timestamptz default null)
    returns bigint language plpgsql as $$
  begin
    return kafka.produce_many(topic, kafka.bytes_of(records), kafka.bytes_of(keys), headers, partition, "timestamp");
  end $$;
comment on function kafka.produce_many(text, text[], text[], kafka.header[], integer, timestamptz) is 'Records of text, in UTF-8';

create function kafka.produce_many(topic text, records jsonb[], keys text[] default null,
    headers kafka.header[] default null, partition integer default null, "timestamp" timestamptz default null)
    returns bigint language plpgsql as $$
  begin
    return kafka.produce_many(topic, kafka.bytes_of(records::pg_catalog.text[]), kafka.bytes_of(keys), headers, partition,
      "timestamp");
  end $$;
comment on function kafka.produce_many(text, jsonb[], text[], kafka.header[], integer, timestamptz) is 'Records of JSON, as Postgres writes it';

-- Nobody calls what is within; everybody calls what asks for rights itself or needs none.
revoke execute on function kafka.record_time(timestamptz), kafka.keep_topics(text[]), kafka.topics_changed(),
  kafka.refuse_right(name, text, text, text), kafka.refuse_record(name, text, integer, bigint, boolean),
  kafka.first_call(text, text), kafka.broker_sleeps(), kafka.place_of(bytea), kafka.record_bytes(bytea, bytea) from public;`,
  "0015_records": `-- Records as rows. kafka.records takes batches apart when asked, as far as they are not compressed; the follower of a
-- broker with tusk.sql.records=on keeps kafka.unpacked, for topics with compressed ones, and for joins.

create type kafka.read_record as (
  partition integer, "offset" bigint, "timestamp" timestamptz, key bytea, value bytea, headers kafka.header[]);

create table kafka.unpacked (
  partition_id integer not null,
  "offset" bigint not null,
  "timestamp" timestamptz not null,
  key bytea,
  value bytea,
  headers kafka.header[],
  primary key (partition_id, "offset")
) with (autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_threshold = 20000);
create index unpacked_timestamp on kafka.unpacked (partition_id, "timestamp");
comment on table kafka.unpacked is 'Records of topics with tusk.sql.records=on, as read_committed has them: see kafka.topic_records';
comment on column kafka.unpacked.partition_id is 'The partition';
comment on column kafka.unpacked."offset" is 'Of the record';
comment on column kafka.unpacked."timestamp" is 'Of the record';
comment on column kafka.unpacked.key is 'Of the record; null: none';
comment on column kafka.unpacked.value is 'Of the record; null: a tombstone';
comment on column kafka.unpacked.headers is 'Of the record, in order; null: none';

-- A step forward is a new row with the former one deleted, and the newest is found from the top of the index: no chain
-- of versions under an open snapshot.
create table kafka.unpacked_positions (
  partition_id integer not null,
  next_offset bigint not null,
  cleaned_offset bigint,
  delete_horizon bigint,
  primary key (partition_id, next_offset)
) with (autovacuum_vacuum_scale_factor = 0.2, autovacuum_vacuum_threshold = 20000);
comment on table kafka.unpacked_positions is 'How far kafka.unpacked has come, a row for each partition that it holds';
comment on column kafka.unpacked_positions.partition_id is 'The partition';
comment on column kafka.unpacked_positions.next_offset is 'All that read_committed has below is there';
comment on column kafka.unpacked_positions.cleaned_offset is 'As it was in kafka.partitions when what compaction took was taken here';
comment on column kafka.unpacked_positions.delete_horizon is 'The same';

create function kafka.as_text(bytes bytea) returns text language plpgsql immutable strict as $$
  begin
    return convert_from(bytes, 'UTF8');
  exception when others then
    return null;
  end $$;
comment on function kafka.as_text(bytea) is 'A key or value as text; null if it is no UTF-8';

create function kafka.as_json(bytes bytea) returns jsonb language plpgsql immutable strict as $$
  begin
    return convert_from(bytes, 'UTF8')::jsonb;
  exception when others then
    return null;
  end $$;
comment on function kafka.as_json(bytea) is 'A key or value as JSON; null if it is none';

-- Varints as they lie there, before zig-zag: the lowest bit is the sign. The planner puts the body of these two where they
-- are called, up to three bytes.
create function kafka.long_varint(bytes bytea, at integer) returns bigint language plpgsql immutable as $$
  declare
    value bigint := 0;
    part integer;
  begin
    for i in 0 .. 9 loop
      part := get_byte(bytes, at + i);
      value := value | ((part & 127)::bigint << (7 * i));
      if part < 128 then
        return value;
      end if;
    end loop;
    raise 'a varint of more than 64 bits' using errcode = 'XX001';
  end $$;
comment on function kafka.long_varint(bytea, integer) is 'A varint of any length, before zig-zag';

create function kafka.varint(bytes bytea, at integer) returns bigint language sql immutable as $$
  select case
    when get_byte(bytes, at) < 128 then get_byte(bytes, at)::bigint
    when get_byte(bytes, at + 1) < 128 then (get_byte(bytes, at) + 128 * get_byte(bytes, at + 1) - 128)::bigint
    when get_byte(bytes, at + 2) < 128 then
      (get_byte(bytes, at) + 128 * get_byte(bytes, at + 1) + 16384 * get_byte(bytes, at + 2) - 16512)::bigint
    else kafka.long_varint(bytes, at) end $$;
comment on function kafka.varint(bytea, integer) is 'A varint, before zig-zag';

create function kafka.varint_size(bytes bytea, at integer) returns integer language sql immutable as $$
  select case when get_byte(bytes, at) < 128 then 1 when get_byte(bytes, at + 1) < 128 then 2
    when get_byte(bytes, at + 2) < 128 then 3 when get_byte(bytes, at + 3) < 128 then 4
    when get_byte(bytes, at + 4) < 128 then 5 when get_byte(bytes, at + 5) < 128 then 6
    when get_byte(bytes, at + 6) < 128 then 7 when get_byte(bytes, at + 7) < 128 then 8
    when get_byte(bytes, at + 8) < 128 then 9 else 10 end $$;
comment on function kafka.varint_size(bytea, integer) is 'Bytes of a varint';

-- Times are the clients', any number of 64 bits, and added as their clients add them.
create function kafka.wrapping_sum(a bigint, b bigint) returns bigint language sql immutable as $$
  select (case when s.exact > 9223372036854775807 then s.exact - 18446744073709551616
    when s.exact < -9223372036854775808 then s.exact + 18446744073709551616 else s.exact end)::bigint
  from (select a::numeric + b) s (exact) $$;
comment on function kafka.wrapping_sum(bigint, bigint) is 'The sum in 64 bits';

create function kafka.headers_of(bytes bytea, at integer, number integer, ends integer)
    returns kafka.header[] language plpgsql immutable as $$
  declare
    headers kafka.header[] := '{}';
    size integer;
    name bytea;
    text text;
  begin
    for i in 1 .. number loop
      size := kafka.varint(bytes, at) >> 1;
      at := at + kafka.varint_size(bytes, at);
      name := substring(bytes from at + 1 for size);
      at := at + size;
      -- What is plain ASCII is the same in this form, and costs no subtransaction.
      text := encode(name, 'escape');
      if length(text) <> size then
        text := coalesce(kafka.as_text(name), text);
      end if;
      size := kafka.varint(bytes, at);
      at := at + kafka.varint_size(bytes, at);
      headers := headers || row(text, case when size & 1 = 0 then substring(bytes from at + 1 for size >> 1) end)::kafka.header;
      at := at + case when size & 1 = 0 then size >> 1 else 0 end;
    end loop;
    if at <> ends then
      raise 'headers that do not fill their record' using errcode = 'XX001';
    end if;
    return headers;
  end $$;
comment on function kafka.headers_of(bytea, integer, integer, integer) is 'Headers of a record; a key that is no UTF-8 is shown escaped';

create function kafka.unpack(batch bytea, from_offset bigint, most bigint, since timestamptz)
    returns table ("offset" bigint, "timestamp" timestamptz, key bytea, value bytea, headers kafka.header[])
    language plpgsql immutable cost 1000 rows 100 as $$
  declare
    head bytea := substring(batch for 61);
    -- A value in memory: each look into one that lies apart would fetch all of it.
    body bytea := substring(batch from 62);
    size integer := octet_length(body);
    base_offset bigint := ('x' || encode(substring(head for 8), 'hex'))::bit(64)::bigint;
    base_time bigint := ('x' || encode(substring(head from 28 for 8), 'hex'))::bit(64)::bigint;
    is_append_time boolean := get_byte(head, 22) & 8 <> 0;
    is_plain boolean := base_time between -4611686018427387904 and 4611686018427387903;
    at integer := 0;
    ends integer;
    n bigint;
  begin
    "timestamp" := kafka.time_of(('x' || encode(substring(head from 36 for 8), 'hex'))::bit(64)::bigint);
    for i in 1 .. ('x' || encode(substring(head from 58 for 4), 'hex'))::bit(32)::integer loop
      n := kafka.varint(body, at);
      at := at + kafka.varint_size(body, at);
      ends := at + (n >> 1);
      -- One byte of attributes, of no use yet.
      at := at + 1;
      n := kafka.varint(body, at);
      at := at + kafka.varint_size(body, at);
      if not is_append_time then
        n := (n >> 1 & 9223372036854775807) # -(n & 1);
        if is_plain and n between -4611686018427387904 and 4611686018427387903 then
          "timestamp" := kafka.time_of(base_time + n);
        else
          "timestamp" := kafka.time_of(kafka.wrapping_sum(base_time, n));
        end if;
      end if;
      n := kafka.varint(body, at);
      at := at + kafka.varint_size(body, at);
      "offset" := base_offset + (n >> 1);
      if "offset" >= from_offset and (since is null or "timestamp" >= since) then
        since := null;
        n := kafka.varint(body, at);
        at := at + kafka.varint_size(body, at);
        if n & 1 = 0 then
          key := substring(body from at + 1 for (n >> 1)::integer);
          at := at + (n >> 1);
        else
          key := null;
        end if;
        n := kafka.varint(body, at);
        at := at + kafka.varint_size(body, at);
        if n & 1 = 0 then
          value := substring(body from at + 1 for (n >> 1)::integer);
          at := at + (n >> 1);
        else
          value := null;
        end if;
        n := kafka.varint(body, at);
        at := at + kafka.varint_size(body, at);
        if n = 0 and at = ends and ends <= size then
          headers := null;
        elsif n > 0 and ends <= size then
          headers := kafka.headers_of(body, at, (n >> 1)::integer, ends);
        else
          raise 'a record whose fields do not fill it' using errcode = 'XX001';
        end if;
        return next;
        most := most - 1;
        exit when most <= 0;
      end if;
      at := ends;
    end loop;
  end $$;
comment on function kafka.unpack(bytea, bigint, bigint, timestamptz) is 'Records of a batch that is not compressed: from an offset on, at most so many, and from the first one on that is not older';

-- For the follower: one batch that no reader can read does not keep back what follows it.
create function kafka.unpack_whole(batch bytea, from_offset bigint)
    returns table ("offset" bigint, "timestamp" timestamptz, key bytea, value bytea, headers kafka.header[])
    language plpgsql volatile cost 1000 rows 100 as $$
  begin
    return query select * from kafka.unpack(batch, from_offset, null, null);
  exception when data_corrupted or array_subscript_error or numeric_value_out_of_range or substring_error then
    raise warning 'kafka.unpacked leaves out a batch that is malformed: %', sqlerrm;
  end $$;
comment on function kafka.unpack_whole(bytea, bigint) is 'The same without end; of a malformed batch nothing, with a warning';

create function kafka.is_aborted(id integer, producer bigint, base bigint) returns boolean language sql stable as $$
  select exists (
    select from kafka.aborted_transactions a
    where a.partition_id = id and a.producer_id = producer and a.first_offset <= base
      -- The first that ends with all up to the batch decided tells that no later one begins below.
      and a.last_offset between base and coalesce((
        select l.last_offset from kafka.aborted_transactions l
        where l.partition_id = id and l.last_offset >= base and l.last_stable_offset > base
        order by l.last_offset limit 1), 9223372036854775807)) $$;
comment on function kafka.is_aborted(integer, bigint, bigint) is 'Whether a transactional batch was aborted: by partition, producer and base offset';

-- Where a reader begins who wants what is not older than a time; null: nowhere.
create function kafka.first_offset(id integer, from_offset bigint, since timestamptz) returns bigint
    language plpgsql stable as $$
  declare
    ms numeric := ceil(extract(epoch from since) * 1000);
    base bigint;
  begin
    if since is null then
      return from_offset;
    end if;
    base := kafka.first_base_at_time(id, greatest(least(ms, 9223372036854775807), -9223372036854775808)::bigint);
    return case when base is not null then greatest(from_offset, base) end;
  end $$;
comment on function kafka.first_offset(integer, bigint, timestamptz) is 'The offset from which on a record of a time may lie';

create function kafka.log_records(id integer, from_offset bigint, most bigint, since timestamptz)
    returns table ("offset" bigint, "timestamp" timestamptz, key bytea, value bytea, headers kafka.header[])
    language plpgsql stable cost 1000 rows 100 as $$
  declare
    batch record;
    flags integer;
    found_rows bigint;
    base bigint;
  begin
    from_offset := kafka.first_offset(id, from_offset, since);
    for batch in select b.base_offset, b.producer_id, b.data, octet_length(b.data) as size, substring(b.data for 61) as head
      from kafka.batches b
      where b.partition_id = id and b.base_offset < coalesce((
          select o.first_offset from kafka.open_transactions o
          where o.partition_id = id order by o.first_offset limit 1), 9223372036854775807)
        and b.base_offset >= coalesce((
          select l.base_offset from (
            select n.base_offset, n.last_offset from kafka.batches n
            where n.partition_id = id and n.base_offset <= from_offset order by n.base_offset desc limit 1) l
          where l.last_offset >= from_offset), from_offset)
      order by b.base_offset
    loop
      base := batch.base_offset;
      flags := get_byte(batch.head, 22);
      -- Control records; what compaction has left nothing of; what was aborted.
      continue when flags & 32 <> 0 or batch.size = 61;
      continue when flags & 16 <> 0 and kafka.is_aborted(id, batch.producer_id, base);
      if flags & 7 <> 0 then
        raise 'the batch at offset % is compressed, and only a broker reads it', base using errcode = '0A000',
          detail = format('codec %s, offset %s', (array['gzip', 'snappy', 'lz4', 'zstd'])[flags & 7], base),
          hint = 'Set tusk.sql.records=on for the topic, or for the broker: then it keeps the records as rows.';
      end if;
      return query select * from kafka.unpack(batch.data, from_offset, most, since);
      get diagnostics found_rows = row_count;
      most := most - found_rows;
      exit when most <= 0;
      since := case when found_rows = 0 then since end;
    end loop;
  -- What is beyond the bytes, or no number of that size, lies in a batch that no producer should have sent.
  exception when data_corrupted or array_subscript_error or numeric_value_out_of_range or substring_error then
    raise 'the batch at offset % is malformed: %', base, sqlerrm using errcode = 'XX001',
      hint = 'Read on behind it, with a greater from_offset.';
  end $$;
comment on function kafka.log_records(integer, bigint, bigint, timestamptz) is 'Records of a partition out of its batches: what read_committed reads, from an offset on';

create function kafka.kept_records(id integer, from_offset bigint, most bigint, since timestamptz)
    returns table ("offset" bigint, "timestamp" timestamptz, key bytea, value bytea, headers kafka.header[])
    language plpgsql stable cost 1000 rows 100 as $$
  begin
    from_offset := kafka.first_offset(id, from_offset, since);
    if since is not null then
      -- In order of offsets, whatever the planner thinks of the index by time: it is one of the first.
      from_offset := (select s."offset" from (
        select u."offset", u."timestamp" from kafka.unpacked u
        where u.partition_id = id and u."offset" >= from_offset order by u."offset" offset 0) s
        where s."timestamp" >= since limit 1);
    end if;
    return query select u."offset", u."timestamp", u.key, u.value, u.headers from kafka.unpacked u
      where u.partition_id = id and u."offset" >= from_offset order by u."offset" limit most;
  end $$;
comment on function kafka.kept_records(integer, bigint, bigint, timestamptz) is 'The same out of kafka.unpacked';

create function kafka.may_read(topic text) returns boolean language plpgsql stable security definer
    set search_path = pg_catalog, pg_temp as $$
  begin
    return kafka.may(kafka.session_role(), 'READ', 'TOPIC', topic);
  end $$;
comment on function kafka.may_read(text) is 'Whether the session''s role may read a topic, by kafka.acls';

-- Partitions of a topic that the session may read; an error if it may not, or they are not there.
create function kafka.readable_partitions(topic text, partition integer) returns setof kafka.partitions
    language plpgsql stable rows 10 as $$
  begin
    if not kafka.may_read(topic) then
      raise 'permission denied for topic "%"', topic using errcode = '42501',
        detail = format('Role %I has no right to read it by kafka.acls.', kafka.session_role()),
        hint = format('As the owner of the schema: select kafka.allow(%L, ''read'', %L).', kafka.session_role(), topic);
    end if;
    return query select p.* from kafka.topics t join kafka.partitions p on p.topic_id = t.topic_id
      where t.name = topic and (partition is null or p.partition_index = partition) order by p.partition_index;
    if not found and exists (select from kafka.topics t where t.name = topic) then
      raise 'topic "%" has no partition %', topic, partition using errcode = '22003',
        hint = 'kafka.partition_overview shows those that there are.';
    elsif not found then
      raise 'there is no topic "%"', topic using errcode = '42704',
        hint = 'kafka.topic_overview shows those that there are; names are case-sensitive.';
    end if;
  end $$;
comment on function kafka.readable_partitions(text, integer) is 'Partitions that the session may read, or an error';

create function kafka.records(topic text, partition integer default null, from_offset bigint default null,
    max integer default 100, since timestamptz default null)
    returns setof kafka.read_record language plpgsql stable security definer cost 10000 rows 100
    set search_path = pg_catalog, pg_temp
    -- Index by index, batch by batch, whatever statistics say: a reader of a hundred records never sorts a log.
    set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_bitmapscan = off set enable_sort = off
    set jit = off as $$
  declare
    part kafka.partitions;
    most bigint := max;
    found_rows bigint;
  begin
    for part in select * from kafka.readable_partitions(topic, partition) loop
      exit when most <= 0;
      if exists (select from kafka.unpacked_positions p where p.partition_id = part.partition_id) then
        return query select part.partition_index, r.*
          from kafka.kept_records(part.partition_id, greatest(from_offset, part.log_start_offset), most, since) r;
      else
        return query select part.partition_index, r.*
          from kafka.log_records(part.partition_id, greatest(from_offset, part.log_start_offset), most, since) r;
      end if;
      get diagnostics found_rows = row_count;
      most := most - found_rows;
    end loop;
  end $$;
comment on function kafka.records(text, integer, bigint, integer, timestamptz) is 'Records of a topic in order of partitions and offsets, as read_committed has them: from an offset on, from a time on, at most so many (null: all)';

-- Each look is a statement with a snapshot of its own, as long as the transaction is read committed.
create function kafka.await(topic text, partition integer, "offset" bigint, timeout interval default '10 s')
    returns boolean language plpgsql volatile security definer
    set search_path = pg_catalog, pg_temp as $$
  declare
    until timestamptz := clock_timestamp() + timeout;
    pause double precision := 0.002;
    id integer := (select p.partition_id from kafka.readable_partitions(topic, partition) p limit 1);
  begin
    if current_setting('transaction_isolation') not in ('read committed', 'read uncommitted') then
      raise 'kafka.await sees nothing new in a transaction that is %', current_setting('transaction_isolation')
        using errcode = '25001', hint = 'Call it in a transaction that is read committed.';
    end if;
    loop
      if exists (select from kafka.unpacked_positions p where p.partition_id = id and p.next_offset > await."offset") then
        return true;
      end if;
      if clock_timestamp() >= until then
        return false;
      end if;
      perform pg_sleep(least(pause, extract(epoch from until - clock_timestamp())::double precision));
      pause := least(pause * 1.5, 0.05);
    end loop;
  end $$;
comment on function kafka.await(text, integer, bigint, interval) is 'Waits until kafka.unpacked has the record at an offset; false: not in that time';

create view kafka.topic_records with (security_barrier) as
  select t.name as topic, p.partition_index as partition, u."offset", u."timestamp", u.key, u.value, u.headers
  from kafka.topics t
  join kafka.partitions p on p.topic_id = t.topic_id
  join kafka.unpacked u on u.partition_id = p.partition_id and u."offset" >= p.log_start_offset
  where kafka.may_read(t.name)
    and exists (select from kafka.unpacked_positions k where k.partition_id = p.partition_id);
comment on view kafka.topic_records is 'Records of topics with tusk.sql.records=on that the session may read';
comment on column kafka.topic_records.topic is 'The topic''s name';
comment on column kafka.topic_records.partition is 'The partition''s number in the topic';
comment on column kafka.topic_records."offset" is 'Of the record';
comment on column kafka.topic_records."timestamp" is 'Of the record';
comment on column kafka.topic_records.key is 'Of the record; null: none';
comment on column kafka.topic_records.value is 'Of the record; null: a tombstone';
comment on column kafka.topic_records.headers is 'Of the record, in order; null: none';
-- It shows a role what kafka.acls lets it read, and nothing else.
grant select on kafka.topic_records to public;

revoke execute on function kafka.long_varint(bytea, integer), kafka.varint(bytea, integer),
  kafka.varint_size(bytea, integer), kafka.wrapping_sum(bigint, bigint),
  kafka.headers_of(bytea, integer, integer, integer), kafka.unpack(bytea, bigint, bigint, timestamptz),
  kafka.unpack_whole(bytea, bigint), kafka.is_aborted(integer, bigint, bigint),
  kafka.first_offset(integer, bigint, timestamptz), kafka.log_records(integer, bigint, bigint, timestamptz),
  kafka.kept_records(integer, bigint, bigint, timestamptz), kafka.readable_partitions(text, integer) from public;`,
  "0016_claims": `-- Consuming in SQL. A session claims a partition for a group, and commits its offset in the transaction that writes what it
-- made of the records. Both hold the partition's advisory lock until that transaction ends: a new owner waits for the old
-- one and sees its offset, and the old one cannot commit any more. The broker need not run: it learns through the outbox.

create table kafka.sql_offsets (
  group_id text collate "C" not null,
  partition_id integer not null,
  revision bigint generated always as identity,
  claim bigint not null,
  committed_offset bigint,
  claimed_at timestamptz not null,
  committed_at timestamptz,
  role name not null,
  primary key (group_id, partition_id, revision)
) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 0,
  autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 1000000);
comment on table kafka.sql_offsets is 'Claims of groups that consume in SQL, and what they committed; a change is a new row in place of the former: see kafka.claims';
comment on column kafka.sql_offsets.group_id is 'The group';
comment on column kafka.sql_offsets.partition_id is 'The partition';
comment on column kafka.sql_offsets.revision is 'Rises with each change: the newest is at the top of the index, however many rows a snapshot keeps below it';
comment on column kafka.sql_offsets.claim is 'Who has it may commit. By the clock, so that a failover that lost a claim does not give it again';
comment on column kafka.sql_offsets.committed_offset is 'The next record to read; null: the first there is';
comment on column kafka.sql_offsets.claimed_at is 'When the claim was taken';
comment on column kafka.sql_offsets.committed_at is 'When the offset was committed; null: before the first claim, or never';
comment on column kafka.sql_offsets.role is 'The role that wrote the row';

-- A first claim finds here what was committed and has not come to the broker yet.
create index outbox_offsets on kafka.outbox (group_id, partition_id, id) where group_id is not null;

create view kafka.claims as
  select o.group_id, t.name as topic, p.partition_index as partition, o.committed_offset, o.claim, o.claimed_at,
    o.role::text as role
  from kafka.sql_offsets o
  join kafka.partitions p on p.partition_id = o.partition_id
  join kafka.topics t on t.topic_id = p.topic_id;
comment on view kafka.claims is 'Partitions that groups have claimed in SQL: Kafka clients do not commit for them until kafka.release';
comment on column kafka.claims.group_id is 'The group';
comment on column kafka.claims.topic is 'The topic';
comment on column kafka.claims.partition is 'The partition';
comment on column kafka.claims.committed_offset is 'The next record to read; null: the first there is';
comment on column kafka.claims.claim is 'The claim that is in force';
comment on column kafka.claims.claimed_at is 'When it was taken';
comment on column kafka.claims.role is 'The role that claimed or committed last';

create function kafka.may_consume(of_group text, of_topic text) returns void language plpgsql as $$
  declare
    role name := kafka.session_role();
  begin
    if not kafka.may(role, 'READ', 'TOPIC', of_topic) then
      raise exception 'role % may not read topic %', role, of_topic using errcode = '42501',
        hint = format('select kafka.allow(%L, ''read'', %L)', role, of_topic);
    elsif not kafka.may(role, 'READ', 'GROUP', of_group) then
      raise exception 'role % may not commit for group %', role, of_group using errcode = '42501',
        hint = format('select kafka.allow(%L, ''read'', %L, ''group'')', role, of_group);
    -- A key of the index; and what the broker writes in another way, as Postgres cannot keep what it stands for.
    elsif coalesce(octet_length(of_group), 0) not between 1 and 1024 or strpos(of_group, chr(26)) > 0 then
      raise exception 'not the name of a group: %', of_group using errcode = '22023',
        detail = 'It has 1 to 1,024 bytes, and no character 26.';
    end if;
  end $$;
comment on function kafka.may_consume(text, text) is 'Fails if the session''s role may not consume a topic for a group';

create function kafka.partition_to_claim(of_topic text, of_index integer) returns integer language plpgsql as $$
  declare
    found_id integer;
  begin
    select p.partition_id into found_id from kafka.topics t join kafka.partitions p on p.topic_id = t.topic_id
      where t.name = of_topic and p.partition_index = of_index;
    if found_id is null then
      raise exception 'there is no partition % of topic %', of_index, of_topic using errcode = '42704',
        hint = 'kafka.partition_overview shows those that there are.';
    end if;
    return found_id;
  end $$;
comment on function kafka.partition_to_claim(text, integer) is 'The id of a partition; fails if there is none';

-- Until the transaction ends. The keys of Tusk's own locks are pairs, which no single number collides with.
create function kafka.lock_claim(of_group text, of_partition integer, waits boolean) returns boolean
    language plpgsql as $$
  declare
    key bigint := hashtextextended('kafka.claim ' || of_group collate "C", of_partition);
  begin
    if waits then
      perform pg_advisory_xact_lock(key);
    end if;
    return waits or pg_try_advisory_xact_lock(key);
  end $$;
comment on function kafka.lock_claim(text, integer, boolean) is 'Locks a group''s partition, or says that another transaction has it';

create function kafka.newest_claim(of_group text, of_partition integer) returns kafka.sql_offsets language plpgsql
    set enable_seqscan = off set enable_bitmapscan = off set enable_sort = off as $$
  declare
    newest kafka.sql_offsets;
  begin
    select * into newest from kafka.sql_offsets o where o.group_id = of_group and o.partition_id = of_partition
      order by o.group_id desc, o.partition_id desc, o.revision desc limit 1;
    return newest;
  end $$;
comment on function kafka.newest_claim(text, integer) is 'The row in force for a group''s partition, which its caller has locked; nulls: none is';

-- In a transaction with a snapshot of its own the former row may be gone already: Postgres then fails with 40001.
create function kafka.put_claim(former kafka.sql_offsets, now_on kafka.sql_offsets) returns void language plpgsql
    set enable_seqscan = off set enable_bitmapscan = off as $$
  begin
    delete from kafka.sql_offsets o
      where o.group_id = former.group_id and o.partition_id = former.partition_id and o.revision = former.revision;
    insert into kafka.sql_offsets (group_id, partition_id, claim, committed_offset, claimed_at, committed_at, role)
      values (now_on.group_id, now_on.partition_id, now_on.claim, now_on.committed_offset, now_on.claimed_at, now_on.committed_at,
        kafka.session_role());
  end $$;
comment on function kafka.put_claim(kafka.sql_offsets, kafka.sql_offsets) is 'Writes a row in place of the former';

create function kafka.tell_offset(of_group text, of_partition integer, of_offset bigint, of_claim bigint) returns void
    language plpgsql as $$
  begin
    insert into kafka.outbox (group_id, partition_id, committed_offset, claim)
      values (of_group, of_partition, of_offset, of_claim);
    if kafka.broker_sleeps() then
      perform pg_notify('kafka_outbox', '');
    end if;
  end $$;
comment on function kafka.tell_offset(text, integer, bigint, bigint) is 'Tells the broker of an offset; -1: of a claim without one, null: of a claim that is given back';

-- A snapshot older than the lock would not see a claim that was made meanwhile, and there is no former row to find gone.
create function kafka.first_claim(of_group text, of_partition integer, of_claim bigint) returns bigint
    language plpgsql as $$
  declare
    known bigint;
  begin
    if current_setting('transaction_isolation') not in ('read committed', 'read uncommitted') then
      raise exception 'a group''s first claim of a partition wants READ COMMITTED' using errcode = '25001',
        hint = 'Claim it once in a transaction of that isolation level. Later claims may be made in any.';
    elsif (select count(*) from (select from kafka.sql_offsets limit 100000) rows) = 100000 then
      raise exception 'kafka.sql_offsets has no room for more than 100,000 claims' using errcode = '54000',
        hint = 'kafka.release gives back those of a group.';
    end if;
    -- Nobody else takes away the rows of topics that are gone.
    delete from kafka.sql_offsets o using (
        select g.group_id, g.partition_id, g.revision from kafka.sql_offsets g
        where not exists (select from kafka.partitions p where p.partition_id = g.partition_id and p.topic_id is not null)
        for update skip locked) gone
      where o.group_id = gone.group_id and o.partition_id = gone.partition_id and o.revision = gone.revision;
    select coalesce(
      (select o.committed_offset from kafka.outbox o
        where o.group_id = of_group and o.partition_id = of_partition and o.committed_offset >= 0 order by o.id desc limit 1),
      (select o.committed_offset from kafka.offsets o
        where o.group_id = of_group and o.partition_id = of_partition order by o.commit_id desc limit 1)) into known;
    perform kafka.tell_offset(of_group, of_partition, coalesce(known, -1), of_claim);
    return known;
  end $$;
comment on function kafka.first_claim(text, integer, bigint) is 'Where a group begins that claims a partition for the first time: at what it committed as a Kafka group; null: nothing';

create function kafka.take_claim(of_group text, of_partition integer) returns kafka.sql_offsets language plpgsql as $$
  declare
    former kafka.sql_offsets := kafka.newest_claim(of_group, of_partition);
    now_on kafka.sql_offsets := former;
  begin
    now_on.claim := greatest(former.claim + 1, (extract(epoch from clock_timestamp()) * 1000000)::bigint);
    if former.claim is null then
      now_on.group_id := of_group;
      now_on.partition_id := of_partition;
      now_on.committed_offset := kafka.first_claim(of_group, of_partition, now_on.claim);
    end if;
    now_on.claimed_at := clock_timestamp();
    perform kafka.put_claim(former, now_on);
    return now_on;
  end $$;
comment on function kafka.take_claim(text, integer) is 'The next claim on a group''s partition, which its caller has locked';

create function kafka.claim("group" text, topic text, partition integer, out committed_offset bigint, out claim bigint)
    language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
  declare
    id integer;
    taken kafka.sql_offsets;
  begin
    perform kafka.may_consume($1, $2);
    id := kafka.partition_to_claim($2, $3);
    perform kafka.lock_claim($1, id, true);
    taken := kafka.take_claim($1, id);
    committed_offset := taken.committed_offset;
    claim := taken.claim;
  end $$;
comment on function kafka.claim(text, text, integer) is 'Claims a partition for a group, once the transaction of its former owner has ended: where to read on (null: the first record), and the claim to commit by';

create function kafka.commit_claimed(of_group text, of_partition integer, of_offset bigint, of_claim bigint)
    returns void language plpgsql as $$
  declare
    former kafka.sql_offsets;
    now_on kafka.sql_offsets;
    bounds record;
  begin
    perform kafka.lock_claim(of_group, of_partition, true);
    former := kafka.newest_claim(of_group, of_partition);
    if former.claim is distinct from of_claim then
      raise exception 'the claim of group % is not in force any more', of_group using errcode = '40001',
        detail = format('%s was claimed by %s; in force is %s', (kafka.partition_names(array[of_partition]))[1],
          coalesce(of_claim::text, 'nobody'), coalesce(former.claim::text, 'none')),
        hint = 'Another session has claimed the partition. Roll back, claim it again and read from where that one was.';
    end if;
    select p.log_start_offset as first, greatest(p.end_offset_floor, (select b.last_offset + 1 from kafka.batches b
        where b.partition_id = p.partition_id order by b.base_offset desc limit 1)) as past into bounds
      from kafka.partitions p where p.partition_id = of_partition;
    -- What retention took while it was worked on may be committed all the same: it is no step back.
    if of_offset is null or of_offset < least(bounds.first, coalesce(former.committed_offset, 0)) or of_offset > bounds.past then
      raise exception 'offset % is not in the log', of_offset using errcode = '22003',
        detail = format('The log goes from %s to %s', bounds.first, bounds.past),
        hint = 'What is committed is the offset of the next record to read: one more than that of the last one.';
    end if;
    now_on := former;
    now_on.committed_offset := of_offset;
    now_on.committed_at := clock_timestamp();
    perform kafka.put_claim(former, now_on);
    perform kafka.tell_offset(of_group, of_partition, of_offset, of_claim);
  end $$;
comment on function kafka.commit_claimed(text, integer, bigint, bigint) is 'Commits an offset, if the claim is the newest';

create function kafka.commit_offsets("group" text, topic text, partition integer, "offset" bigint, claim bigint)
    returns void language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
  begin
    perform kafka.may_consume($1, $2);
    perform kafka.commit_claimed($1, kafka.partition_to_claim($2, $3), $4, $5);
  end $$;
comment on function kafka.commit_offsets(text, text, integer, bigint, bigint) is 'Commits the offset of the next record to read with the caller''s transaction; fails with 40001 if the claim is not the newest';

create function kafka.commit_offsets_many("group" text, topic text, partitions integer[], offsets bigint[], claims bigint[])
    returns void language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
  declare
    it record;
  begin
    perform kafka.may_consume($1, $2);
    -- One order for all sessions: none waits for another that waits for it.
    for it in
      select kafka.partition_to_claim($2, u.partition) as id, u.committed, u.claimed
      from unnest($3, $4, $5) with ordinality u (partition, committed, claimed, place) order by 1, u.place
    loop
      perform kafka.commit_claimed($1, it.id, it.committed, it.claimed);
    end loop;
  end $$;
comment on function kafka.commit_offsets_many(text, text, integer[], bigint[], bigint[]) is 'kafka.commit_offsets for several partitions, all or none, in an order that makes no deadlock';

create function kafka.partitions_to_poll(of_group text, of_topic text)
    returns table (index integer, id integer, log_start bigint) language plpgsql
    set enable_seqscan = off set enable_bitmapscan = off as $$
  begin
    return query
      select p.partition_index, p.partition_id, p.log_start_offset
      from kafka.topics t
      join kafka.partitions p on p.topic_id = t.topic_id
      left join lateral (
        select o.claim, o.committed_offset from kafka.sql_offsets o
        where o.group_id = of_group and o.partition_id = p.partition_id
        order by o.group_id desc, o.partition_id desc, o.revision desc limit 1) own on true
      where t.name = of_topic and greatest(own.committed_offset, p.log_start_offset) < (
        select b.last_offset + 1 from kafka.batches b
        where b.partition_id = p.partition_id order by b.base_offset desc limit 1)
      order by own.claim nulls first, p.partition_index;
  end $$;
comment on function kafka.partitions_to_poll(text, text) is 'Partitions where a group has something to read, the one first that was claimed longest ago';

create function kafka.poll("group" text, topic text, max integer default 100)
    returns table (partition integer, "offset" bigint, "timestamp" timestamptz, key bytea, value bytea,
      headers kafka.header[], claim bigint)
    language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
  declare
    candidate record;
    got record;
    own kafka.sql_offsets;
  begin
    perform kafka.may_consume($1, $2);
    for candidate in select * from kafka.partitions_to_poll($1, $2) loop
      continue when not kafka.lock_claim($1, candidate.id, false);
      own := kafka.newest_claim($1, candidate.id);
      if own.claim is null then
        own := kafka.take_claim($1, candidate.id);
        claim := own.claim;
      end if;
      -- Where nothing can be read yet, a claim that is there is left as it is.
      for got in
        select * from kafka.records($2, candidate.index, greatest(own.committed_offset, candidate.log_start), $3)
      loop
        claim := coalesce(claim, (kafka.take_claim($1, candidate.id)).claim);
        partition := candidate.index;
        "offset" := got."offset";
        "timestamp" := got."timestamp";
        key := got.key;
        value := got.value;
        headers := got.headers;
        return next;
      end loop;
      exit when partition is not null;
      claim := null;
    end loop;
  end $$;
comment on function kafka.poll(text, text, integer) is 'Claims a partition of the topic that no other transaction has, the one first that was claimed longest ago, and reads on there; no row: there is nothing to read';

create function kafka.release("group" text) returns integer language plpgsql security definer
    set search_path = pg_catalog, pg_temp as $$
  declare
    it record;
    own kafka.sql_offsets;
    released integer := 0;
  begin
    for it in
      select distinct o.partition_id as id, t.name from kafka.sql_offsets o
      join kafka.partitions p on p.partition_id = o.partition_id
      join kafka.topics t on t.topic_id = p.topic_id
      where o.group_id = $1 order by 1
    loop
      perform kafka.may_consume($1, it.name);
      perform kafka.lock_claim($1, it.id, true);
      own := kafka.newest_claim($1, it.id);
      continue when own.claim is null;
      delete from kafka.sql_offsets o where o.group_id = $1 and o.partition_id = it.id and o.revision = own.revision;
      if own.committed_offset is not null then
        perform kafka.tell_offset($1, it.id, own.committed_offset, own.claim);
      end if;
      perform kafka.tell_offset($1, it.id, null, own.claim);
      released := released + 1;
    end loop;
    return released;
  end $$;
comment on function kafka.release(text) is 'Gives a group back to Kafka clients, with its offsets, once the transactions of its owners have ended: of how many partitions';

-- What the functions above are made of.
revoke execute on function kafka.may_consume(text, text), kafka.partition_to_claim(text, integer),
  kafka.lock_claim(text, integer, boolean), kafka.newest_claim(text, integer),
  kafka.put_claim(kafka.sql_offsets, kafka.sql_offsets), kafka.tell_offset(text, integer, bigint, bigint),
  kafka.first_claim(text, integer, bigint), kafka.take_claim(text, integer),
  kafka.commit_claimed(text, integer, bigint, bigint), kafka.partitions_to_poll(text, text) from public;`,
  "0017_client_metrics": `-- Subscriptions to clients' metrics (KIP-714) are resources with configs, too.
create or replace view kafka.config_overview as
select case c.resource_type when 2 then 'topic' when 4 then 'broker' when 16 then 'client-metrics' when 32 then 'group'
    else c.resource_type::text end as resource,
  case when c.resource_type = 4 and c.resource_name = '' then '(all brokers)' else c.resource_name end as resource_name,
  c.name, c.value
from kafka.configs c;

comment on table kafka.configs is
  'Configs that were set; resource_type: 2 topic, 4 broker (its id, empty for all), 16 subscription to clients'' metrics, 32 group';
comment on column kafka.configs.resource_type is '2: topic, 4: broker, 16: subscription to clients'' metrics, 32: group';
comment on column kafka.configs.resource_name is 'Of the topic, broker, subscription or group; empty: all brokers';
comment on column kafka.config_overview.resource is 'topic, broker, client-metrics or group';
comment on column kafka.config_overview.resource_name is 'Of the topic, broker, subscription or group';`,
  "0018_security": `-- Who gets in, and how much anybody may take. What stands here of passwords and tokens is read by the owner alone.

-- An operation of Kafka 4: transactions that are prepared (KIP-939).
alter table kafka.acls drop constraint acls_operation_check, add constraint acls_operation_check check (operation in (
  'ALL', 'READ', 'WRITE', 'CREATE', 'DELETE', 'ALTER', 'DESCRIBE', 'CLUSTER_ACTION', 'DESCRIBE_CONFIGS', 'ALTER_CONFIGS',
  'IDEMPOTENT_WRITE', 'CREATE_TOKENS', 'DESCRIBE_TOKENS', 'TWO_PHASE_COMMIT'));

create or replace function kafka.acl_of(role text, operation text, resource text, resource_type text, pattern_type text,
    permission_type text) returns kafka.acls language plpgsql stable as $$
  declare
    operations constant text[] := '{ALL,READ,WRITE,CREATE,DELETE,ALTER,DESCRIBE,CLUSTER_ACTION,DESCRIBE_CONFIGS,ALTER_CONFIGS,IDEMPOTENT_WRITE,CREATE_TOKENS,DESCRIBE_TOKENS,TWO_PHASE_COMMIT}';
    types constant text[] := '{TOPIC,GROUP,CLUSTER,TRANSACTIONAL_ID,DELEGATION_TOKEN,USER}';
    patterns constant text[] := '{LITERAL,PREFIXED}';
    told record;
  begin
    for told in select * from (values ('operation', operation, operations), ('resource type', resource_type, types),
        ('pattern type', pattern_type, patterns)) v (what, name, names) loop
      if not coalesce(upper(told.name) = any (told.names), false) then
        raise exception 'there is no % "%"', told.what, told.name using errcode = '22023',
          hint = format('One of %s.', lower(array_to_string(told.names, ', ')));
      end if;
    end loop;
    if role is null or resource is null then
      raise exception 'the % is null', case when role is null then 'role' else 'resource' end using errcode = '22004';
    end if;
    return row(upper(resource_type), resource, upper(pattern_type),
      case when role ~ '^(User|Group):.' then role else 'User:' || role end, '*'::text, upper(operation), permission_type);
  end $$;

create table kafka.scram_users (
  user_name text collate "C" not null,
  mechanism text collate "C" not null,
  iterations integer not null,
  salt bytea not null,
  stored_key bytea not null,
  server_key bytea not null,
  primary key (user_name, mechanism),
  check (mechanism in ('SCRAM-SHA-256', 'SCRAM-SHA-512')),
  check (iterations > 0)
);
comment on table kafka.scram_users is 'Users who log in by SCRAM: what is kept of their passwords (RFC 5802)';
comment on column kafka.scram_users.user_name is 'The user, as he logs in';
comment on column kafka.scram_users.mechanism is 'SCRAM-SHA-256 or SCRAM-SHA-512';
comment on column kafka.scram_users.iterations is 'How often the password was hashed';
comment on column kafka.scram_users.salt is 'What it was hashed with';
comment on column kafka.scram_users.stored_key is 'What a client''s proof is checked by';
comment on column kafka.scram_users.server_key is 'What the server proves itself by';

create table kafka.quotas (
  user_name text collate "C" not null default '',
  client_id text collate "C" not null default '',
  ip text collate "C" not null default '',
  quota_key text collate "C" not null,
  value double precision not null,
  primary key (user_name, client_id, ip, quota_key),
  check (user_name <> '' or client_id <> '' or ip <> ''),
  check (ip = '' or user_name = '' and client_id = ''),
  check (quota_key in ('producer_byte_rate', 'consumer_byte_rate', 'request_percentage', 'controller_mutation_rate',
    'connection_creation_rate')),
  check (value > 0 and value < 'Infinity')
);
comment on table kafka.quotas is 'How much a user, a client or an address may take: see kafka.quota_overview';
comment on column kafka.quotas.user_name is 'A user; <default>: those without one of their own; empty: users are not asked for';
comment on column kafka.quotas.client_id is 'A client id; <default> and empty as with user_name';
comment on column kafka.quotas.ip is 'An address; <default> and empty as with user_name';
comment on column kafka.quotas.quota_key is 'producer_byte_rate and so on';
comment on column kafka.quotas.value is 'Bytes, mutations or connections a second, or per cent of a thread';

create table kafka.delegation_tokens (
  token_id text collate "C" primary key,
  hmac_hash bytea not null,
  owner text collate "C" not null,
  requester text collate "C" not null,
  renewers text collate "C" not null,
  issue_timestamp bigint not null,
  max_timestamp bigint not null,
  expiry_timestamp bigint not null,
  check (json_typeof(renewers::json) = 'array')
);
comment on table kafka.delegation_tokens is 'Tokens by which others log in as their owner (KIP-48)';
comment on column kafka.delegation_tokens.token_id is 'The name by which it is told';
comment on column kafka.delegation_tokens.hmac_hash is 'SHA-256 of the token''s HMAC, which is its password and stored nowhere';
comment on column kafka.delegation_tokens.owner is 'User:name: who is authenticated by it';
comment on column kafka.delegation_tokens.requester is 'Who asked for it';
comment on column kafka.delegation_tokens.renewers is 'Who else may renew it: a JSON array of principals';
comment on column kafka.delegation_tokens.issue_timestamp is 'When it was made, in milliseconds since 1970';
comment on column kafka.delegation_tokens.max_timestamp is 'Until when it can be renewed';
comment on column kafka.delegation_tokens.expiry_timestamp is 'Until when it holds, if nobody renews it';

-- Rows that SQL changes reach the running broker: it reads them anew once the change is visible, and deletes the row that
-- says so. A transaction that is prepared cannot have notified: where there may be one, the broker looks now and then.
create table kafka.security_changes (
  xid xid8 primary key default pg_current_xact_id()
);
comment on table kafka.security_changes is 'Changes of SQL to ACLs, users, quotas and tokens that the broker has not read yet';
comment on column kafka.security_changes.xid is 'The transaction';

create function kafka.note_security_change() returns trigger language plpgsql security definer
    set search_path = pg_catalog, pg_temp as $$
  begin
    -- The broker knows what it stores.
    if current_setting('tusk.broker', true) is distinct from 'on' then
      insert into kafka.security_changes default values on conflict do nothing;
      if current_setting('max_prepared_transactions') = '0' then
        perform pg_notify('kafka_security', '');
      end if;
    end if;
    return null;
  end $$;
comment on function kafka.note_security_change() is 'Tells the broker of a change that SQL made';
revoke execute on function kafka.note_security_change() from public;

create trigger tell_broker after insert or update or delete or truncate on kafka.acls
  execute function kafka.note_security_change();
create trigger tell_broker after insert or update or delete or truncate on kafka.scram_users
  execute function kafka.note_security_change();
create trigger tell_broker after insert or update or delete or truncate on kafka.quotas
  execute function kafka.note_security_change();
create trigger tell_broker after insert or update or delete or truncate on kafka.delegation_tokens
  execute function kafka.note_security_change();

-- Without secrets: for whoever may see who may do what.
create view kafka.acl_overview as
select a.principal, lower(a.permission_type) as permission, lower(a.operation) as operation,
  lower(a.resource_type) as resource, a.resource_name,
  case when a.pattern_type = 'PREFIXED' then 'prefix' when a.resource_name = '*' then 'any' else 'name' end as matches,
  a.host
from kafka.acls a;
comment on view kafka.acl_overview is 'Who may do what, and who may not';
comment on column kafka.acl_overview.principal is 'User:name, or Group:name for the members of a role of Postgres';
comment on column kafka.acl_overview.permission is 'allow, or deny, which goes before';
comment on column kafka.acl_overview.operation is 'read, write and so on; all: each of them';
comment on column kafka.acl_overview.resource is 'topic, group, cluster, transactional_id, delegation_token or user';
comment on column kafka.acl_overview.resource_name is 'The resource, the prefix of its name, or *';
comment on column kafka.acl_overview.matches is 'name: this one; prefix: those whose names begin so; any: each one';
comment on column kafka.acl_overview.host is 'The address from which it holds; * for any';

create view kafka.quota_overview as
select case when q.ip <> '' then 'ip' when q.user_name = '' then 'client' when q.client_id = '' then 'user'
    else 'user and client' end as entity,
  nullif(q.user_name, '') as user_name, nullif(q.client_id, '') as client_id, nullif(q.ip, '') as ip, q.quota_key, q.value
from kafka.quotas q;
comment on view kafka.quota_overview is 'Which user, client or address may take how much';
comment on column kafka.quota_overview.entity is 'What it is for: user, client, user and client, or ip';
comment on column kafka.quota_overview.user_name is 'The user; <default>: those without a quota of their own; null: any';
comment on column kafka.quota_overview.client_id is 'The client id; <default> and null as with user_name';
comment on column kafka.quota_overview.ip is 'The address; <default> and null as with user_name';
comment on column kafka.quota_overview.quota_key is 'producer_byte_rate and so on';
comment on column kafka.quota_overview.value is 'Bytes, mutations or connections a second, or per cent of a thread';`,
  "0019_shadow": `-- What forwards the log to another Kafka keeps here whom it is there, and how far it has come. Only it writes here; no
-- commit of the broker does.

create table kafka.shadow_targets (
  cluster_id text primary key,
  producer_id bigint not null,
  producer_epoch integer not null
);
comment on table kafka.shadow_targets is 'Kafka clusters that the log is forwarded to, and the idempotent producer that does so there';
comment on column kafka.shadow_targets.cluster_id is 'As that cluster tells it';
comment on column kafka.shadow_targets.producer_id is 'Given by that cluster, once: a record''s sequence number is its offset there';
comment on column kafka.shadow_targets.producer_epoch is 'Of the producer id; never raised';

create table kafka.shadow_partitions (
  cluster_id text not null,
  topic text not null,
  partition_index integer not null,
  source_topic_id text not null,
  target_topic_id text not null,
  difference bigint not null,
  fills boolean not null,
  target_start bigint not null,
  target_end bigint not null,
  source_next bigint not null,
  source_end bigint not null,
  moved_at timestamptz not null default now(),
  stopped_at timestamptz,
  stopped_why text,
  primary key (cluster_id, topic, partition_index)
) with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05);
comment on table kafka.shadow_partitions is 'How far each partition is forwarded; see kafka.shadow_overview';
comment on column kafka.shadow_partitions.cluster_id is 'The target';
comment on column kafka.shadow_partitions.topic is 'The same name on both sides';
comment on column kafka.shadow_partitions.partition_index is 'The same number on both sides';
comment on column kafka.shadow_partitions.source_topic_id is 'A topic made anew under the name has another one';
comment on column kafka.shadow_partitions.target_topic_id is 'The same at the target';
comment on column kafka.shadow_partitions.difference is 'An offset here is its offset there and this; constant, unless fills is false';
comment on column kafka.shadow_partitions.fills is 'Whether filler records stand at the target where there are none here; false: kafka.shadow_offsets maps offsets';
comment on column kafka.shadow_partitions.target_start is 'Where the target ended when forwarding began';
comment on column kafka.shadow_partitions.target_end is 'Where the target ended when this was noted; what counts is the target''s own';
comment on column kafka.shadow_partitions.source_next is 'The next offset here to be forwarded, when this was noted';
comment on column kafka.shadow_partitions.source_end is 'The last stable offset here, when this was noted';
comment on column kafka.shadow_partitions.moved_at is 'When target_end was noted last';
comment on column kafka.shadow_partitions.stopped_at is 'Since when this partition is not forwarded; null: it is';
comment on column kafka.shadow_partitions.stopped_why is 'Why it is not';

create table kafka.shadow_offsets (
  cluster_id text not null,
  topic text not null,
  partition_index integer not null,
  target_offset bigint not null,
  source_offset bigint not null,
  primary key (cluster_id, topic, partition_index, target_offset, source_offset)
);
comment on table kafka.shadow_offsets is
  'Without filler records: from source_offset on, a record''s offset there is target_offset and what it is further on; up to the next row';
comment on column kafka.shadow_offsets.cluster_id is 'The target';
comment on column kafka.shadow_offsets.topic is 'As in kafka.shadow_partitions';
comment on column kafka.shadow_offsets.partition_index is 'The same';
comment on column kafka.shadow_offsets.target_offset is 'There';
comment on column kafka.shadow_offsets.source_offset is 'Here';

create view kafka.shadow_overview as
select s.cluster_id, s.topic, s.partition_index as partition, s.difference, s.fills, s.source_end, s.target_end,
  greatest(s.source_end - s.source_next, 0) as lag, s.moved_at, s.stopped_at, s.stopped_why
from kafka.shadow_partitions s;
comment on view kafka.shadow_overview is 'Partitions that are forwarded to another Kafka: how far, and if one stopped, since when and why';
comment on column kafka.shadow_overview.cluster_id is 'The other Kafka, as it tells it';
comment on column kafka.shadow_overview.topic is 'On both sides';
comment on column kafka.shadow_overview.partition is 'On both sides';
comment on column kafka.shadow_overview.difference is 'An offset here is its offset there and this; a beginning, if fills is false';
comment on column kafka.shadow_overview.fills is 'Whether filler records keep the difference constant';
comment on column kafka.shadow_overview.source_end is 'The last stable offset here, at the last look';
comment on column kafka.shadow_overview.target_end is 'Where the target ended, at the last look';
comment on column kafka.shadow_overview.lag is 'Offsets that are still to be forwarded, at the last look';
comment on column kafka.shadow_overview.moved_at is 'When that look was';
comment on column kafka.shadow_overview.stopped_at is 'Since when nothing is forwarded; null: it goes on';
comment on column kafka.shadow_overview.stopped_why is 'Why, and what to do about it';`,
  "0020_publish": `-- A table as a topic. Triggers of the table append to the outbox in the writer's transaction. They run with the rights of
-- the schema's owner, on rows of tables that others own: so nothing here may run what an owner of a table could have
-- written. A cast, also one that to_json looks up, may be a person's function; an output function never is, as it is C.
-- Of types that are not Postgres' own a row's text is taken, by format().

create table kafka.published (
  publication_id integer generated always as identity primary key,
  relation oid not null,
  table_name text not null,
  home oid not null default 'kafka.published'::regclass,
  topic text collate "C" not null,
  key_numbers smallint[] not null,
  key_names name[] not null,
  format text not null,
  schemas boolean not null,
  on_error text not null,
  role name not null,
  since timestamptz not null default now(),
  columns text[] not null default '{}',
  snapshot text not null,
  mark bigint,
  open_then bigint[] not null default '{}',
  position_names name[],
  position text[],
  rows_read bigint not null default 0,
  error text,
  error_since timestamptz,
  unique (relation, topic),
  check (format in ('json', 'debezium')),
  check (on_error in ('fail', 'set aside')),
  check (snapshot in ('begun', 'none', 'asked', 'running', 'done'))
);
comment on table kafka.published is 'Tables that are published as topics: see kafka.publications';
comment on column kafka.published.publication_id is 'Its number: that of its function, kafka.publish_7, and in the names of its triggers';
comment on column kafka.published.relation is 'The table, if home says so';
comment on column kafka.published.table_name is 'Its name; after a restore it is found by this';
comment on column kafka.published.home is 'The oid of kafka.published when the row was written: after a restore oids are others';
comment on column kafka.published.topic is 'The topic';
comment on column kafka.published.key_numbers is 'The columns of the key, by their numbers';
comment on column kafka.published.key_names is 'And by their names, as they were last seen';
comment on column kafka.published.format is 'json: the row as it is; debezium: an envelope';
comment on column kafka.published.schemas is 'Whether an envelope has its schema with it';
comment on column kafka.published.on_error is 'What becomes of a record that the topic does not take: the write fails, or the record is set aside';
comment on column kafka.published.role is 'Who published it';
comment on column kafka.published.since is 'When';
comment on column kafka.published.columns is 'The columns that its function was made for';
comment on column kafka.published.snapshot is 'Of the rows that were there: none is wanted, or it is asked for, running, done; begun: within kafka.publish_table';
comment on column kafka.published.mark is 'The transaction id by which rows are told that its triggers have seen; null: all have to be read';
comment on column kafka.published.open_then is 'Transactions below the mark that had not written the table yet';
comment on column kafka.published.position_names is 'The columns of the primary key by which the snapshot goes';
comment on column kafka.published.position is 'Up to which row it has come; null: none';
comment on column kafka.published.rows_read is 'How many rows it has read';
comment on column kafka.published.error is 'Why it does not go on';
comment on column kafka.published.error_since is 'Since when';

-- Columns -------------------------------------------------------------------------------------------------------------

-- What a domain is made of, in the end.
create function kafka.base_type(inout typ oid, inout typmod integer) language plpgsql stable as $$
  declare
    it record;
  begin
    loop
      select t.typtype, t.typbasetype, t.typtypmod into it from pg_type t where t.oid = typ;
      exit when it.typtype is distinct from 'd';
      typ := it.typbasetype;
      typmod := it.typtypmod;
    end loop;
  end $$;
comment on function kafka.base_type(oid, integer) is 'The type that a domain is made of';

-- Virtual generated columns are left out: Postgres does not compute them for triggers.
create function kafka.columns_to_publish(rel oid)
    returns table (number smallint, name name, typ oid, typmod integer, required boolean) language sql stable begin atomic
  select a.attnum, a.attname, a.atttypid, a.atttypmod, a.attnotnull from pg_catalog.pg_attribute a
  where a.attrelid = rel and a.attnum > 0 and not a.attisdropped and a.attgenerated <> 'v' order by a.attnum;
end;
comment on function kafka.columns_to_publish(oid) is 'The columns that a record tells, in order';

create function kafka.columns_now(rel oid) returns text[] language plpgsql stable as $$
  begin
    return (select array_agg(format('%s %s %s %s', c.name, c.typ, c.typmod, c.required) order by c.number)
      from kafka.columns_to_publish(rel) c);
  end $$;
comment on function kafka.columns_now(oid) is 'What a publication''s function is made for';

-- Not immutable: but then Postgres puts its result into the plan, where it costs nothing, and plans anew once the table
-- has changed, as the same expression names the table's oid.
create function kafka.has_columns(rel oid, columns text[]) returns boolean language plpgsql immutable as $$
  begin
    return kafka.columns_now(rel) is not distinct from columns;
  end $$;
comment on function kafka.has_columns(oid, text[]) is 'Whether a table still is what a publication''s function was made for';

-- The text of a value as its type's output function has it: no cast is looked up.
create function kafka.text_code(x text) returns text language sql immutable begin atomic
  select pg_catalog.format('case when pg_catalog.num_nulls(%1$s) = 0 then pg_catalog.format(''%%s'', %1$s) end', x);
end;
comment on function kafka.text_code(text) is 'An expression for the text of a value, or null';

-- Whether to_json runs nothing that a person wrote: it looks through domains, and for casts of types that are no others'.
create function kafka.is_postgres_own(typ oid) returns boolean language plpgsql stable as $$
  declare
    base oid := (kafka.base_type(typ, -1)).typ;
    element oid := (select t.typelem from pg_type t where t.oid = base and t.typcategory = 'A');
  begin
    return case when element is null then base < 16384 else (kafka.base_type(element, -1)).typ < 16384 end;
  end $$;
comment on function kafka.is_postgres_own(oid) is 'Whether a value of this type becomes JSON by Postgres'' own code alone';

create function kafka.json_code(x text, typ oid) returns text language plpgsql stable as $$
  begin
    if kafka.is_postgres_own(typ) then
      return x;
    elsif (select t.typcategory from pg_type t where t.oid = (kafka.base_type(json_code.typ, -1)).typ) = 'A' then
      return format('to_json((%s)::text[])', kafka.text_code(x));
    end if;
    return kafka.text_code(x);
  end $$;
comment on function kafka.json_code(text, oid) is 'An expression for a value in a row that is published as plain JSON';

-- Kinds of values as Debezium's connector for Postgres has them: Connect's type, a name for what it means, and the code.
-- Time goes by adaptive precision, numbers of any precision are strings (decimal.handling.mode=string).
create function kafka.debezium_code(x text, typ oid, typmod integer, out kind text, out meaning text, out code text)
    language plpgsql stable as $$
  declare
    base record := kafka.base_type(typ, typmod);
    element oid := (select t.typelem from pg_type t where t.oid = base.typ and t.typcategory = 'A');
    is_short boolean := base.typmod between 0 and 3;
    is_own boolean := kafka.is_postgres_own(typ);
    finite constant text := 'case when %1$s is null then null when isfinite(%1$s) then %2$s when %1$s > ''epoch'' then %3$s else %4$s end';
  begin
    code := x;
    if element is not null then
      element := (kafka.base_type(element, -1)).typ;
      kind := case element when 16 then 'boolean' when 21 then 'int16' when 23 then 'int32' when 20 then 'int64'
        when 700 then 'float' when 701 then 'double' else 'string' end;
      code := case when kind <> 'string' or element in (25, 1043) then x
        else format('to_json((%s)::text[])', kafka.text_code(x)) end;
      kind := kind || '[]';
      return;
    end if;
    case base.typ
      when 16 then kind := 'boolean';
      when 21 then kind := 'int16';
      when 23 then kind := 'int32';
      when 20, 26 then kind := 'int64';
      when 700 then kind := 'float';
      when 701 then kind := 'double';
      when 25, 1042, 1043 then kind := 'string';
      when 17 then
        kind := 'bytes';
        code := format('replace(encode(%s, ''base64''), chr(10), '''')', x);
      when 1082 then
        kind := 'int32';
        meaning := 'io.debezium.time.Date';
        code := format(finite, x, format('%s - date ''epoch''', x), '2147483647', '-2147483648');
      when 1083 then
        kind := case when is_short then 'int32' else 'int64' end;
        meaning := case when is_short then 'io.debezium.time.Time' else 'io.debezium.time.MicroTime' end;
        code := format('(extract(epoch from %s) * %s)::int8', x, case when is_short then 1000 else 1000000 end);
      when 1266 then
        kind := 'string';
        meaning := 'io.debezium.time.ZonedTime';
        code := format('replace(format(''%%s'', %1$s at time zone ''UTC''), ''+00'', ''Z'')', x);
        code := format('case when %s is not null then %s end', x, code);
      when 1114 then
        kind := 'int64';
        meaning := case when is_short then 'io.debezium.time.Timestamp' else 'io.debezium.time.MicroTimestamp' end;
        code := format(finite, x,
          format('(extract(epoch from %s) * %s)::int8', x, case when is_short then 1000 else 1000000 end),
          case when is_short then '9223372036825200' else '9223372036825200000' end,
          case when is_short then '-9223372036832400' else '-9223372036832400000' end);
      when 1184 then
        kind := 'string';
        meaning := 'io.debezium.time.ZonedTimestamp';
        code := format('replace(to_json(%s) #>> ''{}'', ''+00:00'', ''Z'')', x);
      when 1186 then
        kind := 'int64';
        meaning := 'io.debezium.time.MicroDuration';
        -- A month is the twelfth part of 365.25 days.
        code := format('case when isfinite(%1$s) then ((extract(year from %1$s) * 12 + extract(month from %1$s)) * 2629800
          + extract(day from %1$s) * 86400 + extract(hour from %1$s) * 3600 + extract(minute from %1$s) * 60
          + extract(second from %1$s)) * 1000000 end::int8', x);
      else
        kind := 'string';
        meaning := case when base.typ = 2950 then 'io.debezium.data.Uuid' when base.typ in (114, 3802) then 'io.debezium.data.Json'
          when base.typ = 142 then 'io.debezium.data.Xml'
          when exists (select from pg_type t where t.oid = base.typ and t.typtype = 'e') then 'io.debezium.data.Enum' end;
        code := kafka.text_code(x);
    end case;
    if not is_own then
      code := kafka.text_code(x);
    end if;
  end $$;
comment on function kafka.debezium_code(text, oid, integer) is 'A value in Debezium''s envelope: its type, what it means, and an expression for it';

-- Records -------------------------------------------------------------------------------------------------------------

create function kafka.schema_of_field(kind text, meaning text, required boolean, field name) returns text
    language sql stable begin atomic
  select pg_catalog.format('{"type":%s,"optional":%s%s%s}',
    case when kind like '%[]' then pg_catalog.format('"array","items":{"type":"%s","optional":true}', rtrim(kind, '[]'))
      else pg_catalog.format('"%s"', kind) end,
    (not required)::text, case when meaning is not null then pg_catalog.format(',"name":"%s","version":1', meaning) end,
    case when field is not null then pg_catalog.format(',"field":%s', pg_catalog.to_json(field::text)) end);
end;
comment on function kafka.schema_of_field(text, text, boolean, name) is 'The schema of a value, as Connect''s JsonConverter reads it';

create function kafka.schema_of_row(rel oid, name text, names name[]) returns text language sql stable begin atomic
  select pg_catalog.format('{"type":"struct","fields":[%s],"optional":%s,"name":%s',
    string_agg(kafka.schema_of_field(d.kind, d.meaning, c.required, c.name), ',' order by c.number),
    case when names is null then 'true' else 'false' end, pg_catalog.to_json(schema_of_row.name))
  from kafka.columns_to_publish(rel) c, kafka.debezium_code('', c.typ, c.typmod) d
  where names is null or c.name = any (names);
end;
comment on function kafka.schema_of_row(oid, text, name[]) is 'The schema of a row, or of some columns of it; open at its end';

-- Everything of an envelope that does not change from record to record: a format of before, after, time, transaction and so on.
create function kafka.envelope_of(p kafka.published) returns text language plpgsql stable as $$
  declare
    it record;
    schema text;
    payload text;
    source constant text := '{"type":"struct","fields":[%s],"optional":false,"name":"io.debezium.connector.postgresql.Source","version":1,"field":"source"}';
    field record;
    fields text := '';
  begin
    select n.nspname, c.relname into it from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.oid = p.relation;
    for field in select * from (values ('version', 'string', false), ('connector', 'string', false), ('name', 'string', false),
        ('ts_ms', 'int64', false), ('snapshot', 'string', true), ('db', 'string', false), ('sequence', 'string', true),
        ('ts_us', 'int64', true), ('ts_ns', 'int64', true), ('schema', 'string', false), ('table', 'string', false),
        ('txId', 'int64', true), ('lsn', 'int64', true), ('xmin', 'int64', true)) v (name, kind, is_optional) loop
      fields := fields || case when fields = '' then '' else ',' end
        || kafka.schema_of_field(field.kind, null, not field.is_optional, field.name);
    end loop;
    schema := '{"type":"struct","fields":['
      || kafka.schema_of_row(p.relation, p.topic || '.Value', null) || ',"field":"before"},'
      || kafka.schema_of_row(p.relation, p.topic || '.Value', null) || ',"field":"after"},'
      || format(source, fields)
      || ',{"type":"string","optional":false,"field":"op"},{"type":"int64","optional":true,"field":"ts_ms"}'
      || ',{"type":"int64","optional":true,"field":"ts_us"},{"type":"int64","optional":true,"field":"ts_ns"}'
      || ',{"type":"struct","fields":[{"type":"string","optional":false,"field":"id"},{"type":"int64","optional":false,"field":"total_order"}'
      || ',{"type":"int64","optional":false,"field":"data_collection_order"}],"optional":true,"name":"event.block","version":1,"field":"transaction"}'
      || '],"optional":false,"name":' || to_json(p.topic || '.Envelope') || ',"version":2}';
    payload := '{"before":%1$s,"after":%2$s,"source":{"version":"tusk","connector":"postgresql","name":'
      || replace(to_json(p.topic)::text, '%', '%%') || ',"ts_ms":%3$s,"snapshot":"%4$s","db":'
      || replace(to_json(current_database())::text, '%', '%%') || ',"sequence":null,"ts_us":%3$s%5$s,"ts_ns":%3$s%5$s000,"schema":'
      || replace(to_json(it.nspname)::text, '%', '%%') || ',"table":' || replace(to_json(it.relname)::text, '%', '%%')
      || ',"txId":%6$s,"lsn":null,"xmin":null},"transaction":null,"op":"%7$s","ts_ms":%3$s,"ts_us":%3$s%5$s,"ts_ns":%3$s%5$s000}';
    return case when p.schemas then '{"schema":' || replace(schema, '%', '%%') || ',"payload":' || payload || '}' else payload end;
  end $$;
comment on function kafka.envelope_of(kafka.published) is 'The format of a publication''s envelopes';

create function kafka.enveloped(envelope text, op text, before text, after text) returns text language plpgsql stable as $$
  declare
    us text := (extract(epoch from clock_timestamp()) * 1000000)::bigint::text;
  begin
    return format(envelope, coalesce(before, 'null'), coalesce(after, 'null'), left(us, -3),
      case op when 'r' then 'incremental' else 'false' end, right(us, 3), pg_current_xact_id(), op);
  end $$;
comment on function kafka.enveloped(text, text, text, text) is 'A change as Debezium''s envelope';

-- Expressions for the key and the value of a row that is called x, and for whether its columns are still of the types
-- that these are made for. That is the guard of it all: what pg_typeof tells is of the expression itself, while a
-- transaction's snapshot of the catalogue may be older than the table is.
create function kafka.row_code(p kafka.published, x text, out guard text, out key text, out value text)
    language plpgsql stable as $$
  declare
    fields text;
    of_key text;
    there integer;
  begin
    select string_agg(format('pg_typeof(%s.%I) = ''%s''::regtype', x, c.name, c.typ::integer), ' and '),
        string_agg(format('%s as %I', code.code, c.name), ', ' order by c.number),
        string_agg(format('%s as %I', code.code, c.name), ', ' order by k.place) filter (where k.place is not null),
        count(k.place)
      into guard, fields, of_key, there
      from kafka.columns_to_publish(p.relation) c
      left join lateral (select u.place from unnest(p.key_names) with ordinality u (name, place) where u.name = c.name) k on true
      cross join lateral (
        select kafka.json_code(format('%s.%I', x, c.name), c.typ) as code where p.format = 'json'
        union all select (kafka.debezium_code(format('%s.%I', x, c.name), c.typ, c.typmod)).code where p.format = 'debezium') code;
    if there < cardinality(p.key_names) then
      raise exception 'column % of the key of table % is not there', array_to_string(p.key_names, ', '), p.table_name
        using errcode = '42703', hint = 'Publish the table anew: kafka.unpublish_table, and kafka.publish_table with another key.';
    end if;
    value := format('(select row_to_json(r.*)::text from (select %s) r)', fields);
    if p.format = 'debezium' then
      key := format('(select row_to_json(r.*)::text from (select %s) r)', of_key);
      if p.schemas then
        key := format('%L || %s || %L', '{"schema":' || kafka.schema_of_row(p.relation, p.topic || '.Key', p.key_names) || '},"payload":', key, '}');
      end if;
    elsif there = 1 then
      key := kafka.text_code(format('%s.%I', x, p.key_names[1]));
    else
      key := format('(select row_to_json(r.*)::text from (select %s) r)', of_key);
    end if;
    key := format('convert_to(%s, ''UTF8'')', key);
  end $$;
comment on function kafka.row_code(kafka.published, text) is 'Expressions for key and value of a row';

create function kafka.refuse_published(p kafka.published, key bytea, bytes bigint) returns void language plpgsql as $$
  declare
    it record;
    reason text;
  begin
    select * into it from kafka.sql_topics t where t.topic = p.topic;
    reason := case when not found then 'there is no such topic'
      when key is null and it.is_compacted then 'its cleanup.policy is compact, and the record has no key'
      else format('the record takes %s bytes; its max.message.bytes is %s', bytes, it.max_message_bytes) end;
    raise exception 'table % is published, and topic "%" does not take the record: %', p.table_name, p.topic, reason
      using errcode = case when it.topic is null then '42704' when key is null then '23502' else '54000' end,
      hint = format('Mend the topic; or end it by kafka.unpublish_table(%L, %L); or publish it with on_error => ''set aside''.',
        p.table_name, p.topic);
  end $$;
comment on function kafka.refuse_published(kafka.published, bytea, bigint) is 'Says why a topic does not take a record of a published table';

-- One partition, if one is told; else the one of the key.
create function kafka.publish_record(publication integer, topic text, key bytea, value bytea, fails boolean)
    returns void language plpgsql as $$
  declare
    p kafka.published;
  begin
    insert into kafka.outbox (partition_id, key, value)
      select t.partition_ids[1 + case cardinality(t.partition_ids) when 1 then 0
          else kafka.place_of(publish_record.key) % cardinality(t.partition_ids) end], publish_record.key, publish_record.value
      from kafka.sql_topics t
      where t.topic = publish_record.topic
        and kafka.record_bytes(publish_record.key, publish_record.value) <= t.max_message_bytes
        and (publish_record.key is not null or not t.is_compacted);
    if not found then
      select * into p from kafka.published f where f.publication_id = publication;
      begin
        perform kafka.refuse_published(p, key, kafka.record_bytes(key, value));
      exception when others then
        if fails then
          raise;
        end if;
        insert into kafka.outbox_refused (id, reason, partition_id, timestamp, key, value)
          values (0, sqlerrm, coalesce((select t.partition_ids[1] from kafka.sql_topics t where t.topic = publish_record.topic), -1),
            kafka.record_time(clock_timestamp()), key, value);
      end;
      return;
    end if;
    if kafka.broker_sleeps() then
      perform pg_notify('kafka_outbox', '');
    end if;
  end $$;
comment on function kafka.publish_record(integer, text, bytea, bytea, boolean) is 'A record of a published table';

-- In plain JSON, where there is no envelope, nobody is told what was before.
create function kafka.publish_change(publication integer, topic text, envelope text, old_key bytea, old_value text,
    new_key bytea, new_value text, op text, fails boolean) returns void language plpgsql as $$
  declare
    is_other boolean := op <> 'r' and not (op = 'u' and old_key is not distinct from new_key);
  begin
    -- A row with another key is another one.
    if is_other and op <> 'c' then
      if envelope is not null then
        perform kafka.publish_record(publication, topic, old_key,
          convert_to(kafka.enveloped(envelope, 'd', old_value, null), 'UTF8'), fails);
      end if;
      perform kafka.publish_record(publication, topic, old_key, null, fails);
    end if;
    if op <> 'd' then
      perform kafka.publish_record(publication, topic, new_key, convert_to(
        case when envelope is null then new_value
          when is_other then kafka.enveloped(envelope, 'c', null, new_value)
          else kafka.enveloped(envelope, op, old_value, new_value) end, 'UTF8'), fails);
    end if;
  end $$;
comment on function kafka.publish_change(integer, text, text, bytea, text, bytea, text, text, boolean) is 'A change of a row, in the envelope that is given, or none';

-- The publication as it is now: its table, by its name if oids are others since a restore, and the names of its key.
create function kafka.publication_now(publication integer) returns kafka.published language plpgsql as $$
  declare
    p kafka.published;
    names name[];
  begin
    select * into p from kafka.published f where f.publication_id = publication;
    if p.home is distinct from 'kafka.published'::regclass::oid then
      p.relation := to_regclass(p.table_name);
    else
      p.key_names := array(
        select coalesce(a.attname, k.name) from unnest(p.key_numbers, p.key_names) with ordinality k (number, name, place)
        left join pg_attribute a on a.attrelid = p.relation and a.attnum = k.number and not a.attisdropped order by k.place);
    end if;
    return p;
  end $$;
comment on function kafka.publication_now(integer) is 'A publication, with its table and key as they are called now';

create function kafka.is_published(p kafka.published, rel oid) returns boolean language sql stable begin atomic
  select coalesce(rel = (p).relation or pg_catalog.pg_partition_root(rel) = (p).relation, false);
end;
comment on function kafka.is_published(kafka.published, oid) is 'Whether a relation is the table of a publication, or a partition of it';

-- For a table that was changed and whose function was not made anew yet: the broker does so when it looks.
create function kafka.row_query(publication integer, rel oid) returns text language plpgsql as $$
  declare
    p kafka.published := kafka.publication_now(publication);
    code record;
  begin
    if p.publication_id is null then
      raise exception 'publication % is not known to this transaction', publication using errcode = '40001',
        hint = 'The transaction is older than the publication: try again.';
    elsif not kafka.is_published(p, rel) then
      raise exception 'table % is not published by this trigger', rel::regclass using errcode = '55000',
        hint = 'Drop the trigger, and publish the table by kafka.publish_table.';
    end if;
    code := kafka.row_code(p, '($1)');
    return format('select case when %1$s then %2$s end, case when %1$s then %3$s else ''changed'' end, %4$L', code.guard, code.key,
      code.value, case when p.format = 'debezium' then kafka.envelope_of(p) end);
  end $$;
comment on function kafka.row_query(integer, oid) is 'A query for key and value of a row, by the table as it is now';

-- Output goes by settings of a session; these are the same for all.
create function kafka.publish_settings(p kafka.published) returns text language sql stable begin atomic
  select case when p.format = 'json' and not exists (
      select from kafka.columns_to_publish((p).relation) c
      where (kafka.base_type(c.typ, -1)).typ not in (16, 18, 19, 20, 21, 23, 25, 26, 114, 1042, 1043, 1700, 2950, 3802)) then ''
    else 'set timezone = ''UTC'' set datestyle = ''ISO, YMD'' set intervalstyle = postgres set extra_float_digits = 1 set bytea_output = hex set lc_monetary = ''C'''
    end;
end;
comment on function kafka.publish_settings(kafka.published) is 'Settings that a publication''s function needs';

-- One statement for a change, as each costs more than what is in it. It finds nothing if the columns are of other types (the
-- guard comes before what it guards: it is the condition of what is selected), if the key has changed or the topic does not
-- take the record: then the longer way says what is to be done.
create function kafka.publish_statement(p kafka.published, op text) returns text language plpgsql stable as $$
  declare
    of_old record := kafka.row_code(p, 'old');
    of_new record := kafka.row_code(p, 'new');
    value text := case op when 'd' then 'null::text' else of_new.value end;
    source text := '';
    sorted text := '';
  begin
    if p.format = 'debezium' then
      value := format('format(%L, %s, %s, left(u.us, -3), ''false'', right(u.us, 3), pg_current_xact_id(), %L)', kafka.envelope_of(p),
        case op when 'c' then quote_literal('null') else of_old.value end,
        case op when 'd' then quote_literal('null') else of_new.value end, op);
      source := 'from (select (extract(epoch from clock_timestamp()) * 1000000)::bigint::text offset 0) u (us)';
      if op = 'd' then
        value := format('case n.n when 1 then %s end', value);
        source := source || ', (values (1), (2)) n (n)';
        sorted := 'order by n.n';
      end if;
    end if;
    return format('insert into kafka.outbox (partition_id, key, value)
          select t.partition_ids[1 + case cardinality(t.partition_ids) when 1 then 0
              else kafka.place_of(r.key) %% cardinality(t.partition_ids) end], r.key, r.value
          from (select %s as key, convert_to(%s, ''UTF8'') as value %s where %s %s offset 0) r, kafka.sql_topics t
          where t.topic = %L and kafka.record_bytes(r.key, r.value) <= t.max_message_bytes
            and (r.key is not null or not t.is_compacted)%s',
      case op when 'd' then of_old.key else of_new.key end, value, source, case op when 'd' then of_old.guard else of_new.guard end,
      sorted, p.topic, case op when 'u' then format(' and r.key is not distinct from %s', of_old.key) else '' end);
  end $$;
comment on function kafka.publish_statement(kafka.published, text) is 'The statement of a publication''s function for one operation';

-- The trigger function of one publication, made for the columns that its table has now. Whoever has another trigger call
-- it is told so: what it does is bound to its table.
create function kafka.make_publisher(p kafka.published) returns void language plpgsql as $make$
  declare
    is_root boolean := (select c.relkind = 'p' from pg_class c where c.oid = p.relation);
    known text[] := kafka.columns_now(p.relation);
  begin
    execute format($f$create or replace function kafka.publish_%1$s() returns trigger language plpgsql security definer
    set search_path = pg_catalog, pg_temp set plan_cache_mode = force_generic_plan %2$s as $body$
  declare
    envelope text;
    old_key bytea;
    old_value text;
    new_key bytea;
    new_value text;
  begin
    -- Columns that are not there any more are not looked at.
    if %3$s = '%4$s'::oid and kafka.has_columns('%4$s', %5$L) then
      if tg_op = 'UPDATE' then
        %6$s;
      elsif tg_op = 'INSERT' then
        %7$s;
      else
        %8$s;
      end if;
      if found then
        if kafka.broker_sleeps() then
          perform pg_notify('kafka_outbox', '');
        end if;
        return null;
      end if;
    end if;
    if tg_op <> 'INSERT' then
      execute kafka.row_query(%1$s, tg_relid) into old_key, old_value, envelope using old;
    end if;
    if tg_op <> 'DELETE' then
      execute kafka.row_query(%1$s, tg_relid) into new_key, new_value, envelope using new;
    end if;
    if 'changed' in (old_value, new_value) then
      raise exception 'the table was changed at this moment' using errcode = '40001', hint = 'Try again.';
    end if;
    perform kafka.publish_change(%1$s, %9$L, envelope, old_key, old_value, new_key, new_value,
      case tg_op when 'INSERT' then 'c' when 'UPDATE' then 'u' else 'd' end, %10$L);
    return null;
  end $body$$f$,
      p.publication_id, kafka.publish_settings(p), case when is_root then 'pg_partition_root(tg_relid)' else 'tg_relid' end,
      p.relation, known, kafka.publish_statement(p, 'u'), kafka.publish_statement(p, 'c'), kafka.publish_statement(p, 'd'),
      p.topic, p.on_error = 'fail');
    execute format('comment on function kafka.publish_%s() is %L', p.publication_id,
      format('Trigger: publishes %s as topic %s', p.table_name, p.topic));
    update kafka.published f set columns = known where f.publication_id = p.publication_id;
  end $make$;
comment on function kafka.make_publisher(kafka.published) is 'Makes the trigger function of a publication, anew if it is there';

-- Rights to read ------------------------------------------------------------------------------------------------------

-- To plan a query Postgres runs functions of constants in the expressions of a table's indexes and statistics. Those that
-- a person wrote would run with the rights of the schema's owner: then nothing is read.
-- A role that has all privileges of the schema's owner is trusted.
create function kafka.trusts_owner(rel oid) returns boolean language sql stable begin atomic
  select bool_and(pg_has_role(c.relowner, current_user, 'usage')) from pg_catalog.pg_class c
  where c.oid in (select rel union select t.relid from pg_catalog.pg_partition_tree(rel) t);
end;
comment on function kafka.trusts_owner(oid) is 'Whether what the owners of a table wrote may run with the rights of the schema''s owner';

create function kafka.check_reading(p kafka.published, changes boolean) returns void language plpgsql as $$
  begin
    if not has_table_privilege(current_user, p.relation, 'select')
      or changes and not has_table_privilege(current_user, p.relation, 'update') then
      raise exception 'role % may not read table %', current_user, p.table_name using errcode = '42501',
        detail = case when changes then 'Rows that it reads it locks for share, for a moment: that needs the right to update, too.'
          else 'A tombstone is told of each row.' end,
        hint = format('grant select%s on %s to %I; or have no rows read: snapshot => false.',
          case when changes then ', update' else '' end, p.table_name, current_user);
    elsif row_security_active(p.relation) then
      raise exception 'row level security hides rows of table % from role %', p.table_name, current_user using errcode = '42501',
        hint = 'Have no rows read (snapshot => false), or give that role bypassrls.';
    elsif not kafka.trusts_owner(p.relation) and exists (
      select from (select p.relation as relid union select t.relid from pg_partition_tree(p.relation) t) t
        join (select i.indrelid as rel, 'pg_class'::regclass as class, i.indexrelid as id from pg_index i
            where i.indexprs is not null or i.indpred is not null
          union all select s.stxrelid, 'pg_statistic_ext'::regclass, s.oid from pg_statistic_ext s
          union all select k.partrelid, 'pg_class'::regclass, k.partrelid from pg_partitioned_table k) e on e.rel = t.relid
        join pg_depend d on d.classid = e.class and d.objid = e.id
        left join pg_operator o on d.refclassid = 'pg_operator'::regclass and o.oid = d.refobjid
        left join pg_proc f on f.oid = case d.refclassid when 'pg_proc'::regclass then d.refobjid else o.oprcode end
        left join pg_language l on l.oid = f.prolang
      where l.lanname not in ('internal', 'c')
        or d.refclassid = 'pg_type'::regclass and exists (select from pg_type y where y.oid = d.refobjid and y.typtype = 'd')) then
      raise exception 'an index, statistics or the partitioning of table % run functions that are not Postgres'' own', p.table_name
        using errcode = '42501', detail = format('To read the table would run them with the rights of role %s.', current_user),
        hint = 'Have no rows read (snapshot => false), or let the table belong to the role that owns the schema.';
    end if;
  end $$;
comment on function kafka.check_reading(kafka.published, boolean) is 'Fails if the schema''s owner cannot read all rows of a table, or would run what others wrote';

-- Truncate ------------------------------------------------------------------------------------------------------------

-- A row each for plain records; of a partition alone, too. What no row tells is told to each partition of the topic.
create function kafka.publish_truncate() returns trigger language plpgsql security definer
    set search_path = pg_catalog, pg_temp set row_security = off set timezone = 'UTC' set datestyle = 'ISO, YMD'
    set intervalstyle = postgres set extra_float_digits = 1 set bytea_output = hex set lc_monetary = 'C' as $$
  declare
    p kafka.published := kafka.publication_now(tg_argv[0]::integer);
    is_root boolean := (select c.relkind = 'p' from pg_class c where c.oid = p.relation);
    rel oid := tg_relid;
    code record;
    row record;
    partition integer;
    envelope text;
  begin
    if not coalesce(kafka.is_published(p, tg_relid), false) then
      raise exception 'table % is not published by this trigger', tg_relid::regclass using errcode = '55000';
    elsif p.format = 'debezium' and not is_root then
      envelope := kafka.enveloped(kafka.envelope_of(p), 't', null, null);
      insert into kafka.outbox (partition_id, value)
        select unnest(t.partition_ids), convert_to(envelope, 'UTF8') from kafka.sql_topics t where t.topic = p.topic and not t.is_compacted;
      if not found then
        perform kafka.publish_record(p.publication_id, p.topic, null, convert_to(envelope, 'UTF8'), p.on_error = 'fail');
      elsif kafka.broker_sleeps() then
        perform pg_notify('kafka_outbox', '');
      end if;
      return null;
    end if;
    -- Each partition has a trigger of its own; that of the whole stands in for those that were made later.
    for rel in select t.relid from pg_partition_tree(tg_relid) t where t.isleaf and (t.relid = tg_relid or not exists (
        select from pg_trigger g where g.tgrelid = t.relid and g.tgfoid = 'kafka.publish_truncate'::regproc and g.tgargs = convert_to(tg_argv[0], 'UTF8') || '\\x00'))
      union all select tg_relid where not is_root and not exists (select from pg_partition_tree(tg_relid)) loop
      perform kafka.check_reading(p, false);
      if code is null then
        code := kafka.row_code(p, 't');
        envelope := case p.format when 'debezium' then kafka.envelope_of(p) end;
      end if;
      for row in execute format('select %s as key, %s as value from only %s t', code.key,
          case p.format when 'debezium' then code.value else 'null::text' end, rel::regclass) loop
        perform kafka.publish_change(p.publication_id, p.topic, envelope, row.key, row.value, null, null, 'd', p.on_error = 'fail');
      end loop;
    end loop;
    return null;
  end $$;
comment on function kafka.publish_truncate() is 'Trigger: publishes that a table is emptied';

-- Snapshot ------------------------------------------------------------------------------------------------------------

-- What a btree's order goes by, by its name in full.
create function kafka.order_operator(class oid, strategy integer) returns text language sql stable begin atomic
  select pg_catalog.format('operator(%I.%s)', n.nspname, o.oprname)
  from pg_catalog.pg_opclass c
  join pg_catalog.pg_amop m on m.amopfamily = c.opcfamily and m.amoplefttype = c.opcintype and m.amoprighttype = c.opcintype
  join pg_catalog.pg_operator o on o.oid = m.amopopr
  join pg_catalog.pg_namespace n on n.oid = o.oprnamespace
  where c.oid = class and m.amopstrategy = strategy;
end;
comment on function kafka.order_operator(oid, integer) is 'An operator of an index, to write in a query';

create function kafka.primary_key(rel oid) returns table (name name, type text, class oid, place bigint) language sql stable begin atomic
  select a.attname, pg_catalog.format_type((kafka.base_type(a.atttypid, a.atttypmod)).typ, -1), k.class, k.place
  from pg_catalog.pg_index i
  cross join unnest(i.indkey::smallint[], i.indclass::oid[]) with ordinality k (number, class, place)
  join pg_catalog.pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.number
  where i.indrelid = rel and i.indisprimary and k.place <= i.indnkeyatts order by k.place;
end;
comment on function kafka.primary_key(oid) is 'The columns of a table''s primary key, in order';

-- Rows behind a place in the order of the primary key, or up to it. Values are literals: a parameter would be cast. What is
-- said of the first column is said for the index.
create function kafka.rows_by_place(rel oid, at text[], upto boolean) returns text language plpgsql stable as $$
  declare
    it record;
    behind text;
    value text;
  begin
    for it in select * from kafka.primary_key(rel) k order by k.place desc loop
      value := format('%L::%s', at[it.place], it.type);
      behind := format('t.%I %s %s%s', it.name, kafka.order_operator(it.class, 5), value,
        case when behind is not null then
          format(' or t.%I %s %s and (%s)', it.name, kafka.order_operator(it.class, 3), value, behind) end);
    end loop;
    return format('t.%I %s %s and %s (%s)', it.name, kafka.order_operator(it.class, case when upto then 2 else 4 end), value,
      case when upto then 'not' end, behind);
  end $$;
comment on function kafka.rows_by_place(oid, text[], boolean) is 'A condition: behind a place in the order of the primary key, or not';

-- One step of a snapshot: rows of a range of keys, locked for share, so that whoever changes one of them does so before its
-- record is written or after. Rows that are of a transaction since the triggers were there have their record. That is
-- known as long as the server has given no transaction id twice; later all rows are told, some of them twice.
create function kafka.publish_step(publication integer, most integer, room integer, out state text, out rows integer, out bytes bigint)
    language plpgsql security definer set search_path = pg_catalog, pg_temp set row_security = off set enable_seqscan = off
    set constraint_exclusion = off set timezone = 'UTC' set datestyle = 'ISO, YMD' set intervalstyle = postgres
    set extra_float_digits = 1 set bytea_output = hex set lc_monetary = 'C' as $$
  declare
    p kafka.published;
    names name[];
    code record;
    upto text[];
    keys bytea[];
    values bytea[];
    place text;
    sorted text;
    source text;
    range text := 'true';
    was_lock_timeout constant text := current_setting('lock_timeout');
    envelope text;
  begin
    rows := 0;
    bytes := 0;
    state := 'gone';
    perform from kafka.published f where f.publication_id = publication for update;
    p := kafka.publication_now(publication);
    if p.publication_id is null or not exists (select from pg_class c where c.oid = p.relation) or p.snapshot not in ('asked', 'running') then
      return;
    elsif (select count(*) from (select from kafka.outbox limit room) o) = room then
      state := 'waits';
      return;
    end if;
    source := case when (select c.relkind = 'p' from pg_class c where c.oid = p.relation) then '' else 'only ' end || p.relation::regclass;
    -- Nobody changes the table's indexes meanwhile.
    if not kafka.trusts_owner(p.relation) then
      -- Writers do not wait for who waits for this, and it takes a while until an autovacuum gives way.
      perform set_config('lock_timeout', '2s', true);
      execute format('lock table %s in share update exclusive mode', source);
      perform set_config('lock_timeout', was_lock_timeout, true);
    end if;
    perform kafka.check_reading(p, true);
    select array_agg(k.name order by k.place), string_agg(format('format(''%%s'', t.%I)', k.name), ', ' order by k.place),
        string_agg(format('t.%I using %s', k.name, kafka.order_operator(k.class, 1)), ', ' order by k.place)
      into names, place, sorted from kafka.primary_key(p.relation) k;
    if names is null or names <> p.position_names then
      raise exception 'the primary key of table % is another one than it was', p.table_name using errcode = '55000',
        hint = 'Publish the table anew: kafka.unpublish_table, and kafka.publish_table.';
    end if;
    if p.position is not null then
      range := kafka.rows_by_place(p.relation, p.position, false);
    end if;
    execute format('select array[%s] from %s t where %s order by %s offset %s limit 1', place, source, range, sorted, most - 1) into upto;
    if upto is not null then
      range := format('%s and %s', range, kafka.rows_by_place(p.relation, upto, true));
    end if;
    if p.mark is not null and pg_current_xact_id()::text::bigint < 4294967296 then
      range := format('%s and t.xmin::text::bigint < %s and t.xmin::text::bigint <> all (%L::bigint[])', range, p.mark, p.open_then);
    end if;
    code := kafka.row_code(p, 't');
    envelope := case p.format when 'debezium' then kafka.envelope_of(p) end;
    -- All in one statement; what the topic does not take is looked at row by row.
    execute format('with r as materialized (select %s as key, %s as value from %s t where %s for share of t),
        v as materialized (select r.key, convert_to(%s, ''UTF8'') as value from r),
        f as materialized (select v.*, t.partition_ids,
            coalesce(kafka.record_bytes(v.key, v.value) <= t.max_message_bytes and (v.key is not null or not t.is_compacted), false) as fits
          from v left join kafka.sql_topics t on t.topic = $1),
        put as (insert into kafka.outbox (partition_id, key, value)
          select f.partition_ids[1 + case cardinality(f.partition_ids) when 1 then 0
              else kafka.place_of(f.key) %% cardinality(f.partition_ids) end], f.key, f.value from f where f.fits)
        select count(*), coalesce(sum(octet_length(f.value)), 0), array_agg(f.key) filter (where not f.fits),
          array_agg(f.value) filter (where not f.fits) from f',
        code.key, code.value, source, range, case p.format when 'json' then 'r.value' else 'kafka.enveloped($2, ''r'', null, r.value)' end)
      using p.topic, envelope into rows, bytes, keys, values;
    for i in 1 .. coalesce(cardinality(values), 0) loop
      perform kafka.publish_record(publication, p.topic, keys[i], values[i], p.on_error = 'fail');
    end loop;
    if kafka.broker_sleeps() then
      perform pg_notify('kafka_outbox', '');
    end if;
    state := case when upto is null then 'done' else 'running' end;
    update kafka.published f set snapshot = state, position = upto, rows_read = f.rows_read + publish_step.rows, error = null, error_since = null
      where f.publication_id = publication;
  end $$;
comment on function kafka.publish_step(integer, integer, integer) is 'The broker''s own: one step of a snapshot; done, running, waits (for room in the outbox) or gone';

create function kafka.publish_failed(publication integer, reason text) returns void language plpgsql security definer
    set search_path = pg_catalog, pg_temp as $$
  begin
    update kafka.published f set error = reason, error_since = coalesce(f.error_since, now())
      where f.publication_id = publication and f.error is distinct from reason;
  end $$;
comment on function kafka.publish_failed(integer, text) is 'The broker''s own: notes why a snapshot does not go on';

-- Functions of tables that were changed are made anew, and go with tables that are gone.
create function kafka.tend_publications(out publication integer, out reads boolean) returns setof record
    language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
  declare
    was kafka.published;
    p kafka.published;
    called text;
  begin
    for was in select * from kafka.published f order by f.publication_id loop
      p := kafka.publication_now(was.publication_id);
      called := (select c.oid::regclass::text from pg_class c where c.oid = p.relation);
      if called is null and p.home = 'kafka.published'::regclass::oid then
        delete from kafka.published f where f.publication_id = p.publication_id;
        execute format('drop function if exists kafka.publish_%s()', p.publication_id);
      elsif called is not null then
        begin
          if p.home <> 'kafka.published'::regclass::oid or (called, p.key_names) is distinct from (was.table_name, was.key_names)
            or was.columns is distinct from kafka.columns_now(p.relation) then
            -- Whoever ends it goes first.
            perform from kafka.published f where f.publication_id = p.publication_id for update skip locked;
            continue when not found;
            update kafka.published f set relation = p.relation, home = 'kafka.published'::regclass, table_name = called, key_names = p.key_names,
                key_numbers = array(select a.attnum from unnest(p.key_names) with ordinality k (name, place)
                  join pg_attribute a on a.attrelid = p.relation and a.attname = k.name order by k.place),
                mark = case when p.home = 'kafka.published'::regclass::oid then f.mark end
              where f.publication_id = p.publication_id and cardinality(f.key_names) = (
                select count(*) from pg_attribute a where a.attrelid = p.relation and a.attname = any (p.key_names) and not a.attisdropped);
            p.table_name := called;
            perform kafka.make_publisher(p);
          end if;
        exception when others then
          perform kafka.publish_failed(p.publication_id, sqlerrm);
        end;
        publication := p.publication_id;
        reads := p.snapshot in ('asked', 'running');
        return next;
      end if;
    end loop;
  end $$;
comment on function kafka.tend_publications() is 'The broker''s own: brings publications up to date with their tables; and whether a snapshot is to be read';

-- Publishing ----------------------------------------------------------------------------------------------------------

create function kafka.names_of(list text, rel oid) returns text[] language plpgsql stable set search_path = pg_catalog, pg_temp as $$
  declare
    names text[] := array(select btrim(n.name) from unnest(string_to_array(list, ',')) with ordinality n (name, place) order by n.place);
  begin
    return array(
      select coalesce((select a.attname::text from pg_catalog.pg_attribute a where a.attrelid = rel and a.attname in (n.name, lower(n.name))
        and a.attnum > 0 order by a.attname = n.name desc limit 1), n.name)
      from unnest(names) with ordinality n (name, place) order by n.place);
  end $$;
comment on function kafka.names_of(text, oid) is 'Columns out of a list with commas';

create function kafka.check_table(role name, rel oid) returns void language plpgsql stable as $$
  declare
    it record;
    why text;
  begin
    select c.*, n.nspname into it from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.oid = rel;
    if it.oid is null then
      raise exception 'there is no table' using errcode = '42P01';
    elsif not pg_has_role(to_regrole(quote_ident(role))::oid, it.relowner, 'usage') then
      raise exception 'must be owner of table %', rel::regclass using errcode = '42501',
        detail = format('Role %I has not the privileges of its owner, %s.', role, it.relowner::regrole),
        hint = 'Let its owner publish it.';
    end if;
    why := case
      when it.relkind not in ('r', 'p') then 'it is no table'
      when it.relpersistence = 't' then 'it is temporary'
      when it.relnamespace = 'kafka'::regnamespace or it.nspname ~ '^pg_|^information_schema$' then 'it is none of an app'
      when it.relpersistence = 'u' then 'it is unlogged: after a crash it is empty, and nobody is told'
      when it.relispartition then format('it is a partition: publish %s', pg_partition_root(rel))
      when it.relkind = 'r' and exists (select from pg_inherits i where i.inhparent = rel) then 'other tables inherit it: their rows are not its own'
      when exists (select from pg_partition_tree(rel) t join pg_class c on c.oid = t.relid where c.relkind = 'f') then 'a partition of it is a foreign table'
    end;
    if why is not null then
      raise exception 'table % cannot be published: %', rel::regclass, why using errcode = '0A000';
    end if;
  end $$;
comment on function kafka.check_table(name, oid) is 'Fails if a table cannot be published, or not by this role';

-- What publish_table does with the rights of the schema's owner: first the row and the function, then, once the triggers
-- are there, the mark of the snapshot.
create function kafka.begin_publication(rel oid, of_topic text, key text[], of_format text, with_schemas boolean, with_snapshot boolean,
    on_refusal text) returns integer language plpgsql security definer set search_path = pg_catalog, pg_temp set row_security = off as $$
  declare
    role name := kafka.session_role();
    p kafka.published;
    pk name[] := (select array_agg(k.name order by k.place) from kafka.primary_key(rel) k);
    missing text;
  begin
    if of_topic is null or not kafka.may(role, 'WRITE', 'TOPIC', of_topic) then
      perform kafka.refuse_right(role, 'WRITE', 'TOPIC', of_topic);
    end if;
    perform kafka.check_table(role, rel);
    if not exists (select from kafka.sql_topics t where t.topic = of_topic) then
      raise exception 'there is no topic "%"', of_topic using errcode = '42704', hint = 'Make it first, with any client or tool of Kafka.';
    elsif of_format not in ('json', 'debezium') or on_refusal not in ('fail', 'set aside') or num_nulls(of_format, on_refusal, with_schemas, with_snapshot) > 0 then
      raise exception 'no way to publish: format %, on_error %', of_format, on_refusal using errcode = '22023',
        hint = 'format is ''json'' or ''debezium'', on_error ''fail'' or ''set aside''.';
    elsif (select count(*) from kafka.published f) >= 1000 then
      raise exception 'there is no room for more than 1,000 publications' using errcode = '54000', hint = 'kafka.unpublish_table ends one.';
    elsif exists (select from kafka.published f where f.relation = rel and f.home = 'kafka.published'::regclass and f.topic = of_topic) then
      raise exception 'table % is published as topic "%" already', rel::regclass, of_topic using errcode = '42710',
        hint = format('To publish it otherwise: select kafka.unpublish_table(%L, %L).', rel::regclass, of_topic);
    end if;
    p.key_names := coalesce(nullif(key, '{}'), pk);
    if coalesce(cardinality(p.key_names), 0) = 0 then
      raise exception 'table % has no primary key', rel::regclass using errcode = '42P16', hint = 'Say by which columns its records are known: key => ''a, b''.';
    elsif with_snapshot and pk is null then
      raise exception 'table % has no primary key to read its rows by', rel::regclass using errcode = '42P16',
        hint = 'Add one, or have no rows read: snapshot => false.';
    end if;
    missing := (select k.name from unnest(p.key_names) k (name) where not exists (
      select from kafka.columns_to_publish(rel) c where c.name = k.name) limit 1);
    if missing is not null then
      raise exception 'table % has no column "%" that a record could tell', rel::regclass, missing using errcode = '42703';
    end if;
    p.relation := rel;
    p.table_name := rel::regclass;
    if with_snapshot then
      perform kafka.check_reading(p, true);
    end if;
    insert into kafka.published (relation, table_name, topic, key_numbers, key_names, format, schemas, on_error, role, snapshot, position_names)
      values (rel, rel::regclass, of_topic,
        array(select a.attnum from unnest(p.key_names) with ordinality k (name, place)
          join pg_attribute a on a.attrelid = rel and a.attname = k.name order by k.place),
        p.key_names, of_format, with_schemas, on_refusal, role, 'begun', case when with_snapshot then pk end)
      returning * into p;
    perform kafka.make_publisher(p);
    return p.publication_id;
  end $$;
comment on function kafka.begin_publication(oid, text, text[], text, boolean, boolean, text) is 'Within kafka.publish_table: whether it may be, its row and its function';

-- The mark is a transaction id that is given now, while nobody writes the table: rows from before are below it, also those
-- of this transaction, and those of transactions that come are not. Others that are open have an id below, and have not
-- written the table, which they would have locked.
create function kafka.finish_publication(publication integer) returns void language plpgsql security definer
    set search_path = pg_catalog, pg_temp as $$
  declare
    p kafka.published := kafka.publication_now(publication);
    below bigint;
    own bigint;
  begin
    perform kafka.check_table(kafka.session_role(), p.relation);
    if p.snapshot is distinct from 'begun' or not exists (
      select from pg_trigger t where t.tgrelid = p.relation and t.tgfoid = to_regproc(format('kafka.publish_%s', publication))) then
      raise exception 'publication % is not about to begin', publication using errcode = '55000';
    end if;
    begin
      update kafka.published f set since = clock_timestamp(), snapshot = case when f.position_names is null then 'none' else 'asked' end
        where f.publication_id = publication;
      below := (select f.xmin::text::bigint from kafka.published f where f.publication_id = publication);
    exception when division_by_zero then
      raise;
    end;
    own := pg_current_xact_id()::text::bigint;
    if own < below and below < 4294967296 then
      update kafka.published f set mark = below,
          open_then = array(select distinct l.transactionid::text::bigint from pg_locks l
            where l.locktype = 'transactionid' and l.mode = 'ExclusiveLock' and l.pid is distinct from pg_backend_pid()
              and l.transactionid::text::bigint < below)
        where f.publication_id = publication;
    end if;
    if p.columns is distinct from kafka.columns_now(p.relation) then
      perform kafka.make_publisher(p);
    end if;
  end $$;
comment on function kafka.finish_publication(integer) is 'Within kafka.publish_table: from here on its triggers tell what is written';

create function kafka.publish_table("table" regclass, topic text, key text[], format text default 'json', schemas boolean default true,
    snapshot boolean default true, on_error text default 'fail') returns integer language plpgsql
    set search_path = pg_catalog, pg_temp set lock_timeout = '50ms' as $$
  declare
    id integer := kafka.begin_publication("table", topic, key, format, schemas, snapshot, on_error);
    called text := pg_catalog.format('!%s publish %s', left('kafka'::regnamespace::text, 40), id);
    tries integer := 0;
    part regclass;
  begin
    -- It waits for whoever writes the table, but none of those that come waits long for it.
    loop
      begin
        execute pg_catalog.format('lock table %s in share row exclusive mode', "table");
        exit;
      exception when lock_not_available then
        tries := tries + 1;
        if tries = 50 then
          raise exception 'table % is always being written', "table" using errcode = '55P03',
            detail = 'Its triggers can be made when no transaction is open that has written it.',
            hint = 'Try again; pg_locks shows who has it.';
        end if;
      end;
      perform pg_sleep(0.1);
    end loop;
    -- Its name goes before those of other triggers: what they change is told behind what they were called for.
    execute pg_catalog.format('create trigger %I after insert or update or delete on %s for each row execute function kafka.publish_%s()',
      called, "table", id);
    execute pg_catalog.format('alter table %s enable always trigger %I', "table", called);
    for part in select "table" union select t.relid from pg_partition_tree("table") t where t.isleaf loop
      execute pg_catalog.format('create trigger %I before truncate on %s for each statement execute function kafka.publish_truncate(%L)',
        called || ' truncate', part, id);
      execute pg_catalog.format('alter table only %s enable always trigger %I', part, called || ' truncate');
    end loop;
    perform kafka.finish_publication(id);
    return id;
  end $$;
comment on function kafka.publish_table(regclass, text, text[], text, boolean, boolean, text) is 'Publishes a table as a topic, by columns of a key; its number';

create function kafka.publish_table("table" regclass, topic text, key text default null, format text default 'json',
    schemas boolean default true, snapshot boolean default true, on_error text default 'fail') returns integer language plpgsql as $$
  begin
    return kafka.publish_table("table", topic, kafka.names_of(key, "table"::pg_catalog.oid), format, schemas, snapshot, on_error);
  end $$;
comment on function kafka.publish_table(regclass, text, text, text, boolean, boolean, text) is 'Publishes a table as a topic: its rows, and every change in the writer''s transaction; its number';

create function kafka.end_publication(publication integer) returns void language plpgsql security definer
    set search_path = pg_catalog, pg_temp as $$
  declare
    p kafka.published := kafka.publication_now(publication);
    role oid := to_regrole(quote_ident(kafka.session_role()))::oid;
  begin
    if p.publication_id is null or not coalesce(pg_has_role(role, (select c.relowner from pg_class c where c.oid = p.relation), 'usage'), false)
      and not pg_has_role(role, current_user, 'usage') then
      raise exception 'must be owner of table %', p.table_name using errcode = '42501';
    end if;
    delete from kafka.published f where f.publication_id = publication;
    execute format('drop function if exists kafka.publish_%s()', publication);
  end $$;
comment on function kafka.end_publication(integer) is 'Within kafka.unpublish_table: what has no trigger any more goes';

create function kafka.publications_of(rel oid, topic text) returns setof integer language sql stable security definer
    set search_path = pg_catalog, pg_temp begin atomic
  select f.publication_id from kafka.published f
  where (kafka.publication_now(f.publication_id)).relation = rel and (publications_of.topic is null or f.topic = publications_of.topic);
end;
comment on function kafka.publications_of(oid, text) is 'The numbers of a table''s publications';

create function kafka.unpublish_table("table" regclass, topic text default null) returns integer language plpgsql
    set search_path = pg_catalog, pg_temp set lock_timeout = '50ms' as $$
  declare
    id integer;
    it record;
    ended integer := 0;
    tries integer := 0;
  begin
    loop
      begin
        execute pg_catalog.format('lock table %s in access exclusive mode', "table");
        exit;
      exception when lock_not_available then
        tries := tries + 1;
        if tries = 50 then
          raise exception 'table % is always in use', "table" using errcode = '55P03', hint = 'Try again; pg_locks shows who has it.';
        end if;
      end;
      perform pg_sleep(0.1);
    end loop;
    for id in select * from kafka.publications_of("table", topic) loop
      for it in select t.tgname, t.tgrelid::regclass as rel from pg_trigger t
          where t.tgparentid = 0 and t.tgrelid in (select "table"::oid union select r.relid from pg_partition_tree("table") r)
            and (t.tgfoid = pg_catalog.format('kafka.publish_%s', id)::regproc
              or t.tgfoid = 'kafka.publish_truncate'::regproc and t.tgargs = convert_to(id::text, 'UTF8') || '\\x00') loop
        execute pg_catalog.format('drop trigger %I on %s', it.tgname, it.rel);
      end loop;
      perform kafka.end_publication(id);
      ended := ended + 1;
    end loop;
    return ended;
  end $$;
comment on function kafka.unpublish_table(regclass, text) is 'Ends a table''s publications, or the one as this topic; how many';

create view kafka.publications as
  select f.publication_id, coalesce(c.oid::regclass::text, f.table_name) as table_name, f.topic, f.format,
    array_to_string(f.key_names, ', ') as key,
    case when c.oid is null then 'table dropped'
      when not exists (select from pg_trigger t where t.tgrelid = c.oid and t.tgenabled = 'A'
        and t.tgfoid = to_regproc(format('kafka.publish_%s', f.publication_id))) then 'trigger missing'
      when not exists (select from kafka.sql_topics t where t.topic = f.topic) then 'topic missing'
      when f.snapshot in ('begun', 'asked', 'running') then 'snapshot' else 'live' end as state,
    f.on_error, f.role::text as role, f.since, f.rows_read as snapshot_rows, f.position as snapshot_position, f.error, f.error_since
  from kafka.published f
  left join pg_class c on c.oid = case when f.home = 'kafka.published'::regclass::oid then f.relation else to_regclass(f.table_name) end;
comment on view kafka.publications is 'Tables that are published as topics, and how far the snapshot of each is';
comment on column kafka.publications.publication_id is 'Its number';
comment on column kafka.publications.table_name is 'The table';
comment on column kafka.publications.topic is 'The topic';
comment on column kafka.publications.format is 'json or debezium';
comment on column kafka.publications.key is 'The columns by which records are known';
comment on column kafka.publications.state is 'live, snapshot (rows that were there are still read), or what is wrong: trigger missing, topic missing, table dropped';
comment on column kafka.publications.on_error is 'What becomes of a record that the topic does not take';
comment on column kafka.publications.role is 'Who published it';
comment on column kafka.publications.since is 'From when on changes are told';
comment on column kafka.publications.snapshot_rows is 'How many rows the snapshot has read';
comment on column kafka.publications.snapshot_position is 'Up to which primary key it has come';
comment on column kafka.publications.error is 'Why it does not go on; null: it does';
comment on column kafka.publications.error_since is 'Since when';

-- Everybody calls what asks for rights itself; nobody what is within. A trigger's function asks what table calls it.
revoke execute on function kafka.base_type(oid, integer), kafka.columns_now(oid), kafka.has_columns(oid, text[]), kafka.text_code(text),
  kafka.is_postgres_own(oid), kafka.json_code(text, oid), kafka.debezium_code(text, oid, integer),
  kafka.schema_of_field(text, text, boolean, name), kafka.schema_of_row(oid, text, name[]), kafka.envelope_of(kafka.published),
  kafka.enveloped(text, text, text, text), kafka.row_code(kafka.published, text), kafka.refuse_published(kafka.published, bytea, bigint),
  kafka.publish_record(integer, text, bytea, bytea, boolean),
  kafka.publish_change(integer, text, text, bytea, text, bytea, text, text, boolean), kafka.publication_now(integer),
  kafka.is_published(kafka.published, oid), kafka.row_query(integer, oid), kafka.publish_settings(kafka.published),
  kafka.publish_statement(kafka.published, text), kafka.make_publisher(kafka.published), kafka.check_reading(kafka.published, boolean), kafka.trusts_owner(oid), kafka.columns_to_publish(oid),
  kafka.order_operator(oid, integer), kafka.primary_key(oid), kafka.rows_by_place(oid, text[], boolean), kafka.check_table(name, oid),
  kafka.publish_step(integer, integer, integer), kafka.publish_failed(integer, text), kafka.tend_publications() from public;`,
  "0021_materialise": `-- A topic as a table: the latest value of each key. A follower of the broker writes rows and its position in one
-- transaction, on sessions of its own. For each table there are functions that are bound to it when they are made: no name
-- is looked up later, and no record is a part of a statement.

create table kafka.materialised_tables (
  follower_id integer generated always as identity primary key,
  target regclass not null unique,
  table_name text not null,
  topic text collate "C" not null,
  topic_id text collate "C",
  role name not null,
  on_error text not null check (on_error in ('stop', 'skip')),
  key_column json not null,
  columns json not null,
  created_at timestamptz not null default now()
);
comment on table kafka.materialised_tables is 'Tables that hold the latest value of each key of a topic: see kafka.materialised';
comment on column kafka.materialised_tables.follower_id is 'Given once';
comment on column kafka.materialised_tables.target is 'The table';
comment on column kafka.materialised_tables.table_name is 'As it was called when it was given to kafka.materialise';
comment on column kafka.materialised_tables.topic is 'The topic''s name';
comment on column kafka.materialised_tables.topic_id is 'The topic whose records the rows are; null: none yet';
comment on column kafka.materialised_tables.role is 'Has to have the right to read the topic, as long as the table follows it';
comment on column kafka.materialised_tables.on_error is 'What becomes of a record that does not fit: stop there, or skip it';
comment on column kafka.materialised_tables.key_column is 'The column of the key, and where it comes from';
comment on column kafka.materialised_tables.columns is 'The other columns, and where they come from';
comment on column kafka.materialised_tables.created_at is 'When it was materialised';

-- As kafka.unpacked_positions: a step forward is a new row with the former one deleted.
create table kafka.materialised_positions (
  follower_id integer not null,
  partition_id integer not null,
  next_offset bigint not null,
  primary key (follower_id, partition_id, next_offset)
) with (autovacuum_vacuum_scale_factor = 0.2, autovacuum_vacuum_threshold = 20000);
comment on table kafka.materialised_positions is 'How far materialised tables have come, a row for each table and partition; a step is a new row';
comment on column kafka.materialised_positions.follower_id is 'The table';
comment on column kafka.materialised_positions.partition_id is 'The partition';
comment on column kafka.materialised_positions.next_offset is 'All that read_committed has below is there';

create table kafka.materialised_troubles (
  follower_id integer not null,
  partition_id integer not null,
  stands_since timestamptz,
  error text,
  error_offset bigint,
  skipped bigint not null default 0,
  skipped_offset bigint,
  skipped_error text,
  skipped_at timestamptz,
  primary key (follower_id, partition_id)
);
comment on table kafka.materialised_troubles is 'Where and why a materialised table stands, and what it has skipped: see kafka.materialised';
comment on column kafka.materialised_troubles.follower_id is 'The table';
comment on column kafka.materialised_troubles.partition_id is 'The partition';
comment on column kafka.materialised_troubles.stands_since is 'Null: it goes on';
comment on column kafka.materialised_troubles.error is 'Why it stands';
comment on column kafka.materialised_troubles.error_offset is 'Where it stands';
comment on column kafka.materialised_troubles.skipped is 'Records that did not fit and were left out';
comment on column kafka.materialised_troubles.skipped_offset is 'The last of them';
comment on column kafka.materialised_troubles.skipped_error is 'Why that one did not fit';
comment on column kafka.materialised_troubles.skipped_at is 'When it was left out';

-- A column as it is asked for: a type, or an object of type, from and path. The answer has all of them and the name.
create function kafka.materialised_column(name text, asked json) returns json language plpgsql immutable
    set search_path = pg_catalog, pg_temp as $$
  declare
    source text := 'value';
    path text[] := array[name];
    type text;
  begin
    if json_typeof(asked) = 'string' then
      type := asked #>> '{}';
    elsif json_typeof(asked) = 'object' and not exists (
        select from json_object_keys(asked) k where k not in ('name', 'type', 'from', 'path')) then
      type := asked ->> 'type';
      source := coalesce(asked ->> 'from', 'value');
      path := case json_typeof(asked -> 'path')
        when 'array' then array(select p from json_array_elements_text(asked -> 'path') p)
        when 'string' then string_to_array(asked ->> 'path', '.')
        else case when asked -> 'from' is null then path end end;
    else
      raise 'not a column: %', left(asked::text, 200) using errcode = '22023',
        hint = 'Write "name": "type", or "name": {"type": …, "path": "a.b"} or {"type": …, "from": "offset"}.';
    end if;
    if coalesce(name, '') = '' or source not in ('value', 'key', 'partition', 'offset', 'timestamp', 'headers')
      or path is not null and (source not in ('value', 'key') or cardinality(path) = 0 or array_position(path, null) > 0) then
      raise 'not a column: %', left(asked::text, 200) using errcode = '22023',
        hint = 'It has a name; "from" is value, key, partition, offset, timestamp or headers, and a path leads into value or key.';
    end if;
    type := coalesce(type, case source when 'partition' then 'integer' when 'offset' then 'bigint'
      when 'timestamp' then 'timestamptz' when 'key' then 'text' else 'jsonb' end);
    return json_build_object('name', name, 'type', type, 'from', source, 'path', path);
  end $$;
comment on function kafka.materialised_column(text, json) is 'A column of kafka.materialise with all that it leaves out';

create function kafka.materialised_columns(columns json) returns json language plpgsql immutable
    set search_path = pg_catalog, pg_temp as $$
  begin
    if columns is null then
      return json_build_array(kafka.materialised_column('value', '{"type": "jsonb", "from": "value"}'));
    elsif json_typeof(columns) = 'object' then
      return (select coalesce(json_agg(kafka.materialised_column(c.key, c.value)), '[]') from json_each(columns) c);
    elsif json_typeof(columns) = 'array' then
      return (select coalesce(json_agg(kafka.materialised_column(c ->> 'name', c)), '[]') from json_array_elements(columns) c);
    end if;
    raise 'not a list of columns: %', left(columns::text, 200) using errcode = '22023',
      hint = 'Write {"id": "bigint", "city": {"type": "text", "path": "address.city"}}, or an array of objects with a name each.';
  end $$;
comment on function kafka.materialised_columns(json) is 'The columns of kafka.materialise, each with all that it leaves out';

-- A type, or an object as that of a column.
create function kafka.materialised_key(key text) returns json language plpgsql immutable
    set search_path = pg_catalog, pg_temp as $$
  declare
    asked json;
    made json;
  begin
    if left(ltrim(key), 1) <> '{' then
      return kafka.materialised_column('key', json_build_object('type', key, 'from', 'key'));
    end if;
    asked := key::json;
    made := kafka.materialised_column(coalesce(asked ->> 'name', 'key'), asked);
    return json_build_object('name', made -> 'name', 'from', 'key',
      'type', coalesce(asked -> 'type', '"text"'), 'path', case when asked -> 'path' is not null then made -> 'path' end);
  end $$;
comment on function kafka.materialised_key(text) is 'The key''s column of kafka.materialise with all that it leaves out';

create function kafka.type_name(type oid) returns text language sql stable
begin atomic
  select format('%I.%I', n.nspname, t.typname) from pg_type t join pg_namespace n on n.oid = t.typnamespace where t.oid = type;
end;
comment on function kafka.type_name(oid) is 'A type by its whole name, without a length: what does not fit is to fail';

-- What a column is made of, in terms of l, a record, and d.doc, its value as JSON.
create function kafka.materialised_expression(of_column json, of_type oid) returns text language plpgsql stable
    set search_path = pg_catalog, pg_temp as $$
  declare
    source text := of_column ->> 'from';
    bytes text := format('l.%I', source);
    whole text := format('convert_from(%s, ''UTF8'')', bytes);
    doc text := case source when 'value' then 'd.doc' else format('%s::jsonb', whole) end;
    path text := case when json_typeof(of_column -> 'path') = 'array' then format('%L::text[]',
      array(select p from json_array_elements_text(of_column -> 'path') p)::text) end;
    found text := format('nullif((%s) #> %s, ''null''::jsonb)', doc, path);
    name text := kafka.type_name(of_type);
    element oid := (select t.typelem from pg_type t where t.oid = of_type and t.typcategory = 'A');
  begin
    if source in ('partition', 'offset', 'timestamp') then
      return format('%s::%s', bytes, name);
    elsif source = 'headers' then
      return format('(select jsonb_agg(jsonb_build_array(h.key, coalesce(kafka.as_text(h.value), encode(h.value, ''escape'')))
        order by h.place) from unnest(l.headers) with ordinality h (key, value, place))::%s', name);
    elsif path is null then
      return case of_type when 'bytea'::regtype then bytes when 'jsonb'::regtype then doc
        else format('%s::%s', whole, name) end;
    elsif of_type = 'jsonb'::regtype then
      return found;
    elsif of_type = 'bytea'::regtype then
      return format('decode((%s) #>> %s, ''base64'')', doc, path);
    elsif element is not null then
      return format('case when %s is not null then array(select (e.value #>> ''{}'')::%s
        from jsonb_array_elements(%s) with ordinality e (value, place) order by e.place) end', found, kafka.type_name(element), found);
    end if;
    return format('((%s) #>> %s)::%s', doc, path, name);
  end $$;
comment on function kafka.materialised_expression(json, oid) is 'What a column of a materialised table is made of';

-- The type of a column, if it fits what was asked for.
create function kafka.materialised_type(of_table regclass, of_column json) returns oid language plpgsql stable
    set search_path = pg_catalog, pg_temp as $$
  declare
    found_type oid;
    wanted text := of_column ->> 'type';
  begin
    select a.atttypid into found_type from pg_attribute a
      where a.attrelid = of_table and a.attname = of_column ->> 'name' and a.attnum > 0 and not a.attisdropped
        and a.attgenerated = '' and a.attidentity <> 'a';
    if found_type is null then
      raise 'table % has no column % to be written', of_table, of_column ->> 'name' using errcode = '42703';
    elsif to_regtype(wanted)::oid is distinct from found_type then
      raise 'column % of table % is %, not %', of_column ->> 'name', of_table, format_type(found_type, null), wanted
        using errcode = '42804', hint = 'Types that are not Postgres'' own need their schema''s name.';
    end if;
    return found_type;
  end $$;
comment on function kafka.materialised_type(regclass, json) is 'The type of a column of a materialised table, or why it does not fit';

-- Whatever a table has that runs code of its owner, or may: null if it has nothing. Also built-in functions run what they are
-- told, and types may have casts, so that no expression and no type of one's own is free of suspicion.
create function kafka.code_of(of_table regclass) returns text language sql stable
begin atomic
  select case
    when c.relkind <> 'r' or c.relpersistence <> 'p' then 'is no ordinary table that survives a crash'
    when exists (select from pg_trigger t where t.tgrelid = c.oid) then 'has a trigger or a foreign key'
    when c.relhasrules then 'has a rule'
    when c.relrowsecurity or c.relforcerowsecurity then 'has row level security'
    when exists (select from pg_constraint k where k.conrelid = c.oid and k.contype in ('c', 'x')) then 'has a check or an exclusion constraint'
    when exists (select from pg_index i where i.indrelid = c.oid and (i.indexprs is not null or i.indpred is not null))
      then 'has an index with an expression or a condition'
    when exists (select from pg_statistic_ext s where s.stxrelid = c.oid and s.stxexprs is not null) then 'has statistics of an expression'
    when exists (select from pg_attribute a where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
      and (a.attgenerated <> '' or a.atttypid >= 16384)) then 'has a generated column, or one of a type that is not Postgres'' own'
    when exists (select from pg_attrdef d where d.adrelid = c.oid and d.adbin::text not like '{CONST %'
      and pg_get_expr(d.adbin, d.adrelid) not in ('now()', 'CURRENT_TIMESTAMP')) then 'has a default that is an expression'
    end
  from pg_class c where c.oid = of_table;
end;
comment on function kafka.code_of(regclass) is 'What of a table runs, or may run, code of its owner; null: nothing';

-- Before each step, in its transaction. Code of a table runs with the rights of who writes to it, and no way is known in which
-- SQL runs code of another role and keeps it from these: so only that of roles runs who have them anyway. The lock keeps the
-- owner from adding any until the step ends; that it is on this table, and not on another of that name, is looked up.
create function kafka.check_materialised(of_table kafka.materialised_tables) returns void language plpgsql
    set search_path = pg_catalog, pg_temp as $$
  declare
    owner oid := (select c.relowner from pg_class c where c.oid = of_table.target);
    code text;
  begin
    if owner is null then
      raise 'the table % is not there any more', of_table.table_name using errcode = '42P01',
        hint = format('select kafka.dematerialise(%L)', of_table.table_name);
    elsif not kafka.may(of_table.role, 'READ', 'TOPIC', of_table.topic) then
      perform kafka.refuse_right(of_table.role, 'READ', 'TOPIC', of_table.topic);
    elsif exists (select from kafka.published p where p.relation = of_table.target and p.topic = of_table.topic) then
      raise 'the table % is published to the topic that it follows, and would feed itself', of_table.target using errcode = '55000',
        hint = format('select kafka.unpublish_table(%L), or kafka.dematerialise', of_table.table_name);
    elsif pg_has_role(owner, current_user, 'USAGE') and pg_has_role(owner, session_user, 'USAGE') then
      return;
    end if;
    execute format('lock table only %s in row exclusive mode', of_table.target);
    if not exists (select from pg_locks l where l.pid = pg_backend_pid() and l.relation = of_table.target
        and l.database = (select d.oid from pg_database d where d.datname = current_database())
        and l.mode = 'RowExclusiveLock' and l.granted) then
      raise 'the table % was renamed at this moment', of_table.target using errcode = '40001';
    end if;
    code := kafka.code_of(of_table.target);
    if code is not null then
      raise 'the table % %, and its owner % has not the broker''s rights', of_table.target, code, owner::regrole
        using errcode = '42501', detail = 'It would run with them.',
        hint = format('Take it away, or let a role own the table that has the rights of %I and %I.', current_user, session_user);
    end if;
  end $$;
comment on function kafka.check_materialised(kafka.materialised_tables) is 'Fails if the broker may not write to a materialised table now';

-- What writes to the table, in terms of its columns. An index lookup a key, whatever statistics say of the table.
create function kafka.bind_materialised(of_follower integer, of_table regclass, key_column json, columns json)
    returns void language plpgsql set search_path = pg_catalog, pg_temp as $$
  declare
    key_name text := key_column ->> 'name';
    -- In the column's collation: another one finds nothing in its index.
    key_made text := kafka.materialised_expression(key_column, kafka.materialised_type(of_table, key_column)) || coalesce((
      select format(' collate %I.%I', n.nspname, o.collname) from pg_attribute a join pg_collation o on o.oid = a.attcollation
        join pg_namespace n on n.oid = o.collnamespace where a.attrelid = of_table and a.attname = key_name), '');
    names text;
    makes text;
    sets text;
  begin
    select string_agg(format(', %I', c ->> 'name'), '' order by n),
      string_agg(', ' || kafka.materialised_expression(c, kafka.materialised_type(of_table, c)), '' order by n),
      string_agg(format('%1$I = excluded.%1$I', c ->> 'name'), ', ' order by n)
      into names, makes, sets from json_array_elements(columns) with ordinality e (c, n);
    execute format($make$
      create function kafka.materialised_%1$s_write(records kafka.read_record[]) returns void language sql
        set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set jit = off
      begin atomic
        with given as materialized (select %3$s as made_key, l.* from unnest(records) l),
          newest as materialized (select distinct on (g.made_key) g.* from given g order by g.made_key, g."offset" desc),
          gone as (delete from only %2$s x using newest l where l.value is null and x.%4$I = l.made_key)
        insert into %2$s as x (%4$I%5$s)
          select l.made_key%6$s from newest l cross join lateral (select convert_from(l.value, 'UTF8')::jsonb as doc offset 0) d
          where l.value is not null
          on conflict (%4$I) do %7$s;
      end$make$, of_follower, of_table, key_made, key_name, names, makes,
      case when sets is null then 'nothing' else 'update set ' || sets end);
    execute format($make$
      create function kafka.materialised_%1$s_erase(records kafka.read_record[]) returns void language sql
        set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set jit = off
      begin atomic
        delete from only %2$s x using unnest(records) l where x.%4$I = %3$s;
      end$make$, of_follower, of_table, key_made, key_name);
    execute format($make$
      create function kafka.materialised_%1$s_clear(most bigint) returns bigint language sql
      begin atomic
        with gone as (delete from only %2$s x where x.%3$I in (select y.%3$I from only %2$s y limit most) returning 1)
          select count(*) from gone;
      end$make$, of_follower, of_table, key_name);
    execute format('revoke execute on function kafka.materialised_%1$s_write(kafka.read_record[]),
      kafka.materialised_%1$s_erase(kafka.read_record[]), kafka.materialised_%1$s_clear(bigint) from public', of_follower);
    -- A table that was renamed at this moment might be another.
    if exists (select from pg_depend d join pg_proc p on p.oid = d.objid
        where d.classid = 'pg_proc'::regclass and p.pronamespace = 'kafka'::regnamespace
          and p.proname in (format('materialised_%s_write', of_follower), format('materialised_%s_erase', of_follower),
            format('materialised_%s_clear', of_follower))
          and d.refclassid = 'pg_class'::regclass and d.refobjid <> of_table
          and exists (select from pg_class c where c.oid = d.refobjid and c.relkind <> 'c')) then
      raise 'the table % was renamed at this moment', of_table using errcode = '40001';
    end if;
  end $$;
comment on function kafka.bind_materialised(integer, regclass, json, json) is 'Makes the functions that write to a materialised table';

-- For whoever calls: it looks itself whether the session may.
create function kafka.register_materialised(of_topic text, of_table regclass, of_key json, of_columns json, of_error text, has_rows boolean)
    returns void language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
  declare
    role name := kafka.session_role();
    it pg_class;
    made kafka.materialised_tables;
    wanting text;
  begin
    if not kafka.may(role, 'READ', 'TOPIC', of_topic) then
      perform kafka.refuse_right(role, 'READ', 'TOPIC', of_topic);
    elsif not exists (select from kafka.topics t where t.name = of_topic) then
      raise 'there is no topic "%"', of_topic using errcode = '42704',
        hint = 'kafka.topic_overview shows those that there are; names are case-sensitive.';
    end if;
    select * into it from pg_class c where c.oid = of_table;
    if it.relkind <> 'r' or it.relpersistence <> 'p' then
      raise '% is no ordinary table that survives a crash', of_table using errcode = '42809';
    elsif not coalesce(pg_has_role(to_regrole(quote_ident(role))::oid, it.relowner, 'USAGE'), false) then
      raise 'role % does not own table %', role, of_table using errcode = '42501';
    end if;
    update kafka.materialised_tables m set on_error = of_error where m.target = of_table and m.topic = of_topic
      and m.key_column::text = of_key::text and m.columns::text = of_columns::text;
    if found then
      return;
    elsif exists (select from kafka.materialised_tables m where m.target = of_table) then
      raise 'table % follows a topic already, or in another way', of_table using errcode = '42710',
        hint = format('select kafka.dematerialise(%L) ends that.', of_table);
    elsif has_rows then
      raise 'table % is there and has rows', of_table using errcode = '55000',
        hint = 'A table that is to follow a topic begins empty.';
    elsif (select count(*) from kafka.materialised_tables) >= 1000 then
      raise 'there is no room for more than 1,000 materialised tables' using errcode = '54000';
    end if;
    select string_agg(p, ', ') into wanting from unnest(array['select', 'insert', 'update', 'delete']) p
      where not has_table_privilege(current_user, of_table, p);
    if wanting is not null or not has_schema_privilege(current_user, it.relnamespace, 'USAGE') then
      raise 'the broker may not write to table %', of_table using errcode = '42501', hint = case
        when wanting is not null then format('grant %s on %s to %I', wanting, of_table, current_user)
        else format('As the owner of the schema: grant usage on schema %I to %I', it.relnamespace::regnamespace::text, current_user) end;
    elsif not exists (select from pg_index i join pg_attribute a on a.attrelid = of_table and a.attnum = i.indkey[0]
        where i.indrelid = of_table and i.indisunique and i.indisvalid and i.indimmediate and i.indnkeyatts = 1
          and i.indexprs is null and i.indpred is null and a.attname = of_key ->> 'name' and a.attnotnull) then
      raise 'column % of table % is no key', of_key ->> 'name', of_table using errcode = '42P10',
        hint = 'It has to be the primary key, or not null and unique by itself.';
    elsif exists (select from pg_attribute a where a.attrelid = of_table and a.attnum > 0 and not a.attisdropped
        and a.attnotnull and not a.atthasdef and a.attidentity = '' and a.attname <> of_key ->> 'name'
        and a.attname not in (select c ->> 'name' from json_array_elements(of_columns) c)) then
      raise 'table % has a column that wants a value and is not in the list', of_table using errcode = '23502';
    end if;
    insert into kafka.materialised_tables (target, table_name, topic, role, on_error, key_column, columns)
      values (of_table, of_table::text, of_topic, role, of_error, of_key, of_columns) returning * into made;
    perform kafka.check_materialised(made);
    perform kafka.bind_materialised(made.follower_id, of_table, of_key, of_columns);
  end $$;
comment on function kafka.register_materialised(text, regclass, json, json, text, boolean) is 'The part of kafka.materialise that runs as the owner of the schema';

-- As its caller, who owns the table. The schema of a name without one is looked up before this has a search_path of its own.
create function kafka.materialise(topic text, "as" text, columns json default null, key text default 'text',
    on_error text default 'stop', schema text default current_schema())
    returns text language plpgsql set search_path = pg_catalog, pg_temp as $$
  declare
    parts text[] := parse_ident("as");
    name text := (select string_agg(quote_ident(p), '.') from unnest(
      case when cardinality(parts) = 1 then array[schema] || parts else parts end) p);
    key_column json := kafka.materialised_key(key);
    all_columns json := kafka.materialised_columns(columns);
    owner oid := (select n.nspowner from pg_namespace n where n.oid = 'kafka'::regnamespace);
    has_rows boolean := false;
  begin
    if topic is null or name is null or coalesce(on_error, '') not in ('stop', 'skip') then
      raise 'not a topic, a table, and what to do on an error: %, %, %', topic, "as", on_error using errcode = '22023',
        hint = 'on_error is stop or skip.';
    end if;
    if to_regclass(name) is null then
      execute format('create table %s (%I %s primary key%s)', name, key_column ->> 'name', key_column ->> 'type',
        (select string_agg(format(', %I %s', c ->> 'name', c ->> 'type'), '' order by n)
          from json_array_elements(all_columns) with ordinality e (c, n)));
    else
      execute format('select exists (select from only %s)', name) into has_rows;
    end if;
    if not (select bool_and(has_table_privilege(owner, name::regclass, p)) from unnest(array['select', 'insert', 'update', 'delete']) p) then
      execute format('grant select, insert, update, delete on %s to %s', name, owner::regrole);
    end if;
    perform kafka.register_materialised(topic, name::regclass, key_column, all_columns, on_error, has_rows);
    return name;
  end $$;
comment on function kafka.materialise(text, text, json, text, text, text) is 'Keeps the latest value of each key of a topic as rows of a table, which is made if it is not there. Called again it changes on_error. Tells the table''s whole name';

-- The row of a table by its name, with its schema or without.
create function kafka.materialised_named(name text) returns kafka.materialised_tables language plpgsql stable
    set search_path = pg_catalog, pg_temp as $$
  declare
    found_table kafka.materialised_tables;
    others bigint;
  begin
    select m.* into found_table from kafka.materialised_tables m
      where materialised_named.name in (m.table_name, m.target::text);
    if found then
      return found_table;
    end if;
    select count(*) into others from kafka.materialised_tables m join pg_class c on c.oid = m.target
      where materialised_named.name in (c.relname, quote_ident(c.relname));
    if others > 1 then
      raise 'more than one materialised table is called %', name using errcode = '42P09', hint = 'Write its schema, too.';
    end if;
    select m.* into found_table from kafka.materialised_tables m join pg_class c on c.oid = m.target
      where materialised_named.name in (c.relname, quote_ident(c.relname));
    return found_table;
  end $$;
comment on function kafka.materialised_named(text) is 'A materialised table by its name; nulls: there is none';

create function kafka.unregister_materialised(name text) returns text language plpgsql security definer
    set search_path = pg_catalog, pg_temp as $$
  declare
    it kafka.materialised_tables := kafka.materialised_named(name);
    role oid := to_regrole(quote_ident(kafka.session_role()));
    owner oid := (select c.relowner from pg_class c where c.oid = it.target);
  begin
    if it.follower_id is null then
      raise 'no materialised table is called %', name using errcode = '42704',
        hint = 'kafka.materialised shows those that there are.';
    elsif not coalesce(pg_has_role(role, current_user, 'USAGE') or pg_has_role(role, owner, 'USAGE')
        or owner is null and kafka.session_role() = it.role, false) then
      raise 'role % does not own table %', kafka.session_role(), it.table_name using errcode = '42501';
    end if;
    execute format('drop function if exists kafka.materialised_%1$s_write(kafka.read_record[]);
      drop function if exists kafka.materialised_%1$s_erase(kafka.read_record[]);
      drop function if exists kafka.materialised_%1$s_clear(bigint)', it.follower_id);
    delete from kafka.materialised_tables m where m.follower_id = it.follower_id;
    delete from kafka.materialised_positions p where p.follower_id = it.follower_id;
    delete from kafka.materialised_troubles t where t.follower_id = it.follower_id;
    return case when owner is not null then it.target::text end;
  end $$;
comment on function kafka.unregister_materialised(text) is 'The part of kafka.dematerialise that runs as the owner of the schema';

create function kafka.dematerialise("table" text, drop_table boolean default false) returns void language plpgsql
    set search_path = pg_catalog, pg_temp as $$
  declare
    name text := kafka.unregister_materialised("table");
    owner oid := (select n.nspowner from pg_namespace n where n.oid = 'kafka'::regnamespace);
  begin
    if drop_table and name is not null then
      execute format('drop table %s', name);
    elsif owner <> (select c.relowner from pg_class c where c.oid = name::regclass) then
      execute format('revoke select, insert, update, delete on %s from %s', name, owner::regrole);
    end if;
  end $$;
comment on function kafka.dematerialise(text, boolean) is 'A table follows its topic no more; it is dropped if that is said, else it stays as it is';

-- The broker's step. What fails for a record alone is a matter of that record: all others are tried without it, in order, by
-- parts that become smaller around it. All else fails the step.
create function kafka.add_materialised(of_follower integer, of_partition integer, from_offset bigint, to_offset bigint, batches bytea[])
    returns table (reached bigint, refusal text) language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
  declare
    it kafka.materialised_tables;
    index integer := (select p.partition_index from kafka.partitions p where p.partition_id = of_partition);
    records kafka.read_record[];
    number integer;
    at integer := 1;
    size integer;
    left_out bigint := 0;
    last_left_out bigint;
    why text;
    write text := format('select kafka.materialised_%s_write($1)', of_follower);
  begin
    -- As long as this lasts nobody takes the row away, and finds no position that is not there yet.
    select * into it from kafka.materialised_tables m where m.follower_id = of_follower for key share;
    delete from kafka.materialised_positions p
      where p.follower_id = it.follower_id and p.partition_id = of_partition and p.next_offset = from_offset;
    if not found then
      return;
    end if;
    reached := to_offset;
    records := array(select row(index, u.*)::kafka.read_record from unnest(batches) b, kafka.unpack_whole(b, from_offset) u);
    number := cardinality(records);
    size := number;
    if number > 0 then
      perform kafka.check_materialised(it);
    end if;
    while at <= number loop
      begin
        execute write using case when size = number then records else records[at : at + size - 1] end;
        at := at + size;
        size := least(size * 2, number);
      exception when data_exception or integrity_constraint_violation or cardinality_violation or program_limit_exceeded
          or plpgsql_error then
        why := left(sqlerrm, 1000);
        if size > 1 then
          size := greatest(least(size, number - at + 1) / 4, 1);
        elsif it.on_error = 'skip' then
          left_out := left_out + 1;
          last_left_out := records[at]."offset";
          at := at + 1;
        else
          reached := records[at]."offset";
          refusal := why;
          exit;
        end if;
      end;
    end loop;
    insert into kafka.materialised_positions (follower_id, partition_id, next_offset) values (of_follower, of_partition, reached);
    if refusal is not null then
      perform kafka.note_materialised(of_follower, of_partition, refusal);
    else
      update kafka.materialised_troubles t set stands_since = null, error = null, error_offset = null
        where t.follower_id = of_follower and t.partition_id = of_partition and t.stands_since is not null;
    end if;
    if left_out > 0 then
      insert into kafka.materialised_troubles as t (follower_id, partition_id, skipped, skipped_offset, skipped_error, skipped_at)
        values (of_follower, of_partition, left_out, last_left_out, why, now())
        on conflict (follower_id, partition_id) do update set skipped = t.skipped + excluded.skipped,
          skipped_offset = excluded.skipped_offset, skipped_error = excluded.skipped_error, skipped_at = excluded.skipped_at;
    end if;
    return next;
  end $$;
comment on function kafka.add_materialised(integer, integer, bigint, bigint, bytea[]) is 'The broker''s own: the records of batches into a materialised table, and its position to their end, or to the record that does not fit';

create function kafka.note_materialised(of_follower integer, of_partition integer, why text) returns void language sql
begin atomic
  insert into kafka.materialised_troubles as t (follower_id, partition_id, stands_since, error, error_offset)
    select of_follower, of_partition, now(), left(why, 1000), (
      select p.next_offset from kafka.materialised_positions p
      where p.follower_id = of_follower and p.partition_id = of_partition order by p.next_offset desc limit 1)
    where exists (select from kafka.materialised_tables m where m.follower_id = of_follower for key share)
    on conflict (follower_id, partition_id) do update set stands_since = coalesce(t.stands_since, excluded.stands_since),
      error = excluded.error, error_offset = excluded.error_offset;
end;
comment on function kafka.note_materialised(integer, integer, text) is 'The broker''s own: why a partition of a materialised table stands';

-- What is kept of a key''s records below an offset goes; what a later one has left there is put again, out of the batches.
create function kafka.erase_materialised(of_follower integer, of_partition integer, of_key bytea, from_offset bigint,
    to_offset bigint, batches bytea[]) returns boolean language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
  declare
    later kafka.read_record[];
  begin
    perform from kafka.materialised_positions p
      where p.follower_id = of_follower and p.partition_id = of_partition and p.next_offset = to_offset for update;
    if not found then
      return false;
    end if;
    perform kafka.check_materialised(m) from kafka.materialised_tables m where m.follower_id = of_follower;
    -- What was noted may tell a value.
    update kafka.materialised_troubles t set error = null, skipped_error = null
      where t.follower_id = of_follower and t.partition_id = of_partition;
    later := array(select row(0, u.*)::kafka.read_record from unnest(batches) b, kafka.unpack_whole(b, from_offset) u
      where u.key = of_key and u."offset" < to_offset order by u."offset" desc limit 1);
    -- A key that is none of this table has no row, and a value that did not fit was left out.
    begin
      execute format('select kafka.materialised_%s_erase($1)', of_follower)
        using array[row(0, 0, now(), of_key, null, null)::kafka.read_record];
    exception when data_exception then
      return true;
    end;
    if cardinality(later) > 0 then
      begin
        execute format('select kafka.materialised_%s_write($1)', of_follower) using later;
      exception when data_exception or integrity_constraint_violation or program_limit_exceeded or plpgsql_error then
        null;
      end;
    end if;
    return true;
  end $$;
comment on function kafka.erase_materialised(integer, integer, bytea, bigint, bigint, bytea[]) is 'The broker''s own: takes a key''s row out of a materialised table, unless a later record wrote it';

create function kafka.clear_materialised(of_follower integer, most bigint) returns bigint language plpgsql security definer
    set search_path = pg_catalog, pg_temp as $$
  declare
    gone bigint;
  begin
    perform kafka.check_materialised(m) from kafka.materialised_tables m where m.follower_id = of_follower;
    delete from kafka.materialised_positions p where p.follower_id = of_follower;
    delete from kafka.materialised_troubles t where t.follower_id = of_follower;
    execute format('select kafka.materialised_%s_clear($1)', of_follower) into gone using most;
    return gone;
  end $$;
comment on function kafka.clear_materialised(integer, bigint) is 'The broker''s own: takes rows out of a materialised table, at most so many, and its positions';

create function kafka.await_position(of_follower integer, of_partition integer, of_offset bigint, timeout interval)
    returns boolean language plpgsql volatile as $$
  declare
    until timestamptz := clock_timestamp() + timeout;
    pause double precision := 0.002;
  begin
    if current_setting('transaction_isolation') not in ('read committed', 'read uncommitted') then
      raise 'kafka.await sees nothing new in a transaction that is %', current_setting('transaction_isolation')
        using errcode = '25001', hint = 'Call it in a transaction that is read committed.';
    end if;
    loop
      if (case when of_follower is null
          then exists (select from kafka.unpacked_positions p where p.partition_id = of_partition and p.next_offset > of_offset)
          else exists (select from kafka.materialised_positions p
            where p.follower_id = of_follower and p.partition_id = of_partition and p.next_offset > of_offset) end) then
        return true;
      end if;
      if clock_timestamp() >= until then
        return false;
      end if;
      perform pg_sleep(least(pause, extract(epoch from until - clock_timestamp())::double precision));
      pause := least(pause * 1.5, 0.05);
    end loop;
  end $$;
comment on function kafka.await_position(integer, integer, bigint, interval) is 'Waits until a follower has the record at an offset: that of kafka.unpacked (null), or of a materialised table';

create function kafka.await_table("table" text, partition integer, "offset" bigint, timeout interval default '10 s')
    returns boolean language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
  declare
    it kafka.materialised_tables := kafka.materialised_named("table");
    id integer;
  begin
    if it.follower_id is null or not (kafka.may_read(it.topic)
        or coalesce(has_table_privilege(kafka.session_role(), it.target, 'select'), false)) then
      raise 'there is no materialised table "%" that this session may read', "table" using errcode = '42704',
        hint = 'kafka.materialised shows those that there are.';
    end if;
    select p.partition_id into id from kafka.topics t join kafka.partitions p on p.topic_id = t.topic_id
      where t.name = it.topic and p.partition_index = await_table.partition;
    if id is null then
      raise 'topic "%" has no partition %', it.topic, partition using errcode = '22003',
        hint = 'kafka.partition_overview shows those that there are.';
    end if;
    return kafka.await_position(it.follower_id, id, "offset", timeout);
  end $$;
comment on function kafka.await_table(text, integer, bigint, interval) is 'Waits until a materialised table has the record at an offset; false: not in that time';

-- A topic goes before a table of its name.
create or replace function kafka.await(topic text, partition integer, "offset" bigint, timeout interval default '10 s')
    returns boolean language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
  begin
    if not exists (select from kafka.topics t where t.name = await.topic)
      and (select (kafka.materialised_named(await.topic)).follower_id) is not null then
      return kafka.await_table(topic, partition, "offset", timeout);
    end if;
    return kafka.await_position(null, (select p.partition_id from kafka.readable_partitions(topic, partition) p limit 1),
      "offset", timeout);
  end $$;
comment on function kafka.await(text, integer, bigint, interval) is 'Waits until kafka.unpacked, or the materialised table of that name, has the record at an offset; false: not in that time';

create view kafka.materialised with (security_barrier) as
  select coalesce((select format('%I.%I', n.nspname, c.relname) from pg_namespace n where n.oid = c.relnamespace), m.table_name) as "table", m.topic, p.partition_index as partition, k.next_offset,
    e.end_offset, e.end_offset - coalesce(k.next_offset, p.log_start_offset) as lag, x.stands_since, x.error, x.error_offset,
    coalesce(x.skipped, 0) as skipped, x.skipped_offset, x.skipped_error, x.skipped_at, m.on_error, m.role::text as role
  from kafka.materialised_tables m
  left join pg_class c on c.oid = m.target
  left join kafka.topics t on t.name = m.topic
  left join kafka.partitions p on p.topic_id = t.topic_id
  left join lateral (
    select n.next_offset from kafka.materialised_positions n
    where n.follower_id = m.follower_id and n.partition_id = p.partition_id and m.topic_id = t.topic_id
    order by n.next_offset desc limit 1) k on true
  left join lateral (
    select least(greatest(coalesce((select b.last_offset + 1 from kafka.batches b
        where b.partition_id = p.partition_id order by b.base_offset desc limit 1), 0), p.end_offset_floor),
      (select greatest(o.first_offset, p.log_start_offset) from kafka.open_transactions o
        where o.partition_id = p.partition_id order by o.first_offset limit 1)) as end_offset) e on p.partition_id is not null
  left join kafka.materialised_troubles x on x.follower_id = m.follower_id and x.partition_id = p.partition_id
  where kafka.may_read(m.topic);
comment on view kafka.materialised is 'How far tables of kafka.materialise are, where they stand and why: a row for each table and partition';
comment on column kafka.materialised."table" is 'The table';
comment on column kafka.materialised.topic is 'The topic''s name';
comment on column kafka.materialised.partition is 'The partition''s number in the topic; null: there is no such topic';
comment on column kafka.materialised.next_offset is 'All that read_committed has below is there; null: the table has not begun with this partition';
comment on column kafka.materialised.end_offset is 'How far read_committed goes';
comment on column kafka.materialised.lag is 'The difference';
comment on column kafka.materialised.stands_since is 'Null: it goes on';
comment on column kafka.materialised.error is 'Why it stands';
comment on column kafka.materialised.error_offset is 'Where it stands: the record that does not fit, or where the step began that failed';
comment on column kafka.materialised.skipped is 'Records that did not fit and were left out (on_error => ''skip'')';
comment on column kafka.materialised.skipped_offset is 'The last of them';
comment on column kafka.materialised.skipped_error is 'Why that one did not fit';
comment on column kafka.materialised.skipped_at is 'When it was left out';
comment on column kafka.materialised.on_error is 'What becomes of a record that does not fit';
comment on column kafka.materialised.role is 'Has to have the right to read the topic, as long as the table follows it';
-- It shows a role what kafka.acls lets it read, and nothing else.
grant select on kafka.materialised to public;

revoke execute on function kafka.type_name(oid), kafka.materialised_expression(json, oid), kafka.materialised_type(regclass, json),
  kafka.code_of(regclass), kafka.check_materialised(kafka.materialised_tables), kafka.bind_materialised(integer, regclass, json, json),
  kafka.materialised_named(text), kafka.add_materialised(integer, integer, bigint, bigint, bytea[]),
  kafka.note_materialised(integer, integer, text), kafka.erase_materialised(integer, integer, bytea, bigint, bigint, bytea[]),
  kafka.clear_materialised(integer, bigint), kafka.await_position(integer, integer, bigint, interval) from public;`,
  "0022_erase": `-- The right to be forgotten: of a key no record stays. A session asks, the broker carries it out, and kafka.erasures tells
-- how far it is. The key is kept until then, and a hash of it afterwards.

create table kafka.erasure_requests (
  erasure_id bigint generated always as identity primary key,
  topic text collate "C" not null,
  topic_id text collate "C" not null,
  partition_ids integer[] not null,
  key bytea,
  key_sha256 bytea,
  vacuum boolean not null,
  requested_by name not null,
  requested_at timestamptz not null default clock_timestamp(),
  pass_id bigint,
  place integer,
  began_at timestamptz,
  records bigint,
  erased_at timestamptz,
  vacuumed_at timestamptz,
  done_at timestamptz,
  wal_position pg_lsn,
  check ((key is null) = (erased_at is not null))
);
create index erasure_requests_open on kafka.erasure_requests (topic_id, erasure_id) where erased_at is null;
create index erasure_requests_last on kafka.erasure_requests (erasure_id) where done_at is null;
comment on table kafka.erasure_requests is 'What kafka.erase was asked: see kafka.erasures';
comment on column kafka.erasure_requests.erasure_id is 'What kafka.erase told';
comment on column kafka.erasure_requests.topic is 'Name of the topic';
comment on column kafka.erasure_requests.topic_id is 'Its id: another topic that is called so later is not meant';
comment on column kafka.erasure_requests.partition_ids is 'Partitions that it had then';
comment on column kafka.erasure_requests.key is 'The key; null once its records are gone';
comment on column kafka.erasure_requests.key_sha256 is 'SHA-256 of the key, once its records are gone';
comment on column kafka.erasure_requests.vacuum is 'Whether a vacuum follows';
comment on column kafka.erasure_requests.requested_by is 'The role that asked';
comment on column kafka.erasure_requests.requested_at is 'When it asked';
comment on column kafka.erasure_requests.pass_id is 'The pass that carries it out, or did';
comment on column kafka.erasure_requests.place is 'Its place among the requests of the pass, from 1 on';
comment on column kafka.erasure_requests.began_at is 'Records up to this moment are meant';
comment on column kafka.erasure_requests.records is 'Records that went; null until all are gone';
comment on column kafka.erasure_requests.erased_at is 'When the last of them went';
comment on column kafka.erasure_requests.vacuumed_at is 'When the vacuum ended that was asked for';
comment on column kafka.erasure_requests.done_at is 'When nothing was left to do';
comment on column kafka.erasure_requests.wal_position is 'Where the WAL was then';

create table kafka.erasure_passes (
  pass_id bigint generated always as identity primary key,
  topic_id text collate "C" not null unique,
  partition_ids integer[],
  waits_for text
);
comment on table kafka.erasure_passes is 'Requests for one topic that are carried out in one walk over its log';
comment on column kafka.erasure_passes.pass_id is 'Rises with each pass';
comment on column kafka.erasure_passes.topic_id is 'The topic: it has one pass at a time';
comment on column kafka.erasure_passes.partition_ids is 'Partitions to walk over; null: where they end is not noted yet';
comment on column kafka.erasure_passes.waits_for is 'What the broker waits for; null: nothing';

-- A step forward is a new row with the former one deleted, as in kafka.unpacked_positions.
create table kafka.erasure_progress (
  pass_id bigint not null,
  partition_id integer not null,
  next_offset bigint not null,
  end_offset bigint not null,
  records bigint[] not null,
  bytes bigint not null,
  primary key (pass_id, partition_id, next_offset)
);
comment on table kafka.erasure_progress is 'How far a pass is in each partition';
comment on column kafka.erasure_progress.pass_id is 'The pass';
comment on column kafka.erasure_progress.partition_id is 'The partition';
comment on column kafka.erasure_progress.next_offset is 'Below it no record of the keys is left';
comment on column kafka.erasure_progress.end_offset is 'Where the log ended at the moment of the pass';
comment on column kafka.erasure_progress.records is 'Records that went so far, by place of the request';
comment on column kafka.erasure_progress.bytes is 'Bytes of the batches in which they lay';

create function kafka.erase(topic text, key bytea, vacuum boolean default false) returns bigint
    language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
  declare
    role name := kafka.session_role();
    made bigint;
  begin
    if topic is null or not kafka.may(role, 'DELETE', 'TOPIC', topic) then
      perform kafka.refuse_right(role, 'DELETE', 'TOPIC', topic);
    end if;
    if key is null then
      raise exception 'the key is null' using errcode = '22004',
        hint = 'Records without a key cannot be told apart: delete them by offset (kafka-delete-records) or by retention.ms.';
    end if;
    insert into kafka.erasure_requests (topic, topic_id, partition_ids, key, vacuum, requested_by)
      select t.name, t.topic_id, s.partition_ids, erase.key, coalesce(erase.vacuum, false), role
      from kafka.topics t join kafka.sql_topics s on s.topic = t.name where t.name = erase.topic
      returning erasure_id into made;
    if made is null then
      raise exception 'there is no topic "%"', topic using errcode = '42704',
        hint = 'kafka.topic_overview shows those that there are; names are case-sensitive.';
    end if;
    -- A transaction that is prepared cannot have notified: where there may be one, the broker looks now and then.
    if current_setting('max_prepared_transactions') = '0' then
      perform pg_notify('kafka_erasures', '');
    end if;
    return made;
  end $$;
comment on function kafka.erase(text, bytea, boolean) is 'Has all records of a key erased that are in the topic by then; returns the id of the row in kafka.erasures that tells how far it is';

create function kafka.erase(topic text, key text, vacuum boolean default false) returns bigint language plpgsql as $$
  begin
    return kafka.erase(topic, pg_catalog.convert_to(key, 'UTF8'), vacuum);
  end $$;
comment on function kafka.erase(text, text, boolean) is 'The same by a key of text, in UTF-8';

-- The broker's own, from here on.
create function kafka.take_erasures(of_topic text, most integer) returns kafka.erasure_passes language plpgsql as $$
  declare
    pass kafka.erasure_passes;
  begin
    select * into pass from kafka.erasure_passes p where p.topic_id = of_topic;
    if found or not exists (
      select from kafka.erasure_requests r where r.topic_id = of_topic and r.erased_at is null) then
      return pass;
    end if;
    insert into kafka.erasure_passes (topic_id) values (of_topic) returning * into pass;
    update kafka.erasure_requests r set pass_id = pass.pass_id, place = w.place
      from (
        select n.erasure_id, row_number() over (order by n.erasure_id) as place from (
          select q.erasure_id from kafka.erasure_requests q
          where q.topic_id = of_topic and q.erased_at is null order by q.erasure_id limit most) n) w
      where r.erasure_id = w.erasure_id;
    return pass;
  end $$;
comment on function kafka.take_erasures(text, integer) is 'The pass of a topic that is under way, else a new one of requests that wait; null: there are none';

create function kafka.begin_erasure(pass bigint, ids integer[], ends bigint[]) returns void language plpgsql as $$
  declare
    keys bytea[] := array(
      select r.key from kafka.erasure_requests r where r.pass_id = pass and r.erased_at is null order by r.place);
  begin
    update kafka.erasure_passes p set partition_ids = ids, waits_for = null
      where p.pass_id = pass and p.partition_ids is null;
    if not found then
      return;
    end if;
    insert into kafka.erasure_progress (pass_id, partition_id, next_offset, end_offset, records, bytes)
      select pass, e.id, 0, e.ends_at, array_fill(0::bigint, array[cardinality(keys)]), 0
      from unnest(ids, ends) e (id, ends_at);
    update kafka.erasure_requests r set began_at = clock_timestamp() where r.pass_id = pass and r.erased_at is null;
    delete from kafka.outbox_refused o where o.partition_id = any (ids) and o.key = any (keys);
    delete from kafka.outbox_keys k using kafka.erasure_requests r
      where r.pass_id = pass and k.topic = r.topic and convert_to(k.key, 'UTF8') = any (keys);
  end $$;
comment on function kafka.begin_erasure(bigint, integer[], bigint[]) is 'Notes where logs end at the moment of a pass; what kafka.produce left of the keys goes';

create function kafka.finish_erasure(pass bigint) returns void language plpgsql as $$
  declare
    went bigint[] := array(
      select sum(n.records)::bigint from kafka.erasure_progress p cross join unnest(p.records) with ordinality n (records, place)
      where p.pass_id = pass group by n.place order by n.place);
  begin
    update kafka.erasure_requests r set key = null, key_sha256 = sha256(r.key), records = coalesce(went[r.place], 0),
        erased_at = clock_timestamp(), began_at = coalesce(r.began_at, clock_timestamp())
      where r.pass_id = pass and r.erased_at is null;
    -- Postgres' messages quote what does not fit.
    update kafka.materialised_troubles t set
        error = case when t.error_offset >= p.end_offset then t.error end,
        skipped_error = case when t.skipped_offset >= p.end_offset then t.skipped_error end
      from kafka.erasure_progress p
      where p.pass_id = pass and t.partition_id = p.partition_id
        and (t.error_offset < p.end_offset or t.skipped_offset < p.end_offset);
    delete from kafka.erasure_progress p where p.pass_id = pass;
    delete from kafka.erasure_passes p where p.pass_id = pass;
  end $$;
comment on function kafka.finish_erasure(bigint) is 'Notes that all is gone that a pass was to take; of the keys a hash is left';

create function kafka.may_delete(topic text) returns boolean language plpgsql stable security definer
    set search_path = pg_catalog, pg_temp as $$
  begin
    return kafka.may(kafka.session_role(), 'DELETE', 'TOPIC', topic);
  end $$;
comment on function kafka.may_delete(text) is 'Whether the session''s role may delete records of a topic, by kafka.acls';

-- What its viewer may delete, and may know of.
create view kafka.erasures with (security_barrier) as
  select r.erasure_id, r.topic, r.key, r.key_sha256, r.requested_by, r.requested_at,
    case when r.done_at is not null then 'done' when r.erased_at is not null and r.vacuum then 'vacuum'
      when r.erased_at is not null then 'erased' when p.waits_for is not null then 'waits'
      when r.began_at is not null then 'erases' else 'asked' end as state,
    p.waits_for, r.began_at,
    case when r.erased_at is not null then 1 else coalesce(g.share, 0) end as progress,
    coalesce(r.records, g.records, 0) as records, r.erased_at, r.vacuumed_at, r.done_at, r.wal_position
  from kafka.erasure_requests r
  left join kafka.erasure_passes p on p.pass_id = r.pass_id and r.erased_at is null
  left join lateral (
    select sum(least(e.next_offset, e.end_offset)) / nullif(sum(e.end_offset), 0) as share,
      sum(e.records[r.place])::bigint as records
    from kafka.erasure_progress e where e.pass_id = p.pass_id) g on true
  where kafka.may_delete(r.topic);
comment on view kafka.erasures is 'What kafka.erase was asked and how far it is, for topics of which the session may delete records';
comment on column kafka.erasures.erasure_id is 'What kafka.erase told';
comment on column kafka.erasures.topic is 'Name of the topic';
comment on column kafka.erasures.key is 'The key, until its records are gone';
comment on column kafka.erasures.key_sha256 is 'SHA-256 of the key, from then on';
comment on column kafka.erasures.requested_by is 'The role that asked';
comment on column kafka.erasures.requested_at is 'When it asked';
comment on column kafka.erasures.state is 'asked, erases, waits, erased, vacuum, done';
comment on column kafka.erasures.waits_for is 'What the broker waits for; null: nothing';
comment on column kafka.erasures.began_at is 'Records that were in the topic at this moment go; those that come later stay';
comment on column kafka.erasures.progress is 'The share of the logs'' offsets that is done, 0 to 1';
comment on column kafka.erasures.records is 'Records that went out of the log so far';
comment on column kafka.erasures.erased_at is 'When the last record was gone';
comment on column kafka.erasures.vacuumed_at is 'When the vacuum had ended that was asked for';
comment on column kafka.erasures.done_at is 'When nothing was left to do';
comment on column kafka.erasures.wal_position is 'Where the WAL was then: base backups and archived WAL from before still hold the records until they expire';
grant select on kafka.erasures to public;

revoke execute on function kafka.take_erasures(text, integer), kafka.begin_erasure(bigint, integer[], bigint[]),
  kafka.finish_erasure(bigint) from public;`,
  "0023_objects": `-- Batches whose bytes lie in an object store: the row keeps everything but the bytes, and says where they are.

create table kafka.objects (
  object_id bigint primary key,
  name text collate "C" not null,
  bytes bigint not null,
  created_at bigint not null,
  unused_since bigint,
  merged boolean not null default false,
  erased boolean not null default false,
  constraint objects_name_key unique (name)
);
comment on table kafka.objects is 'Objects of the object store to which rows of kafka.batches point, or have pointed';
comment on column kafka.objects.object_id is 'Rises with each object';
comment on column kafka.objects.name is 'Its name in the store, behind the prefix that the store''s URL gives';
comment on column kafka.objects.bytes is 'Its size';
comment on column kafka.objects.created_at is 'When it was put, in milliseconds, by the broker''s clock';
comment on column kafka.objects.unused_since is 'Since when no batch points to it, in milliseconds; null: one may';
comment on column kafka.objects.erased is 'Records of batches that lay in it were erased: what else lies in it is moved soon';
comment on column kafka.objects.merged is 'Its batches lie in order of partition and offset';
create index objects_unused_since on kafka.objects (unused_since, object_id) where unused_since is not null;

alter table kafka.batches alter column data drop not null;
alter table kafka.batches add column object_id bigint, add column object_position bigint, add column object_bytes integer;
comment on column kafka.batches.data is 'Record batch, format version 2 of Kafka''s protocol; null: it lies in an object';
comment on column kafka.batches.object_id is 'The object in which the batch lies; null: it lies in data';
comment on column kafka.batches.object_position is 'Where the batch begins in the object';
comment on column kafka.batches.object_bytes is 'Size of the batch in the object';

create index objects_mergeable on kafka.objects (object_id) where (not merged or erased) and unused_since is null;

create index batches_object_id on kafka.batches (object_id) where object_id is not null;

alter table kafka.partitions add column local_start_offset bigint not null default 0;
comment on column kafka.partitions.local_start_offset is 'Of a tiered topic: batches below it lie in objects, which they have moved to';

create or replace function kafka.partition_bytes(id integer, cleaned bigint) returns bigint language plpgsql stable cost 50 as $$
  declare
    newest bigint;
    oldest record;
  begin
    if cleaned is not null then
      return (select coalesce(sum(coalesce(b.object_bytes, octet_length(b.data))), 0) from kafka.batches b
        where b.partition_id = id);
    end if;
    select b.cumulative_bytes into newest from kafka.batches b
      where b.partition_id = id order by b.base_offset desc limit 1;
    select b.cumulative_bytes, coalesce(b.object_bytes, octet_length(b.data)) as bytes into oldest from kafka.batches b
      where b.partition_id = id order by b.base_offset limit 1;
    return coalesce(newest - oldest.cumulative_bytes + oldest.bytes, 0);
  end $$;

create or replace function kafka.plan_read(
    ids integer[], froms bigint[], maxes bigint[], total bigint,
    out request integer, out part integer, out first_base bigint, out last_base bigint
  ) returns setof record language plpgsql stable cost 50 rows 10 as $$
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
      for item in select b.base_offset, coalesce(b.object_bytes, octet_length(b.data)) as size from kafka.batches b
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

comment on table kafka.batches is 'The log: a row is a record batch as its producer sent it (compressed as it came), base offset and leader epoch patched in; or all but its bytes, and where these lie in an object';

-- Sizes are those of the batches, wherever their bytes lie.
create or replace view kafka.partition_overview as
  select t.name as topic, p.partition_index as partition, p.partition_id, p.log_start_offset,
    greatest(newest.last_offset + 1, p.end_offset_floor) as end_offset,
    case when p.cleaned_offset is null
      then coalesce(newest.cumulative_bytes - oldest.cumulative_bytes + oldest.bytes, 0)
      else kafka.partition_bytes(p.partition_id, p.cleaned_offset) end as size_bytes,
    kafka.time_of(newest.timestamp_high) as newest_timestamp,
    least(greatest(newest.last_offset + 1, p.end_offset_floor), (
      select greatest(o.first_offset, p.log_start_offset) from kafka.open_transactions o
      where o.partition_id = p.partition_id order by o.first_offset limit 1)) as last_stable_offset
  from kafka.partitions p
  join kafka.topics t on t.topic_id = p.topic_id
  left join lateral (
    select b.last_offset, b.timestamp_high, b.cumulative_bytes from kafka.batches b
    where b.partition_id = p.partition_id order by b.base_offset desc limit 1) newest on true
  left join lateral (
    select b.cumulative_bytes, coalesce(b.object_bytes, octet_length(b.data)) as bytes from kafka.batches b
    where b.partition_id = p.partition_id order by b.base_offset limit 1) oldest on true;
comment on column kafka.topic_overview.size_bytes is 'Bytes of its batches, in rows and in objects: see kafka.storage_overview';
comment on column kafka.partition_overview.size_bytes is 'Bytes of its batches, in rows and in objects: see kafka.storage_overview';

-- By the index: rows that lie in no object are not looked at. A function, as the planner takes each object for hundreds of batches.
create function kafka.batches_in(id bigint) returns table (partition_id integer, bytes bigint, batches bigint)
    language plpgsql stable cost 50 rows 10 as $$
  begin
    return query select b.partition_id, sum(b.object_bytes)::bigint, count(*) from kafka.batches b
      where b.object_id = id group by b.partition_id;
  end $$;
comment on function kafka.batches_in(bigint) is 'What lies in an object: bytes and batches of each partition';

create view kafka.storage_overview as
  select v.topic, v.partition, v.size_bytes, (v.size_bytes - coalesce(o.bytes, 0))::bigint as row_bytes,
    coalesce(o.bytes, 0)::bigint as object_bytes, coalesce(o.batches, 0)::bigint as object_batches, p.local_start_offset
  from kafka.partition_overview v
  join kafka.partitions p on p.partition_id = v.partition_id
  left join (
    select b.partition_id, sum(b.bytes) as bytes, sum(b.batches) as batches
    from kafka.objects o cross join lateral kafka.batches_in(o.object_id) b
    group by b.partition_id) o on o.partition_id = v.partition_id;
comment on view kafka.storage_overview is 'Each partition with the bytes that lie in rows, and in objects; it looks at every batch that lies in an object';
comment on column kafka.storage_overview.topic is 'The topic''s name';
comment on column kafka.storage_overview.partition is 'The partition''s number in the topic';
comment on column kafka.storage_overview.size_bytes is 'Bytes of its batches';
comment on column kafka.storage_overview.row_bytes is 'Those of them that lie in rows';
comment on column kafka.storage_overview.object_bytes is 'Those of them that lie in objects';
comment on column kafka.storage_overview.object_batches is 'How many batches these are';
comment on column kafka.storage_overview.local_start_offset is 'Of a tiered topic: batches below it have moved to objects';

create view kafka.object_overview as
  select s.state, count(o.object_id) as objects, coalesce(sum(o.bytes), 0)::bigint as bytes,
    coalesce(sum(l.bytes), 0)::bigint as live_bytes, kafka.time_of(min(o.created_at)) as oldest,
    kafka.time_of(min(o.unused_since)) as unused_since
  from (values (1, 'new'), (2, 'merged'), (3, 'erased'), (4, 'unused')) s (place, state)
  left join kafka.objects o
    on s.state = case when o.unused_since is not null then 'unused' when o.erased then 'erased' when o.merged then 'merged' else 'new' end
  left join lateral (select sum(b.bytes) as bytes from kafka.batches_in(o.object_id) b) l on true
  group by s.place, s.state order by s.place;
comment on view kafka.object_overview is 'Objects of the object store by what becomes of them; it looks at every batch that lies in one';
comment on column kafka.object_overview.state is 'new: as it was put, and to be merged; merged: made of others; erased: records of it were erased, and what else lies in it is moved soon; unused: no batch lies in it, and it goes after tusk.object.delete.delay.ms';
comment on column kafka.object_overview.objects is 'How many there are';
comment on column kafka.object_overview.bytes is 'Their bytes';
comment on column kafka.object_overview.live_bytes is 'Those of them that batches lie in';
comment on column kafka.object_overview.oldest is 'When the first of them was put';
comment on column kafka.object_overview.unused_since is 'Since when the first of them has been unused; null: they are in use';

-- Of a batch in an object SQL sees the row: what it tells is enough to pass over what was aborted, and what nothing is left of.
create or replace function kafka.log_records(id integer, from_offset bigint, most bigint, since timestamptz)
    returns table ("offset" bigint, "timestamp" timestamptz, key bytea, value bytea, headers kafka.header[])
    language plpgsql stable cost 1000 rows 100 as $$
  declare
    batch record;
    flags integer;
    found_rows bigint;
    base bigint;
  begin
    from_offset := kafka.first_offset(id, from_offset, since);
    for batch in select b.base_offset, b.producer_id, b.data, coalesce(b.object_bytes, octet_length(b.data)) as size,
        substring(b.data for 61) as head, b.object_id, b.object_position
      from kafka.batches b
      where b.partition_id = id and b.base_offset < coalesce((
          select o.first_offset from kafka.open_transactions o
          where o.partition_id = id order by o.first_offset limit 1), 9223372036854775807)
        and b.base_offset >= coalesce((
          select l.base_offset from (
            select n.base_offset, n.last_offset from kafka.batches n
            where n.partition_id = id and n.base_offset <= from_offset order by n.base_offset desc limit 1) l
          where l.last_offset >= from_offset), from_offset)
      order by b.base_offset
    loop
      base := batch.base_offset;
      -- What compaction has left nothing of.
      continue when batch.size = 61;
      if batch.object_id is not null then
        -- A producer with transactions sends nothing outside of them.
        continue when batch.producer_id >= 0 and kafka.is_aborted(id, batch.producer_id, base);
        raise 'the batch at offset % lies in an object store, and only a broker reads it', base using errcode = '0A000',
          detail = format('object %s, bytes %s to %s, offset %s',
            coalesce((select o.name from kafka.objects o where o.object_id = batch.object_id), batch.object_id::text),
            batch.object_position, batch.object_position + batch.size - 1, base),
          hint = (select case when p.local_start_offset > base
              then format('From offset %s on batches lie in rows. Or set', p.local_start_offset) else 'Set' end
            from kafka.partitions p where p.partition_id = id)
            || ' tusk.sql.records=on for the topic, or for the broker: then it keeps the records as rows.';
      end if;
      flags := get_byte(batch.head, 22);
      -- Control records; what was aborted.
      continue when flags & 32 <> 0;
      continue when flags & 16 <> 0 and kafka.is_aborted(id, batch.producer_id, base);
      if flags & 7 <> 0 then
        raise 'the batch at offset % is compressed, and only a broker reads it', base using errcode = '0A000',
          detail = format('codec %s, offset %s', (array['gzip', 'snappy', 'lz4', 'zstd'])[flags & 7], base),
          hint = 'Set tusk.sql.records=on for the topic, or for the broker: then it keeps the records as rows.';
      end if;
      return query select * from kafka.unpack(batch.data, from_offset, most, since);
      get diagnostics found_rows = row_count;
      most := most - found_rows;
      exit when most <= 0;
      since := case when found_rows = 0 then since end;
    end loop;
  -- What is beyond the bytes, or no number of that size, lies in a batch that no producer should have sent.
  exception when data_corrupted or array_subscript_error or numeric_value_out_of_range or substring_error then
    raise 'the batch at offset % is malformed: %', base, sqlerrm using errcode = 'XX001',
      hint = 'Read on behind it, with a greater from_offset.';
  end $$;`
}

export const commitTexts = {
  Append: `insert into kafka.batches (partition_id, leader_epoch, base_offset, last_offset, max_timestamp,
    timestamp_high, cumulative_bytes, producer_id, base_sequence, producer_epoch, data)
  select * from unnest($1::int[], $2::int[], $3::bigint[], $4::bigint[], $5::bigint[],
    $6::bigint[], $7::bigint[], $8::bigint[], $9::int[], $10::int[], $11::bytea[])`,
  AppendOne: `-- A large batch: no array is built of it, and its insert goes on while the next one is on its way.
insert into kafka.batches (partition_id, leader_epoch, base_offset, last_offset, max_timestamp,
    timestamp_high, cumulative_bytes, producer_id, base_sequence, producer_epoch, data)
  values ($1::int, $2::int, $3::bigint, $4::bigint, $5::bigint, $6::bigint, $7::bigint, $8::bigint, $9::int,
    $10::int, $11::bytea)`,
  AppendPointers: `-- Batches whose bytes lie in objects. Rows come as COPY's binary format has them: no executor, one WAL record for many.
copy kafka.batches (partition_id, leader_epoch, base_offset, last_offset, max_timestamp, timestamp_high,
    cumulative_bytes, producer_id, base_sequence, producer_epoch, object_id, object_position, object_bytes)
  from stdin (format binary)`,
  BeginTransaction: `insert into kafka.open_transactions (partition_id, first_offset, producer_id)
  select * from unnest($1::int[], $2::bigint[], $3::bigint[])`,
  DeleteAcl: `-- By ctid: see DeleteOutbox.
delete from kafka.acls where ctid = any (array(
  select m.ctid from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[])
    d (resource_type, resource_name, pattern_type, principal, host, operation, permission_type)
  cross join lateral (
    select ctid from kafka.acls where resource_type = d.resource_type
      and resource_name = d.resource_name
      and pattern_type = d.pattern_type
      and principal = d.principal
      and host = d.host
      and operation = d.operation
      and permission_type = d.permission_type offset 0) m))`,
  DeleteBatches: `-- Where the newest batch goes, the partition keeps what it said: ends never go back. By ctid: see DeleteOutbox.
with doomed as materialized (
    select b.ctid, b.partition_id, b.base_offset, b.last_offset, b.timestamp_high, b.cumulative_bytes
    from unnest($1::int[], $2::bigint[], $3::int[]) r (partition_id, below, batches)
    cross join lateral (
      select b.ctid, b.* from kafka.batches b
      where b.partition_id = r.partition_id and b.base_offset < r.below and b.last_offset < r.below
      order by b.base_offset limit r.batches) b),
  gone as (
    delete from kafka.batches where ctid = any (array(select ctid from doomed))),
  settled as (
    delete from kafka.aborted_transactions where ctid = any (array(
      select a.ctid from unnest($1::int[], $2::bigint[]) r (partition_id, below)
      cross join lateral (
        select ctid from kafka.aborted_transactions t
        where t.partition_id = r.partition_id and t.last_offset < r.below offset 0) a))),
  newest as (
    select partition_id, max(base_offset) as base_offset, max(last_offset) as last_offset,
      max(timestamp_high) as timestamp_high, max(cumulative_bytes) as cumulative_bytes
    from doomed group by partition_id)
  update kafka.partitions p set end_offset_floor = greatest(p.end_offset_floor, n.last_offset + 1),
    timestamp_high_floor = greatest(p.timestamp_high_floor, n.timestamp_high),
    cumulative_bytes_floor = greatest(p.cumulative_bytes_floor, n.cumulative_bytes)
  from newest n
  where p.partition_id = n.partition_id and (
    select b.base_offset from kafka.batches b where b.partition_id = n.partition_id and b.base_offset > n.base_offset
    limit 1) is null`,
  DeleteConfig: `delete from kafka.configs c using unnest($1::int[], $2::text[], $3::text[]) d (resource_type, resource_name, name)
  where c.resource_type = d.resource_type and c.resource_name = d.resource_name and c.name = d.name`,
  DeleteDelegationToken: `-- By ctid: see DeleteOutbox.
delete from kafka.delegation_tokens where ctid = any (array(
  select m.ctid from unnest($1::text[])
    d (token_id)
  cross join lateral (
    select ctid from kafka.delegation_tokens where token_id = d.token_id offset 0) m))`,
  DeleteGroup: `with gone as (delete from kafka.groups where group_id = any($1::text[])),
  offsets as (delete from kafka.offsets where commit_id = any($2::bigint[]))
  delete from kafka.group_members where group_id = any($1::text[])`,
  DeleteGroupMember: `-- A null member id: all of the group. By ctid: see DeleteOutbox.
delete from kafka.group_members where ctid = any (array(
  select m.ctid from unnest($1::text[], $2::text[]) d (group_id, member_id)
  cross join lateral (
    select ctid from kafka.group_members where group_id = d.group_id and member_id = d.member_id
    union all
    select ctid from kafka.group_members where group_id = d.group_id and d.member_id is null offset 0) m))`,
  DeleteOffset: `-- What is not in force any more, or was taken away.
delete from kafka.offsets where commit_id = any($1::bigint[])`,
  DeleteOutbox: `-- All of them are there, or the commit fails. By ctid, here and elsewhere, and each found by its own look-up ("offset 0"
-- keeps it one): Postgres joins a table that was empty when vacuum saw it by reading all of its index.
with gone as (
  delete from kafka.outbox where ctid = any (array(
    select o.ctid from unnest($1::bigint[], $2::bigint[]) k (xid, id)
    cross join lateral (
      select ctid from kafka.outbox where xid = k.xid::text::xid8 and id = k.id offset 0) o))
  returning id)
select kafka.all_there((select count(*) from gone), $3::bigint)`,
  DeleteQuota: `-- By ctid: see DeleteOutbox.
delete from kafka.quotas where ctid = any (array(
  select m.ctid from unnest($1::text[], $2::text[], $3::text[], $4::text[])
    d (user_name, client_id, ip, quota_key)
  cross join lateral (
    select ctid from kafka.quotas where user_name = d.user_name
      and client_id = d.client_id
      and ip = d.ip
      and quota_key = d.quota_key offset 0) m))`,
  DeleteScramCredential: `-- By ctid: see DeleteOutbox.
delete from kafka.scram_users where ctid = any (array(
  select m.ctid from unnest($1::text[], $2::text[])
    d (user_name, mechanism)
  cross join lateral (
    select ctid from kafka.scram_users where user_name = d.user_name
      and mechanism = d.mechanism offset 0) m))`,
  DeleteTopic: `with gone as (delete from kafka.topics where topic_id = any($1::text[]) returning topic_id, name),
  orphans as (
    update kafka.partitions p set topic_id = null from gone
    where p.topic_id = gone.topic_id returning p.partition_id),
  no_offsets as (
    delete from kafka.offsets o using orphans where o.partition_id = orphans.partition_id)
  delete from kafka.configs c using gone where c.resource_type = 2 and c.resource_name = gone.name`,
  DeleteTransactionalId: `delete from kafka.transactional_ids where revision = any($1::bigint[])`,
  DropObject: `delete from kafka.objects where object_id = any($1::bigint[])`,
  DropPartition: `with no_batches as (delete from kafka.batches where partition_id = any($1::int[])),
  no_epochs as (delete from kafka.leader_epochs where partition_id = any($1::int[])),
  no_open as (delete from kafka.open_transactions where partition_id = any($1::int[])),
  no_aborted as (delete from kafka.aborted_transactions where partition_id = any($1::int[])),
  no_snapshot as (delete from kafka.producer_snapshots where partition_id = any($1::int[]))
  delete from kafka.partitions where partition_id = any($1::int[])`,
  EndTransaction: `-- An aborted one has a last offset. By ctid: see DeleteOutbox.
with ended as (
    delete from kafka.open_transactions where ctid = any (array(
      select t.ctid from unnest($1::int[], $2::bigint[]) e (partition_id, first_offset)
      cross join lateral (
        select ctid from kafka.open_transactions o
        where o.partition_id = e.partition_id and o.first_offset = e.first_offset offset 0) t)))
  insert into kafka.aborted_transactions (partition_id, first_offset, last_offset, producer_id, last_stable_offset)
  select * from unnest($1::int[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[])
    a (partition_id, first_offset, last_offset, producer_id, last_stable_offset)
  where a.last_offset >= 0`,
  MoveBatches: `-- Of each batch where its bytes lie, if they lie where it says; 0: in the row. By ctid: see DeleteOutbox.
with there as materialized (
    select b.ctid, m.object_id, m.object_position, m.object_bytes
    from unnest($1::int[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::int[])
      m (partition_id, base_offset, from_object, object_id, object_position, object_bytes)
    cross join lateral (
      select ctid from kafka.batches f
      where f.partition_id = m.partition_id and f.base_offset = m.base_offset
        and coalesce(f.object_id, 0) = m.from_object offset 0) b)
  update kafka.batches b set data = null, object_id = t.object_id, object_position = t.object_position,
    object_bytes = t.object_bytes
  from there t where b.ctid = t.ctid`,
  PutAcl: `insert into kafka.acls (resource_type, resource_name, pattern_type, principal, host, operation, permission_type)
  select * from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[])
  on conflict do nothing`,
  PutCommit: `-- Tells of a commit that adds neither batch nor offset; those before it have nothing more to tell.
with former as (delete from kafka.commits where commit_id = any($2::bigint[]))
  insert into kafka.commits (commit_id) values ($1::bigint)`,
  PutCompaction: `update kafka.partitions p set cleaned_offset = c.cleaned_offset, cleaned_bytes = c.cleaned_bytes,
    delete_horizon = c.delete_horizon
  from unnest($1::int[], $2::bigint[], $3::bigint[], $4::bigint[])
    c (partition_id, cleaned_offset, cleaned_bytes, delete_horizon)
  where p.partition_id = c.partition_id`,
  PutConfig: `insert into kafka.configs (resource_type, resource_name, name, value)
  select * from unnest($1::int[], $2::text[], $3::text[], $4::text[])
  on conflict (resource_type, resource_name, name) do update set value = excluded.value`,
  PutDelegationToken: `insert into kafka.delegation_tokens (token_id, hmac_hash, owner, requester, renewers, issue_timestamp, max_timestamp,
    expiry_timestamp)
  select * from unnest($1::text[], $2::bytea[], $3::text[], $4::text[], $5::text[], $6::bigint[], $7::bigint[], $8::bigint[])
  on conflict (token_id) do update set hmac_hash = excluded.hmac_hash, owner = excluded.owner, requester = excluded.requester,
    renewers = excluded.renewers, issue_timestamp = excluded.issue_timestamp, max_timestamp = excluded.max_timestamp,
    expiry_timestamp = excluded.expiry_timestamp`,
  PutErased: `update kafka.objects set erased = true
  where not erased and object_id = any (array(
    select b.object_id from unnest($1::int[], $2::bigint[]) r (partition_id, base_offset)
    cross join lateral (
      select object_id from kafka.batches f
      where f.partition_id = r.partition_id and f.base_offset = r.base_offset offset 0) b
    where b.object_id is not null))`,
  PutFailoverEpoch: `update kafka.partitions p set failover_epoch = f.epoch
  from (select partition_id, max(epoch) as epoch from unnest($1::int[], $2::int[]) u (partition_id, epoch)
    group by partition_id) f
  where p.partition_id = f.partition_id and p.failover_epoch < f.epoch`,
  PutGroup: `insert into kafka.groups (group_id, kind, value) select * from unnest($1::text[], $2::text[], $3::text[])
  on conflict (group_id) do update set kind = excluded.kind, value = excluded.value`,
  PutGroupMember: `insert into kafka.group_members (group_id, member_id, value)
  select * from unnest($1::text[], $2::text[], $3::text[])
  on conflict (group_id, member_id) do update set value = excluded.value`,
  PutLeaderEpoch: `insert into kafka.leader_epochs (partition_id, epoch, start_offset)
  select * from unnest($1::int[], $2::int[], $3::bigint[]) on conflict (partition_id, epoch) do nothing`,
  PutLocalStart: `update kafka.partitions p set local_start_offset = s.local_start_offset
  from (select partition_id, max(local_start_offset) as local_start_offset
    from unnest($1::int[], $2::bigint[]) u (partition_id, local_start_offset) group by partition_id) s
  where p.partition_id = s.partition_id and p.local_start_offset < s.local_start_offset`,
  PutLogStart: `update kafka.partitions p set log_start_offset = s.log_start_offset
  from (select partition_id, max(log_start_offset) as log_start_offset
    from unnest($1::int[], $2::bigint[]) u (partition_id, log_start_offset) group by partition_id) s
  where p.partition_id = s.partition_id and p.log_start_offset < s.log_start_offset`,
  PutMerged: `-- One to which a batch points has to be merged still.
update kafka.objects o set merged = true, erased = false
  where o.object_id = any ($1::bigint[])
    and (select b.object_id from kafka.batches b where b.object_id = o.object_id limit 1) is null`,
  PutNextProducerId: `update kafka.cluster set next_producer_id = $1::bigint`,
  PutObject: `-- Units with batches in it bring it anew: it is in use. One that has grown comes with its size. A name that another has is refused.
insert into kafka.objects (object_id, name, bytes, created_at, merged)
  select o.object_id, o.name, o.bytes, o.created_at, o.merged = 1
  from unnest($1::bigint[], $2::text[], $3::bigint[], $4::bigint[], $5::int[]) o (object_id, name, bytes, created_at, merged)
  on conflict (object_id) do update set unused_since = null, bytes = least(objects.bytes, excluded.bytes)
    where objects.unused_since is not null or excluded.bytes < objects.bytes`,
  PutOffset: `insert into kafka.offsets (group_id, partition_id, committed_offset, leader_epoch, commit_timestamp,
    expire_timestamp, metadata, commit_id)
  select * from unnest($1::text[], $2::int[], $3::bigint[], $4::int[], $5::bigint[], $6::bigint[], $7::text[],
    $8::bigint[])`,
  PutPartition: `with added as (
    insert into kafka.partitions (topic_id, partition_index, partition_id, failover_epoch)
    select u.*, c.failover_epoch from unnest($1::text[], $2::int[], $3::int[]) u cross join kafka.cluster c
    returning partition_id)
  update kafka.cluster set next_partition_id = greatest(next_partition_id,
    (select max(partition_id) + 1 from added))`,
  PutProducerSnapshot: `insert into kafka.producer_snapshots (partition_id, end_offset, value)
  select * from unnest($1::int[], $2::bigint[], $3::bytea[])
  on conflict (partition_id) do update set end_offset = excluded.end_offset, value = excluded.value`,
  PutQuota: `insert into kafka.quotas (user_name, client_id, ip, quota_key, value)
  select user_name, client_id, ip, quota_key, value::double precision
  from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[]) q (user_name, client_id, ip, quota_key, value)
  on conflict (user_name, client_id, ip, quota_key) do update set value = excluded.value`,
  PutScramCredential: `insert into kafka.scram_users (user_name, mechanism, iterations, salt, stored_key, server_key)
  select * from unnest($1::text[], $2::text[], $3::int[], $4::bytea[], $5::bytea[], $6::bytea[])
  on conflict (user_name, mechanism) do update set iterations = excluded.iterations, salt = excluded.salt,
    stored_key = excluded.stored_key, server_key = excluded.server_key`,
  PutTopic: `-- A config that was set while its topic was being deleted is not the next one's of that name.
with stale as (
    delete from kafka.configs c where c.resource_type = 2 and c.resource_name = any($2::text[])
      and not exists (select from kafka.topics t where t.name = c.resource_name))
  insert into kafka.topics (topic_id, name)
  select * from unnest($1::text[], $2::text[]) on conflict (topic_id) do nothing`,
  PutTransactionalId: `insert into kafka.transactional_ids (revision, transactional_id, value)
  select * from unnest($1::bigint[], $2::text[], $3::text[])`,
  PutUnusedObjects: `-- Those to which no batch points, as of this commit. By ctid: see DeleteOutbox.
with there as materialized (
    select o.ctid, u.unused_since
    from unnest($1::bigint[], $2::bigint[]) u (object_id, unused_since)
    cross join lateral (
      select ctid from kafka.objects f
      where f.object_id = u.object_id and f.unused_since is null
        and (select b.object_id from kafka.batches b where b.object_id = u.object_id limit 1) is null offset 0) o)
  update kafka.objects o set unused_since = t.unused_since from there t where o.ctid = t.ctid`,
  RefuseOutbox: `-- As DeleteOutbox, and kept for a person to look at.
with gone as (
  delete from kafka.outbox where ctid = any (array(
    select o.ctid from unnest($1::bigint[], $2::bigint[]) k (xid, id)
    cross join lateral (
      select ctid from kafka.outbox where xid = k.xid::text::xid8 and id = k.id offset 0) o))
  returning id, partition_id, timestamp, key, value, headers),
kept as (
  insert into kafka.outbox_refused (id, reason, partition_id, timestamp, key, value, headers)
  select id, ($3::text[])[array_position($2::bigint[], id)], partition_id, timestamp, key, value, headers from gone)
select kafka.all_there((select count(*) from gone), $4::bigint)`,
  Relax: `-- For the transaction it is in: its COMMIT does not wait for the disk.
select set_config('synchronous_commit', 'off', true)`,
  RemoveBatches: `-- The newest batch tells where its partition ends: it stays. A marker goes with what tells of it. By ctid: see DeleteOutbox.
with doomed as materialized (
    select b.ctid, r.partition_id, r.base_offset from unnest($1::int[], $2::bigint[]) r (partition_id, base_offset)
    cross join lateral (
      select ctid from kafka.batches f
      where f.partition_id = r.partition_id and f.base_offset = r.base_offset offset 0) b
    where (select n.base_offset from kafka.batches n
      where n.partition_id = r.partition_id and n.base_offset > r.base_offset limit 1) is not null),
  settled as (
    delete from kafka.aborted_transactions where ctid = any (array(
      select a.ctid from doomed d
      cross join lateral (
        select ctid from kafka.aborted_transactions t
        where t.partition_id = d.partition_id and t.last_offset = d.base_offset offset 0) a)))
  delete from kafka.batches where ctid = any (array(select ctid from doomed))`,
  ReplaceBatches: `update kafka.batches b set data = r.data, max_timestamp = r.max_timestamp, object_id = null, object_position = null,
    object_bytes = null
  from unnest($1::int[], $2::bigint[], $3::bigint[], $4::bytea[]) r (partition_id, base_offset, max_timestamp, data)
  where b.partition_id = r.partition_id and b.base_offset = r.base_offset`,
  ReplacePointers: `-- Batches with fewer records, whose bytes lie in an object, in the place of others. By ctid: see DeleteOutbox.
with there as materialized (
    select b.ctid, r.max_timestamp, r.object_id, r.object_position, r.object_bytes
    from unnest($1::int[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::int[])
      r (partition_id, base_offset, max_timestamp, object_id, object_position, object_bytes)
    cross join lateral (
      select ctid from kafka.batches f
      where f.partition_id = r.partition_id and f.base_offset = r.base_offset offset 0) b)
  update kafka.batches b set data = null, max_timestamp = t.max_timestamp, object_id = t.object_id,
    object_position = t.object_position, object_bytes = t.object_bytes
  from there t where b.ctid = t.ctid`
}

export const readTexts = {
  AbortedTransactions: `-- The first that ends with all below $3 decided tells that no later one begins below it.
select producer_id, first_offset, last_offset, last_stable_offset from kafka.aborted_transactions
  where partition_id = $1 and first_offset < $3 and last_offset between $2 and coalesce((
    select last_offset from kafka.aborted_transactions
    where partition_id = $1 and last_offset >= $2 and last_stable_offset >= $3
    order by last_offset limit 1), 9223372036854775807)
  order by last_offset`,
  AnyPublication: `select exists (select from kafka.published)`,
  BatchesIn: `-- Each object's batches by their own index ("offset 0" keeps it so): to be spared the sort, Postgres would read all batches that there are.
select b.partition_id, o.object_id, b.base_offset, b.leader_epoch, b.max_timestamp, b.object_position, b.object_bytes, o.name
  from kafka.objects o
  cross join lateral (
    select partition_id, base_offset, leader_epoch, max_timestamp, object_position, object_bytes from kafka.batches f
    where f.object_id = o.object_id offset 0) b
  where o.object_id = any ($1::bigint[])
  order by b.partition_id, b.base_offset limit $2::int`,
  ErasureTopics: `select distinct topic_id from kafka.erasure_requests where erased_at is null order by topic_id limit 1000`,
  ErasuresToEnd: `-- Of which nothing is left to be erased: whether a vacuum is to follow.
select erasure_id, vacuum from kafka.erasure_requests where erased_at is not null and done_at is null order by erasure_id`,
  FindByTimestamp: `select b.data, case when b.data is null then concat_ws(' ', b.base_offset, b.leader_epoch, b.max_timestamp,
    b.object_position, b.object_bytes, (select o.name from kafka.objects o where o.object_id = b.object_id)) end
  from kafka.batches b
  where b.partition_id = $1::int and b.base_offset = (select kafka.first_base_at_time($1::int, $2::bigint))`,
  LoadClaims: `-- What the broker has not been told yet counts as well: it hears of the end of a claim when it takes the outbox's row.
select o.group_id, o.partition_id from kafka.sql_offsets o
  join kafka.partitions p on p.partition_id = o.partition_id where p.topic_id is not null
union
select o.group_id, o.partition_id from kafka.outbox o where o.group_id is not null`,
  LoadGroups: `select g.group_id, g.kind, g.value, m.member_id, m.value from kafka.groups g
  left join kafka.group_members m on m.group_id = g.group_id order by g.group_id`,
  LoadLeaderEpochs: `select e.partition_id, e.epoch, e.start_offset from kafka.leader_epochs e
  where e.partition_id = any($1::int[]) order by e.partition_id, e.epoch`,
  LoadOffsets: `select group_id, partition_id, committed_offset, leader_epoch, commit_timestamp, expire_timestamp, metadata
  from kafka.offsets order by commit_id`,
  LoadOpenTransactions: `select partition_id, first_offset, producer_id from kafka.open_transactions
  where partition_id = any($1::int[]) order by partition_id, first_offset`,
  LoadPartitions: `select p.partition_id, p.log_start_offset,
    greatest(newest.last_offset + 1, p.end_offset_floor),
    greatest(newest.timestamp_high, p.timestamp_high_floor),
    greatest(newest.cumulative_bytes, p.cumulative_bytes_floor),
    case when p.cleaned_offset is null then kafka.partition_bytes(p.partition_id, null) end,
    s.end_offset, s.value, p.cleaned_offset, p.cleaned_bytes, p.delete_horizon, p.failover_epoch,
    coalesce((
      select a.last_offset from kafka.aborted_transactions a
      where a.partition_id = wanted.id order by a.last_offset desc limit 1), -1),
    p.local_start_offset
  from unnest($1::int[]) wanted (id)
  join kafka.partitions p on p.partition_id = wanted.id
  left join kafka.producer_snapshots s on s.partition_id = wanted.id
  left join lateral (
    select b.last_offset, b.timestamp_high, b.cumulative_bytes from kafka.batches b
    where b.partition_id = wanted.id order by b.base_offset desc limit 1) newest on true`,
  LoadProducerBatches: `select b.partition_id, b.base_offset, b.last_offset, b.max_timestamp, b.producer_id, b.producer_epoch::int,
    b.base_sequence, b.leader_epoch
  from unnest($1::int[]) wanted (id)
  left join kafka.producer_snapshots s on s.partition_id = wanted.id
  cross join lateral (
    select * from kafka.batches b
    where b.partition_id = wanted.id and b.base_offset >= coalesce(s.end_offset, 0) and b.producer_id >= 0
    order by b.base_offset) b`,
  LoadRoleGroups: `-- The role itself, if it may log in, and all roles that it is a member of, directly or through others.
with recursive mine (oid) as (
  select r.oid from pg_catalog.pg_roles r
    where r.rolname::text = any ($1::text[]) and r.rolcanlogin and (r.rolvaliduntil is null or r.rolvaliduntil > now())
  union
  select m.roleid from pg_catalog.pg_auth_members m join mine on m.member = mine.oid
)
select r.rolname::text from mine join pg_catalog.pg_roles r on r.oid = mine.oid`,
  LoadTransactionalIds: `select transactional_id, revision, value from kafka.transactional_ids order by revision`,
  MaterialisedTables: `select m.follower_id, coalesce(format('%I.%I', n.nspname, c.relname), m.table_name), m.topic, m.topic_id
  from kafka.materialised_tables m
  left join (pg_class c join pg_namespace n on n.oid = c.relnamespace) on c.oid = m.target
  order by m.follower_id`,
  Mergeable: `select o.object_id, o.bytes, o.erased from kafka.objects o
  where (not o.merged or o.erased) and o.unused_since is null
    and (o.erased or (o.created_at < $1::bigint and o.bytes < $2::bigint))
  order by o.erased desc, o.object_id limit $3::int`,
  ObjectBatches: `-- Of one object, in order of their places in it.
select b.partition_id, b.base_offset, b.last_offset, b.object_position, b.object_bytes
  from kafka.batches b
  where b.object_id = $1::bigint and (b.object_position, b.partition_id, b.base_offset) > ($2::bigint, $3::int, $4::bigint)
  order by b.object_position, b.partition_id, b.base_offset limit $5::int`,
  ObjectPointedIds: `-- From one object's batches to the next one's, however many there are.
with recursive pointed (object_id, place) as (
    (select b.object_id, 1 from kafka.batches b where b.object_id > $1::bigint order by b.object_id limit 1)
    union all
    select (select b.object_id from kafka.batches b where b.object_id > p.object_id order by b.object_id limit 1), p.place + 1
      from pointed p where p.object_id is not null and p.place < $2::int)
  select p.object_id, (select o.object_id from kafka.objects o where o.object_id = p.object_id) is not null
  from pointed p where p.object_id is not null order by p.object_id`,
  ObjectTotals: `select count(*), coalesce(sum(bytes), 0)::bigint, count(unused_since),
    coalesce(sum(bytes) filter (where unused_since is not null), 0)::bigint
  from kafka.objects`,
  ObjectUses: `select o.object_id, o.bytes, (select sum(b.object_bytes) from kafka.batches b where b.object_id = o.object_id)::bigint
  from (select f.object_id, f.bytes from kafka.objects f
    where f.object_id > $1::bigint and f.created_at < $2::bigint and (f.merged or f.bytes >= $3::bigint) and f.unused_since is null
      and (select b.object_id from kafka.batches b where b.object_id = f.object_id limit 1) is not null
    order by f.object_id limit $4::int) o
  order by o.object_id`,
  ObjectsByName: `select o.object_id, o.name, o.bytes, o.created_at, o.unused_since, o.merged,
    (select b.object_id from kafka.batches b where b.object_id = o.object_id limit 1) is not null
  from kafka.objects o where o.name > $1::text order by o.name limit $2::int`,
  ObjectsInUse: `-- Not noted as unused, by id; whether a batch points to each.
select o.object_id, o.name, o.bytes, o.created_at, o.unused_since, o.merged,
    (select b.object_id from kafka.batches b where b.object_id = o.object_id limit 1) is not null
  from kafka.objects o where o.object_id > $1::bigint and o.unused_since is null order by o.object_id limit $2::int`,
  ObjectsKnown: `select o.name from unnest($1::text[]) n (name)
  cross join lateral (select f.name from kafka.objects f where f.name = n.name offset 0) o`,
  ObjectsUnused: `-- For longer than since a time, and no batch points to them.
select o.object_id, o.name, o.bytes, o.created_at, o.unused_since, o.merged
  from kafka.objects o
  where o.unused_since < $1::bigint
    and (select b.object_id from kafka.batches b where b.object_id = o.object_id limit 1) is null
  order by o.unused_since, o.object_id limit $2::int`,
  Read: `-- Of each place what may be taken of it, and a first batch in any case; of a batch that lies in an object, where it lies, with the
-- object's name where it is another than before. Of those some beyond as well, as they are asked for next: never one behind a batch
-- that is left out. How many may fit, the size of the first tells; where that ends it, there may be more.
select (r.place - 1)::int, b.last_offset, b.nth = b.most_rows, b.data, case when b.data is null then concat_ws(' ', b.base_offset,
    b.leader_epoch, b.max_timestamp, b.object_position, b.object_bytes, case when b.object_id is distinct from b.object_before
      then (select o.name from kafka.objects o where o.object_id = b.object_id) end) end
  from unnest($1::int[], $2::bigint[], $3::bigint[]) with ordinality r (part, from_offset, most, place)
  left join lateral (
    select f.base_offset, f.last_offset, r.most / coalesce(f.object_bytes, octet_length(f.data)) + 1 as fitting, f.object_id
    from kafka.batches f
    where f.partition_id = r.part and f.base_offset <= r.from_offset order by f.base_offset desc limit 1) h on true
  cross join lateral (
    select least(coalesce(case when h.object_id is null then h.fitting else h.fitting * 4 end, 64), 512) as most_rows) l
  cross join lateral (
    select b.*, l.most_rows, row_number() over so_far as nth, lag(b.object_id) over so_far as object_before,
      sum(coalesce(b.object_bytes, octet_length(b.data))) over so_far as bytes,
      bool_and(b.data is null) over so_far as in_objects
    from (select b.* from kafka.batches b
      where b.partition_id = r.part
        and b.base_offset >= case when h.last_offset >= r.from_offset then h.base_offset else r.from_offset end
      order by b.base_offset limit l.most_rows) b
    window so_far as (order by b.base_offset rows unbounded preceding)) b
  where b.bytes <= r.most or b.nth = 1 or b.in_objects`,
  ServerClock: `select (extract(epoch from clock_timestamp()) * 1000)::bigint`,
  SizeOf: `-- Both of one snapshot.
select greatest(newest.cumulative_bytes, p.cumulative_bytes_floor),
    kafka.partition_bytes(p.partition_id, p.cleaned_offset)
  from kafka.partitions p
  left join lateral (
    select b.cumulative_bytes from kafka.batches b
    where b.partition_id = p.partition_id order by b.base_offset desc limit 1) newest on true
  where p.partition_id = $1::int`,
  Sizes: `select b.base_offset, b.last_offset, b.max_timestamp, b.timestamp_high, b.cumulative_bytes,
    coalesce(b.object_bytes, octet_length(b.data)), (b.object_id is not null)::int
  from kafka.batches b
  where b.partition_id = $1::int and b.base_offset >= coalesce(
    (select case when h.last_offset >= $2::bigint then h.base_offset end from kafka.batches h
     where h.partition_id = $1::int and h.base_offset <= $2::bigint order by h.base_offset desc limit 1),
    $2::bigint)
  order by b.base_offset limit $3::int`,
  UnpackedLeftOver: `-- From one partition's rows to the next one's, however many there are.
with recursive held (partition_id) as (
    (select partition_id from kafka.unpacked order by partition_id limit 1)
    union all
    select (select u.partition_id from kafka.unpacked u where u.partition_id > held.partition_id
      order by u.partition_id limit 1) from held where held.partition_id is not null)
  select partition_id from held where partition_id is not null
    and not exists (select from kafka.unpacked_positions k where k.partition_id = held.partition_id)`,
  UnpackedPositions: `-- With how far the log is compacted, where that is not what the rows are.
select k.partition_id, k.next_offset, p.cleaned_offset, p.delete_horizon
  from kafka.unpacked_positions k left join kafka.partitions p on p.partition_id = k.partition_id
    and (p.cleaned_offset is distinct from k.cleaned_offset or p.delete_horizon is distinct from k.delete_horizon)`
}

export const publishTexts = {
  PublishFailed: `select from kafka.publish_failed($1, $2)`,
  PublishStep: `select state, rows, bytes from kafka.publish_step($1, $2, $3)`,
  TendPublications: `select publication, reads from kafka.tend_publications()`
}

export const outboxTexts = {
  OutboxKeys: `-- The same, the keys alone.
select xid, id from (
    select o.* from kafka.outbox o where o.xid >= (select pg_snapshot_xmax($1::text::pg_snapshot))
    union all
    select o.* from kafka.outbox o where o.xid = any (array(select pg_snapshot_xip($1::text::pg_snapshot)))) new
where ($2::text is null or pg_visible_in_snapshot(xid, $2::text::pg_snapshot)) and partition_id <> all ($3::integer[]) order by id limit $4::integer`,
  OutboxLimits: `-- What topics without configs of their own are held to, and dedup keys. Writes nothing if it is so already.
update kafka.sql_settings
set max_message_bytes = $1::integer, cleanup_policy = $2::text, dedup_window = $3::bigint * interval '1 ms'
where (max_message_bytes, cleanup_policy, dedup_window)
  is distinct from ($1::integer, $2::text, $3::bigint * interval '1 ms')`,
  OutboxPass: `-- What became visible since a snapshot, in order of calls, as far as a number of bytes goes. The first row is the snapshot
-- of now, and how many there are. Two scans of the index: "or" would read all of it.
with new as (
    select o.* from kafka.outbox o where o.xid >= (select pg_snapshot_xmax($1::text::pg_snapshot))
    union all
    select o.* from kafka.outbox o where o.xid = any (array(select pg_snapshot_xip($1::text::pg_snapshot)))),
sized as (
  select first.*, sum(coalesce(octet_length(key), 0) + coalesce(octet_length(value), 0) + 64) over (order by id) as upto
  from (select * from new where ($2::text is null or pg_visible_in_snapshot(xid, $2::text::pg_snapshot)) and partition_id <> all ($3::integer[]) order by id limit $4::integer) first)
select pg_current_snapshot()::text, null::xid8, (select count(*) from sized), null::integer, null::bigint, null::bytea, null::bytea,
  null::text[], null::bytea[], null::text, null::bigint
union all
(select null, xid, id, partition_id, timestamp, key, value,
  case when headers is not null then array(select h.key from unnest(headers) h) end,
  case when headers is not null then array(select h.value from unnest(headers) h) end,
  group_id, committed_offset
from sized where upto - coalesce(octet_length(key), 0) - coalesce(octet_length(value), 0) - 64 < $5::bigint order by id)`,
  OutboxRows: `-- Rows by their keys, each by its own look-up (see DeleteOutbox), in that order, as far as a number of bytes goes.
with sized as (
  select k.place, o.*,
    sum(coalesce(octet_length(o.key), 0) + coalesce(octet_length(o.value), 0) + 64) over (order by k.place) as upto
  from unnest($1::bigint[], $2::bigint[]) with ordinality k (xid, id, place)
  cross join lateral (
    select * from kafka.outbox r where r.xid = k.xid::text::xid8 and r.id = k.id offset 0) o)
select place, xid, id, partition_id, timestamp, key, value,
  case when headers is not null then array(select h.key from unnest(headers) h) end,
  case when headers is not null then array(select h.value from unnest(headers) h) end,
  group_id, committed_offset
from sized where upto - coalesce(octet_length(key), 0) - coalesce(octet_length(value), 0) - 64 < $3::bigint order by place`
}

export const shadowTexts = {
  BeginPartition: `insert into kafka.shadow_partitions (cluster_id, topic, partition_index, source_topic_id, target_topic_id, difference, fills,
  target_start, target_end, source_next, source_end)
select r."clusterId", r.topic, r.partition, r."sourceTopicId", r."targetTopicId", r.difference, r.fills, r."targetStart",
  r."targetEnd", r."sourceNext", r."sourceEnd"
from jsonb_to_record($1::jsonb) as r("clusterId" text, topic text, partition integer, "sourceTopicId" text, "targetTopicId" text,
  difference bigint, fills boolean, "targetStart" bigint, "targetEnd" bigint, "sourceNext" bigint, "sourceEnd" bigint)
on conflict (cluster_id, topic, partition_index) do nothing`,
  ForgetPartition: `with gone as (
  delete from kafka.shadow_partitions s
  where s.cluster_id = $1::jsonb ->> 'clusterId' and s.topic = $1::jsonb ->> 'topic'
    and s.partition_index = ($1::jsonb ->> 'partition')::integer
  returning s.cluster_id, s.topic, s.partition_index)
delete from kafka.shadow_offsets o using gone
where o.cluster_id = gone.cluster_id and o.topic = gone.topic and o.partition_index = gone.partition_index`,
  LockMap: `select pg_try_advisory_lock(hashtextextended($1::jsonb ->> 'clusterId', 'kafka.shadow_offsets'::regclass::oid::bigint))::text`,
  MapOffsets: `with one as (
  select r.* from jsonb_to_record($1::jsonb) as r("clusterId" text, topic text, partition integer, entries jsonb)
  -- Another one that forwards may hold it by now.
  where pg_try_advisory_lock(hashtextextended(r."clusterId", 'kafka.shadow_offsets'::regclass::oid::bigint))),
put as (
  insert into kafka.shadow_offsets (cluster_id, topic, partition_index, target_offset, source_offset)
  select one."clusterId", one.topic, one.partition, e.target, e.source
  from one, jsonb_to_recordset(one.entries) as e(source bigint, target bigint)
  on conflict do nothing)
select 'true' from one`,
  MappedOffsets: `select jsonb_build_object('source', o.source_offset::text, 'target', o.target_offset::text)::text
from kafka.shadow_offsets o
where o.cluster_id = $1::jsonb ->> 'clusterId' and o.topic = $1::jsonb ->> 'topic'
  and o.partition_index = ($1::jsonb ->> 'partition')::integer
order by o.target_offset, o.source_offset`,
  NoteProgress: `update kafka.shadow_partitions s
set target_end = greatest(s.target_end, r."targetEnd"), source_next = greatest(s.source_next, r."sourceNext"),
  source_end = greatest(s.source_end, r."sourceEnd"), moved_at = now(), stopped_at = null, stopped_why = null
from jsonb_to_recordset($1::jsonb -> 'partitions') as r(topic text, partition integer, "targetEnd" bigint, "sourceNext" bigint,
  "sourceEnd" bigint)
where s.cluster_id = $1::jsonb ->> 'clusterId' and s.topic = r.topic and s.partition_index = r.partition`,
  NoteStop: `update kafka.shadow_partitions s
set stopped_at = coalesce(s.stopped_at, now()), stopped_why = $1::jsonb ->> 'why'
where s.cluster_id = $1::jsonb ->> 'clusterId' and s.topic = $1::jsonb ->> 'topic'
  and s.partition_index = ($1::jsonb ->> 'partition')::integer and s.stopped_why is distinct from $1::jsonb ->> 'why'`,
  Partitions: `select jsonb_build_object('topic', s.topic, 'partition', s.partition_index, 'sourceTopicId', s.source_topic_id,
  'targetTopicId', s.target_topic_id, 'difference', s.difference::text, 'fills', s.fills, 'targetStart', s.target_start::text,
  'targetEnd', s.target_end::text, 'sourceNext', s.source_next::text, 'sourceEnd', s.source_end::text,
  'stoppedWhy', s.stopped_why)::text
from kafka.shadow_partitions s
where s.cluster_id = $1::jsonb ->> 'clusterId'
  and ($1::jsonb ->> 'topic' is null or s.topic = $1::jsonb ->> 'topic')
  and ($1::jsonb ->> 'partition' is null or s.partition_index = ($1::jsonb ->> 'partition')::integer)
order by s.topic, s.partition_index`,
  Producer: `select jsonb_build_object('producerId', t.producer_id::text, 'epoch', t.producer_epoch)::text
from kafka.shadow_targets t where t.cluster_id = $1::jsonb ->> 'clusterId'`,
  PutProducer: `with one as (select r.* from jsonb_to_record($1::jsonb) as r("clusterId" text, "producerId" bigint, epoch integer)),
put as (
  insert into kafka.shadow_targets (cluster_id, producer_id, producer_epoch)
  select one."clusterId", one."producerId", one.epoch from one
  on conflict (cluster_id) do update set cluster_id = excluded.cluster_id
  returning producer_id, producer_epoch)
select jsonb_build_object('producerId', put.producer_id::text, 'epoch', put.producer_epoch)::text from put`,
  TrimMap: `delete from kafka.shadow_offsets o
where o.cluster_id = $1::jsonb ->> 'clusterId' and o.topic = $1::jsonb ->> 'topic'
  and o.partition_index = ($1::jsonb ->> 'partition')::integer
  and (o.target_offset >= ($1::jsonb ->> 'from')::bigint or o.target_offset < ($1::jsonb ->> 'oldest')::bigint)`
}

export const erasureTexts = {
  AdvanceErasure: `-- Nothing, if progress is not where the step began.
with former as (
    delete from kafka.erasure_progress where pass_id = $1::bigint and partition_id = $2::integer and next_offset = $3::bigint
    returning end_offset, records, bytes)
insert into kafka.erasure_progress (pass_id, partition_id, next_offset, end_offset, records, bytes)
  select $1::bigint, $2::integer, $4::bigint, f.end_offset, array(
      select n.before + n.now from unnest(f.records, $5::bigint[]) with ordinality n (before, now, place) order by n.place),
    f.bytes + $6::bigint
  from former f returning next_offset`,
  AwaitedOutbox: `select exists (
  select from kafka.outbox o where o.xid < (select pg_snapshot_xmax($2::text::pg_snapshot))
    and o.partition_id = any ($1::integer[]) and o.key = any (array(
      select r.key from kafka.erasure_requests r where r.pass_id = $3::bigint and r.erased_at is null))
    and pg_visible_in_snapshot(o.xid, $2::text::pg_snapshot))`,
  BeginErasure: `select kafka.begin_erasure($1::bigint, $2::integer[], $3::bigint[])`,
  DiscardOutbox: `-- What the broker appends at this moment is locked, and in the log then.
delete from kafka.outbox where ctid = any (array(
  select o.ctid from kafka.outbox o where o.xid < (select pg_snapshot_xmax($2::text::pg_snapshot))
    and o.partition_id = any ($1::integer[]) and o.key = any (array(
      select r.key from kafka.erasure_requests r where r.pass_id = $3::bigint and r.erased_at is null))
    and pg_visible_in_snapshot(o.xid, $2::text::pg_snapshot)
  for update skip locked))`,
  DoneErasures: `-- With the vacuum that is over, and those that asked for none.
update kafka.erasure_requests set done_at = clock_timestamp(), wal_position = pg_current_wal_lsn(),
    vacuumed_at = case when vacuum then clock_timestamp() end
  where erased_at is not null and done_at is null and (not vacuum or erasure_id = any ($1::bigint[]))`,
  ErasureKeys: `select r.erasure_id, r.key, r.partition_ids, null from kafka.erasure_passes p
  join kafka.erasure_requests r on r.topic_id = p.topic_id and r.pass_id = p.pass_id and r.erased_at is null
  where p.topic_id = $1::text order by r.place`,
  ErasureProgress: `-- The newest row of each partition is found from the top of the index, whatever is dead below.
select e.partition_id, e.next_offset, e.end_offset, e.records, e.bytes from kafka.erasure_passes p
  cross join unnest(p.partition_ids) u (id)
  cross join lateral (
    select * from kafka.erasure_progress g where g.pass_id = p.pass_id and g.partition_id = u.id
    order by g.next_offset desc limit 1) e
  where p.topic_id = $1::text`,
  FinishErasure: `select kafka.finish_erasure($1::bigint)`,
  TakeErasures: `-- The pass, if there is one, and what sees its requests.
select t.pass_id, t.partition_ids is not null, pg_current_snapshot()::text
  from kafka.take_erasures($1::text, $2::integer) t where t.pass_id is not null`,
  TellErasure: `update kafka.erasure_passes set waits_for = $2::text
  where pass_id = $1::bigint and waits_for is distinct from $2::text`,
  UnpackedRows: `-- So many rows at once are looked at. Where to go on; nothing: there are no more.
with part as materialized (
    select ctid, "offset", key from kafka.unpacked
    where partition_id = $1::integer and "offset" >= $2::bigint and "offset" < $3::bigint
    order by "offset" limit 100000),
  gone as (
    delete from kafka.unpacked where ctid = any (array(
      select p.ctid from part p where p.key = any (array(
        select r.key from kafka.erasure_requests r where r.pass_id = $4::bigint and r.erased_at is null)))))
select max("offset") + 1 from part having count(*) = 100000`
}

export const statisticsTexts = {
  Statistics: `-- What an operator wants to know of the server: a kind, a name and a number each. Needs no right but those of the schema;
-- of sessions of other roles Postgres may hide the age.
select 'table_bytes', relname::text, pg_total_relation_size(relid)::float8
    from pg_stat_user_tables where schemaname = 'kafka'
union all
select 'dead_rows', relname::text, n_dead_tup::float8 from pg_stat_user_tables where schemaname = 'kafka'
union all
select 'live_rows', relname::text, n_live_tup::float8 from pg_stat_user_tables where schemaname = 'kafka'
union all
select 'wal_bytes', '', pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::float8
union all
select 'oldest_snapshot_seconds', '', coalesce(extract(epoch from clock_timestamp() - min(xact_start)), 0)::float8
    from (select xact_start from pg_stat_activity where backend_xmin is not null and pid <> pg_backend_pid()
      union all select prepared from pg_prepared_xacts) holders
union all
select 'oldest_snapshot_transactions', '',
    (pg_snapshot_xmax(pg_current_snapshot())::text::float8 - pg_snapshot_xmin(pg_current_snapshot())::text::float8)
union all
select 'sessions', '', count(*)::float8 from pg_stat_activity where datname = current_database()
union all
select 'max_connections', '', current_setting('max_connections')::float8
union all
select 'outbox_rows', '', count(*)::float8 from (select from kafka.outbox limit 100000) counted
union all
select 'outbox_refused_rows', '', count(*)::float8 from (select from kafka.outbox_refused limit 100000) counted`
}

export const takeOverTexts = {
  LoadAcls: `select resource_type, resource_name, pattern_type, principal, host, operation, permission_type
  from kafka.acls order by 1, 2, 3, 4, 5, 6, 7`,
  LoadCommitRows: `-- Rows that the reigns before left.
select commit_id from kafka.commits`,
  LoadConfigs: `select resource_type, resource_name, name, value from kafka.configs order by 1, 2, 3`,
  LoadCounters: `select cluster_id, epoch, failover_epoch, next_producer_id, next_partition_id, system_identifier, timeline,
    1 + greatest(0, (select max(object_id) from kafka.objects),
      (select max(object_id) from kafka.batches where object_id is not null))
  from kafka.cluster`,
  LoadDelegationTokens: `select token_id, encode(hmac_hash, 'hex'), owner, requester, renewers, issue_timestamp, max_timestamp, expiry_timestamp
  from kafka.delegation_tokens order by 1`,
  LoadOffsetRows: `-- Which rows hold the offsets that groups committed.
select group_id, partition_id, commit_id from kafka.offsets`,
  LoadPartitionIds: `select topic_id, partition_index, partition_id from kafka.partitions order by partition_id`,
  LoadPublications: `-- Publications that hold the log.
select pubname from pg_publication_tables where schemaname = 'kafka' and tablename = 'batches' order by 1`,
  LoadQuotas: `select user_name, client_id, ip, quota_key, value from kafka.quotas order by 1, 2, 3, 4`,
  LoadScramCredentials: `select user_name, mechanism, iterations, encode(salt, 'hex'), encode(stored_key, 'hex'), encode(server_key, 'hex')
  from kafka.scram_users order by 1, 2`,
  LoadTopics: `select topic_id, name from kafka.topics order by name`,
  SecurityChanges: `-- What SQL has changed of security since it was read; the rest is told the next time.
select xid from kafka.security_changes order by xid limit 1000`
}

export const unpackedTexts = {
  AddRows: `-- Nothing, if the position is not where the rows begin any more, or not in the version that it had before they were read.
with former as (
    delete from kafka.unpacked_positions where partition_id = $1 and next_offset = $2 and xmin::text::bigint = $5::bigint
    returning cleaned_offset, delete_horizon),
  rows as (
    insert into kafka.unpacked (partition_id, "offset", "timestamp", key, value, headers)
    select $1, u."offset", u."timestamp", u.key, u.value, u.headers
    from former, unnest($4::bytea[]) batch, kafka.unpack_whole(batch, $2) u),
  moved as (
    insert into kafka.unpacked_positions (partition_id, next_offset, cleaned_offset, delete_horizon)
    select $1, $3::bigint, cleaned_offset, delete_horizon from former returning next_offset)
  select next_offset, pg_current_xact_id()::xid::text::bigint from moved`,
  BeginRows: `insert into kafka.unpacked_positions (partition_id, next_offset, cleaned_offset, delete_horizon)
  select partition_id, $2::bigint, cleaned_offset, delete_horizon from kafka.partitions
  where partition_id = $1 and not exists (select from kafka.unpacked_positions where partition_id = $1)`,
  ClearRows: `-- Nothing where there is a position: a statement that comes late takes no rows that were added since.
with gone as (
    delete from kafka.unpacked where partition_id = $1 and "offset" = any(array(
      select "offset" from kafka.unpacked where partition_id = $1
        and not exists (select from kafka.unpacked_positions where partition_id = $1) order by "offset" limit $2))
    returning 1)
  select count(*) from gone`,
  EndRows: `delete from kafka.unpacked_positions where partition_id = $1`,
  EraseRows: `delete from kafka.unpacked where partition_id = $1 and key = $2::bytea and "offset" < $3`,
  NoteCompaction: `update kafka.unpacked_positions set cleaned_offset = $2, delete_horizon = $3 where partition_id = $1`,
  Position: `select next_offset, xmin::text::bigint from kafka.unpacked_positions where partition_id = $1 order by next_offset desc limit 1`,
  SiftRows: `-- Rows in a part of the log go that none of its batches holds any more.
delete from kafka.unpacked where partition_id = $1 and "offset" = any(array(
  select "offset" from kafka.unpacked where partition_id = $1 and "offset" >= $2 and "offset" < $3
  except select u."offset" from unnest($4::bytea[]) batch, kafka.unpack_whole(batch, $2) u))`,
  TrimRows: `with gone as (
    delete from kafka.unpacked where partition_id = $1 and "offset" = any(array(
      select "offset" from kafka.unpacked where partition_id = $1 and "offset" < $2 order by "offset" limit $3))
    returning 1)
  select count(*) from gone`
}

export const materialisedTexts = {
  AddMaterialised: `-- Nothing, if the position is not in the version that it had before the step was read. The table's row is locked first, as
-- whoever takes it away does.
with it as materialized (
    select follower_id from kafka.materialised_tables where follower_id = $1::integer for key share),
  here as materialized (
    select p.partition_id from it join kafka.materialised_positions p using (follower_id)
    where p.partition_id = $2::integer and p.next_offset = $3::bigint and p.xmin::text::bigint = $6::bigint for update of p)
select added.reached, pg_current_xact_id()::xid::text::bigint, added.refusal
  from here, lateral kafka.add_materialised($1, here.partition_id, $3, $4, $5) added`,
  BeginMaterialised: `insert into kafka.materialised_positions (follower_id, partition_id, next_offset)
  select $1::integer, $2::integer, $3::bigint
  where exists (select from kafka.materialised_tables where follower_id = $1 for key share)
    and not exists (select from kafka.materialised_positions where follower_id = $1 and partition_id = $2)`,
  BelongTo: `update kafka.materialised_tables set topic_id = $3 where follower_id = $1 and topic_id is not distinct from $2::text
  returning follower_id`,
  ClearMaterialised: `-- Nothing, if another broker has begun anew.
with it as materialized (
    select follower_id from kafka.materialised_tables
    where follower_id = $1::integer and topic_id is not distinct from $2::text for no key update)
select kafka.clear_materialised(it.follower_id, $3) from it`,
  EndMaterialised: `delete from kafka.materialised_positions where follower_id = $1 and partition_id = $2`,
  EraseMaterialised: `-- The position stays, in another version: a step that was read before is added no more.
with here as (
    update kafka.materialised_positions set next_offset = next_offset
    where follower_id = $1::integer and partition_id = $2::integer and next_offset = $5::bigint and xmin::text::bigint = $7::bigint
    returning partition_id)
select kafka.erase_materialised($1, here.partition_id, $3, $4, $5, $6) from here`,
  MaterialisedPosition: `select next_offset, xmin::text::bigint from kafka.materialised_positions where follower_id = $1 and partition_id = $2
  order by next_offset desc limit 1`,
  NoteMaterialised: `select kafka.note_materialised($1, $2, $3)`
}
