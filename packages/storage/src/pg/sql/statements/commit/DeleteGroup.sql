with gone as (delete from kafka.groups where group_id = any($1::text[])),
  offsets as (delete from kafka.offsets where commit_id = any($2::bigint[]))
  delete from kafka.group_members where group_id = any($1::text[])
