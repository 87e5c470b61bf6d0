select o.object_id, o.bytes, (select sum(b.object_bytes) from kafka.batches b where b.object_id = o.object_id)::bigint
  from (select f.object_id, f.bytes from kafka.objects f
    where f.object_id > $1::bigint and f.created_at < $2::bigint and (f.merged or f.bytes >= $3::bigint) and f.unused_since is null
      and (select b.object_id from kafka.batches b where b.object_id = f.object_id limit 1) is not null
    order by f.object_id limit $4::int) o
  order by o.object_id
