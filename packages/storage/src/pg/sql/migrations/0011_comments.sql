-- A group that reads and never committed is behind by all that it has not read; and every column says what it is.

create or replace view kafka.group_overview as
  select ids.group_id, g.kind,
    (select count(*) from kafka.members_of(ids.group_id, g.kind, kafka.json_of(g.value))) as members,
    coalesce(lag.partitions, 0) as partitions, coalesce(lag.lag, 0) as lag, lag.committed_at,
    (select jsonb_object_agg(c.name, c.value) from kafka.configs c
     where c.resource_type = 32 and c.resource_name = ids.group_id) as configs
  from (select group_id from kafka.groups union select group_id from kafka.offsets) ids
  left join kafka.groups g on g.group_id = ids.group_id
  left join (
    select l.group_id, count(l.known) as partitions, sum(l.lag) as lag, max(l.committed_at) as committed_at
    from (
      select l.group_id, 1 as known, l.lag, l.committed_at from kafka.group_lag l
      union all
      select s.group_id, 1, s.lag, null from kafka.share_lag s
      union all
      select unread.group_id, null, greatest((select b.last_offset + 1 from kafka.batches b
        where b.partition_id = unread.partition_id order by b.base_offset desc limit 1), unread.end_offset_floor)
        - unread.log_start_offset, null
      from (
        select distinct g.group_id, p.partition_id, p.log_start_offset, p.end_offset_floor
        from kafka.groups g
        cross join lateral (select kafka.json_of(g.value) offset 0) parsed (json)
        cross join lateral kafka.members_of(g.group_id, g.kind, parsed.json) m
        cross join lateral kafka.owned_partitions(g.kind, parsed.json, m.details) own
        join kafka.topics t on t.name = own.topic
        join kafka.partitions p on p.topic_id = t.topic_id and p.partition_index = own.partition
        where not exists (
          select from kafka.offsets f where f.group_id = g.group_id and f.partition_id = p.partition_id)) unread) l
    group by l.group_id) lag on lag.group_id = ids.group_id;
