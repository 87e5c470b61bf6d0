select transactional_id, revision, value from kafka.transactional_ids order by revision
