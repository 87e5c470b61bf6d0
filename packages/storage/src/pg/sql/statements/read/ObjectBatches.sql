-- Of one object, in order of their places in it.
select b.partition_id, b.base_offset, b.last_offset, b.object_position, b.object_bytes
  from kafka.batches b
  where b.object_id = $1::bigint and (b.object_position, b.partition_id, b.base_offset) > ($2::bigint, $3::int, $4::bigint)
  order by b.object_position, b.partition_id, b.base_offset limit $5::int
