/** What an ACL is made of: words by Kafka's numbers, as `kafka.acls` and Kafka's tools write them. */
import type { StoredAcl } from "@tusk/storage/port/Security"
import type { Operation, ResourceType } from "../../request/Operations.ts"

export const RESOURCE_TYPES = [
  "UNKNOWN",
  "ANY",
  "TOPIC",
  "GROUP",
  "CLUSTER",
  "TRANSACTIONAL_ID",
  "DELEGATION_TOKEN",
  "USER"
] as const

export const PATTERN_TYPES = ["UNKNOWN", "ANY", "MATCH", "LITERAL", "PREFIXED"] as const

export const OPERATIONS = [
  "UNKNOWN",
  "ANY",
  "ALL",
  "READ",
  "WRITE",
  "CREATE",
  "DELETE",
  "ALTER",
  "DESCRIBE",
  "CLUSTER_ACTION",
  "DESCRIBE_CONFIGS",
  "ALTER_CONFIGS",
  "IDEMPOTENT_WRITE",
  "CREATE_TOKENS",
  "DESCRIBE_TOKENS",
  "TWO_PHASE_COMMIT"
] as const

export const PERMISSION_TYPES = ["UNKNOWN", "ANY", "DENY", "ALLOW"] as const

/** The number that a client has for what it does not know. */
export const UNKNOWN = 0
/** In filters: any of them. */
export const ANY = "ANY"
/** Of a name or a host: all of them. */
export const WILDCARD = "*"

/** Numbers that Kafka does not know are UNKNOWN. */
export const wordOf = <Word extends string>(words: ReadonlyArray<Word>, code: number): Word => words[code] ?? words[0]!

export const codeOf = (words: ReadonlyArray<string>, word: string): number => Math.max(UNKNOWN, words.indexOf(word))

/** The words of a row, as numbers. */
export const codesOf = (row: StoredAcl) => ({
  resourceType: codeOf(RESOURCE_TYPES, row.resourceType),
  patternType: codeOf(PATTERN_TYPES, row.patternType),
  operation: codeOf(OPERATIONS, row.operation),
  permissionType: codeOf(PERMISSION_TYPES, row.permissionType)
})

/** How rows write the type of a resource. */
export const WORD_OF_TYPE: { readonly [Type in ResourceType]: (typeof RESOURCE_TYPES)[number] } = {
  topic: "TOPIC",
  group: "GROUP",
  cluster: "CLUSTER",
  transactionalId: "TRANSACTIONAL_ID",
  delegationToken: "DELEGATION_TOKEN",
  user: "USER"
}

/** How rows write an operation. */
export const WORD_OF_OPERATION: { readonly [Op in Operation]: (typeof OPERATIONS)[number] } = {
  read: "READ",
  write: "WRITE",
  create: "CREATE",
  delete: "DELETE",
  alter: "ALTER",
  describe: "DESCRIBE",
  clusterAction: "CLUSTER_ACTION",
  describeConfigs: "DESCRIBE_CONFIGS",
  alterConfigs: "ALTER_CONFIGS",
  idempotentWrite: "IDEMPOTENT_WRITE",
  createTokens: "CREATE_TOKENS",
  describeTokens: "DESCRIBE_TOKENS",
  twoPhaseCommit: "TWO_PHASE_COMMIT"
}
