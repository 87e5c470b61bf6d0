select next_offset, xmin::text::bigint from kafka.materialised_positions where follower_id = $1 and partition_id = $2
  order by next_offset desc limit 1
