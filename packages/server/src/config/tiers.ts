import { InvalidConfig } from "@tusk/protocol/KafkaError"
import { flagOf, listOf } from "./ConfigDefinition.ts"
import type { TopicConfigName } from "./TopicConfigDefinitions.ts"

/** A topic's configs as far as its tiers go by them, as texts that were checked one by one. */
export type TierTexts = (name: TopicConfigName) => string

/** What is not set: `retention.ms` and `retention.bytes` hold. */
const AS_TOTAL = -2n

const invalid = (message: string): InvalidConfig => new InvalidConfig({ message })

interface Named {
  readonly name: string
  readonly value: bigint
}

/** What of a log is kept in the database may not be more than what is kept at all. Tells what is wrong. */
const beyondTotal = (local: Named, total: Named): string | undefined => {
  const [kept, most] = [local.value, total.value]
  if (most < 0n || kept === AS_TOTAL) return undefined
  const wrong = `Invalid value ${kept} for configuration ${local.name}:`
  if (kept === -1n) return `${wrong} Value must not be -1 as ${total.name} value is set as ${most}.`
  return kept > most ? `${wrong} Value must not be more than ${total.name} property value: ${most}` : undefined
}

/** The pairs of local and total retention, of topics and as brokers call the defaults of these. */
const PAIRS = [
  ["local.retention.bytes", "retention.bytes", "log.local.retention.bytes", "log.retention.bytes"],
  ["local.retention.ms", "retention.ms", "log.local.retention.ms", "log.retention.ms"]
] as const

/** What is wrong with the retention that brokers give to topics, tiered or not; undefined if nothing is. */
export const checkLocalRetention = (texts: TierTexts): string | undefined => {
  for (const [local, total, localDefault, totalDefault] of PAIRS) {
    const wrong = beyondTotal(
      { name: localDefault, value: BigInt(texts(local)) },
      { name: totalDefault, value: BigInt(texts(total)) }
    )
    if (wrong !== undefined) return wrong
  }
  return undefined
}

/** Where nothing more is moved, what leaves the database is gone. */
const unlikeTotal = (local: Named, total: Named): string | undefined =>
  local.value === AS_TOTAL || local.value === total.value
    ? undefined
    : `When \`remote.log.copy.disable\` is set to true, \`${local.name}\` and \`${total.name}\` must have the same value, as nothing more is copied to the remote storage.`

const checkRetention = (
  texts: TierTexts,
  check: (local: Named, total: Named) => string | undefined
): InvalidConfig | undefined => {
  for (const [local, total] of PAIRS) {
    const wrong = check({ name: local, value: BigInt(texts(local)) }, { name: total, value: BigInt(texts(total)) })
    if (wrong !== undefined) return invalid(wrong)
  }
  return undefined
}

const checkTiered = (texts: TierTexts, isSystemEnabled: boolean): InvalidConfig | undefined => {
  if (!isSystemEnabled) {
    return invalid(
      "Tiered Storage functionality is disabled in the broker. Topic cannot be configured with remote log storage."
    )
  }
  const policies = listOf(texts("cleanup.policy"))
  if (policies.length > 0 && (policies.length > 1 || policies[0] !== "delete")) {
    return invalid(
      "Remote log storage only supports topics with cleanup.policy=delete or cleanup.policy being an empty list."
    )
  }
  const beyond = checkRetention(texts, beyondTotal)
  if (beyond !== undefined || !flagOf(texts("remote.log.copy.disable"))) return beyond
  return checkRetention(texts, unlikeTotal)
}

/**
 * What is wrong with a topic's tiers, as Apache Kafka 4.3.1 has it (KIP-405, KIP-950); undefined if nothing is.
 * `wasTiered`: it had them before this change.
 */
export const checkTiers = (
  texts: TierTexts,
  wasTiered: boolean,
  isSystemEnabled: boolean
): InvalidConfig | undefined => {
  if (flagOf(texts("remote.storage.enable"))) return checkTiered(texts, isSystemEnabled)
  return wasTiered && !flagOf(texts("remote.log.delete.on.disable"))
    ? invalid(
        "It is invalid to disable remote storage without deleting remote data. To keep it and only read it, set `remote.storage.enable=true,remote.log.copy.disable=true`. To have it deleted, set `remote.storage.enable=false,remote.log.delete.on.disable=true`."
      )
    : undefined
}