comment on view kafka.group_overview is 'Each group with its kind (null: offsets only, nobody ever joined), members, partitions with a committed offset, lag over all that it reads, and configs';
comment on column kafka.cluster.one is 'Always true: there is one row';
comment on column kafka.cluster.cluster_id is 'Kafka''s text form of a UUID; clients are told it';
comment on column kafka.cluster.epoch is 'Raised each time a broker becomes the writer; the leader epoch of every partition';
comment on column kafka.cluster.next_producer_id is 'The next producer id to be given';
comment on column kafka.cluster.next_partition_id is 'The next partition id to be given';
comment on column kafka.cluster.created_at is 'When the schema was installed';
comment on column kafka.cluster.system_identifier is 'Of the server that the last writer was on; null: not noted yet';
comment on column kafka.cluster.timeline is 'Timeline of that server then: a promoted standby goes on with another one';
comment on column kafka.cluster.failover_epoch is 'Epoch of the last writer that found another server or timeline than the one before it; 0: none did';
comment on column kafka.topics.topic_id is 'Kafka''s text form of a UUID; never given twice';
comment on column kafka.topics.name is 'The topic''s name';
comment on column kafka.topics.created_at is 'When it was created';
comment on column kafka.partitions.partition_id is 'A number of the cluster''s own, never given twice';
comment on column kafka.partitions.topic_id is 'Its topic; null: that is deleted, and batches are still to be deleted';
comment on column kafka.partitions.partition_index is 'Its number in its topic, as clients know it';
comment on column kafka.partitions.log_start_offset is 'Nobody reads below it';
comment on column kafka.partitions.end_offset_floor is 'The end offset as it was when the newest batch was deleted; so are the other floors';
comment on column kafka.partitions.timestamp_high_floor is 'The greatest timestamp as it was when the newest batch was deleted; -1: there was none';
comment on column kafka.partitions.cumulative_bytes_floor is 'Bytes ever appended, as of when the newest batch was deleted';
comment on column kafka.partitions.cleaned_offset is 'Compacted up to here: for each key only the latest record is left below; null: never compacted';
comment on column kafka.partitions.cleaned_bytes is 'cumulative_bytes of the last batch below cleaned_offset';
comment on column kafka.partitions.delete_horizon is 'When the first tombstone below cleaned_offset may go, in milliseconds; -1: there is none';
comment on column kafka.partitions.failover_epoch is 'kafka.cluster.failover_epoch as of the last time the partition''s end leapt over what a failover may have lost';
comment on column kafka.batches.partition_id is 'The partition, as in kafka.partitions';
comment on column kafka.batches.leader_epoch is 'The writer''s epoch when it was appended';
comment on column kafka.batches.base_offset is 'Offset of its first record';
comment on column kafka.batches.last_offset is 'Offset of its last record, also where compaction took that away';
comment on column kafka.batches.max_timestamp is 'The greatest time of its records, in milliseconds; -1: they have none';
comment on column kafka.batches.timestamp_high is 'The greatest max_timestamp of the partition up to and with this batch: grows with the offset, for searches by time';
comment on column kafka.batches.cumulative_bytes is 'Bytes ever appended to the partition up to and with this batch';
comment on column kafka.batches.producer_id is 'Of an idempotent producer; -1: of none';
comment on column kafka.batches.base_sequence is 'The producer''s number of the first record; -1: of no idempotent producer';
comment on column kafka.batches.producer_epoch is 'The producer''s epoch; -1: of no idempotent producer';
comment on column kafka.batches.data is 'Record batch, format version 2 of Kafka''s protocol';
comment on column kafka.leader_epochs.partition_id is 'The partition, as in kafka.partitions';
comment on column kafka.leader_epochs.epoch is 'The leader epoch';
comment on column kafka.leader_epochs.start_offset is 'Offset of the first append in it';
comment on column kafka.producer_snapshots.partition_id is 'The partition, as in kafka.partitions';
comment on column kafka.producer_snapshots.end_offset is 'Up to here the value tells all of it; what follows is told by the batches';
comment on column kafka.producer_snapshots.value is 'Producers with their last batches, the broker''s own text';
comment on column kafka.configs.resource_type is '2: topic, 4: broker, 32: group';
comment on column kafka.configs.resource_name is 'Of the topic, broker or group; empty: all brokers';
comment on column kafka.configs.name is 'The config''s name, as Kafka has it';
comment on column kafka.configs.value is 'What it was set to';
comment on column kafka.offsets.group_id is 'The group''s id';
comment on column kafka.offsets.partition_id is 'The partition, as in kafka.partitions';
comment on column kafka.offsets.committed_offset is 'The next record that the group wants';
comment on column kafka.offsets.leader_epoch is 'Leader epoch of the last record it had, as the client said; -1: it said none';
comment on column kafka.offsets.commit_timestamp is 'When it was committed, in milliseconds';
comment on column kafka.offsets.expire_timestamp is 'When it may be forgotten, in milliseconds; -1: by the broker''s retention';
comment on column kafka.offsets.metadata is 'A text of the client''s';
comment on column kafka.offsets.commit_id is 'A number of the broker''s: a new commit is a new row, with a greater one';
comment on column kafka.groups.group_id is 'The group''s id';
comment on column kafka.groups.kind is 'classic, consumer, share or streams';
comment on column kafka.groups.value is 'The coordinator''s own text';
comment on column kafka.group_members.group_id is 'The group''s id';
comment on column kafka.group_members.member_id is 'The member''s id; of a share group also partition/<id>, where it is in a partition';
comment on column kafka.group_members.value is 'The coordinator''s own text';
comment on column kafka.commits.commit_id is 'Epoch times 2^32, and a number of the writer''s';
comment on column kafka.migrations.migration_id is 'The step''s number';
comment on column kafka.migrations.created_at is 'When it was taken';
comment on column kafka.migrations.name is 'The step''s name';
comment on column kafka.topic_overview.topic is 'The topic''s name';
comment on column kafka.topic_overview.topic_id is 'Kafka''s text form of a UUID';
comment on column kafka.topic_overview.partitions is 'How many it has';
comment on column kafka.topic_overview.records is 'Offsets from log start to end, over all partitions; fewer records where compacted';
comment on column kafka.topic_overview.size_bytes is 'Bytes of its batches';
comment on column kafka.topic_overview.configs is 'Configs that were set for it; null: none';
comment on column kafka.partition_overview.topic is 'The topic''s name';
comment on column kafka.partition_overview.partition is 'Its number in the topic';
comment on column kafka.partition_overview.partition_id is 'The number it has in all tables';
comment on column kafka.partition_overview.log_start_offset is 'The first offset that can be read';
comment on column kafka.partition_overview.end_offset is 'The next offset to be given';
comment on column kafka.partition_overview.size_bytes is 'Bytes of its batches';
comment on column kafka.partition_overview.newest_timestamp is 'The greatest time of its records; null: there is no batch';
comment on column kafka.group_lag.group_id is 'The group''s id';
comment on column kafka.group_lag.kind is 'classic, consumer or streams; null: nobody ever joined';
comment on column kafka.group_lag.topic is 'The topic''s name';
comment on column kafka.group_lag.partition is 'The partition''s number in the topic';
comment on column kafka.group_lag.committed_offset is 'The next record that the group wants';
comment on column kafka.group_lag.end_offset is 'The next offset to be given';
comment on column kafka.group_lag.lag is 'By how much the end lies beyond the committed offset';
comment on column kafka.group_lag.committed_at is 'When it was committed';
comment on column kafka.share_lag.group_id is 'The group''s id';
comment on column kafka.share_lag.topic is 'The topic''s name';
comment on column kafka.share_lag.partition is 'The partition''s number in the topic';
comment on column kafka.share_lag.start_offset is 'All below is done with';
comment on column kafka.share_lag.end_offset is 'The next offset to be given';
comment on column kafka.share_lag.lag is 'Offsets that are not done with; what is given out now, too';
comment on column kafka.member_overview.group_id is 'The group''s id';
comment on column kafka.member_overview.kind is 'classic, consumer, share or streams';
comment on column kafka.member_overview.member_id is 'The member''s id';
comment on column kafka.member_overview.instance_id is 'group.instance.id of a static member; null: it is none';
comment on column kafka.member_overview.client_id is 'client.id, as the client said';
comment on column kafka.member_overview.client_host is 'Where it connected from';
comment on column kafka.member_overview.partitions is 'What it reads, as topic-partition; null: nothing, or not known';
comment on column kafka.member_overview.details is 'The coordinator''s own form, not to be relied on';
comment on column kafka.member_lag.group_id is 'The group''s id';
comment on column kafka.member_lag.kind is 'classic, consumer or streams';
comment on column kafka.member_lag.member_id is 'The member''s id';
comment on column kafka.member_lag.client_id is 'client.id, as the client said';
comment on column kafka.member_lag.client_host is 'Where it connected from';
comment on column kafka.member_lag.topic is 'A topic that it reads';
comment on column kafka.member_lag.partition is 'The partition''s number in the topic';
comment on column kafka.member_lag.committed_offset is 'The next record that the group wants; null: none was committed yet';
comment on column kafka.member_lag.end_offset is 'The next offset to be given';
comment on column kafka.member_lag.lag is 'From the committed offset to the end, or from the log start where there is none';
comment on column kafka.group_overview.group_id is 'The group''s id';
comment on column kafka.group_overview.kind is 'classic, consumer, share or streams; null: offsets only, nobody ever joined';
comment on column kafka.group_overview.members is 'How many there are';
comment on column kafka.group_overview.partitions is 'How many have a committed offset';
comment on column kafka.group_overview.lag is 'Over these, and from the log start over those that a member reads and that have none';
comment on column kafka.group_overview.committed_at is 'The last commit';
comment on column kafka.group_overview.configs is 'Configs that were set for it; null: none';
comment on column kafka.config_overview.resource is 'topic, broker or group';
comment on column kafka.config_overview.resource_name is 'Of the topic, broker or group';
comment on column kafka.config_overview.name is 'The config''s name, as Kafka has it';
comment on column kafka.config_overview.value is 'What it was set to';
comment on column kafka.disk_usage.table_name is 'The table';
comment on column kafka.disk_usage.table_bytes is 'Bytes of the table, large values included';
comment on column kafka.disk_usage.index_bytes is 'Bytes of its indexes';
comment on column kafka.disk_usage.total_bytes is 'Both';
comment on column kafka.disk_usage.rows_estimated is 'Rows, as Postgres counts along';
comment on column kafka.disk_usage.dead_rows_estimated is 'Rows that are deleted, and that vacuum will make room of';
comment on column kafka.active_broker.pid is 'Of its Postgres session';
comment on column kafka.active_broker.application_name is 'What the session calls itself';
comment on column kafka.active_broker.role is 'The role it logged in as';
comment on column kafka.active_broker.client_addr is 'Where it connected from; null: from the server''s own machine';
comment on column kafka.active_broker.since is 'When the session began';
comment on column kafka.active_broker.cluster_id is 'The cluster''s id';
comment on column kafka.active_broker.epoch is 'Raised by each take-over: every partition''s leader epoch';
