update kafka.materialised_tables set topic_id = $2 where follower_id = $1
