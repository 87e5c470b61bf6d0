delete from kafka.shadow_offsets o
where o.cluster_id = $1::jsonb ->> 'clusterId' and o.topic = $1::jsonb ->> 'topic'
  and o.partition_index = ($1::jsonb ->> 'partition')::integer
  and (o.target_offset >= ($1::jsonb ->> 'from')::bigint or o.target_offset < ($1::jsonb ->> 'oldest')::bigint)
