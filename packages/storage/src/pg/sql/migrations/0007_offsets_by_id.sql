-- Rows of offsets are found by an id of the broker's, and never changed in place: under an open snapshot an index by
-- group and partition leads through every version that there ever was. Nobody but the broker writes here, so that the key
-- needs no guard.

alter table kafka.offsets add column commit_id bigint;

update kafka.offsets o set commit_id = n.commit_id
  from (select group_id, partition_id, row_number() over (order by commit_timestamp) as commit_id from kafka.offsets) n
  where o.group_id = n.group_id and o.partition_id = n.partition_id;

alter table kafka.offsets drop constraint offsets_pkey, alter column commit_id set not null, add primary key (commit_id);

alter table kafka.offsets set (
  fillfactor = 100, autovacuum_vacuum_scale_factor = 0.2, autovacuum_vacuum_threshold = 20000
);
comment on table kafka.offsets is 'Offsets committed by groups, a row each; a new commit is a new row, with a greater commit_id; see kafka.group_lag';
