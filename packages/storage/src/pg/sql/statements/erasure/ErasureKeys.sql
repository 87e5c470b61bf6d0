select r.erasure_id, r.key, r.partition_ids, null from kafka.erasure_passes p
  join kafka.erasure_requests r on r.topic_id = p.topic_id and r.pass_id = p.pass_id and r.erased_at is null
  where p.topic_id = $1::text order by r.place
