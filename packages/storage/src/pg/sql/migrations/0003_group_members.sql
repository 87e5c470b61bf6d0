-- Members of consumer groups are rows of their own: a heartbeat that changes one member writes one row.

create table kafka.group_members (
  group_id text collate "C" not null,
  member_id text collate "C" not null,
  value text collate "C" not null,
  primary key (group_id, member_id)
) with (
  fillfactor = 50, autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_threshold = 1000,
  autovacuum_vacuum_cost_delay = 0
);
comment on table kafka.group_members is 'Members of groups that keep them apart; value is the coordinator''s own text';
