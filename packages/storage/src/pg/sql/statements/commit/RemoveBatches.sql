-- The newest batch tells where its partition ends: it stays. A marker goes with what tells of it. By ctid: see DeleteOutbox.
with doomed as materialized (
    select b.ctid, r.partition_id, r.base_offset from unnest($1::int[], $2::bigint[]) r (partition_id, base_offset)
    cross join lateral (
      select ctid from kafka.batches f
      where f.partition_id = r.partition_id and f.base_offset = r.base_offset offset 0) b
    where (select n.base_offset from kafka.batches n
      where n.partition_id = r.partition_id and n.base_offset > r.base_offset limit 1) is not null),
  settled as (
    delete from kafka.aborted_transactions where ctid = any (array(
      select a.ctid from doomed d
      cross join lateral (
        select ctid from kafka.aborted_transactions t
        where t.partition_id = d.partition_id and t.last_offset = d.base_offset offset 0) a)))
  delete from kafka.batches where ctid = any (array(select ctid from doomed))
