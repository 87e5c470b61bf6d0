select distinct topic_id from kafka.erasure_requests where erased_at is null order by topic_id limit 1000
