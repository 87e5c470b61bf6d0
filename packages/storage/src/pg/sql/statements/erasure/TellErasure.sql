update kafka.erasure_passes set waits_for = $2::text
  where pass_id = $1::bigint and waits_for is distinct from $2::text
