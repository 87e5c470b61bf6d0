-- For longer than since a time, and no batch points to them.
select o.object_id, o.name, o.bytes, o.created_at, o.unused_since, o.merged
  from kafka.objects o
  where o.unused_since < $1::bigint
    and (select b.object_id from kafka.batches b where b.object_id = o.object_id limit 1) is null
  order by o.unused_since, o.object_id limit $2::int
