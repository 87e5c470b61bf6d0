import { number } from "./SettingKinds.ts"

const MIB = 1024 * 1024

/** Settings of what is told of this broker and of its clients: metrics here, and those that clients push (KIP-714). */
export const observationSettingDefinitions = {
  metricsMaxPartitions: number(
    "tusk.metrics.max.partitions",
    "INT",
    1000,
    { min: 0 },
    "Partitions, topics, groups and partitions of groups that have metrics of their own: of more only sums are told, and tusk_metrics_left_out says so."
  ),
  telemetryMaxBytes: number(
    "telemetry.max.bytes",
    "INT",
    MIB,
    { min: 1 },
    "Greatest push of a client's metrics, as it is sent and decompressed."
  ),
  telemetryMaxClients: number(
    "tusk.telemetry.max.clients",
    "INT",
    16_384,
    { min: 1 },
    "Clients known at a time that push metrics or ask which; those not heard of for longest are forgotten."
  ),
  telemetryCacheBytes: number(
    "tusk.telemetry.cache.bytes",
    "LONG",
    16 * MIB,
    { min: 0 },
    "Memory for the newest metrics of each client; the oldest go first."
  )
}
