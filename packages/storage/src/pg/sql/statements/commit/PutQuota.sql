insert into kafka.quotas (user_name, client_id, ip, quota_key, value)
  select user_name, client_id, ip, quota_key, value::double precision
  from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[]) q (user_name, client_id, ip, quota_key, value)
  on conflict (user_name, client_id, ip, quota_key) do update set value = excluded.value
