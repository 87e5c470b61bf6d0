-- Times and offsets are the clients': any number of 64 bits. What Postgres has no time for is shown as the nearest one
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
  left join kafka.offsets f on f.group_id = g.group_id and f.partition_id = o.partition_id;
