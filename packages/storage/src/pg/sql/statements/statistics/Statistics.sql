-- What an operator wants to know of the server: a kind, a name and a number each. Needs no right but those of the schema;
-- of sessions of other roles Postgres may hide the age.
select 'table_bytes', relname::text, pg_total_relation_size(relid)::float8
    from pg_stat_user_tables where schemaname = 'kafka'
union all
select 'dead_rows', relname::text, n_dead_tup::float8 from pg_stat_user_tables where schemaname = 'kafka'
union all
select 'live_rows', relname::text, n_live_tup::float8 from pg_stat_user_tables where schemaname = 'kafka'
union all
select 'wal_bytes', '', pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::float8
union all
select 'oldest_snapshot_seconds', '', coalesce(extract(epoch from clock_timestamp() - min(xact_start)), 0)::float8
    from (select xact_start from pg_stat_activity where backend_xmin is not null and pid <> pg_backend_pid()
      union all select prepared from pg_prepared_xacts) holders
union all
select 'oldest_snapshot_transactions', '',
    (pg_snapshot_xmax(pg_current_snapshot())::text::float8 - pg_snapshot_xmin(pg_current_snapshot())::text::float8)
union all
select 'sessions', '', count(*)::float8 from pg_stat_activity where datname = current_database()
union all
select 'max_connections', '', current_setting('max_connections')::float8
union all
select 'outbox_rows', '', count(*)::float8 from (select from kafka.outbox limit 100000) counted
union all
select 'outbox_refused_rows', '', count(*)::float8 from (select from kafka.outbox_refused limit 100000) counted
