update kafka.partitions p set failover_epoch = f.epoch
  from (select partition_id, max(epoch) as epoch from unnest($1::int[], $2::int[]) u (partition_id, epoch)
    group by partition_id) f
  where p.partition_id = f.partition_id and p.failover_epoch < f.epoch
