select cluster_id, epoch, failover_epoch, next_producer_id, next_partition_id, system_identifier, timeline,
    1 + greatest(0, (select max(object_id) from kafka.objects),
      (select max(object_id) from kafka.batches where object_id is not null))
  from kafka.cluster
