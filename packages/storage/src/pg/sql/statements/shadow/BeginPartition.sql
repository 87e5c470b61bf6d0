insert into kafka.shadow_partitions (cluster_id, topic, partition_index, source_topic_id, target_topic_id, difference, fills,
  target_start, target_end, source_next, source_end)
select r."clusterId", r.topic, r.partition, r."sourceTopicId", r."targetTopicId", r.difference, r.fills, r."targetStart",
  r."targetEnd", r."sourceNext", r."sourceEnd"
from jsonb_to_record($1::jsonb) as r("clusterId" text, topic text, partition integer, "sourceTopicId" text, "targetTopicId" text,
  difference bigint, fills boolean, "targetStart" bigint, "targetEnd" bigint, "sourceNext" bigint, "sourceEnd" bigint)
on conflict (cluster_id, topic, partition_index) do nothing
