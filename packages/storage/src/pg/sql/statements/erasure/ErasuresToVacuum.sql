select erasure_id from kafka.erasure_requests where erased_at is not null and done_at is null and vacuum order by 1
