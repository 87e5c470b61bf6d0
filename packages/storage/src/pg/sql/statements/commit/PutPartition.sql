with added as (
    insert into kafka.partitions (topic_id, partition_index, partition_id, failover_epoch)
    select u.*, c.failover_epoch from unnest($1::text[], $2::int[], $3::int[]) u cross join kafka.cluster c
    returning partition_id)
  update kafka.cluster set next_partition_id = greatest(next_partition_id,
    (select max(partition_id) + 1 from added))
