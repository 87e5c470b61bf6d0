/** What was set on one resource, by name. */
export type Overrides = ReadonlyMap<string, string>

/** Overrides set on brokers while they run: on this one, and on all. */
export interface BrokerOverrides {
  readonly broker: Overrides
  readonly cluster: Overrides
}

/** The source of a value, as DescribeConfigs numbers it. */
export const TOPIC_SOURCE = 1
export const DYNAMIC_BROKER_SOURCE = 2
export const DYNAMIC_DEFAULT_BROKER_SOURCE = 3
export const STATIC_BROKER_SOURCE = 4
export const DEFAULT_SOURCE = 5
export const LOGGER_SOURCE = 6
export const METRICS_SOURCE = 7
export const GROUP_SOURCE = 8

export interface ConfigValue {
  readonly name: string
  readonly value: string | null
  readonly source: number
}

/** Settings as far as they were given, by Kafka's names. */
export interface Given {
  readonly given: ReadonlyMap<string, { readonly value: string }>
}

/** Every value given to a broker's config, the one that holds first (KIP-226). */
export const givenToBrokers = (
  name: string,
  { given }: Given,
  { broker, cluster }: BrokerOverrides
): ReadonlyArray<ConfigValue & { readonly value: string }> =>
  (
    [
      [broker.get(name), DYNAMIC_BROKER_SOURCE],
      [cluster.get(name), DYNAMIC_DEFAULT_BROKER_SOURCE],
      [given.get(name)?.value, STATIC_BROKER_SOURCE]
    ] as const
  ).flatMap(([value, source]) => (value === undefined ? [] : [{ name, value, source }]))
