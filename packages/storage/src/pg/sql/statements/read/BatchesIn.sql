select b.partition_id, b.object_id, b.base_offset, b.leader_epoch, b.max_timestamp, b.object_position, b.object_bytes, o.name
  from kafka.objects o join kafka.batches b on b.object_id = o.object_id
  where o.object_id = any ($1::bigint[])
  order by b.partition_id, b.base_offset limit $2::int
