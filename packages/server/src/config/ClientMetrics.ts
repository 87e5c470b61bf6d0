/** Subscriptions to clients' metrics (KIP-714): their configs, as Kafka's ClientMetricsConfigs checks them, and what they come to. */
import { matcherOf, regexProblem } from "@tusk/coordinator/group/consumer/TopicPatterns"
import { InvalidConfig, InvalidRequest } from "@tusk/protocol/KafkaError"
import type { KafkaError } from "@tusk/protocol/KafkaError"
import { METRICS_RESOURCE } from "@tusk/storage/topics/Configs"
import type { Configs } from "@tusk/storage/topics/Configs"
import { checkValue, listOf } from "./ConfigDefinition.ts"
import type { ConfigDefinition } from "./ConfigDefinition.ts"
import { DEFAULT_SOURCE, METRICS_SOURCE } from "./ConfigValues.ts"
import type { Overrides } from "./ConfigValues.ts"
import { configEntry } from "./ResourceKind.ts"
import type { ResourceKind } from "./ResourceKind.ts"

const METRICS: ConfigDefinition = {
  name: "metrics",
  type: "LIST",
  defaultValue: "",
  documentation: "Telemetry metric name prefix list"
}
const INTERVAL: ConfigDefinition = {
  name: "interval.ms",
  type: "INT",
  defaultValue: "300000",
  documentation: "Metrics push interval in milliseconds"
}
const MATCH: ConfigDefinition = {
  name: "match",
  type: "LIST",
  defaultValue: "",
  documentation: "Client match criteria"
}
const DEFINITIONS = new Map([INTERVAL, MATCH, METRICS].map((definition) => [definition.name, definition]))

/** What a subscription can tell clients apart by, as `match` names it. */
const CLIENT_ATTRIBUTES = [
  "client_instance_id",
  "client_id",
  "client_software_name",
  "client_software_version",
  "client_source_address",
  "client_source_port"
] as const
export type ClientAttribute = (typeof CLIENT_ATTRIBUTES)[number]
export type ClientAttributes = Readonly<Record<ClientAttribute, string | undefined>>

/** Which metrics some clients are to push, and how often (KIP-714). */
export interface Subscription {
  /** Prefixes of their names; `*` stands for all. */
  readonly metrics: ReadonlyArray<string>
  readonly intervalMs: number
  readonly isFor: (client: ClientAttributes) => boolean
}

/** How often a client asks whether it has a subscription by now, in milliseconds. */
export const DEFAULT_INTERVAL_MS = Number(INTERVAL.defaultValue)
const [LEAST_MS, MOST_MS] = [100, 3_600_000]

/** What is named twice counts once. */
const valuesOf = (list: string): ReadonlyArray<string> => Array.from(new Set(listOf(list)))

const valueOf = (overrides: Overrides, { defaultValue, name }: ConfigDefinition): string =>
  overrides.get(name) ?? defaultValue ?? ""

/** The subscription that a resource's configs describe; they were checked when they were set. */
export const subscriptionOf = (overrides: Overrides): Subscription => {
  const matchers = valuesOf(valueOf(overrides, MATCH)).map((pattern) => {
    const [attribute, regex] = matchPattern(pattern)!
    return [attribute, matcherOf(regex)] as const
  })
  return {
    metrics: valuesOf(valueOf(overrides, METRICS)),
    intervalMs: Number(valueOf(overrides, INTERVAL)),
    isFor: (client) =>
      matchers.every(([attribute, matches]) => {
        const value = client[attribute]
        return value !== undefined && matches(value)
      })
  }
}

/** `client_id=app.*`, taken apart as Kafka does: an empty text at the end does not count. */
const matchPattern = (pattern: string): readonly [ClientAttribute, string] | undefined => {
  const parts = pattern.split("=")
  while (parts.at(-1) === "") parts.pop()
  if (parts.length !== 2) return undefined
  const attribute = CLIENT_ATTRIBUTES.find((one) => one === parts[0]!.trim())
  const regex = parts[1]!.trim()
  return attribute === undefined || regexProblem(regex, MATCH.name) !== null ? undefined : [attribute, regex]
}

/** What is wrong with a list as such. */
const listProblem = ({ name }: ConfigDefinition, overrides: Overrides): KafkaError | undefined =>
  listOf(overrides.get(name) ?? "").includes("")
    ? new InvalidConfig({ message: `Configuration '${name}' values must not be empty.` })
    : undefined

const intervalProblem = (overrides: Overrides): KafkaError | undefined => {
  const value = overrides.get(INTERVAL.name)
  if (value === undefined) return undefined
  const wrong = checkValue(INTERVAL, value)
  if (wrong !== undefined) return new InvalidConfig({ message: wrong })
  const intervalMs = Number(value)
  if (intervalMs >= LEAST_MS && intervalMs <= MOST_MS) return undefined
  return new InvalidRequest({
    message: `Invalid value ${intervalMs} for ${INTERVAL.name}, interval must be between 100 and 3600000 (1 hour)`
  })
}

const matchProblem = (overrides: Overrides): KafkaError | undefined => {
  const wrong = listOf(overrides.get(MATCH.name) ?? "").find((pattern) => matchPattern(pattern) === undefined)
  return wrong === undefined ? undefined : new InvalidConfig({ message: `Illegal client matching pattern: ${wrong}` })
}

/** As Kafka tells a value. */
const plain = ({ type }: ConfigDefinition, value: string): string =>
  type === "LIST" ? valuesOf(value).join(",") : value.trim()

const unknown = (name: string): KafkaError =>
  new InvalidRequest({ message: `Unknown client metrics configuration: ${name}` })

/** Subscriptions to clients' metrics, by their names; one need not exist to be described. */
export const metricsResource = (configs: Configs["Service"]): ResourceKind => ({
  names: () => configs.names(METRICS_RESOURCE),
  describe: (resourceName) => {
    if (resourceName === "") {
      return new InvalidRequest({ message: "Client metrics subscription name must not be empty" })
    }
    const overrides = configs.of(METRICS_RESOURCE, resourceName)
    return Array.from(DEFINITIONS.values(), (definition) => {
      const { defaultValue, name } = definition
      const own = overrides.get(name)
      // As in Kafka the default is no synonym.
      return own === undefined
        ? { ...configEntry(definition, [{ name, value: defaultValue, source: DEFAULT_SOURCE }]), synonyms: [] }
        : configEntry(definition, [{ name, value: plain(definition, own), source: METRICS_SOURCE }])
    })
  },
  changes: {
    misplaced: (resourceName) =>
      resourceName === "" ? new InvalidRequest({ message: "Subscription name can't be empty" }) : undefined,
    check: (overrides) => {
      const stranger = Array.from(overrides.keys()).find((name) => !DEFINITIONS.has(name))
      if (stranger !== undefined) return unknown(stranger)
      return (
        listProblem(METRICS, overrides) ??
        listProblem(MATCH, overrides) ??
        intervalProblem(overrides) ??
        matchProblem(overrides)
      )
    },
    alterContext: (_, overrides) => ({
      definition: (name) => DEFINITIONS.get(name),
      unknown,
      current: (name) => valueOf(overrides, DEFINITIONS.get(name)!),
      noLists: true
    })
  }
})
