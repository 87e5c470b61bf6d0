select state, rows, bytes from kafka.publish_step($1, $2, $3)
