select from kafka.publish_failed($1, $2)
