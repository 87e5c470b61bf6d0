select pg_try_advisory_lock(hashtextextended($1::jsonb ->> 'clusterId', 'kafka.shadow_offsets'::regclass::oid::bigint))::text
