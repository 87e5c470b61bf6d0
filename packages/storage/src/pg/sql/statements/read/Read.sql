-- Of a batch that lies in an object, where it lies.
select p.request, b.data, case when b.data is null then concat_ws(' ', b.base_offset, b.leader_epoch, b.max_timestamp,
    b.object_position, b.object_bytes, (select o.name from kafka.objects o where o.object_id = b.object_id)) end
  from kafka.plan_read($1::int[], $2::bigint[], $3::bigint[], $4::bigint) p
  cross join lateral (
    select b.* from kafka.batches b
    where b.partition_id = p.part and b.base_offset between p.first_base and p.last_base
    order by b.base_offset) b
