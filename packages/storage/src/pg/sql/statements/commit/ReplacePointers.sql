-- Batches with fewer records, whose bytes lie in an object, in the place of others. By ctid: see DeleteOutbox.
with there as materialized (
    select b.ctid, r.max_timestamp, r.object_id, r.object_position, r.object_bytes
    from unnest($1::int[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::int[])
      r (partition_id, base_offset, max_timestamp, object_id, object_position, object_bytes)
    cross join lateral (
      select ctid from kafka.batches f
      where f.partition_id = r.partition_id and f.base_offset = r.base_offset offset 0) b)
  update kafka.batches b set data = null, max_timestamp = t.max_timestamp, object_id = t.object_id,
    object_position = t.object_position, object_bytes = t.object_bytes
  from there t where b.ctid = t.ctid
