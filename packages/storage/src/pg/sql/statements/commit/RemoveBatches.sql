-- The newest batch tells where its partition ends: it stays.
delete from kafka.batches b using unnest($1::int[], $2::bigint[]) r (partition_id, base_offset)
  where b.partition_id = r.partition_id and b.base_offset = r.base_offset
    and exists (select from kafka.batches n where n.partition_id = r.partition_id and n.base_offset > r.base_offset)
