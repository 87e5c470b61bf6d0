select b.partition_id, b.base_offset, b.last_offset, b.max_timestamp, b.producer_id, b.producer_epoch::int,
    b.base_sequence, b.leader_epoch
  from unnest($1::int[]) wanted (id)
  left join kafka.producer_snapshots s on s.partition_id = wanted.id
  cross join lateral (
    select * from kafka.batches b
    where b.partition_id = wanted.id and b.base_offset >= coalesce(s.end_offset, 0) and b.producer_id >= 0
    order by b.base_offset) b
