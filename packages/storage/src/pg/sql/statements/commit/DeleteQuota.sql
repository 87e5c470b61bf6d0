-- By ctid: see DeleteOutbox.
delete from kafka.quotas where ctid = any (array(
  select m.ctid from unnest($1::text[], $2::text[], $3::text[], $4::text[])
    d (user_name, client_id, ip, quota_key)
  cross join lateral (
    select ctid from kafka.quotas where user_name = d.user_name
      and client_id = d.client_id
      and ip = d.ip
      and quota_key = d.quota_key offset 0) m))
