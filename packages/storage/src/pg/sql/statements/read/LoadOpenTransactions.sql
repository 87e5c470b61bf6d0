select partition_id, first_offset, producer_id from kafka.open_transactions
  where partition_id = any($1::int[]) order by partition_id, first_offset
