delete from kafka.shadow_partitions s
where s.cluster_id = $1::jsonb ->> 'clusterId' and s.topic = $1::jsonb ->> 'topic'
  and ($1::jsonb ->> 'sourceTopicId' is null or s.source_topic_id = $1::jsonb ->> 'sourceTopicId')
