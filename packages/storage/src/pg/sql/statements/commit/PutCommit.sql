-- Tells of a commit that adds neither batch nor offset; those before it have nothing more to tell.
with former as (delete from kafka.commits where commit_id = any($2::bigint[]))
  insert into kafka.commits (commit_id) values ($1::bigint)
