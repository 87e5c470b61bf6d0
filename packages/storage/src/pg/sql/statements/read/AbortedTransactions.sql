-- The first that ends with all below $3 decided tells that no later one begins below it.
select producer_id, first_offset, last_offset, last_stable_offset from kafka.aborted_transactions
  where partition_id = $1 and first_offset < $3 and last_offset between $2 and coalesce((
    select last_offset from kafka.aborted_transactions
    where partition_id = $1 and last_offset >= $2 and last_stable_offset >= $3
    order by last_offset limit 1), 9223372036854775807)
  order by last_offset
