delete from kafka.materialised_positions where follower_id = $1 and partition_id = $2
