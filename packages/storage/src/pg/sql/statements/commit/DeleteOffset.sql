-- What is not in force any more, or was taken away.
delete from kafka.offsets where commit_id = any($1::bigint[])
