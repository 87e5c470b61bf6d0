select group_id, partition_id, committed_offset, leader_epoch, commit_timestamp, expire_timestamp, metadata
  from kafka.offsets order by commit_id
