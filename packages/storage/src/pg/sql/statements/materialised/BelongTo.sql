update kafka.materialised_tables set topic_id = $3 where follower_id = $1 and topic_id is not distinct from $2::text
  returning follower_id
