-- Of each batch where its bytes lie, if they lie where it says; 0: in the row. By ctid: see DeleteOutbox.
with there as materialized (
    select b.ctid, m.object_id, m.object_position, m.object_bytes
    from unnest($1::int[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::int[])
      m (partition_id, base_offset, from_object, object_id, object_position, object_bytes)
    cross join lateral (
      select ctid from kafka.batches f
      where f.partition_id = m.partition_id and f.base_offset = m.base_offset
        and coalesce(f.object_id, 0) = m.from_object offset 0) b)
  update kafka.batches b set data = null, object_id = t.object_id, object_position = t.object_position,
    object_bytes = t.object_bytes
  from there t where b.ctid = t.ctid
