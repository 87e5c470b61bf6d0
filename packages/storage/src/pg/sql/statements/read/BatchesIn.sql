-- Each object's batches by their own index ("offset 0" keeps it so): to be spared the sort, Postgres would read all batches that there are.
select b.partition_id, o.object_id, b.base_offset, b.leader_epoch, b.max_timestamp, b.object_position, b.object_bytes, o.name
  from kafka.objects o
  cross join lateral (
    select partition_id, base_offset, leader_epoch, max_timestamp, object_position, object_bytes from kafka.batches f
    where f.object_id = o.object_id offset 0) b
  where o.object_id = any ($1::bigint[])
  order by b.partition_id, b.base_offset limit $2::int
