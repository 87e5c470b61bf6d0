import type { Statement } from "../connection/Statement.ts"

/** One statement a kind of write, its rows as arrays: the text never changes. `name` is the kind's. */
export const commitStatements = {
  /** For the transaction it is in: its COMMIT does not wait for the disk. */
  Relax: {
    name: "Relax",
    sql: "select set_config('synchronous_commit', 'off', true)"
  },
  /** A config that was set while its topic was being deleted is not the next one's of that name. */
  PutTopic: {
    name: "PutTopic",
    sql: `with stale as (
        delete from kafka.configs c where c.resource_type = 2 and c.resource_name = any($2::text[])
          and not exists (select from kafka.topics t where t.name = c.resource_name))
      insert into kafka.topics (topic_id, name)
      select * from unnest($1::text[], $2::text[]) on conflict (topic_id) do nothing`
  },
  PutPartition: {
    name: "PutPartition",
    sql: `with added as (
        insert into kafka.partitions (topic_id, partition_index, partition_id, failover_epoch)
        select u.*, c.failover_epoch from unnest($1::text[], $2::int[], $3::int[]) u cross join kafka.cluster c
        returning partition_id)
      update kafka.cluster set next_partition_id = greatest(next_partition_id,
        (select max(partition_id) + 1 from added))`
  },
  PutConfig: {
    name: "PutConfig",
    sql: `insert into kafka.configs (resource_type, resource_name, name, value)
      select * from unnest($1::int[], $2::text[], $3::text[], $4::text[])
      on conflict (resource_type, resource_name, name) do update set value = excluded.value`
  },
  DeleteConfig: {
    name: "DeleteConfig",
    sql: `delete from kafka.configs c using unnest($1::int[], $2::text[], $3::text[]) d (resource_type, resource_name, name)
      where c.resource_type = d.resource_type and c.resource_name = d.resource_name and c.name = d.name`
  },
  Append: {
    name: "Append",
    sql: `insert into kafka.batches (partition_id, leader_epoch, base_offset, last_offset, max_timestamp,
        timestamp_high, cumulative_bytes, producer_id, base_sequence, producer_epoch, data)
      select * from unnest($1::int[], $2::int[], $3::bigint[], $4::bigint[], $5::bigint[],
        $6::bigint[], $7::bigint[], $8::bigint[], $9::int[], $10::int[], $11::bytea[])`
  },
  /** A large batch: no array is built of it, and its insert goes on while the next one is on its way. */
  AppendOne: {
    name: "AppendOne",
    sql: `insert into kafka.batches (partition_id, leader_epoch, base_offset, last_offset, max_timestamp,
        timestamp_high, cumulative_bytes, producer_id, base_sequence, producer_epoch, data)
      values ($1::int, $2::int, $3::bigint, $4::bigint, $5::bigint, $6::bigint, $7::bigint, $8::bigint, $9::int,
        $10::int, $11::bytea)`
  },
  PutLeaderEpoch: {
    name: "PutLeaderEpoch",
    sql: `insert into kafka.leader_epochs (partition_id, epoch, start_offset)
      select * from unnest($1::int[], $2::int[], $3::bigint[]) on conflict (partition_id, epoch) do nothing`
  },
  PutProducerSnapshot: {
    name: "PutProducerSnapshot",
    sql: `insert into kafka.producer_snapshots (partition_id, end_offset, value)
      select * from unnest($1::int[], $2::bigint[], $3::bytea[])
      on conflict (partition_id) do update set end_offset = excluded.end_offset, value = excluded.value`
  },
  PutLogStart: {
    name: "PutLogStart",
    sql: `update kafka.partitions p set log_start_offset = s.log_start_offset
      from (select partition_id, max(log_start_offset) as log_start_offset
        from unnest($1::int[], $2::bigint[]) u (partition_id, log_start_offset) group by partition_id) s
      where p.partition_id = s.partition_id and p.log_start_offset < s.log_start_offset`
  },
  PutFailoverEpoch: {
    name: "PutFailoverEpoch",
    sql: `update kafka.partitions p set failover_epoch = f.epoch
      from (select partition_id, max(epoch) as epoch from unnest($1::int[], $2::int[]) u (partition_id, epoch)
        group by partition_id) f
      where p.partition_id = f.partition_id and p.failover_epoch < f.epoch`
  },
  ReplaceBatches: {
    name: "ReplaceBatches",
    sql: `update kafka.batches b set data = r.data, max_timestamp = r.max_timestamp
      from unnest($1::int[], $2::bigint[], $3::bigint[], $4::bytea[]) r (partition_id, base_offset, max_timestamp, data)
      where b.partition_id = r.partition_id and b.base_offset = r.base_offset`
  },
  /** The newest batch tells where its partition ends: it stays. */
  RemoveBatches: {
    name: "RemoveBatches",
    sql: `delete from kafka.batches b using unnest($1::int[], $2::bigint[]) r (partition_id, base_offset)
      where b.partition_id = r.partition_id and b.base_offset = r.base_offset
        and exists (select from kafka.batches n where n.partition_id = r.partition_id and n.base_offset > r.base_offset)`
  },
  PutCompaction: {
    name: "PutCompaction",
    sql: `update kafka.partitions p set cleaned_offset = c.cleaned_offset, cleaned_bytes = c.cleaned_bytes,
        delete_horizon = c.delete_horizon
      from unnest($1::int[], $2::bigint[], $3::bigint[], $4::bigint[])
        c (partition_id, cleaned_offset, cleaned_bytes, delete_horizon)
      where p.partition_id = c.partition_id`
  },
  PutOffset: {
    name: "PutOffset",
    sql: `insert into kafka.offsets (group_id, partition_id, committed_offset, leader_epoch, commit_timestamp,
        expire_timestamp, metadata, commit_id)
      select * from unnest($1::text[], $2::int[], $3::bigint[], $4::int[], $5::bigint[], $6::bigint[], $7::text[],
        $8::bigint[])`
  },
  PutGroup: {
    name: "PutGroup",
    sql: `insert into kafka.groups (group_id, kind, value) select * from unnest($1::text[], $2::text[], $3::text[])
      on conflict (group_id) do update set kind = excluded.kind, value = excluded.value`
  },
  /** What is not in force any more, or was taken away. */
  DeleteOffset: {
    name: "DeleteOffset",
    sql: "delete from kafka.offsets where commit_id = any($1::bigint[])"
  },
  PutGroupMember: {
    name: "PutGroupMember",
    sql: `insert into kafka.group_members (group_id, member_id, value)
      select * from unnest($1::text[], $2::text[], $3::text[])
      on conflict (group_id, member_id) do update set value = excluded.value`
  },
  /** A null member id: all of the group. */
  DeleteGroupMember: {
    name: "DeleteGroupMember",
    sql: `delete from kafka.group_members m using unnest($1::text[], $2::text[]) d (group_id, member_id)
      where m.group_id = d.group_id and (d.member_id is null or m.member_id = d.member_id)`
  },
  DeleteGroup: {
    name: "DeleteGroup",
    sql: `with gone as (delete from kafka.groups where group_id = any($1::text[])),
      offsets as (delete from kafka.offsets where commit_id = any($2::bigint[]))
      delete from kafka.group_members where group_id = any($1::text[])`
  },
  /** Where the newest batch goes, the partition keeps what it said: ends never go back. */
  DeleteBatches: {
    name: "DeleteBatches",
    sql: `with doomed as materialized (
        select b.partition_id, b.base_offset, b.last_offset, b.timestamp_high, b.cumulative_bytes
        from unnest($1::int[], $2::bigint[], $3::int[]) r (partition_id, below, batches)
        cross join lateral (
          select * from kafka.batches b
          where b.partition_id = r.partition_id and b.base_offset < r.below and b.last_offset < r.below
          order by b.base_offset limit r.batches) b),
      gone as (
        delete from kafka.batches b using doomed d
        where b.partition_id = d.partition_id and b.base_offset = d.base_offset),
      newest as (
        select partition_id, max(base_offset) as base_offset, max(last_offset) as last_offset,
          max(timestamp_high) as timestamp_high, max(cumulative_bytes) as cumulative_bytes
        from doomed group by partition_id)
      update kafka.partitions p set end_offset_floor = greatest(p.end_offset_floor, n.last_offset + 1),
        timestamp_high_floor = greatest(p.timestamp_high_floor, n.timestamp_high),
        cumulative_bytes_floor = greatest(p.cumulative_bytes_floor, n.cumulative_bytes)
      from newest n
      where p.partition_id = n.partition_id and not exists (
        select from kafka.batches b where b.partition_id = n.partition_id and b.base_offset > n.base_offset)`
  },
  DeleteTopic: {
    name: "DeleteTopic",
    sql: `with gone as (delete from kafka.topics where topic_id = any($1::text[]) returning topic_id, name),
      orphans as (
        update kafka.partitions p set topic_id = null from gone
        where p.topic_id = gone.topic_id returning p.partition_id),
      no_offsets as (
        delete from kafka.offsets o using orphans where o.partition_id = orphans.partition_id)
      delete from kafka.configs c using gone where c.resource_type = 2 and c.resource_name = gone.name`
  },
  DropPartition: {
    name: "DropPartition",
    sql: `with no_batches as (delete from kafka.batches where partition_id = any($1::int[])),
      no_epochs as (delete from kafka.leader_epochs where partition_id = any($1::int[])),
      no_snapshot as (delete from kafka.producer_snapshots where partition_id = any($1::int[]))
      delete from kafka.partitions where partition_id = any($1::int[])`
  },
  /** Tells of a commit that adds neither batch nor offset; those before it have nothing more to tell. */
  PutCommit: {
    name: "PutCommit",
    sql: `with former as (delete from kafka.commits where commit_id = any($2::bigint[]))
      insert into kafka.commits (commit_id) values ($1::bigint)`
  },
  PutNextProducerId: {
    name: "PutNextProducerId",
    sql: "update kafka.cluster set next_producer_id = $1::bigint"
  }
} as const satisfies Record<string, Statement>
