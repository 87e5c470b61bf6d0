select o.object_id, o.name, o.bytes, o.created_at, o.unused_since, o.merged,
    (select b.object_id from kafka.batches b where b.object_id = o.object_id limit 1) is not null
  from kafka.objects o where o.name > $1::text order by o.name limit $2::int
