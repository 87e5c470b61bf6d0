import { InvalidRequest } from "@tusk/protocol/KafkaError"
import type { AclCreation } from "@tusk/protocol/messages/CreateAcls"
import type { StoredAcl } from "@tusk/storage/port/Security"
import { CLUSTER_NAME } from "../../request/Authorization.ts"
import { ANY, OPERATIONS, PATTERN_TYPES, PERMISSION_TYPES, RESOURCE_TYPES, UNKNOWN, wordOf } from "./AclWords.ts"

/** Whether a client sends what it does not know itself: no client does, and Kafka cannot read it. */
export const createsUnknown = (acl: AclCreation): boolean =>
  [acl.resourceType, acl.resourcePatternType, acl.operation, acl.permissionType].includes(UNKNOWN)

/** The row that a client wants. Numbers that Kafka does not know are UNKNOWN. */
export const rowOf = (acl: AclCreation): StoredAcl => ({
  resourceType: wordOf(RESOURCE_TYPES, acl.resourceType),
  resourceName: acl.resourceName,
  patternType: wordOf(PATTERN_TYPES, acl.resourcePatternType),
  principal: acl.principal,
  host: acl.host,
  operation: wordOf(OPERATIONS, acl.operation),
  permissionType: wordOf(PERMISSION_TYPES, acl.permissionType)
})

/** Whether one word stands for several, as only a filter may have it: such a row cannot even be thought of in Kafka. */
export const isFilter = ({ operation, patternType, permissionType, resourceType }: StoredAcl): boolean =>
  resourceType === ANY || operation === ANY || permissionType === ANY || patternType === ANY || patternType === "MATCH"

const unknownWord = (row: StoredAcl): string | undefined =>
  (["resourceType", "patternType", "operation", "permissionType"] as const).find((field) => row[field] === "UNKNOWN")

/** What is wrong with a new row, in Kafka's words and order. */
export const problemOf = (row: StoredAcl): InvalidRequest | undefined => {
  const invalid = (message: string) => new InvalidRequest({ message })
  if (row.resourceType === "CLUSTER" && row.resourceName !== CLUSTER_NAME) {
    return invalid(`The only valid name for the CLUSTER resource is ${CLUSTER_NAME}`)
  }
  if (row.resourceName === "") return invalid("Invalid empty resource name")
  const unknown = unknownWord(row)
  if (unknown !== undefined) return invalid(`Invalid ${unknown} UNKNOWN`)
  if (!row.principal.includes(":")) {
    return invalid(
      `Could not parse principal from \`${row.principal}\` (no colon is present separating the principal type from the principal name)`
    )
  }
  return undefined
}
