import type { ConfigDefinition } from "./ConfigDefinition.ts"

/** A config of topics, and the broker configs that its default comes from, the first given one wins. */
export interface TopicConfigDefinition extends ConfigDefinition {
  readonly synonyms: ReadonlyArray<Synonym>
}

export interface Synonym {
  readonly name: string
  /** What the broker's value is multiplied by: hours and minutes are told in ms. */
  readonly factor: number
}

const MAX_LONG = "9223372036854775807"

const define = (
  name: string,
  type: ConfigDefinition["type"],
  defaultValue: string | null,
  synonyms: ReadonlyArray<string | Synonym>,
  documentation: string,
  limits: Pick<ConfigDefinition, "min" | "max" | "oneOf" | "pattern" | "except"> = {}
): TopicConfigDefinition => ({
  name,
  type,
  defaultValue,
  documentation,
  ...limits,
  synonyms: synonyms.map((each) => (typeof each === "string" ? { name: each, factor: 1 } : each))
})

const from = (min: number, max?: number) => (max === undefined ? { min } : { min, max })
const REPLICAS = [/^(\*|\d+:\d+)$/, "* or [partitionId]:[brokerId] in a list"] as const
const minutes = (name: string): Synonym => ({ name, factor: 60_000 })
const hours = (name: string): Synonym => ({ name, factor: 3_600_000 })

