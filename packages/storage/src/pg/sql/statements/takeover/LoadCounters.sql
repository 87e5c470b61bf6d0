select cluster_id, epoch, failover_epoch, next_producer_id, next_partition_id, system_identifier, timeline
  from kafka.cluster
