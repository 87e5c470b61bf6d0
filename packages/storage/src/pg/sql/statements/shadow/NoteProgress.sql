update kafka.shadow_partitions s
set target_end = greatest(s.target_end, r."targetEnd"), source_next = greatest(s.source_next, r."sourceNext"),
  source_end = greatest(s.source_end, r."sourceEnd"), moved_at = now(), stopped_at = null, stopped_why = null
from jsonb_to_recordset($1::jsonb -> 'partitions') as r(topic text, partition integer, "targetEnd" bigint, "sourceNext" bigint,
  "sourceEnd" bigint)
where s.cluster_id = $1::jsonb ->> 'clusterId' and s.topic = r.topic and s.partition_index = r.partition
