update kafka.batches b set data = r.data, max_timestamp = r.max_timestamp, object_id = null, object_position = null,
    object_bytes = null
  from unnest($1::int[], $2::bigint[], $3::bigint[], $4::bytea[]) r (partition_id, base_offset, max_timestamp, data)
  where b.partition_id = r.partition_id and b.base_offset = r.base_offset
