/** What can be limited, by the names of Kafka's configs. */
export const PRODUCE = "producer_byte_rate"
export const FETCH = "consumer_byte_rate"
export const REQUEST = "request_percentage"
export const MUTATION = "controller_mutation_rate"
export const CONNECTION = "connection_creation_rate"

export type ClientQuotaKind = typeof PRODUCE | typeof FETCH | typeof REQUEST | typeof MUTATION

export const CLIENT_QUOTA_KINDS: ReadonlyArray<ClientQuotaKind> = [PRODUCE, FETCH, REQUEST, MUTATION]

/** How a table names the entity that stands for all that have no own. */
export const DEFAULT = "<default>"
