with gone as (
  delete from kafka.shadow_partitions s
  where s.cluster_id = $1::jsonb ->> 'clusterId' and s.topic = $1::jsonb ->> 'topic'
    and s.partition_index = ($1::jsonb ->> 'partition')::integer
  returning s.cluster_id, s.topic, s.partition_index)
delete from kafka.shadow_offsets o using gone
where o.cluster_id = gone.cluster_id and o.topic = gone.topic and o.partition_index = gone.partition_index
