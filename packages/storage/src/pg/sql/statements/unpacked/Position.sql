select next_offset from kafka.unpacked_positions where partition_id = $1 order by next_offset desc limit 1
