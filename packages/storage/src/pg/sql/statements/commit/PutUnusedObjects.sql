-- Those to which no batch points, as of this commit. By ctid: see DeleteOutbox.
with there as materialized (
    select o.ctid, u.unused_since
    from unnest($1::bigint[], $2::bigint[]) u (object_id, unused_since)
    cross join lateral (
      select ctid from kafka.objects f
      where f.object_id = u.object_id and f.unused_since is null
        and (select b.object_id from kafka.batches b where b.object_id = u.object_id limit 1) is null offset 0) o)
  update kafka.objects o set unused_since = t.unused_since from there t where o.ctid = t.ctid
