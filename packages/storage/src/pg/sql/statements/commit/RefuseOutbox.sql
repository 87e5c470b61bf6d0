-- As DeleteOutbox, and kept for a person to look at.
with gone as (
  delete from kafka.outbox where ctid = any (array(
    select o.ctid from unnest($1::bigint[], $2::bigint[]) k (xid, id)
    cross join lateral (
      select ctid from kafka.outbox where xid = k.xid::text::xid8 and id = k.id offset 0) o))
  returning id, partition_id, timestamp, key, value, headers),
kept as (
  insert into kafka.outbox_refused (id, reason, partition_id, timestamp, key, value, headers)
  select id, ($3::text[])[array_position($2::bigint[], id)], partition_id, timestamp, key, value, headers from gone)
select kafka.all_there((select count(*) from gone), $4::bigint)
