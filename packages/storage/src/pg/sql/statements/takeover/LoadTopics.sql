select topic_id, name from kafka.topics order by name
