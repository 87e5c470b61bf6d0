-- Not noted as unused, by id; whether a batch points to each.
select o.object_id, o.name, o.bytes, o.created_at, o.unused_since, o.merged,
    (select b.object_id from kafka.batches b where b.object_id = o.object_id limit 1) is not null
  from kafka.objects o where o.object_id > $1::bigint and o.unused_since is null order by o.object_id limit $2::int
