import type { StoredAcl } from "@tusk/storage/port/Security"
import {
  ANY,
  OPERATIONS,
  PATTERN_TYPES,
  PERMISSION_TYPES,
  RESOURCE_TYPES,
  UNKNOWN,
  WILDCARD,
  wordOf
} from "./AclWords.ts"

/** Which rows a client means, in Kafka's numbers; null: whatever. */
export interface AclFilter {
  readonly resourceTypeFilter: number
  readonly resourceNameFilter: string | null
  readonly patternTypeFilter: number
  readonly principalFilter: string | null
  readonly hostFilter: string | null
  readonly operation: number
  readonly permissionType: number
}

/** A filter in words. */
export interface AclQuery {
  readonly resourceType: string
  readonly resourceName: string | null
  /** `MATCH`: all patterns that a name falls under. */
  readonly patternType: string
  readonly principal: string | null
  readonly host: string | null
  readonly operation: string
  readonly permissionType: string
}

/** Whether a client sends what it does not know itself: no client does, and Kafka cannot read it. */
export const saysUnknown = (filter: AclFilter): boolean =>
  [filter.resourceTypeFilter, filter.patternTypeFilter, filter.operation, filter.permissionType].includes(UNKNOWN)

export const queryOf = (filter: AclFilter): AclQuery => ({
  resourceType: wordOf(RESOURCE_TYPES, filter.resourceTypeFilter),
  resourceName: filter.resourceNameFilter,
  patternType: wordOf(PATTERN_TYPES, filter.patternTypeFilter),
  principal: filter.principalFilter,
  host: filter.hostFilter,
  operation: wordOf(OPERATIONS, filter.operation),
  permissionType: wordOf(PERMISSION_TYPES, filter.permissionType)
})

const isWord = (wanted: string, word: string): boolean => wanted === ANY || wanted === word
const isText = (wanted: string | null, text: string): boolean => wanted === null || wanted === text

const matchesPattern = ({ patternType, resourceName }: AclQuery, row: StoredAcl): boolean => {
  if (patternType !== "MATCH") return isWord(patternType, row.patternType) && isText(resourceName, row.resourceName)
  if (resourceName === null) return true
  return row.patternType === "PREFIXED"
    ? resourceName.startsWith(row.resourceName)
    : row.resourceName === resourceName || row.resourceName === WILDCARD
}

/** Whether the query means the row. UNKNOWN means none. */
export const matches = (query: AclQuery, row: StoredAcl): boolean =>
  isWord(query.resourceType, row.resourceType) &&
  matchesPattern(query, row) &&
  isText(query.principal, row.principal) &&
  isText(query.host, row.host) &&
  isWord(query.operation, row.operation) &&
  isWord(query.permissionType, row.permissionType)

const ORDER = [
  "resourceType",
  "resourceName",
  "patternType",
  "principal",
  "host",
  "operation",
  "permissionType"
] as const

const compare = (one: StoredAcl, other: StoredAcl): number => {
  for (const field of ORDER) if (one[field] !== other[field]) return one[field] < other[field] ? -1 : 1
  return 0
}

/** Rows by type, name and pattern, and then by whom they are about. */
export const inOrder = (rows: ReadonlyArray<StoredAcl>): ReadonlyArray<StoredAcl> => rows.toSorted(compare)
