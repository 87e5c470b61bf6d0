-- Rows that the reigns before left.
select commit_id from kafka.commits
