select kafka.finish_erasure($1::bigint)
