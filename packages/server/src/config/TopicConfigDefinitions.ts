import { flagOf, listOf, numberOf } from "./ConfigDefinition.ts"
import { settingDefinitions } from "./SettingDefinitions.ts"
import { acts, define, hours, minutes, one, unset } from "./TopicConfigKinds.ts"
import type { TopicConfigDefinition } from "./TopicConfigKinds.ts"

const MAX_LONG = "9223372036854775807"
const REPLICAS = [/^(\*|\d+:\d+)$/, "* or [partitionId]:[brokerId] in a list"] as const
const CODECS = ["uncompressed", "zstd", "lz4", "snappy", "gzip", "producer"] as const
const TIMESTAMP_TYPES = ["CreateTime", "LogAppendTime"] as const

const { logStorage, messageMaxBytes, sqlRecords, synchronousCommit, validateRecords } = settingDefinitions

const from = (min: number, max?: number) => (max === undefined ? { min } : { min, max })

/**
 * Every topic config of Apache Kafka 4.3.1, and Tusk's own (`tusk.*`), by name. Those that the broker goes by have the key
 * that a `TopicConfig` has them under; a new one needs nothing but its line here. Values are kept of all of them; the
 * documentation says which have no effect here.
 */
export const topicConfigDefinitions = {
  cleanupPolicy: acts(
    listOf,
    "cleanup.policy",
    "LIST",
    "delete",
    ["log.cleanup.policy"],
    "What becomes of old records: delete them, or compact to the last of each key, or both. A compacted topic takes no record without a key.",
    { oneOf: ["compact", "delete"] }
  ),
  compressionGzipLevel: acts(
    numberOf,
    "compression.gzip.level",
    "INT",
    "-1",
    ["compression.gzip.level"],
    "Level of gzip where the broker compresses; -1 is the codec's default.",
    { min: -1, max: 9, except: [0n] }
  ),
  compressionLz4Level: define(
    "compression.lz4.level",
    "INT",
    "9",
    ["compression.lz4.level"],
    "Level of lz4 where Kafka compresses. No effect: this broker has one.",
    from(1, 17)
  ),
  compressionType: acts(
    one(CODECS),
    "compression.type",
    "STRING",
    "producer",
    ["compression.type"],
    "Codec records are kept in; what comes in another one is compressed anew. producer: as they came.",
    { oneOf: CODECS }
  ),
  compressionZstdLevel: acts(
    numberOf,
    "compression.zstd.level",
    "INT",
    "3",
    ["compression.zstd.level"],
    "Level of zstd where the broker compresses.",
    from(-131072, 22)
  ),
  deleteRetentionMs: acts(
    numberOf,
    "delete.retention.ms",
    "LONG",
    "86400000",
    ["log.cleaner.delete.retention.ms"],
    "How long compaction keeps a tombstone.",
    from(0)
  ),
  fileDeleteDelayMs: define(
    "file.delete.delay.ms",
    "LONG",
    "60000",
    ["log.segment.delete.delay.ms"],
    "Kafka's wait before a file goes. No effect: there are no files.",
    from(0)
  ),
  flushMessages: define(
    "flush.messages",
    "LONG",
    MAX_LONG,
    ["log.flush.interval.messages"],
    "Kafka's messages between flushes. No effect: each commit is flushed.",
    from(1)
  ),
  flushMs: define(
    "flush.ms",
    "LONG",
    MAX_LONG,
    [unset("log.flush.interval.ms"), { name: "log.flush.scheduler.interval.ms", dynamic: false }],
    "Kafka's time between flushes. No effect: each commit is flushed.",
    from(0)
  ),
  followerReplicationThrottledReplicas: define(
    "follower.replication.throttled.replicas",
    "LIST",
    "",
    [],
    "Replicas whose followers are throttled. No effect: Postgres keeps the data.",
    { pattern: REPLICAS }
  ),
  indexIntervalBytes: define(
    "index.interval.bytes",
    "INT",
    "4096",
    ["log.index.interval.bytes"],
    "Density of Kafka's index files. No effect.",
    from(0)
  ),
  leaderReplicationThrottledReplicas: define(
    "leader.replication.throttled.replicas",
    "LIST",
    "",
    [],
    "Replicas whose leaders are throttled. No effect: Postgres keeps the data.",
    { pattern: REPLICAS }
  ),
  localRetentionBytes: acts(
    numberOf,
    "local.retention.bytes",
    "LONG",
    "-2",
    ["log.local.retention.bytes"],
    "Bytes of a partition of a tiered topic beyond which old batches move to the object store; -2 stands for retention.bytes, so that none does.",
    from(-2)
  ),
  localRetentionMs: acts(
    numberOf,
    "local.retention.ms",
    "LONG",
    "-2",
    ["log.local.retention.ms"],
    "Age at which batches of a tiered topic move to the object store; -2 stands for retention.ms, so that none does.",
    from(-2)
  ),
  maxCompactionLagMs: acts(
    numberOf,
    "max.compaction.lag.ms",
    "LONG",
    MAX_LONG,
    ["log.cleaner.max.compaction.lag.ms"],
    "Longest time a record may stay uncompacted.",
    from(1)
  ),
  maxMessageBytes: acts(
    numberOf,
    "max.message.bytes",
    messageMaxBytes.type,
    messageMaxBytes.defaultValue,
    [messageMaxBytes],
    messageMaxBytes.documentation,
    from(0)
  ),
  messageTimestampAfterMaxMs: acts(
    numberOf,
    "message.timestamp.after.max.ms",
    "LONG",
    "3600000",
    ["log.message.timestamp.after.max.ms"],
    "How far a producer's timestamp may lie ahead of the broker's clock.",
    from(0)
  ),
  messageTimestampBeforeMaxMs: acts(
    numberOf,
    "message.timestamp.before.max.ms",
    "LONG",
    MAX_LONG,
    ["log.message.timestamp.before.max.ms"],
    "How far a producer's timestamp may lie behind the broker's clock.",
    from(0)
  ),
  messageTimestampType: acts(
    one(TIMESTAMP_TYPES),
    "message.timestamp.type",
    "STRING",
    "CreateTime",
    ["log.message.timestamp.type"],
    "Whose time records carry: the producer's, or that of the append.",
    { oneOf: TIMESTAMP_TYPES }
  ),
  minCleanableDirtyRatio: acts(
    numberOf,
    "min.cleanable.dirty.ratio",
    "DOUBLE",
    "0.5",
    ["log.cleaner.min.cleanable.ratio"],
    "Share of a log not compacted yet, from which on it is.",
    from(0, 1)
  ),
  minCompactionLagMs: acts(
    numberOf,
    "min.compaction.lag.ms",
    "LONG",
    "0",
    ["log.cleaner.min.compaction.lag.ms"],
    "Least time a record stays uncompacted.",
    from(0)
  ),
  minInsyncReplicas: define(
    "min.insync.replicas",
    "INT",
    "1",
    ["min.insync.replicas"],
    "Replicas that must have a record with acks=all. No effect: a commit is durable or fails.",
    from(1)
  ),
  preallocate: define(
    "preallocate",
    "BOOLEAN",
    "false",
    ["log.preallocate"],
    "Kafka's files are made at full size. No effect."
  ),
  moveDisabled: acts(
    flagOf,
    "remote.log.copy.disable",
    "BOOLEAN",
    "false",
    [],
    "true: nothing more of the topic moves to the object store; what is there stays readable."
  ),
  deletedOnDisable: acts(
    flagOf,
    "remote.log.delete.on.disable",
    "BOOLEAN",
    "false",
    [],
    "Must be true for remote.storage.enable to become false: then the records that have moved to the object store are deleted."
  ),
  tiered: acts(
    flagOf,
    "remote.storage.enable",
    "BOOLEAN",
    "false",
    [],
    "Batches older than local.retention.ms, or beyond local.retention.bytes, move to the object store (tusk.object.store), and are read from there. See docs/objects.md."
  ),
  retentionBytes: acts(
    numberOf,
    "retention.bytes",
    "LONG",
    "-1",
    ["log.retention.bytes"],
    "Bytes of a partition beyond which old records are deleted; -1: no limit."
  ),
  retentionMs: acts(
    numberOf,
    "retention.ms",
    "LONG",
    "604800000",
    [unset("log.retention.ms"), minutes("log.retention.minutes"), hours("log.retention.hours", 168)],
    "Age beyond which records are deleted; -1: none.",
    from(-1)
  ),
  segmentBytes: acts(
    numberOf,
    "segment.bytes",
    "INT",
    "1073741824",
    ["log.segment.bytes"],
    "Size of Kafka's segment files; here: records so near to the end, and not older than segment.ms, are not compacted.",
    from(1048576)
  ),
  segmentIndexBytes: define(
    "segment.index.bytes",
    "INT",
    "10485760",
    ["log.index.size.max.bytes"],
    "Size of Kafka's index files. No effect.",
    from(4)
  ),
  segmentJitterMs: define(
    "segment.jitter.ms",
    "LONG",
    "0",
    [unset("log.roll.jitter.ms"), hours("log.roll.jitter.hours", 0)],
    "Chance in the age of Kafka's segment files. No effect.",
    from(0)
  ),
  segmentMs: acts(
    numberOf,
    "segment.ms",
    "LONG",
    "604800000",
    [unset("log.roll.ms"), hours("log.roll.hours", 168)],
    "Age of Kafka's segment files; here: records so young, and within segment.bytes of the end, are not compacted.",
    from(1)
  ),
  importing: acts(
    (text) => text !== "",
    "tusk.import",
    "STRING",
    "",
    [],
    "Where the topic's records are imported from, as tusk import sets it: until it is taken away, only tusk import writes to the topic, at the offsets of its source, and nothing is deleted or compacted by age or size. See docs/replication.md.",
    { pattern: [/^[\w./-]{0,500}$/, "up to 500 letters, digits and any of ._-/"] }
  ),
  keptAsRows: acts(
    (text) => text === "on",
    "tusk.sql.records",
    sqlRecords.type,
    sqlRecords.defaultValue,
    [sqlRecords],
    "on: the topic's records are kept as rows, too, decompressed, for queries in SQL; off takes these rows away. See docs/sql.md.",
    { oneOf: sqlRecords.oneOf }
  ),
  inObjects: acts(
    (text) => text === "object",
    "tusk.storage",
    logStorage.type,
    logStorage.defaultValue,
    [logStorage],
    "Where the topic's batches lie from now on: in rows of the database, or in objects of tusk.object.store, to which rows point. What is there stays where it lies. See docs/objects.md.",
    { oneOf: logStorage.oneOf }
  ),
  relaxed: acts(
    (text) => text === "off",
    "tusk.synchronous.commit",
    synchronousCommit.type,
    synchronousCommit.defaultValue,
    [synchronousCommit],
    "off: producers are answered before their records are on disk; a crash of Postgres or its machine may lose the last moment's. A crash of Tusk does not. See docs/durability.md.",
    { oneOf: synchronousCommit.oneOf }
  ),
  validated: acts(
    flagOf,
    "tusk.validate.records",
    validateRecords.type,
    validateRecords.defaultValue,
    [validateRecords],
    "What a producer sends is decompressed and its records looked at before it is stored, as in Kafka; false: header and checksum only. See docs/log.md."
  ),
  uncleanLeaderElectionEnable: define(
    "unclean.leader.election.enable",
    "BOOLEAN",
    "false",
    ["unclean.leader.election.enable"],
    "Leaders out of sync. No effect: there is one log."
  )
} satisfies { readonly [key: string]: TopicConfigDefinition }

type Definitions = typeof topicConfigDefinitions
export type TopicConfigName = Definitions[keyof Definitions]["name"]

/** Broker configs that are defaults of topics, by name. */
export type TopicDefaultName = Definitions[keyof Definitions]["synonyms"][number]["name"]

type ActingKey = {
  readonly [Key in keyof Definitions]: Definitions[Key] extends { readonly read: unknown } ? Key : never
}[keyof Definitions]

/** Every topic config that the broker goes by, as a typed value. */
export type TopicConfigValues = { readonly [Key in ActingKey]: ReturnType<Definitions[Key]["read"]> }

/** All of them as a table to walk over. */
export const allTopicConfigs: ReadonlyArray<TopicConfigDefinition> = Object.values(topicConfigDefinitions)
