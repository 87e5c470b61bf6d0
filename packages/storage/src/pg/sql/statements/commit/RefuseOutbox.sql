-- As DeleteOutbox, and kept for a person to look at.
with gone as (
  delete from kafka.outbox o using unnest($1::bigint[], $2::bigint[], $3::text[]) k (xid, id, reason)
  where o.xid = k.xid::text::xid8 and o.id = k.id
  returning o.id, k.reason, o.partition_id, o.timestamp, o.key, o.value, o.headers),
kept as (
  insert into kafka.outbox_refused (id, reason, partition_id, timestamp, key, value, headers) select * from gone)
select kafka.all_there((select count(*) from gone), $4::bigint)
