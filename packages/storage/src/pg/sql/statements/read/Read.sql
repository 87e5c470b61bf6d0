select p.request, b.base_offset, b.data
  from kafka.plan_read($1::int[], $2::bigint[], $3::bigint[], $4::bigint) p
  cross join lateral (
    select b.base_offset, b.data from kafka.batches b
    where b.partition_id = p.part and b.base_offset between p.first_base and p.last_base
    order by b.base_offset) b
