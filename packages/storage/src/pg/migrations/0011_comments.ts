/** A group that reads and never committed is behind by all that it has not read; and every column says what it is. */
const groupOverview = `create or replace view kafka.group_overview as
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
     group by l.group_id) lag on lag.group_id = ids.group_id`

const PARTITION = "The partition, as in kafka.partitions"
const GROUP = "The group's id"
const END = "The next offset to be given"

const columns: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  cluster: {
    one: "Always true: there is one row",
    cluster_id: "Kafka's text form of a UUID; clients are told it",
    epoch: "Raised each time a broker becomes the writer; the leader epoch of every partition",
    next_producer_id: "The next producer id to be given",
    next_partition_id: "The next partition id to be given",
    created_at: "When the schema was installed",
    system_identifier: "Of the server that the last writer was on; null: not noted yet",
    timeline: "Timeline of that server then: a promoted standby goes on with another one",
    failover_epoch: "Epoch of the last writer that found another server or timeline than the one before it; 0: none did"
  },
  topics: {
    topic_id: "Kafka's text form of a UUID; never given twice",
    name: "The topic's name",
    created_at: "When it was created"
  },
  partitions: {
    partition_id: "A number of the cluster's own, never given twice",
    topic_id: "Its topic; null: that is deleted, and batches are still to be deleted",
    partition_index: "Its number in its topic, as clients know it",
    log_start_offset: "Nobody reads below it",
    end_offset_floor: "The end offset as it was when the newest batch was deleted; so are the other floors",
    timestamp_high_floor: "The greatest timestamp as it was when the newest batch was deleted; -1: there was none",
    cumulative_bytes_floor: "Bytes ever appended, as of when the newest batch was deleted",
    cleaned_offset: "Compacted up to here: for each key only the latest record is left below; null: never compacted",
    cleaned_bytes: "cumulative_bytes of the last batch below cleaned_offset",
    delete_horizon: "When the first tombstone below cleaned_offset may go, in milliseconds; -1: there is none",
    failover_epoch:
      "kafka.cluster.failover_epoch as of the last time the partition's end leapt over what a failover may have lost"
  },
  batches: {
    partition_id: PARTITION,
    leader_epoch: "The writer's epoch when it was appended",
    base_offset: "Offset of its first record",
    last_offset: "Offset of its last record, also where compaction took that away",
    max_timestamp: "The greatest time of its records, in milliseconds; -1: they have none",
    timestamp_high:
      "The greatest max_timestamp of the partition up to and with this batch: grows with the offset, for searches by time",
    cumulative_bytes: "Bytes ever appended to the partition up to and with this batch",
    producer_id: "Of an idempotent producer; -1: of none",
    base_sequence: "The producer's number of the first record; -1: of no idempotent producer",
    producer_epoch: "The producer's epoch; -1: of no idempotent producer",
    data: "Record batch, format version 2 of Kafka's protocol"
  },
  leader_epochs: {
    partition_id: PARTITION,
    epoch: "The leader epoch",
    start_offset: "Offset of the first append in it"
  },
  producer_snapshots: {
    partition_id: PARTITION,
    end_offset: "Up to here the value tells all of it; what follows is told by the batches",
    value: "Producers with their last batches, the broker's own text"
  },
  configs: {
    resource_type: "2: topic, 4: broker, 32: group",
    resource_name: "Of the topic, broker or group; empty: all brokers",
    name: "The config's name, as Kafka has it",
    value: "What it was set to"
  },
  offsets: {
    group_id: GROUP,
    partition_id: PARTITION,
    committed_offset: "The next record that the group wants",
    leader_epoch: "Leader epoch of the last record it had, as the client said; -1: it said none",
    commit_timestamp: "When it was committed, in milliseconds",
    expire_timestamp: "When it may be forgotten, in milliseconds; -1: by the broker's retention",
    metadata: "A text of the client's",
    commit_id: "A number of the broker's: a new commit is a new row, with a greater one"
  },
  groups: {
    group_id: GROUP,
    kind: "classic, consumer, share or streams",
    value: "The coordinator's own text"
  },
  group_members: {
    group_id: GROUP,
    member_id: "The member's id; of a share group also partition/<id>, where it is in a partition",
    value: "The coordinator's own text"
  },
  commits: { commit_id: "Epoch times 2^32, and a number of the writer's" },
  migrations: {
    migration_id: "The step's number",
    created_at: "When it was taken",
    name: "The step's name"
  },
  topic_overview: {
    topic: "The topic's name",
    topic_id: "Kafka's text form of a UUID",
    partitions: "How many it has",
    records: "Offsets from log start to end, over all partitions; fewer records where compacted",
    size_bytes: "Bytes of its batches",
    configs: "Configs that were set for it; null: none"
  },
  partition_overview: {
    topic: "The topic's name",
    partition: "Its number in the topic",
    partition_id: "The number it has in all tables",
    log_start_offset: "The first offset that can be read",
    end_offset: END,
    size_bytes: "Bytes of its batches",
    newest_timestamp: "The greatest time of its records; null: there is no batch"
  },
  group_lag: {
    group_id: GROUP,
    kind: "classic, consumer or streams; null: nobody ever joined",
    topic: "The topic's name",
    partition: "The partition's number in the topic",
    committed_offset: "The next record that the group wants",
    end_offset: END,
    lag: "By how much the end lies beyond the committed offset",
    committed_at: "When it was committed"
  },
  share_lag: {
    group_id: GROUP,
    topic: "The topic's name",
    partition: "The partition's number in the topic",
    start_offset: "All below is done with",
    end_offset: END,
    lag: "Offsets that are not done with; what is given out now, too"
  },
  member_overview: {
    group_id: GROUP,
    kind: "classic, consumer, share or streams",
    member_id: "The member's id",
    instance_id: "group.instance.id of a static member; null: it is none",
    client_id: "client.id, as the client said",
    client_host: "Where it connected from",
    partitions: "What it reads, as topic-partition; null: nothing, or not known",
    details: "The coordinator's own form, not to be relied on"
  },
  member_lag: {
    group_id: GROUP,
    kind: "classic, consumer or streams",
    member_id: "The member's id",
    client_id: "client.id, as the client said",
    client_host: "Where it connected from",
    topic: "A topic that it reads",
    partition: "The partition's number in the topic",
    committed_offset: "The next record that the group wants; null: none was committed yet",
    end_offset: END,
    lag: "From the committed offset to the end, or from the log start where there is none"
  },
  group_overview: {
    group_id: GROUP,
    kind: "classic, consumer, share or streams; null: offsets only, nobody ever joined",
    members: "How many there are",
    partitions: "How many have a committed offset",
    lag: "Over these, and from the log start over those that a member reads and that have none",
    committed_at: "The last commit",
    configs: "Configs that were set for it; null: none"
  },
  config_overview: {
    resource: "topic, broker or group",
    resource_name: "Of the topic, broker or group",
    name: "The config's name, as Kafka has it",
    value: "What it was set to"
  },
  disk_usage: {
    table_name: "The table",
    table_bytes: "Bytes of the table, large values included",
    index_bytes: "Bytes of its indexes",
    total_bytes: "Both",
    rows_estimated: "Rows, as Postgres counts along",
    dead_rows_estimated: "Rows that are deleted, and that vacuum will make room of"
  },
  active_broker: {
    pid: "Of its Postgres session",
    application_name: "What the session calls itself",
    role: "The role it logged in as",
    client_addr: "Where it connected from; null: from the server's own machine",
    since: "When the session began",
    cluster_id: "The cluster's id",
    epoch: "Raised by each take-over: every partition's leader epoch"
  }
}

const statements: ReadonlyArray<string> = [
  groupOverview,
  `comment on view kafka.group_overview is 'Each group with its kind (null: offsets only, nobody ever joined), members, partitions with a committed offset, lag over all that it reads, and configs'`,
  ...Object.entries(columns).flatMap(([relation, comments]) =>
    Object.entries(comments).map(
      ([column, text]) => `comment on column kafka.${relation}.${column} is '${text.replaceAll("'", "''")}'`
    )
  )
]

export default statements
