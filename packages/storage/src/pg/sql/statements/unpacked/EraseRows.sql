delete from kafka.unpacked where partition_id = $1 and key = $2::bytea and "offset" < $3
