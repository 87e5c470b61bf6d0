update kafka.cluster set next_producer_id = $1::bigint
