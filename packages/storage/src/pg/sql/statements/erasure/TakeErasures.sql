-- The pass, if there is one, and what sees its requests.
select t.pass_id, t.partition_ids is not null, pg_current_snapshot()::text
  from kafka.take_erasures($1::text, $2::integer) t where t.pass_id is not null
