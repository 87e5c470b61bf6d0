insert into kafka.open_transactions (partition_id, first_offset, producer_id)
  select * from unnest($1::int[], $2::bigint[], $3::bigint[])
