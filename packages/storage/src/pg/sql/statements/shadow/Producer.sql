select jsonb_build_object('producerId', t.producer_id::text, 'epoch', t.producer_epoch)::text
from kafka.shadow_targets t where t.cluster_id = $1::jsonb ->> 'clusterId'
