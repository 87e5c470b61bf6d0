-- An aborted one has a last offset.
with ended as (
    delete from kafka.open_transactions t using unnest($1::int[], $2::bigint[]) e (partition_id, first_offset)
    where t.partition_id = e.partition_id and t.first_offset = e.first_offset)
  insert into kafka.aborted_transactions (partition_id, first_offset, last_offset, producer_id, last_stable_offset)
  select * from unnest($1::int[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[])
    a (partition_id, first_offset, last_offset, producer_id, last_stable_offset)
  where a.last_offset >= 0
