select kafka.begin_erasure($1::bigint, $2::integer[], $3::bigint[])
