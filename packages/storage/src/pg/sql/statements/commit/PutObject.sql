-- Units with batches in it bring it anew: it is in use. One that has grown comes with its size. A name that another has is refused.
insert into kafka.objects (object_id, name, bytes, created_at, merged)
  select o.object_id, o.name, o.bytes, o.created_at, o.merged = 1
  from unnest($1::bigint[], $2::text[], $3::bigint[], $4::bigint[], $5::int[]) o (object_id, name, bytes, created_at, merged)
  on conflict (object_id) do update set unused_since = null, bytes = least(objects.bytes, excluded.bytes)
    where objects.unused_since is not null or excluded.bytes < objects.bytes
