insert into kafka.unpacked_positions (partition_id, next_offset, cleaned_offset, delete_horizon)
  select partition_id, $2::bigint, cleaned_offset, delete_horizon from kafka.partitions
  where partition_id = $1 and not exists (select from kafka.unpacked_positions where partition_id = $1)
