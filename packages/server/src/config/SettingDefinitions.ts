import { defaultGroupConfig } from "@tusk/coordinator/group/shell/GroupConfig"
import { defaultTransactionConfig } from "@tusk/coordinator/transaction/shell/TransactionConfig"
import {
  committerDefaults,
  compactionDefaults,
  logDefaults,
  openBatchesDefaults,
  pgDefaults,
  retentionDefaults,
  topicsDefaults
} from "@tusk/storage/defaults"
import { connectionDefaults } from "./connectionDefaults.ts"
import { groupSettingDefinitions } from "./GroupSettingDefinitions.ts"
import { objectSettingDefinitions } from "./ObjectSettingDefinitions.ts"
import { observationSettingDefinitions } from "./ObservationSettingDefinitions.ts"
import { securitySettingDefinitions } from "./SecuritySettingDefinitions.ts"
import { shadowSettingDefinitions } from "./ShadowSettingDefinitions.ts"
import { flag, number, perListener, word } from "./SettingKinds.ts"
import type { SettingDefinition } from "./SettingKinds.ts"
import { sqlSettingDefinitions } from "./SqlSettingDefinitions.ts"
import { tierSettingDefinitions } from "./TierSettingDefinitions.ts"

const MIB = 1024 * 1024

/**
 * Every setting of the broker, by the name that `Settings` has it under; a new one needs nothing but its line here. If
 * a default is not Kafka's, the documentation says so. What another package acts on takes its default from there.
 */
