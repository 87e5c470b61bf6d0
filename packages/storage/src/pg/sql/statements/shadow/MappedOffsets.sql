select jsonb_build_object('source', o.source_offset::text, 'target', o.target_offset::text)::text
from kafka.shadow_offsets o
where o.cluster_id = $1::jsonb ->> 'clusterId' and o.topic = $1::jsonb ->> 'topic'
  and o.partition_index = ($1::jsonb ->> 'partition')::integer
order by o.target_offset, o.source_offset
