select b.data from kafka.batches b
  where b.partition_id = $1::int and b.base_offset = (select kafka.first_base_at_time($1::int, $2::bigint))
