-- Which server a take-over was on, so that the next one sees a failover; and what tells whether a commit is stored.

alter table kafka.cluster add column system_identifier text, add column timeline text,
  add column failover_epoch integer not null default 0;
comment on column kafka.cluster.system_identifier is 'Of the server that the last writer was on; null: not noted yet';
comment on column kafka.cluster.timeline is 'Timeline of that server then: a promoted standby goes on with another one';
comment on column kafka.cluster.failover_epoch is 'Epoch of the last writer that found another server or timeline than the one before it; 0: none did';

alter table kafka.partitions add column failover_epoch integer not null default 0;
comment on column kafka.partitions.failover_epoch is 'kafka.cluster.failover_epoch as of the last time the partition''s end leapt over what a failover may have lost';

create table kafka.commits (
  commit_id bigint primary key
) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 0);
comment on table kafka.commits is 'The last commit of a writer that added no batch and no offset: where the connection was lost during it, the row tells whether it is stored';
comment on column kafka.commits.commit_id is 'Epoch times 2^32, and a number of the writer''s';
