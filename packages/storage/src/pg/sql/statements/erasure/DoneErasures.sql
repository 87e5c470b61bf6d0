-- With the vacuum that is over, and those that asked for none.
update kafka.erasure_requests set done_at = clock_timestamp(), wal_position = pg_current_wal_lsn(),
    vacuumed_at = case when vacuum then clock_timestamp() end
  where erased_at is not null and done_at is null and (not vacuum or erasure_id = any ($1::bigint[]))
