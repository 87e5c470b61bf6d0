with one as (
  select r.* from jsonb_to_record($1::jsonb) as r("clusterId" text, topic text, partition integer, entries jsonb)
  -- Another one that forwards may hold it by now.
  where pg_try_advisory_lock(hashtextextended(r."clusterId", 'kafka.shadow_offsets'::regclass::oid::bigint))),
put as (
  insert into kafka.shadow_offsets (cluster_id, topic, partition_index, target_offset, source_offset)
  select one."clusterId", one.topic, one.partition, e.target, e.source
  from one, jsonb_to_recordset(one.entries) as e(source bigint, target bigint)
  on conflict do nothing)
select 'true' from one