export const settingDefinitions = {
  nodeId: number(
    "node.id",
    "INT",
    1,
    { min: 0, alias: "broker.id" },
    "This broker's id, told to clients. Kafka has no default."
  ),
  numPartitions: number("num.partitions", "INT", 1, { min: 1 }, "Partitions of a topic whose maker did not say."),
  autoCreateTopicsEnable: flag(
    "auto.create.topics.enable",
    true,
    "Topics that a client asks Metadata for come into being, if the client allows it."
  ),
  deleteTopicEnable: flag("delete.topic.enable", true, "Clients may delete topics."),
  messageMaxBytes: number(
    "message.max.bytes",
    "INT",
    1_048_588,
    { min: 0, dynamic: true },
    "Greatest record batch, as it is sent."
  ),
  fetchMaxBytes: number("fetch.max.bytes", "INT", 57_671_680, { min: 1024 }, "Greatest answer to a Fetch."),
  maxIncrementalFetchSessionCacheSlots: number(
    "max.incremental.fetch.session.cache.slots",
    "INT",
    1000,
    { min: 0 },
    "Fetch sessions kept at a time."
  ),
  groupMinSessionTimeoutMs: number(
    "group.min.session.timeout.ms",
    "INT",
    defaultGroupConfig.minSessionTimeoutMs,
    { min: 1 },
    "Least session timeout of a group member."
  ),
  groupMaxSessionTimeoutMs: number(
    "group.max.session.timeout.ms",
    "INT",
    defaultGroupConfig.maxSessionTimeoutMs,
    { min: 1 },
    "Greatest session timeout of a group member."
  ),
  groupInitialRebalanceDelayMs: number(
    "group.initial.rebalance.delay.ms",
    "INT",
    defaultGroupConfig.initialRebalanceDelayMs,
    { min: 0 },
    "How long the first rebalance of an empty group waits for more members. Kafka waits 3000 ms."
  ),
  groupMaxSize: number(
    "group.max.size",
    "INT",
    defaultGroupConfig.maxSize,
    { min: 1 },
    "Members of one group. Kafka sets no limit."
  ),
  transactionMaxTimeoutMs: number(
    "transaction.max.timeout.ms",
    "INT",
    defaultTransactionConfig.maxTimeoutMs,
    { min: 1 },
    "Greatest transaction.timeout.ms of a producer."
  ),
  transactionAbortTimedOutTransactionCleanupIntervalMs: number(
    "transaction.abort.timed.out.transaction.cleanup.interval.ms",
    "INT",
    defaultTransactionConfig.abortIntervalMs,
    { min: 1 },
    "How often transactions are looked for that are open for too long."
  ),
  transactionalIdExpirationMs: number(
    "transactional.id.expiration.ms",
    "INT",
    defaultTransactionConfig.expirationMs,
    { min: 1 },
    "A transactional id that nobody uses for so long is forgotten."
  ),
  transactionRemoveExpiredTransactionCleanupIntervalMs: number(
    "transaction.remove.expired.transaction.cleanup.interval.ms",
    "INT",
    defaultTransactionConfig.expirationIntervalMs,
    { min: 1 },
    "How often transactional ids are looked for that nobody uses."
  ),
  maxTransactionalIds: number(
    "tusk.max.transactional.ids",
    "INT",
    defaultTransactionConfig.maxIds,
    { min: 1 },
    "Transactional ids at one time; one more is refused with POLICY_VIOLATION."
  ),
  transactionalIdMaxBytes: number(
    "tusk.transactional.id.max.bytes",
    "INT",
    defaultTransactionConfig.maxIdBytes,
    { min: 1 },
    "Bytes of a transactional id; a longer one is refused with INVALID_REQUEST."
  ),
  offsetMetadataMaxBytes: number(
    "offset.metadata.max.bytes",
    "INT",
    defaultGroupConfig.offsetMetadataMaxBytes,
    { min: 0 },
    "Greatest metadata of a committed offset."
  ),
  offsetsRetentionMinutes: number(
    "offsets.retention.minutes",
    "INT",
    defaultGroupConfig.offsetsRetentionMs / 60_000,
    { min: 1 },
    "How long an empty group keeps its offsets."
  ),
  offsetsRetentionCheckIntervalMs: number(
    "offsets.retention.check.interval.ms",
    "LONG",
    defaultGroupConfig.offsetsRetentionCheckIntervalMs,
    { min: 1 },
    "How often old offsets are looked for."
  ),
  logRetentionCheckIntervalMs: number(
    "log.retention.check.interval.ms",
    "LONG",
    retentionDefaults.checkIntervalMs,
    { min: 1 },
    "How often records older than their topic's retention.ms are looked for."
  ),
  logCleanerBackoffMs: number(
    "log.cleaner.backoff.ms",
    "LONG",
    compactionDefaults.backoffMs,
    { min: 1, dynamic: true },
    "How often compacted topics are looked at."
  ),
  logCleanerDedupeBufferSize: number(
    "log.cleaner.dedupe.buffer.size",
    "LONG",
    compactionDefaults.maxKeyBytes,
    { min: 1_048_576, dynamic: true },
    "Memory for the keys of one pass of compaction, while it runs; keys that do not fit wait for the next."
  ),
  producerIdExpirationMs: number(
    "producer.id.expiration.ms",
    "INT",
    logDefaults.producerIdExpirationMs,
    { min: 1, dynamic: true },
    "How long an idempotent producer that sends nothing is remembered."
  ),
  socketRequestMaxBytes: number(
    "socket.request.max.bytes",
    "INT",
    connectionDefaults.maxRequestBytes,
    { min: 1024 },
    "Greatest request."
  ),
  requestTimeoutMs: number(
    "request.timeout.ms",
    "INT",
    committerDefaults.requestTimeoutMs,
    { min: 1 },
    "Longest wait of a request for the database, or for this broker to serve; then a client is told to ask again. A Produce brings its own."
  ),
  connectionsMaxIdleMs: number(
    "connections.max.idle.ms",
    "LONG",
    connectionDefaults.maxIdleMs,
    { min: 1 },
    "Idle connections are closed after this time."
  ),
  maxConnections: perListener(
    number(
      "max.connections",
      "INT",
      connectionDefaults.maxConnections,
      { min: 1, dynamic: true },
      "Connections at a time. Kafka sets no limit."
    )
  ),
  maxConnectionsPerIp: number(
    "max.connections.per.ip",
    "INT",
    connectionDefaults.maxConnectionsPerIp,
    { min: 0, dynamic: true },
    "Connections at a time from one address. Kafka sets no limit."
  ),
  maxReplicationFactor: number(
    "tusk.max.replication.factor",
    "SHORT",
    1,
    { min: 1 },
    "Greatest replication factor that creating a topic lets pass; Postgres keeps the data, whatever it says."
  ),
  maxPartitions: number(
    "tusk.max.partitions",
    "INT",
    topicsDefaults.maxPartitions,
    { min: 1 },
    "Partitions of all topics together."
  ),
  maxGroups: number("tusk.max.groups", "INT", defaultGroupConfig.maxGroups, { min: 1 }, "Groups at a time."),
  groupIdMaxBytes: number(
    "tusk.group.id.max.bytes",
    "INT",
    defaultGroupConfig.maxGroupIdBytes,
    { min: 1, max: 2048 },
    "Greatest group id. Kafka sets no limit; an index of Postgres has one."
  ),
  maxProducersPerPartition: number(
    "tusk.max.producers.per.partition",
    "INT",
    logDefaults.maxProducers,
    { min: 1 },
    "Idempotent producers remembered per partition."
  ),
  logSlowRequestMs: number(
    "tusk.log.slow.request.ms",
    "INT",
    10_000,
    { min: 0 },
    "A request that takes longer, or a commit, is told in the log, with where its time went; 0: none is. A long poll's own wait does not count."
  ),
  tailCacheBytes: number(
    "tusk.tail.cache.bytes",
    "LONG",
    logDefaults.tailMaxBytes,
    { min: 0 },
    "Memory for recent batches, which consumers at the head are served from."
  ),
  fetchAnswersMaxBytes: number(
    "tusk.fetch.answers.max.bytes",
    "LONG",
    64 * MIB,
    { min: MIB },
    "Memory for answers to fetches that clients have not taken yet: if it is short, answers are smaller."
  ),
  readAheadBytes: number(
    "tusk.read.ahead.bytes",
    "LONG",
    logDefaults.readAheadBytes,
    { min: 0 },
    "Memory for batches read before consumers that catch up ask for them; 0: none are."
  ),
  commitMaxBytes: number(
    "tusk.commit.max.bytes",
    "LONG",
    committerDefaults.maxCommitBytes,
    { min: 1024 },
    "Bytes after which a commit to the store takes nothing more."
  ),
  commitQueueMaxBytes: number(
    "tusk.commit.queue.max.bytes",
    "LONG",
    committerDefaults.maxQueuedBytes,
    { min: 1024 },
    "Bytes waiting for a commit, beyond which nothing more is read from producers."
  ),
  decompressedMaxBytes: number(
    "tusk.decompressed.max.bytes",
    "LONG",
    openBatchesDefaults.maxDecompressedBytes,
    { min: 1024 },
    "What a batch may expand to: more is refused where the broker looks inside, which it does unless tusk.validate.records is false."
  ),
  databaseStartTimeoutMs: number(
    "tusk.database.start.timeout.ms",
    "LONG",
    30_000,
    { min: 0 },
    "How long a start waits for a database that is away, starting up or read-only."
  ),
  databaseStatementTimeoutMs: number(
    "tusk.database.statement.timeout.ms",
    "INT",
    pgDefaults.statementTimeoutMs,
    { min: 100 },
    "Longest that a statement may run in the database. The wait for a synchronous standby is not part of it."
  ),
  databaseLockTimeoutMs: number(
    "tusk.database.lock.timeout.ms",
    "INT",
    pgDefaults.lockTimeoutMs,
    { min: 100 },
    "Longest that a statement waits for a lock that somebody else holds on one of Tusk's tables."
  ),
  failoverOffsetLeap: number(
    "tusk.failover.offset.leap",
    "INT",
    logDefaults.failoverLeap,
    { min: 1 },
    "Offsets by which the end of each partition leaps after a failover to a server that may lack the newest records."
  ),
  synchronousCommit: word(
    "tusk.synchronous.commit",
    "on",
    ["on", "off"],
    "off: producers are answered before their records are on disk, in topics that do not say otherwise. See docs/durability.md."
  ),
  validateRecords: flag(
    "tusk.validate.records",
    true,
    "What producers send is decompressed and its records looked at, in topics that do not say otherwise; false: header and checksum only."
  ),
  fetchSessionMaxPartitions: number(
    "tusk.fetch.session.max.partitions",
    "INT",
    100_000,
    { min: 1 },
    "Partitions of one fetch session."
  ),
  requestReceiveTimeoutMs: number(
    "tusk.request.receive.timeout.ms",
    "LONG",
    connectionDefaults.maxRequestMs,
    { min: 1 },
    "From the first byte of a request to its last."
  ),
  writeStallTimeoutMs: number(
    "tusk.write.stall.timeout.ms",
    "LONG",
    connectionDefaults.maxWriteStallMs,
    { min: 1 },
    "A client that takes nothing of its answers for so long is cut off."
  ),
  maxInFlightRequestsPerConnection: number(
    "tusk.max.in.flight.requests.per.connection",
    "INT",
    connectionDefaults.maxInFlight,
    { min: 1 },
    "Produce requests of one connection worked on at a time."
  ),
  ...observationSettingDefinitions,
  ...securitySettingDefinitions,
  ...shadowSettingDefinitions,
  ...objectSettingDefinitions,
  ...sqlSettingDefinitions,
  ...tierSettingDefinitions,
  ...groupSettingDefinitions
} satisfies { readonly [key: string]: SettingDefinition }

type Definitions = typeof settingDefinitions
export type SettingKey = keyof Definitions

/** Every setting as a typed value. */
export type SettingValues = { readonly [Key in SettingKey]: ReturnType<Definitions[Key]["read"]> }

/** By Kafka's names. */
export type SettingName = Definitions[SettingKey]["name"]

/** The same as a table to walk over. */
export const allSettings: ReadonlyArray<SettingDefinition> = Object.values(settingDefinitions)

/** The setting that Kafka has another name of. */
export const settingAliases: ReadonlyMap<string, string> = new Map(
  allSettings.flatMap(({ alias, name }) => (alias === undefined ? [] : [[alias, name] as const]))
)
