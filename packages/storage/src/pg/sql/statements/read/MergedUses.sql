select o.object_id, o.bytes, used.bytes
  from (select object_id, bytes from kafka.objects
    where object_id > $1::bigint and merged and unused_since is null order by object_id limit $2::int) o
  cross join lateral (
    select coalesce(sum(b.object_bytes), 0)::bigint as bytes from kafka.batches b where b.object_id = o.object_id) used
  order by o.object_id
