-- The newest batch tells where its partition ends: it stays. A marker goes with what tells of it.
with settled as (
    delete from kafka.aborted_transactions a using unnest($1::int[], $2::bigint[]) r (partition_id, base_offset)
    where a.partition_id = r.partition_id and a.last_offset = r.base_offset
      and exists (select from kafka.batches n where n.partition_id = r.partition_id and n.base_offset > r.base_offset))
  delete from kafka.batches b using unnest($1::int[], $2::bigint[]) r (partition_id, base_offset)
  where b.partition_id = r.partition_id and b.base_offset = r.base_offset
    and exists (select from kafka.batches n where n.partition_id = r.partition_id and n.base_offset > r.base_offset)
