select topic_id, partition_index, partition_id from kafka.partitions order by partition_id
