select next_offset, xmin::text::bigint from kafka.unpacked_positions where partition_id = $1 order by next_offset desc limit 1
