-- All of them are there, or the commit fails.
with gone as (
  delete from kafka.outbox o using unnest($1::bigint[], $2::bigint[]) k (xid, id)
  where o.xid = k.xid::text::xid8 and o.id = k.id
  returning o.id)
select kafka.all_there((select count(*) from gone), $3::bigint)
