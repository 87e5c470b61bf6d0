-- Which rows hold the offsets that groups committed.
select group_id, partition_id, commit_id from kafka.offsets
