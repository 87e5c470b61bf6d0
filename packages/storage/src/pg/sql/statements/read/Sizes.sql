select b.base_offset, b.last_offset, b.max_timestamp, b.timestamp_high, b.cumulative_bytes,
    coalesce(b.object_bytes, octet_length(b.data)), (b.object_id is not null)::int
  from kafka.batches b
  where b.partition_id = $1::int and b.base_offset >= coalesce(
    (select case when h.last_offset >= $2::bigint then h.base_offset end from kafka.batches h
     where h.partition_id = $1::int and h.base_offset <= $2::bigint order by h.base_offset desc limit 1),
    $2::bigint)
  order by b.base_offset limit $3::int
