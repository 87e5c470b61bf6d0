/** Rules of who may do what (ACLs), by the names that `tusk acl` has for them. */
import { CreateAcls } from "@tusk/protocol/messages/CreateAcls"
import { DeleteAcls } from "@tusk/protocol/messages/DeleteAcls"
import { DescribeAcls } from "@tusk/protocol/messages/DescribeAcls"
import * as Effect from "effect/Effect"
import { refusalOf } from "../ClientError.ts"
import type { ClientError } from "../ClientError.ts"
import { KafkaClient } from "../KafkaClient.ts"

/** Kafka's numbers (KIP-11, KIP-290, KIP-373), by the names of `tusk acl`. */
const RESOURCES = {
  topic: 2,
  group: 3,
  cluster: 4,
  "transactional-id": 5,
  "delegation-token": 6,
  user: 7
} as const
const PATTERNS = { match: 2, literal: 3, prefixed: 4 } as const
const PERMISSIONS = { deny: 2, allow: 3 } as const
export const OPERATIONS = {
  all: 2,
  read: 3,
  write: 4,
  create: 5,
  delete: 6,
  alter: 7,
  describe: 8,
  "cluster-action": 9,
  "describe-configs": 10,
  "alter-configs": 11,
  "idempotent-write": 12,
  "create-tokens": 13,
  "describe-tokens": 14,
  "two-phase-commit": 15
} as const

/** Whatever there is, in a filter. */
const ANY = 1

/** A rule: who may, or may not, do what with which resources, and from where. */
export interface Acl {
  readonly resource: keyof typeof RESOURCES
  readonly name: string
  readonly pattern: "literal" | "prefixed"
  /** `User:alice`, `User:*`. */
  readonly principal: string
  /** An address, or `*`. */
  readonly host: string
  readonly operation: keyof typeof OPERATIONS
  readonly permission: keyof typeof PERMISSIONS
}

/** Which rules; what is left out may be anything. `match` finds all that hold for a name, whatever their patterns. */
export interface AclFilter {
  readonly resource?: Acl["resource"] | undefined
  readonly name?: string | undefined
  readonly pattern?: keyof typeof PATTERNS | undefined
  readonly principal?: string | undefined
  readonly host?: string | undefined
  readonly operation?: Acl["operation"] | undefined
  readonly permission?: Acl["permission"] | undefined
}

const named = <Names extends Readonly<Record<string, number>>>(names: Names, number: number) =>
  (Object.keys(names).find((name) => names[name] === number) ?? `${number}`) as keyof Names & string

interface Row {
  readonly resourceType: number
  readonly resourceName: string
  readonly patternType: number
  readonly principal: string
  readonly host: string
  readonly operation: number
  readonly permissionType: number
}

const aclOf = (row: Row): Acl => ({
  resource: named(RESOURCES, row.resourceType),
  name: row.resourceName,
  pattern: row.patternType === PATTERNS.prefixed ? "prefixed" : "literal",
  principal: row.principal,
  host: row.host,
  operation: named(OPERATIONS, row.operation),
  permission: named(PERMISSIONS, row.permissionType)
})

const filterOf = (filter: AclFilter) => ({
  resourceTypeFilter: filter.resource === undefined ? ANY : RESOURCES[filter.resource],
  resourceNameFilter: filter.name ?? null,
  patternTypeFilter: filter.pattern === undefined ? ANY : PATTERNS[filter.pattern],
  principalFilter: filter.principal ?? null,
  hostFilter: filter.host ?? null,
  operation: filter.operation === undefined ? ANY : OPERATIONS[filter.operation],
  permissionType: filter.permission === undefined ? ANY : PERMISSIONS[filter.permission]
})

/** How errors and tables name a rule's resources: `topic orders`, `topic pay* (prefixed)`. */
const aclText = ({ name, operation, pattern, permission, principal, resource }: Acl): string =>
  `${permission} ${principal} ${operation} ${resource} ${name}${pattern === "prefixed" ? "*" : ""}`

const order = (a: Acl, b: Acl): number => {
  const [left, right] = [a, b].map((acl) => JSON.stringify([acl.resource, acl.name, acl.pattern, acl.principal, acl]))
  return left! < right! ? -1 : 1
}

/** The rules that a filter finds, in order of what they are about. */
export const listAcls = (filter: AclFilter): Effect.Effect<ReadonlyArray<Acl>, ClientError, KafkaClient> =>
  Effect.gen(function* () {
    const client = yield* KafkaClient
    const answer = yield* client.ask(
      client.anyBroker,
      DescribeAcls,
      filterOf(filter),
      ({ errorCode, errorMessage }) => refusalOf(errorCode, "the rules", errorMessage),
      { minVersion: 1 }
    )
    return answer.resources
      .flatMap(({ acls, ...resource }) => acls.map((acl) => aclOf({ ...resource, ...acl })))
      .sort(order)
  })

/** Makes rules. One that is there already is no error. */
export const createAcls = (acls: ReadonlyArray<Acl>): Effect.Effect<void, ClientError, KafkaClient> =>
  Effect.gen(function* () {
    const client = yield* KafkaClient
    const creations = acls.map((acl) => ({
      resourceType: RESOURCES[acl.resource],
      resourceName: acl.name,
      resourcePatternType: PATTERNS[acl.pattern],
      principal: acl.principal,
      host: acl.host,
      operation: OPERATIONS[acl.operation],
      permissionType: PERMISSIONS[acl.permission]
    }))
    yield* client.ask(
      client.controller,
      CreateAcls,
      { creations },
      ({ results }) => {
        const bad = results.findIndex(({ errorCode }) => errorCode !== 0)
        if (bad === -1) return undefined
        return refusalOf(results[bad]!.errorCode, aclText(acls[bad]!), results[bad]!.errorMessage)
      },
      { minVersion: 1 }
    )
  })

/** Takes away the rules that the filters find, and tells which these were. */
export const deleteAcls = (
  filters: ReadonlyArray<AclFilter>
): Effect.Effect<ReadonlyArray<Acl>, ClientError, KafkaClient> =>
  Effect.gen(function* () {
    const client = yield* KafkaClient
    const answer = yield* client.ask(
      client.controller,
      DeleteAcls,
      { filters: filters.map(filterOf) },
      ({ filterResults }) => {
        const all = filterResults.flatMap((result) => [result, ...result.matchingAcls])
        const bad = all.find(({ errorCode }) => errorCode !== 0)
        return bad === undefined ? undefined : refusalOf(bad.errorCode, "the rules", bad.errorMessage)
      },
      { minVersion: 1 }
    )
    return answer.filterResults.flatMap(({ matchingAcls }) => matchingAcls.map(aclOf)).sort(order)
  })
