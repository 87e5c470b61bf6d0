insert into kafka.batches (partition_id, leader_epoch, base_offset, last_offset, max_timestamp,
    timestamp_high, cumulative_bytes, producer_id, base_sequence, producer_epoch, data)
  select * from unnest($1::int[], $2::int[], $3::bigint[], $4::bigint[], $5::bigint[],
    $6::bigint[], $7::bigint[], $8::bigint[], $9::int[], $10::int[], $11::bytea[])
