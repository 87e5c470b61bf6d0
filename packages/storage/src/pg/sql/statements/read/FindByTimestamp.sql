select b.data, case when b.data is null then concat_ws(' ', b.base_offset, b.leader_epoch, b.max_timestamp,
    b.object_position, b.object_bytes, (select o.name from kafka.objects o where o.object_id = b.object_id)) end
  from kafka.batches b
  where b.partition_id = $1::int and b.base_offset = (select kafka.first_base_at_time($1::int, $2::bigint))
