select o.object_id, o.bytes, o.erased from kafka.objects o
  where (not o.merged or o.erased) and o.unused_since is null
    and (o.erased or (o.created_at < $1::bigint and o.bytes < $2::bigint))
  order by o.erased desc, o.object_id limit $3::int
