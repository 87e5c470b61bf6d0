delete from kafka.unpacked_positions where partition_id = $1