/** Every topic config of Apache Kafka 4.3.1, and Tusk's own (`tusk.*`). Values are kept; the documentation says which have no effect here. */
export const topicConfigDefinitions: ReadonlyArray<TopicConfigDefinition> = [
  define(
    "cleanup.policy",
    "LIST",
    "delete",
    ["log.cleanup.policy"],
    "What becomes of old records: delete them, or compact to the last of each key, or both. A compacted topic takes no record without a key.",
    { oneOf: ["compact", "delete"] }
  ),
  define(
    "compression.gzip.level",
    "INT",
    "-1",
    ["compression.gzip.level"],
    "Level of gzip where the broker compresses; -1 is the codec's default.",
    { min: -1, max: 9, except: [0n] }
  ),
  define(
    "compression.lz4.level",
    "INT",
    "9",
    ["compression.lz4.level"],
    "Level of lz4 where Kafka compresses. No effect: this broker has one.",
    from(1, 17)
  ),
  define(
    "compression.type",
    "STRING",
    "producer",
    ["compression.type"],
    "Codec records are kept in; what comes in another one is compressed anew. producer: as they came.",
    { oneOf: ["uncompressed", "zstd", "lz4", "snappy", "gzip", "producer"] }
  ),
  define(
    "compression.zstd.level",
    "INT",
    "3",
    ["compression.zstd.level"],
    "Level of zstd where the broker compresses.",
    from(-131072, 22)
  ),
  define(
    "delete.retention.ms",
    "LONG",
    "86400000",
    ["log.cleaner.delete.retention.ms"],
    "How long compaction keeps a tombstone.",
    from(0)
  ),
  define(
    "file.delete.delay.ms",
    "LONG",
    "60000",
    ["log.segment.delete.delay.ms"],
    "Kafka's wait before a file goes. No effect: there are no files.",
    from(0)
  ),
  define(
    "flush.messages",
    "LONG",
    MAX_LONG,
    ["log.flush.interval.messages"],
    "Kafka's messages between flushes. No effect: each commit is flushed.",
    from(1)
  ),
  define(
    "flush.ms",
    "LONG",
    MAX_LONG,
    ["log.flush.interval.ms", "log.flush.scheduler.interval.ms"],
    "Kafka's time between flushes. No effect: each commit is flushed.",
    from(0)
  ),
  define(
    "follower.replication.throttled.replicas",
    "LIST",
    "",
    [],
    "Replicas whose followers are throttled. No effect: Postgres keeps the data.",
    { pattern: REPLICAS }
  ),
  define(
    "index.interval.bytes",
    "INT",
    "4096",
    ["log.index.interval.bytes"],
    "Density of Kafka's index files. No effect.",
    from(0)
  ),
  define(
    "leader.replication.throttled.replicas",
    "LIST",
    "",
    [],
    "Replicas whose leaders are throttled. No effect: Postgres keeps the data.",
    { pattern: REPLICAS }
  ),
  define(
    "local.retention.bytes",
    "LONG",
    "-2",
    ["log.local.retention.bytes"],
    "Bytes kept locally of a tiered log; -2 stands for retention.bytes. No effect.",
    from(-2)
  ),
  define(
    "local.retention.ms",
    "LONG",
    "-2",
    ["log.local.retention.ms"],
    "Time kept locally of a tiered log; -2 stands for retention.ms. No effect.",
    from(-2)
  ),
  define(
    "max.compaction.lag.ms",
    "LONG",
    MAX_LONG,
    ["log.cleaner.max.compaction.lag.ms"],
    "Longest time a record may stay uncompacted.",
    from(1)
  ),
  define(
    "max.message.bytes",
    "INT",
    "1048588",
    ["message.max.bytes"],
    "Greatest record batch, as it is sent.",
    from(0)
  ),
  define(
    "message.timestamp.after.max.ms",
    "LONG",
    "3600000",
    ["log.message.timestamp.after.max.ms"],
    "How far a producer's timestamp may lie ahead of the broker's clock.",
    from(0)
  ),
  define(
    "message.timestamp.before.max.ms",
    "LONG",
    MAX_LONG,
    ["log.message.timestamp.before.max.ms"],
    "How far a producer's timestamp may lie behind the broker's clock.",
    from(0)
  ),
  define(
    "message.timestamp.type",
    "STRING",
    "CreateTime",
    ["log.message.timestamp.type"],
    "Whose time records carry: the producer's, or that of the append.",
    { oneOf: ["CreateTime", "LogAppendTime"] }
  ),
  define(
    "min.cleanable.dirty.ratio",
    "DOUBLE",
    "0.5",
    ["log.cleaner.min.cleanable.ratio"],
    "Share of a log not compacted yet, from which on it is.",
    from(0, 1)
  ),
  define(
    "min.compaction.lag.ms",
    "LONG",
    "0",
    ["log.cleaner.min.compaction.lag.ms"],
    "Least time a record stays uncompacted.",
    from(0)
  ),
  define(
    "min.insync.replicas",
    "INT",
    "1",
    ["min.insync.replicas"],
    "Replicas that must have a record with acks=all. No effect: a commit is durable or fails.",
    from(1)
  ),
  define("preallocate", "BOOLEAN", "false", ["log.preallocate"], "Kafka's files are made at full size. No effect."),
  define("remote.log.copy.disable", "BOOLEAN", "false", [], "Stops copying to tiered storage. No effect."),
  define("remote.log.delete.on.disable", "BOOLEAN", "false", [], "Deletes tiered data when tiering ends. No effect."),
  define("remote.storage.enable", "BOOLEAN", "false", [], "Tiered storage for the topic. No effect."),
  define(
    "retention.bytes",
    "LONG",
    "-1",
    ["log.retention.bytes"],
    "Bytes of a partition beyond which old records are deleted; -1: no limit."
  ),
  define(
    "retention.ms",
    "LONG",
    "604800000",
    ["log.retention.ms", minutes("log.retention.minutes"), hours("log.retention.hours")],
    "Age beyond which records are deleted; -1: none.",
    from(-1)
  ),
  define(
    "segment.bytes",
    "INT",
    "1073741824",
    ["log.segment.bytes"],
    "Size of Kafka's segment files; here: records so near to the end, and not older than segment.ms, are not compacted.",
    from(1048576)
  ),
  define(
    "segment.index.bytes",
    "INT",
    "10485760",
    ["log.index.size.max.bytes"],
    "Size of Kafka's index files. No effect.",
    from(4)
  ),
  define(
    "segment.jitter.ms",
    "LONG",
    "0",
    ["log.roll.jitter.ms", hours("log.roll.jitter.hours")],
    "Chance in the age of Kafka's segment files. No effect.",
    from(0)
  ),
  define(
    "segment.ms",
    "LONG",
    "604800000",
    ["log.roll.ms", hours("log.roll.hours")],
    "Age of Kafka's segment files; here: records so young, and within segment.bytes of the end, are not compacted.",
    from(1)
  ),
  define(
    "tusk.synchronous.commit",
    "STRING",
    "on",
    ["tusk.synchronous.commit"],
    "off: producers are answered before their records are on disk; a crash of Postgres or its machine may lose the last moment's. A crash of Tusk does not. See docs/durability.md.",
    { oneOf: ["on", "off"] }
  ),
  define(
    "tusk.validate.records",
    "BOOLEAN",
    "true",
    ["tusk.validate.records"],
    "What a producer sends is decompressed and its records looked at before it is stored, as in Kafka; false: header and checksum only. See docs/log.md."
  ),
  define(
    "unclean.leader.election.enable",
    "BOOLEAN",
    "false",
    ["unclean.leader.election.enable"],
    "Leaders out of sync. No effect: there is one log."
  )
]

let synonyms: ReadonlySet<string> | undefined

/** Broker configs that are defaults of topics. */
export const topicConfigSynonyms = (): ReadonlySet<string> =>
  (synonyms ??= new Set(topicConfigDefinitions.flatMap((each) => each.synonyms.map(({ name }) => name))))
