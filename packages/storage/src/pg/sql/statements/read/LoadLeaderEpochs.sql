select e.partition_id, e.epoch, e.start_offset from kafka.leader_epochs e
  where e.partition_id = any($1::int[]) order by e.partition_id, e.epoch
