-- Of which nothing is left to be erased: whether a vacuum is to follow.
select erasure_id, vacuum from kafka.erasure_requests where erased_at is not null and done_at is null order by erasure_id
