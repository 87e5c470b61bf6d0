import { counter, gauge, histogram } from "./MetricDefinition.ts"

const API = ["api"]
const TABLE = ["table"]

/** What no other broker tells, or tells so. Times in seconds, sizes in bytes; counters begin at 0 with the broker. */
export const tuskMetrics = {
  info: gauge("tusk_info", ["cluster_id", "node_id", "storage"], "1; labels tell which broker this is"),
  serving: gauge("tusk_serving", [], "1 while this broker is known to be the cluster's writer and answers clients"),
  epoch: gauge("tusk_epoch", [], "Leader epoch of every partition; rises with each take-over"),
  leftOut: gauge(
    "tusk_metrics_left_out",
    ["of"],
    "Topics, partitions, groups or partitions of groups without series of their own, as there are more than tusk.metrics.max.partitions; 0: all have them"
  ),

  requests: counter("tusk_requests_total", API, "Requests that were understood"),
  requestSeconds: histogram(
    "tusk_request_duration_seconds",
    API,
    "From the arrival of a request to its encoded answer; long polls with their wait"
  ),
  requestBytes: counter("tusk_request_bytes_total", API, "Bytes of requests, without the length in front"),
  responseBytes: counter("tusk_response_bytes_total", API, "Bytes of answers"),
  requestErrors: counter(
    "tusk_request_errors_total",
    ["api", "error"],
    "Errors in answers, by Kafka's name; one answer may have one for each partition"
  ),
  throttled: counter(
    "tusk_throttled_requests_total",
    API,
    "Requests after which their client was told to wait, as it had used more than a quota"
  ),
  throttledSeconds: counter("tusk_throttle_seconds_total", API, "For how long clients were told to wait"),
  connections: gauge("tusk_connections", [], "Connections that are open"),
  connectionsOpened: counter("tusk_connections_opened_total", [], "Connections that were opened"),
  logins: counter(
    "tusk_authentications_total",
    ["listener", "mechanism"],
    "Logins by SASL that let a client in, or let it stay (KIP-368)"
  ),
  failedLogins: counter(
    "tusk_authentication_failures_total",
    ["listener", "mechanism"],
    "Logins by SASL that were refused; without a mechanism if none was agreed on"
  ),
  denials: counter(
    "tusk_authorization_denials_total",
    [],
    "What clients asked for and may not do; not what is only left out of an answer"
  ),
  fetchSessions: gauge("tusk_fetch_sessions", [], "Fetch sessions that are kept"),
  shareSessions: gauge("tusk_share_sessions", [], "Share sessions that are open"),
  answerBytes: gauge("tusk_fetch_answer_bytes", [], "Bytes of records in answers to fetches that are not written yet"),
  longPolls: gauge("tusk_long_polls", [], "Fetches, also the broker's own, that wait for records"),

  commitSeconds: histogram("tusk_commit_duration_seconds", [], "How long the store took for a commit"),
  commitUnits: histogram(
    "tusk_commit_units",
    [],
    "Units of a commit: what stands or falls together, such as a Produce"
  ),
  commitBatches: histogram("tusk_commit_batches", [], "Record batches of a commit"),
  commitBytes: counter("tusk_commit_bytes_total", [], "Bytes handed to the store in commits"),
  commitFailures: counter(
    "tusk_commit_failures_total",
    ["error"],
    "Commits that stored nothing or have an unknown outcome, by StoreError"
  ),
  queueUnits: gauge("tusk_commit_queue_units", [], "Units that wait for a commit"),
  queueBytes: gauge("tusk_commit_queue_bytes", [], "Bytes that wait for a commit"),
  queueMaxBytes: gauge("tusk_commit_queue_max_bytes", [], "tusk.commit.queue.max.bytes: beyond it producers wait"),
  appendedRecords: counter("tusk_appended_records_total", [], "Records that were stored, with those of kafka.produce"),
  appendedBytes: counter("tusk_appended_bytes_total", [], "Bytes of batches that were stored"),

  tailBytes: gauge("tusk_tail_cache_bytes", [], "Bytes of the newest batches in memory"),
  tailReads: counter("tusk_tail_cache_hits_total", [], "Reads of a partition that memory answered with records"),
  tailReadBytes: counter("tusk_tail_cache_read_bytes_total", [], "Bytes of batches that memory gave"),
  storeReads: counter("tusk_tail_cache_misses_total", [], "Reads of a partition that went behind the newest batches"),
  readAheadBytes: gauge("tusk_read_ahead_bytes", [], "Bytes that were read ahead and wait for their consumer"),
  readAheadHits: counter("tusk_read_ahead_hits_total", [], "Of these misses: what had been read ahead"),
  readAheadMisses: counter("tusk_read_ahead_misses_total", [], "Of these misses: what the store was asked for"),
  partitionsLoaded: gauge("tusk_partitions_loaded", [], "Partitions whose state is in memory"),

  topics: gauge("tusk_topics", [], "Topics"),
  partitions: gauge("tusk_partitions", [], "Partitions of all topics"),
  currentOffsets: gauge("tusk_topic_current_offsets", ["topic"], "End offsets of all partitions, added up"),
  oldestOffsets: gauge("tusk_topic_oldest_offsets", ["topic"], "Start offsets of all partitions, added up"),
  groups: gauge("tusk_groups", ["type", "state"], "Groups by kind and state"),
  rebalances: counter("tusk_group_rebalances_total", ["type"], "Times that a group's work was divided anew"),
  groupLagSeconds: gauge(
    "tusk_consumergroup_lag_seconds",
    ["consumergroup", "topic"],
    "Age of the newest record in the oldest batch that is not consumed to its end, the greatest of all partitions; 0: all is consumed"
  ),
  transactions: gauge("tusk_transactions_open", [], "Transactions that have begun and not ended"),
  transactionalIds: gauge("tusk_transactional_ids", [], "Transactional ids that are known"),
  oldestTransaction: gauge("tusk_transactions_oldest_seconds", [], "Age of the oldest open transaction; 0: none"),

  drainedRows: counter(
    "tusk_outbox_drained_rows_total",
    [],
    "Rows of kafka.produce and kafka.commit that came into the log"
  ),
  drainSeconds: histogram(
    "tusk_outbox_lag_seconds",
    [],
    "From the timestamp of a record of kafka.produce to its place in the log"
  ),
  deletedBatches: counter("tusk_retention_deleted_batches_total", [], "Batches deleted that nobody can read any more"),
  orphans: gauge(
    "tusk_retention_backlog_partitions",
    [],
    "Partitions of deleted topics with batches that are still to be deleted"
  ),
  compactions: counter("tusk_compactions_total", [], "Times that a partition was compacted"),
  compactedBatches: counter("tusk_compaction_batches_total", [], "Batches that compaction replaced or took away"),
  tieredBatches: counter(
    "tusk_remote_copied_batches_total",
    [],
    "Batches of tiered topics that moved from the database to the object store"
  ),
  tieredBytes: counter("tusk_remote_copied_bytes_total", [], "Bytes of these batches"),
  tierFailures: counter("tusk_remote_copy_failures_total", [], "Times that such batches could not move, and wait"),
  tierLagBytes: gauge(
    "tusk_remote_copy_lag_bytes",
    [],
    "Bytes that were found to be older or more than local.retention.ms and local.retention.bytes allow, and have not moved yet"
  ),
  erasing: gauge("tusk_erase_topics", [], "Topics for which kafka.erase was asked and is not done yet"),
  erasedRecords: counter("tusk_erase_records_total", [], "Records that kafka.erase took out of the log"),
  erasedBytes: counter("tusk_erase_bytes_total", [], "Bytes of the batches that kafka.erase rewrote for that"),
  mergedObjects: counter(
    "tusk_objects_merged_total",
    [],
    "Objects of which all that lay in them was moved to larger ones"
  ),
  mergedBytes: counter("tusk_object_merge_bytes_total", [], "Bytes of the batches that were moved so"),

  objectsOwned: gauge(
    "tusk_object_owner",
    [],
    "1 while the objects of tusk.object.store are this database's; 0: none is read, put or removed"
  ),
  objects: gauge("tusk_objects", [], "Objects that the database knows, as the collector saw them last"),
  objectBytes: gauge("tusk_object_bytes", [], "Bytes of these objects, whether batches lie there or did"),
  objectsUnused: gauge("tusk_objects_unused", [], "Of these: what no batch lies in and waits to be removed"),
  objectsUnusedBytes: gauge("tusk_objects_unused_bytes", [], "Bytes of these"),
  objectsRemoved: counter(
    "tusk_objects_removed_total",
    ["reason"],
    "Objects removed from the store: unused for long enough, or an orphan that the database does not know"
  ),
  objectRemovedBytes: counter("tusk_object_removed_bytes_total", [], "Bytes of objects that were removed"),
  objectPutSeconds: histogram("tusk_object_put_duration_seconds", [], "How long the store took for an object"),
  objectPutBytes: counter("tusk_object_put_bytes_total", [], "Bytes of objects that were put"),
  objectGetSeconds: histogram(
    "tusk_object_get_duration_seconds",
    [],
    "How long the store took for a range of an object; what a cache had is not asked for"
  ),
  objectGetBytes: counter("tusk_object_get_bytes_total", [], "Bytes of these ranges"),
  objectFailures: counter(
    "tusk_object_failures_total",
    ["call"],
    "Calls of the store that failed: put, get, list, remove; those of the owner object are put and get"
  ),
  objectCacheHits: counter("tusk_object_cache_hits_total", [], "Blocks of objects that memory had"),
  objectCacheMisses: counter("tusk_object_cache_misses_total", [], "Blocks of objects that memory had not"),

  telemetryClients: gauge("tusk_client_telemetry_clients", [], "Clients whose pushed metrics are kept (KIP-714)"),
  telemetryBytes: gauge(
    "tusk_client_telemetry_bytes",
    [],
    "Bytes of the metrics that clients pushed and that are kept"
  ),
  telemetryPushes: counter("tusk_client_telemetry_pushes_total", [], "Pushes of clients' metrics that were taken"),

  shadowLag: gauge(
    "tusk_shadow_lag",
    ["topic", "partition"],
    "Offsets of a partition that are still to be forwarded to the other Kafka (tusk.shadow.to)"
  ),
  shadowTopicLag: gauge("tusk_shadow_topic_lag", ["topic"], "The same of all partitions of a topic, added up"),
  shadowStopped: gauge(
    "tusk_shadow_stopped_partitions",
    ["topic"],
    "Partitions that are not forwarded until somebody does something about it: kafka.shadow_overview says what"
  ),

  postgresUp: gauge("tusk_postgres_up", [], "1 if Postgres answered when it was asked for these numbers"),
  tableBytes: gauge("tusk_postgres_table_bytes", TABLE, "Bytes of a table of schema kafka with indexes and TOAST"),
  liveRows: gauge("tusk_postgres_live_rows", TABLE, "Rows of a table, as Postgres estimates them"),
  deadRows: gauge("tusk_postgres_dead_rows", TABLE, "Dead rows of a table that vacuum has not taken away"),
  walBytes: counter("tusk_postgres_wal_bytes_total", [], "Bytes of WAL the server has written in all, by any database"),
  oldestSnapshotSeconds: gauge(
    "tusk_postgres_oldest_snapshot_seconds",
    [],
    "Age of the oldest transaction that keeps vacuum from dead rows, as far as Postgres shows it to this role"
  ),
  oldestSnapshotTransactions: gauge(
    "tusk_postgres_oldest_snapshot_transactions",
    [],
    "Transactions that began since the oldest one that is still open"
  ),
  sessions: gauge("tusk_postgres_sessions", [], "Sessions of this database"),
  maxConnections: gauge("tusk_postgres_max_connections", [], "max_connections of the server"),
  materialisedLag: gauge(
    "tusk_materialised_lag_records",
    ["table"],
    "Offsets of its topic that a table of kafka.materialise has not taken"
  ),
  materialisedStanding: gauge(
    "tusk_materialised_standing_partitions",
    ["table"],
    "Partitions with which a table of kafka.materialise does not go on; kafka.materialised says why"
  ),
  outboxRows: gauge("tusk_outbox_rows", [], "Rows of kafka.produce that wait for the broker; counted up to 100000"),
  outboxRefusedRows: gauge(
    "tusk_outbox_refused_rows",
    [],
    "Records of kafka.produce that were laid aside for a person; counted up to 100000"
  )
}
