-- What forwards the log to another Kafka keeps here whom it is there, and how far it has come. Only it writes here; no
-- commit of the broker does.

create table kafka.shadow_targets (
  cluster_id text primary key,
  producer_id bigint not null,
  producer_epoch integer not null
);
comment on table kafka.shadow_targets is 'Kafka clusters that the log is forwarded to, and the idempotent producer that does so there';
comment on column kafka.shadow_targets.cluster_id is 'As that cluster tells it';
comment on column kafka.shadow_targets.producer_id is 'Given by that cluster, once: a record''s sequence number is its offset there';
comment on column kafka.shadow_targets.producer_epoch is 'Of the producer id; never raised';

create table kafka.shadow_partitions (
  cluster_id text not null,
  topic text not null,
  partition_index integer not null,
  source_topic_id text not null,
  target_topic_id text not null,
  difference bigint not null,
  fills boolean not null,
  target_start bigint not null,
  target_end bigint not null,
  source_next bigint not null,
  source_end bigint not null,
  moved_at timestamptz not null default now(),
  stopped_at timestamptz,
  stopped_why text,
  primary key (cluster_id, topic, partition_index)
) with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05);
comment on table kafka.shadow_partitions is 'How far each partition is forwarded; see kafka.shadow_overview';
comment on column kafka.shadow_partitions.cluster_id is 'The target';
comment on column kafka.shadow_partitions.topic is 'The same name on both sides';
comment on column kafka.shadow_partitions.partition_index is 'The same number on both sides';
comment on column kafka.shadow_partitions.source_topic_id is 'A topic made anew under the name has another one';
comment on column kafka.shadow_partitions.target_topic_id is 'The same at the target';
comment on column kafka.shadow_partitions.difference is 'An offset here is its offset there and this; constant, unless fills is false';
comment on column kafka.shadow_partitions.fills is 'Whether filler records stand at the target where there are none here; false: kafka.shadow_offsets maps offsets';
comment on column kafka.shadow_partitions.target_start is 'Where the target ended when forwarding began';
comment on column kafka.shadow_partitions.target_end is 'Where the target ended when this was noted; what counts is the target''s own';
comment on column kafka.shadow_partitions.source_next is 'The next offset here to be forwarded, when this was noted';
comment on column kafka.shadow_partitions.source_end is 'The last stable offset here, when this was noted';
comment on column kafka.shadow_partitions.moved_at is 'When target_end was noted last';
comment on column kafka.shadow_partitions.stopped_at is 'Since when this partition is not forwarded; null: it is';
comment on column kafka.shadow_partitions.stopped_why is 'Why it is not';

create table kafka.shadow_offsets (
  cluster_id text not null,
  topic text not null,
  partition_index integer not null,
  target_offset bigint not null,
  source_offset bigint not null,
  primary key (cluster_id, topic, partition_index, target_offset, source_offset)
);
comment on table kafka.shadow_offsets is
  'Without filler records: from source_offset on, a record''s offset there is target_offset and what it is further on; up to the next row';
comment on column kafka.shadow_offsets.cluster_id is 'The target';
comment on column kafka.shadow_offsets.topic is 'As in kafka.shadow_partitions';
comment on column kafka.shadow_offsets.partition_index is 'The same';
comment on column kafka.shadow_offsets.target_offset is 'There';
comment on column kafka.shadow_offsets.source_offset is 'Here';

create view kafka.shadow_overview as
select s.cluster_id, s.topic, s.partition_index as partition, s.difference, s.fills, s.source_end, s.target_end,
  greatest(s.source_end - s.source_next, 0) as lag, s.moved_at, s.stopped_at, s.stopped_why
from kafka.shadow_partitions s;
comment on view kafka.shadow_overview is 'Partitions that are forwarded to another Kafka: how far, and if one stopped, since when and why';
comment on column kafka.shadow_overview.cluster_id is 'The other Kafka, as it tells it';
comment on column kafka.shadow_overview.topic is 'On both sides';
comment on column kafka.shadow_overview.partition is 'On both sides';
comment on column kafka.shadow_overview.difference is 'An offset here is its offset there and this; a beginning, if fills is false';
comment on column kafka.shadow_overview.fills is 'Whether filler records keep the difference constant';
comment on column kafka.shadow_overview.source_end is 'The last stable offset here, at the last look';
comment on column kafka.shadow_overview.target_end is 'Where the target ended, at the last look';
comment on column kafka.shadow_overview.lag is 'Offsets that are still to be forwarded, at the last look';
comment on column kafka.shadow_overview.moved_at is 'When that look was';
comment on column kafka.shadow_overview.stopped_at is 'Since when nothing is forwarded; null: it goes on';
comment on column kafka.shadow_overview.stopped_why is 'Why, and what to do about it';
