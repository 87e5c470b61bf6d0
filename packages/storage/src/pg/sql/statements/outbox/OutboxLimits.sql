-- What topics without configs of their own are held to, and dedup keys. Writes nothing if it is so already.
update kafka.sql_settings
set max_message_bytes = $1::integer, cleanup_policy = $2::text, dedup_window = $3::bigint * interval '1 ms'
where (max_message_bytes, cleanup_policy, dedup_window)
  is distinct from ($1::integer, $2::text, $3::bigint * interval '1 ms')
