import { isScram, SCRAM_MECHANISMS } from "@tusk/server/security/sasl/ScramKeys"
import type { ScramMechanism } from "@tusk/server/security/sasl/ScramKeys"
import { WORD_OF_OPERATION, WORD_OF_TYPE } from "@tusk/server/security/acl/AclWords"
import { OPERATIONS_OF } from "@tusk/server/request/Operations"
import type { Operation, ResourceType } from "@tusk/server/request/Operations"
import type { StoredAcl } from "@tusk/storage/port/Security"
import { checkKeys, checkOneOf, unknownName } from "./refused.ts"

/** A user who logs in by PLAIN, and by SCRAM. */
export interface UserOptions {
  readonly name: string
  readonly password: string
  /** Of SCRAM; both if nothing is said. */
  readonly mechanism?: ScramMechanism
}

/** One rule: what a principal may do to one resource, or may not. */
export interface AclOptions {
  /** `User:alice`; `User:*` is everybody, `User:ANONYMOUS` whoever has not logged in. */
  readonly principal: string
  readonly operation: Operation | "all" | ReadonlyArray<Operation | "all">
  /** A name, a prefix of names with `prefixed`, or `*`. Of these resources each rule has one. */
  readonly topic?: string
  readonly group?: string
  readonly transactionalId?: string
  readonly cluster?: true
  readonly prefixed?: boolean
  /** It is forbidden, whatever else is allowed. */
  readonly deny?: boolean
  /** From this address alone. */
  readonly host?: string
}

/** Who gets in, and who may do what; without any of it everybody may do everything. */
export interface SecurityOptions {
  /** Passwords by name, `{ alice: "secret" }`, or a list. The listener asks for a login then: PLAIN or SCRAM. */
  readonly users?: Readonly<Record<string, string>> | ReadonlyArray<UserOptions>
  /** The authorizer is on then: what no rule allows is denied. */
  readonly acls?: ReadonlyArray<AclOptions>
  /** Who may do everything: `User:admin`. The authorizer is on then, too. */
  readonly superUsers?: ReadonlyArray<string>
  /** The listener speaks TLS, with a certificate that is made for it: `ca` of the broker is what a client trusts. */
  readonly tls?: "self-signed" | undefined
}

export interface PlannedUser {
  readonly name: string
  readonly password: string
  readonly mechanisms: ReadonlyArray<ScramMechanism>
}

/** What a start goes by. Undefined: nothing was said of it. */
export interface SecurityPlan {
  readonly users: ReadonlyArray<PlannedUser> | undefined
  /** Rows; undefined: no authorizer. */
  readonly acls: ReadonlyArray<StoredAcl> | undefined
  readonly superUsers: ReadonlyArray<string>
  readonly tls: boolean
}

export const SECURITY_OPTIONS = ["users", "acls", "superUsers", "tls"]

const USER = ["name", "password", "mechanism"]
const ACL = [
  "principal",
  "operation",
  "topic",
  "group",
  "transactionalId",
  "cluster",
  "prefixed",
  "deny",
  "host"
] as const
/** What a rule can be about. */
const RESOURCES = ["topic", "group", "transactionalId", "cluster"] as const
const CLUSTER = "kafka-cluster"

const checkText = (what: string, given: unknown): void => {
  if (typeof given !== "string" || given === "") throw new TypeError(`${what}: a text is expected`)
}

const checkList = (what: string, given: unknown): void => {
  if (!Array.isArray(given)) throw new TypeError(`${what}: a list is expected`)
}

const checkSwitch = (what: string, given: unknown): void => {
  if (given !== undefined && typeof given !== "boolean") throw new TypeError(`${what}: true or false is expected`)
}

const checkPrincipal = (what: string, given: unknown): void => {
  checkText(what, given)
  const text = given as string
  if (!/^(?:User|Group):[^;]+$/.test(text))
    throw new RangeError(`${what}: ${text} is not a principal such as User:alice`)
}

