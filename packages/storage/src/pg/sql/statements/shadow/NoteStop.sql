update kafka.shadow_partitions s
set stopped_at = coalesce(s.stopped_at, now()), stopped_why = $1::jsonb ->> 'why'
where s.cluster_id = $1::jsonb ->> 'clusterId' and s.topic = $1::jsonb ->> 'topic'
  and s.partition_index = ($1::jsonb ->> 'partition')::integer and s.stopped_why is distinct from $1::jsonb ->> 'why'
