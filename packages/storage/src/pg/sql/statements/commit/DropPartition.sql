with no_batches as (delete from kafka.batches where partition_id = any($1::int[])),
  no_epochs as (delete from kafka.leader_epochs where partition_id = any($1::int[])),
  no_open as (delete from kafka.open_transactions where partition_id = any($1::int[])),
  no_aborted as (delete from kafka.aborted_transactions where partition_id = any($1::int[])),
  no_snapshot as (delete from kafka.producer_snapshots where partition_id = any($1::int[]))
  delete from kafka.partitions where partition_id = any($1::int[])
