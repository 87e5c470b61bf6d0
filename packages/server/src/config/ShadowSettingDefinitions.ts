import { flag, list, number, text } from "./SettingKinds.ts"

const MIB = 1024 * 1024

/** Settings of the shadow: the log forwarded to another Kafka. */
export const shadowSettingDefinitions = {
  shadowTo: text(
    "tusk.shadow.to",
    "Brokers of another Kafka, HOST:PORT with commas between, to which the log is forwarded. See docs/replication.md."
  ),
  shadowTopics: list(
    "tusk.shadow.topics",
    [".*"],
    "Regular expressions for names of topics that are forwarded, each for a whole name. Internal topics never are."
  ),
  shadowFiller: flag(
    "tusk.shadow.filler",
    true,
    "Filler records at the target stand where a log has none, so that offsets stay equal; false: kafka.shadow_offsets maps them."
  ),
  shadowClientConfig: text(
    "tusk.shadow.client.config",
    "A file that says how the other Kafka is spoken with: security.protocol, sasl.* and ssl.*, as Kafka's own clients read them."
  ),
  shadowBufferBytes: number(
    "tusk.shadow.buffer.bytes",
    "LONG",
    32 * MIB,
    { min: 64 * 1024, max: 1024 * MIB },
    "Memory for batches on their way to the other Kafka. One batch may be larger."
  ),
  shadowMapMaxEntries: number(
    "tusk.shadow.map.max.entries",
    "INT",
    100_000,
    { min: 1000 },
    "Entries kept of a partition's map of offsets, without filler records. What lies before the oldest is not translated."
  ),
  shadowIntervalMs: number(
    "tusk.shadow.interval.ms",
    "INT",
    10_000,
    { min: 100 },
    "How often topics, their configs and the offsets of groups are mirrored."
  )
}
