-- As DeleteOutbox, and kept for a person to look at.
with found as materialized (
  select o.ctid, k.id, k.reason from unnest($1::bigint[], $2::bigint[], $3::text[]) k (xid, id, reason)
  cross join lateral (
    select ctid from kafka.outbox where xid = k.xid::text::xid8 and id = k.id offset 0) o),
gone as (
  delete from kafka.outbox where ctid = any (array(select ctid from found))
  returning id, partition_id, timestamp, key, value, headers),
kept as (
  insert into kafka.outbox_refused (id, reason, partition_id, timestamp, key, value, headers)
  select g.id, f.reason, g.partition_id, g.timestamp, g.key, g.value, g.headers from gone g join found f on f.id = g.id)
select kafka.all_there((select count(*) from gone), $4::bigint)
