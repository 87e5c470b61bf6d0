-- Both of one snapshot.
select greatest(newest.cumulative_bytes, p.cumulative_bytes_floor),
    kafka.partition_bytes(p.partition_id, p.cleaned_offset)
  from kafka.partitions p
  left join lateral (
    select b.cumulative_bytes from kafka.batches b
    where b.partition_id = p.partition_id order by b.base_offset desc limit 1) newest on true
  where p.partition_id = $1::int
