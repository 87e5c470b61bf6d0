import type { KafkaError } from "@tusk/protocol/KafkaError"
import { InvalidRequest } from "@tusk/protocol/KafkaError"
import type { AlterContext } from "./AlterOps.ts"
import { CONFIG_TYPE_IDS } from "./ConfigDefinition.ts"
import type { ConfigDefinition } from "./ConfigDefinition.ts"
import type { ConfigValue, Overrides } from "./ConfigValues.ts"

/** One config of a resource, with every place that gives it a value, the one that holds first. */
export interface ConfigEntry {
  readonly name: string
  /** Null for a secret. */
  readonly value: string | null
  readonly source: number
  readonly readOnly: boolean
  readonly isSensitive: boolean
  readonly typeId: number
  readonly documentation: string | null
  readonly synonyms: ReadonlyArray<ConfigValue>
}

/** One kind of resources that have configs: topics, brokers, groups and the like. */
export interface ResourceKind {
  readonly describe: (resourceName: string) => ReadonlyArray<ConfigEntry> | KafkaError
  /** Those that can be described: of groups, those that have configs of their own. */
  readonly names: () => ReadonlyArray<string>
  /** Absent if nothing can be changed. */
  readonly changes?: ResourceChanges
}

export interface ResourceChanges {
  /** What is wrong with naming this resource in a change. */
  readonly misplaced: (resourceName: string) => KafkaError | undefined
  /** What is wrong with these as all the configs of a resource, which had those of `former`; undefined if nothing is. */
  readonly check: (overrides: Overrides, former: Overrides, resourceName: string) => KafkaError | undefined
  /** What a change of some configs goes by, of a resource that has these overrides. */
  readonly alterContext: (resourceName: string, overrides: Overrides) => AlterContext
}

export const configEntry = (
  definition: ConfigDefinition,
  values: ReadonlyArray<ConfigValue>,
  readOnly = false
): ConfigEntry => {
  const isSensitive = definition.type === "PASSWORD"
  const hide = (value: string | null) => (isSensitive ? null : value)
  const first = values[0]!
  return {
    name: definition.name,
    value: hide(first.value),
    source: first.source,
    readOnly,
    isSensitive,
    typeId: CONFIG_TYPE_IDS[definition.type],
    documentation: definition.documentation,
    synonyms: values.map(({ name, source, value }) => ({ name, source, value: hide(value) }))
  }
}

/** `expected` is the id of this broker, and what else may stand for it. */
export const wrongBroker = (resourceName: string, expected: string): KafkaError =>
  new InvalidRequest({
    message: /^-?\d+$/.test(resourceName)
      ? `Unexpected broker id, expected ${expected} but received ${resourceName}`
      : `Broker id must be an integer, but it is: ${resourceName}`
  })
