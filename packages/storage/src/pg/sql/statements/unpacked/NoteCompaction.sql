update kafka.unpacked_positions set cleaned_offset = $2, delete_horizon = $3 where partition_id = $1
