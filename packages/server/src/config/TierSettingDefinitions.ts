import { tierDefaults } from "@tusk/storage/defaults"
import { numberOf } from "./ConfigDefinition.ts"
import { number } from "./SettingKinds.ts"

/** How old batches of tiered topics move to the object store: see docs/objects.md. */
export const tierSettingDefinitions = {
  tierIntervalMs: number(
    "remote.log.manager.task.interval.ms",
    "LONG",
    tierDefaults.intervalMs,
    { min: 1 },
    "How often batches of tiered topics (remote.storage.enable) are looked for that move to the object store."
  ),
  tierBytesPerSecond: {
    name: "remote.log.manager.copy.max.bytes.per.second",
    type: "LONG",
    // Kafka's, which is beyond what a number is exact to.
    defaultValue: "9223372036854775807",
    min: 1,
    documentation: "Bytes of batches of tiered topics that move to the object store in a second.",
    read: numberOf
  }
} as const
