select p.partition_id, p.log_start_offset,
    greatest(newest.last_offset + 1, p.end_offset_floor),
    greatest(newest.timestamp_high, p.timestamp_high_floor),
    greatest(newest.cumulative_bytes, p.cumulative_bytes_floor),
    case when p.cleaned_offset is null then kafka.partition_bytes(p.partition_id, null) end,
    s.end_offset, s.value, p.cleaned_offset, p.cleaned_bytes, p.delete_horizon, p.failover_epoch,
    coalesce((
      select a.last_offset from kafka.aborted_transactions a
      where a.partition_id = wanted.id order by a.last_offset desc limit 1), -1),
    p.local_start_offset
  from unnest($1::int[]) wanted (id)
  join kafka.partitions p on p.partition_id = wanted.id
  left join kafka.producer_snapshots s on s.partition_id = wanted.id
  left join lateral (
    select b.last_offset, b.timestamp_high, b.cumulative_bytes from kafka.batches b
    where b.partition_id = wanted.id order by b.base_offset desc limit 1) newest on true