const userOf = (where: string, user: UserOptions): PlannedUser => {
  checkKeys(where, user, USER)
  const { mechanism, name, password } = user
  checkText(`${where}.name`, name)
  checkText(`${where}.password`, password)
  if (mechanism !== undefined && !isScram(mechanism)) checkOneOf(`${where}.mechanism`, mechanism, SCRAM_MECHANISMS)
  return { name, password, mechanisms: mechanism === undefined ? SCRAM_MECHANISMS : [mechanism] }
}

const usersOf = (users: NonNullable<SecurityOptions["users"]>): ReadonlyArray<PlannedUser> => {
  if (Array.isArray(users)) {
    const planned = (users as ReadonlyArray<UserOptions>).map((user, i) => userOf(`users[${i}]`, user))
    const twice = planned.find(({ name }, i) => planned.findIndex((other) => other.name === name) !== i)
    if (twice !== undefined) throw new RangeError(`users: ${twice.name} is named twice`)
    return planned
  }
  if (typeof users !== "object" || users === null)
    throw new TypeError("users: passwords by name, or a list, are expected")
  return Object.entries(users as Readonly<Record<string, string>>).map(([name, password]) =>
    userOf(`users.${name}`, { name, password })
  )
}

const operationOf = (where: string, operation: string, resource: ResourceType): string => {
  if (operation === "all") return "ALL"
  const known: ReadonlyArray<string> = [...OPERATIONS_OF[resource], "all"]
  if (!known.includes(operation)) {
    const words = Object.keys(WORD_OF_OPERATION)
    if (!words.includes(operation)) throw unknownName(`${where}.operation:`, String(operation), known)
    throw new RangeError(`${where}.operation: ${operation} is nothing that is done to a ${resource}`)
  }
  return WORD_OF_OPERATION[operation as Operation]
}

const rowsOf = (acl: AclOptions, i: number): ReadonlyArray<StoredAcl> => {
  const where = `acls[${i}]`
  checkKeys(where, acl, ACL)
  checkPrincipal(`${where}.principal`, acl.principal)
  const named = RESOURCES.filter((resource) => acl[resource] !== undefined)
  const [resource] = named
  if (resource === undefined || named.length > 1) {
    throw new RangeError(
      `${where}: it is about one of ${RESOURCES.join(", ")}, not ${named.length === 0 ? "none" : named.join(" and ")}`
    )
  }
  if (resource === "cluster") checkOneOf(`${where}.cluster`, acl.cluster, [true as never])
  else checkText(`${where}.${resource}`, acl[resource])
  checkSwitch(`${where}.prefixed`, acl.prefixed)
  checkSwitch(`${where}.deny`, acl.deny)
  if (acl.host !== undefined) checkText(`${where}.host`, acl.host)
  const operations = Array.isArray(acl.operation) ? (acl.operation as ReadonlyArray<string>) : [acl.operation as string]
  return operations.map((operation) => ({
    resourceType: WORD_OF_TYPE[resource],
    resourceName: resource === "cluster" ? CLUSTER : (acl[resource] as string),
    patternType: acl.prefixed === true && resource !== "cluster" ? "PREFIXED" : "LITERAL",
    principal: acl.principal,
    host: acl.host ?? "*",
    operation: operationOf(where, operation, resource),
    permissionType: acl.deny === true ? "DENY" : "ALLOW"
  }))
}

/** Throws what is wrong with the options, by name. */
export const securityPlanOf = ({ acls, superUsers, tls, users }: SecurityOptions): SecurityPlan => {
  if (tls !== undefined) checkOneOf("tls", tls, ["self-signed"])
  if (acls !== undefined) checkList("acls", acls)
  if (superUsers !== undefined) checkList("superUsers", superUsers)
  for (const [i, principal] of (superUsers ?? []).entries()) checkPrincipal(`superUsers[${i}]`, principal)
  return {
    users: users === undefined ? undefined : usersOf(users),
    acls: acls === undefined && superUsers === undefined ? undefined : (acls ?? []).flatMap(rowsOf),
    superUsers: superUsers ?? [],
    tls: tls !== undefined
  }
}
