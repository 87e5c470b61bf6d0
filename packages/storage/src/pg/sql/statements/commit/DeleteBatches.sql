-- Where the newest batch goes, the partition keeps what it said: ends never go back. By ctid: see DeleteOutbox.
with doomed as materialized (
    select b.ctid, b.partition_id, b.base_offset, b.last_offset, b.timestamp_high, b.cumulative_bytes
    from unnest($1::int[], $2::bigint[], $3::int[]) r (partition_id, below, batches)
    cross join lateral (
      select b.ctid, b.* from kafka.batches b
      where b.partition_id = r.partition_id and b.base_offset < r.below and b.last_offset < r.below
      order by b.base_offset limit r.batches) b),
  gone as (
    delete from kafka.batches where ctid = any (array(select ctid from doomed))),
  settled as (
    delete from kafka.aborted_transactions where ctid = any (array(
      select a.ctid from unnest($1::int[], $2::bigint[]) r (partition_id, below)
      cross join lateral (
        select ctid from kafka.aborted_transactions t
        where t.partition_id = r.partition_id and t.last_offset < r.below offset 0) a))),
  newest as (
    select partition_id, max(base_offset) as base_offset, max(last_offset) as last_offset,
      max(timestamp_high) as timestamp_high, max(cumulative_bytes) as cumulative_bytes
    from doomed group by partition_id)
  update kafka.partitions p set end_offset_floor = greatest(p.end_offset_floor, n.last_offset + 1),
    timestamp_high_floor = greatest(p.timestamp_high_floor, n.timestamp_high),
    cumulative_bytes_floor = greatest(p.cumulative_bytes_floor, n.cumulative_bytes)
  from newest n
  where p.partition_id = n.partition_id and (
    select b.base_offset from kafka.batches b where b.partition_id = n.partition_id and b.base_offset > n.base_offset
    limit 1) is null
