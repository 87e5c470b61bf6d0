select jsonb_build_object('topic', s.topic, 'partition', s.partition_index, 'sourceTopicId', s.source_topic_id,
  'targetTopicId', s.target_topic_id, 'difference', s.difference::text, 'fills', s.fills, 'targetStart', s.target_start::text,
  'targetEnd', s.target_end::text, 'sourceNext', s.source_next::text, 'sourceEnd', s.source_end::text,
  'stoppedWhy', s.stopped_why)::text
from kafka.shadow_partitions s
where s.cluster_id = $1::jsonb ->> 'clusterId'
  and ($1::jsonb ->> 'topic' is null or s.topic = $1::jsonb ->> 'topic')
  and ($1::jsonb ->> 'partition' is null or s.partition_index = ($1::jsonb ->> 'partition')::integer)
order by s.topic, s.partition_index
