/** What the flags of `tusk acl` mean. */
import * as Flag from "effect/cli/Flag"
import type { Command } from "effect/cli/Command"
import { UsageError } from "../../CliError.ts"
import { OPERATIONS } from "@tusk/client/admin/Acls"
import type { Acl, AclFilter } from "@tusk/client/admin/Acls"
import { listFlag, switchFlag } from "../CommonFlags.ts"

const operations = Object.keys(OPERATIONS) as ReadonlyArray<Acl["operation"]>

/** Flags that both name rules and find them. */
export const ruleFlags = {
  allow: listFlag("allow", "PRINCIPAL", "who may: User:alice, User:* for all"),
  deny: listFlag("deny", "PRINCIPAL", "who may not, whatever else is allowed"),
  hosts: listFlag("host", "ADDRESS", "only from there"),
  operations: Flag.Literals("operation", operations).pipe(
    Flag.withMetavar("OPERATION"),
    Flag.withDescription(`${operations.join(", ")} (may be given several times)`),
    Flag.atLeast(0)
  ),
  topics: listFlag("topic", "NAME", "a topic; * is all of them"),
  groups: listFlag("group", "NAME", "a group"),
  transactionalIds: listFlag("transactional-id", "ID", "a transactional id"),
  delegationTokens: listFlag("delegation-token", "ID", "a token's id"),
  users: listFlag("user-principal", "PRINCIPAL", "a user, as what tokens are made for"),
  cluster: switchFlag("cluster", "the cluster"),
  prefixed: switchFlag("prefixed", "names are beginnings of names")
} as const

/** Flags of `acl add` alone: many rules by one word. */
export const shortcutFlags = {
  producer: switchFlag(
    "producer",
    "what a producer needs: write, describe and create of --topic, its --transactional-id"
  ),
  consumer: switchFlag("consumer", "what a consumer needs: read and describe of --topic, read of --group")
} as const

type Rules = Command.Config.Infer<typeof ruleFlags>
type Shortcuts = Command.Config.Infer<typeof shortcutFlags>

interface Resource {
  readonly resource: Acl["resource"]
  readonly name: string
}

/** Kafka's one name of it. */
const CLUSTER = "kafka-cluster"

const resourcesOf = (given: Rules): ReadonlyArray<Resource> => [
  ...given.topics.map((name) => ({ resource: "topic" as const, name })),
  ...given.groups.map((name) => ({ resource: "group" as const, name })),
  ...given.transactionalIds.map((name) => ({ resource: "transactional-id" as const, name })),
  ...given.delegationTokens.map((name) => ({ resource: "delegation-token" as const, name })),
  ...given.users.map((name) => ({ resource: "user" as const, name })),
  ...(given.cluster ? [{ resource: "cluster" as const, name: CLUSTER }] : [])
]

type Grant = readonly [Resource, Acl["operation"]]

const PRODUCER: Readonly<Partial<Record<Acl["resource"], ReadonlyArray<Acl["operation"]>>>> = {
  topic: ["write", "describe", "create"],
  "transactional-id": ["write", "describe"]
}
const CONSUMER: typeof PRODUCER = { topic: ["read", "describe"], group: ["read"] }

/** What `--producer` and `--consumer` stand for, as kafka-acls' flags of these names. */
const grantsOf = (given: Rules & Shortcuts, resources: ReadonlyArray<Resource>): ReadonlyArray<Grant> => {
  const all = resources.flatMap((resource) => [
    ...given.operations.map((operation): Grant => [resource, operation]),
    ...(given.producer ? (PRODUCER[resource.resource] ?? []) : []).map((operation): Grant => [resource, operation]),
    ...(given.consumer ? (CONSUMER[resource.resource] ?? []) : []).map((operation): Grant => [resource, operation])
  ])
  return [...new Map(all.map((grant) => [JSON.stringify(grant), grant])).values()]
}

const HAS_TYPE = /^[A-Za-z]+:./

/** A principal without its kind is a mistake that no broker tells of. */
const wrongPrincipal = (given: Rules): UsageError | undefined => {
  const odd = [...given.allow, ...given.deny].find((principal) => !HAS_TYPE.test(principal))
  if (odd === undefined) return undefined
  return new UsageError({ message: `${odd} is not a principal such as User:${odd}` })
}

/** The rules that are to be made. */
export const rulesOf = (given: Rules & Shortcuts): ReadonlyArray<Acl> | UsageError => {
  const wrong = wrongPrincipal(given)
  if (wrong !== undefined) return wrong
  const refuse = (message: string) => new UsageError({ message })
  if (given.allow.length + given.deny.length === 0) return refuse("give --allow or --deny")
  const resources = resourcesOf(given)
  if (resources.length === 0) return refuse("give --topic, --group, --transactional-id or --cluster")
  const isShort = given.producer || given.consumer
  if (given.operations.length === 0 && !isShort) return refuse("give --operation, --producer or --consumer")
  if (given.deny.length > 0 && isShort) return refuse("--producer and --consumer are of --allow")
  if (given.consumer && given.groups.length === 0) return refuse("--consumer wants --group, too")
  if (isShort && given.topics.length === 0) return refuse("--producer and --consumer want --topic")
  const hosts = given.hosts.length === 0 ? ["*"] : given.hosts
  const permissions = [
    ...given.allow.map((principal) => ({ principal, permission: "allow" as const })),
    ...given.deny.map((principal) => ({ principal, permission: "deny" as const }))
  ]
  return grantsOf(given, resources).flatMap(([{ name, resource }, operation]) =>
    permissions.flatMap(({ permission, principal }) =>
      hosts.map((host): Acl => {
        const pattern = given.prefixed && resource !== "cluster" ? "prefixed" : "literal"
        return { resource, name, pattern, principal, host, operation, permission }
      })
    )
  )
}

/** Each value, or one undefined for "whatever it is". */
const orAny = <A>(values: ReadonlyArray<A>): ReadonlyArray<A | undefined> =>
  values.length === 0 ? [undefined] : values

/** The filters that find what the flags name; a flag that is not given says nothing. */
export const filtersOf = (
  given: Rules,
  principals: ReadonlyArray<string> = [],
  matches = false
): ReadonlyArray<AclFilter> | UsageError => {
  const wrong = wrongPrincipal(given)
  if (wrong !== undefined) return wrong
  const who = [
    ...given.allow.map((principal) => ({ principal, permission: "allow" as const })),
    ...given.deny.map((principal) => ({ principal, permission: "deny" as const })),
    ...principals.map((principal) => ({ principal }))
  ]
  return orAny(resourcesOf(given)).flatMap((resource) =>
    orAny(who).flatMap((each) =>
      orAny(given.operations).flatMap((operation) =>
        orAny(given.hosts).map((host): AclFilter => {
          const pattern = matches
            ? "match"
            : given.prefixed
              ? "prefixed"
              : resource === undefined
                ? undefined
                : "literal"
          return { ...resource, ...each, operation, host, pattern }
        })
      )
    )
  )
}

/** Whether the flags name nothing at all, so that every rule would be found. */
export const namesNothing = (filters: ReadonlyArray<AclFilter>): boolean =>
  filters.some((filter) => Object.values(filter).every((value) => value === undefined))
