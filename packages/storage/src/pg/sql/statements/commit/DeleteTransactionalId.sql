delete from kafka.transactional_ids where revision = any($1::bigint[])
