-- Publications that hold the log.
select pubname from pg_publication_tables where schemaname = 'kafka' and tablename = 'batches' order by 1
