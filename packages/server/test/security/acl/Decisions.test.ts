import { assert, describe, it } from "@effect/vitest"
import type { StoredAcl } from "@tusk/storage/port/Security"
import * as Schema from "effect/Schema"
import type { Identity } from "../../../src/request/Identity.ts"
import { OPERATIONS_OF } from "../../../src/request/Operations.ts"
import type { Operation, ResourceType } from "../../../src/request/Operations.ts"
import { ALL_OPERATIONS, setOf } from "../../../src/security/acl/AclIndex.ts"
import { WORD_OF_OPERATION, WORD_OF_TYPE } from "../../../src/security/acl/AclWords.ts"
import { Decisions } from "../../../src/security/acl/Decisions.ts"
import type { DecisionOptions } from "../../../src/security/acl/Decisions.ts"

const HOSTS = ["10.0.0.1", "10.0.0.2"] as const
const NAMES = ["a", "ab", "abc", "b", "ba", "*", "*a", "hardcode"] as const

/** Few words of each kind, so that rows meet. */
const Row = Schema.Struct({
  resourceType: Schema.Literals(["TOPIC", "TOPIC", "GROUP"]),
  resourceName: Schema.Literals(["a", "ab", "abc", "b", "*", "h"]),
  patternType: Schema.Literals(["LITERAL", "PREFIXED"]),
  principal: Schema.Literals(["User:x", "User:x", "User:y", "User:*", "Group:g", "Group:h"]),
  host: Schema.Literals(["*", "*", ...HOSTS]),
  operation: Schema.Literals(["ALL", "READ", "WRITE", "ALTER", "DESCRIBE", "ALTER_CONFIGS", "DESCRIBE_CONFIGS"]),
  permissionType: Schema.Literals(["ALLOW", "ALLOW", "DENY"])
})
const Rows = Schema.Array(Row).check(Schema.isMaxLength(8))

const SUBJECTS: ReadonlyArray<Identity> = [
  { principal: "User:x", groups: [], byToken: false },
  { principal: "User:y", groups: ["Group:g"], byToken: false },
  { principal: "User:z", groups: ["Group:g", "Group:h"], byToken: false },
  { principal: "User:root", groups: [], byToken: false }
]

const keyOf = (row: StoredAcl): string => JSON.stringify(Object.values(row))
const mapOf = (rows: ReadonlyArray<StoredAcl>): ReadonlyMap<string, StoredAcl> =>
  new Map(rows.map((row) => [keyOf(row), row]))

const isAbout = (row: StoredAcl, type: ResourceType, name: string): boolean =>
  row.resourceType === WORD_OF_TYPE[type] &&
  (row.patternType === "PREFIXED"
    ? name.startsWith(row.resourceName)
    : row.resourceName === name || row.resourceName === "*")

const isOf = (row: StoredAcl, { groups, principal }: Identity, host: string): boolean =>
  [principal, ...groups, "User:*"].includes(row.principal) && [host, "*"].includes(row.host)

const IMPLIED: Readonly<Record<string, ReadonlyArray<string>>> = {
  DESCRIBE: ["READ", "WRITE", "DELETE", "ALTER"],
  DESCRIBE_CONFIGS: ["ALTER_CONFIGS"]
}

/** Kafka's rules, by a walk over all rows. */
class Model {
  readonly rows: ReadonlyArray<StoredAcl>
  readonly allowsEveryone: boolean

  constructor(rows: ReadonlyArray<StoredAcl>, allowsEveryone: boolean) {
    this.rows = rows
    this.allowsEveryone = allowsEveryone
  }

  allows(identity: Identity, host: string, operation: Operation, type: ResourceType, name: string): boolean {
    if (identity.principal === "User:root") return true
    const op = WORD_OF_OPERATION[operation]
    const about = this.rows.filter((row) => isAbout(row, type, name))
    if (about.length === 0) return this.allowsEveryone
    const mine = about.filter((row) => isOf(row, identity, host))
    const names = (row: StoredAcl) => row.operation === "ALL" || row.operation === op
    if (mine.some((row) => row.permissionType === "DENY" && names(row))) return false
    return mine.some(
      (row) => row.permissionType === "ALLOW" && (names(row) || (IMPLIED[op] ?? []).includes(row.operation))
    )
  }

  allowsSomewhere(identity: Identity, host: string, operation: Operation, type: ResourceType): boolean {
    if (this.allows(identity, host, operation, type, "hardcode")) return true
    const mine = this.rows.filter(
      (row) =>
        row.resourceType === WORD_OF_TYPE[type] &&
        isOf(row, identity, host) &&
        (row.operation === "ALL" || row.operation === WORD_OF_OPERATION[operation])
    )
    const isEvery = (row: StoredAcl) => row.patternType === "LITERAL" && row.resourceName === "*"
    const denied = mine.filter((row) => row.permissionType === "DENY")
    if (denied.some(isEvery)) return false
    const covers = (deny: StoredAcl, allow: StoredAcl) =>
      deny.patternType === "PREFIXED"
        ? allow.resourceName.startsWith(deny.resourceName)
        : allow.patternType === "LITERAL" && deny.resourceName === allow.resourceName
    return mine.some(
      (row) => row.permissionType === "ALLOW" && (isEvery(row) || !denied.some((deny) => covers(deny, row)))
    )
  }
}

const decisionsOn = (rows: ReadonlyArray<StoredAcl>, options: Partial<DecisionOptions> = {}) => {
  let present = mapOf(rows)
  const decisions = new Decisions({
    rows: () => present,
    superUsers: new Set(["User:root"]),
    allowsEveryone: false,
    cacheBytes: 1 << 20,
    ...options
  })
  return { decisions, become: (next: ReadonlyArray<StoredAcl>) => (present = mapOf(next)) }
}

const checkAll = (decisions: Decisions, model: Model): void => {
  for (const identity of SUBJECTS) {
    for (const host of HOSTS) {
      for (const type of ["topic", "group"] as const) {
        for (const name of NAMES) {
          const expected = OPERATIONS_OF.topic.filter((op) => model.allows(identity, host, op, type, name))
          const decided = decisions.operationsOn(identity, host, type, name) & setOf(...OPERATIONS_OF.topic)
          assert.strictEqual(decided, setOf(...expected), `${identity.principal}@${host} on ${type} ${name}`)
        }
        for (const op of OPERATIONS_OF.topic) {
          const expected = model.allowsSomewhere(identity, host, op, type)
          assert.strictEqual(decisions.allowsSomewhere(identity, host, op, type), expected, `${op} somewhere`)
        }
      }
    }
  }
}

const allow = (operation: string, resourceName: string, more: Partial<StoredAcl> = {}): StoredAcl => ({
  resourceType: "TOPIC",
  resourceName,
  patternType: "LITERAL",
  principal: "User:x",
  host: "*",
  operation,
  permissionType: "ALLOW",
  ...more
})
const deny = (operation: string, resourceName: string, more: Partial<StoredAcl> = {}): StoredAcl =>
  allow(operation, resourceName, { permissionType: "DENY", ...more })

const [X, , , ROOT] = SUBJECTS as [Identity, Identity, Identity, Identity]
const may = (decisions: Decisions, operation: Operation, name: string, host = "10.0.0.1", who = X): boolean =>
  (decisions.operationsOn(who, host, "topic", name) & setOf(operation)) !== 0

describe("decisions by ACLs", () => {
  it.prop(
    "are those of a walk over all rows, before and after a change",
    [Rows, Rows, Schema.Boolean],
    ([before, after, allowsEveryone]) => {
      const { become, decisions } = decisionsOn(before, { allowsEveryone })
      checkAll(decisions, new Model(before, allowsEveryone))
      become([...before.slice(2), ...after])
      checkAll(decisions, new Model([...before.slice(2), ...after], allowsEveryone))
    }
  )

  it.prop(
    "are the same whatever is kept of them",
    [Rows, Schema.Literals([0, 100, 500, 2000])],
    ([rows, cacheBytes]) => {
      const { decisions } = decisionsOn(rows, { cacheBytes })
      checkAll(decisions, new Model(rows, false))
      assert.isAtMost(decisions.heldBytes, cacheBytes)
    }
  )

  it("allow nothing without a row, and everything to a super user", () => {
    const { decisions } = decisionsOn([deny("ALL", "*", { principal: "User:*" })])
    assert.strictEqual(decisions.operationsOn(X, "h", "topic", "t"), 0)
    assert.strictEqual(decisions.operationsOn(ROOT, "h", "topic", "t"), ALL_OPERATIONS)
    assert.isTrue(decisions.allowsSomewhere(ROOT, "h", "write", "topic"))
  })

  it("take a group among super.users for its members", () => {
    const { decisions } = decisionsOn([], { superUsers: new Set(["Group:admins"]) })
    const member = { principal: "User:x", groups: ["Group:admins"], byToken: false }
    assert.strictEqual(decisions.operationsOn(member, "h", "topic", "t"), ALL_OPERATIONS)
    assert.strictEqual(decisions.operationsOn(X, "h", "topic", "t"), 0)
  })

  it("deny before they allow, on whichever pattern", () => {
    const { decisions } = decisionsOn([
      allow("ALL", "orders"),
      deny("WRITE", "ord", { patternType: "PREFIXED" }),
      deny("DELETE", "*")
    ])
    assert.deepStrictEqual(
      (["read", "write", "delete"] as const).map((op) => may(decisions, op, "orders")),
      [true, false, false]
    )
  })

  it("imply DESCRIBE and DESCRIBE_CONFIGS where they allow, and not where they deny", () => {
    const { decisions } = decisionsOn([
      allow("READ", "r"),
      allow("ALTER_CONFIGS", "c"),
      deny("READ", "d"),
      allow("DESCRIBE", "d"),
      allow("READ", "e"),
      deny("DESCRIBE", "e")
    ])
    assert.isTrue(may(decisions, "describe", "r"))
    assert.isFalse(may(decisions, "describeConfigs", "r"))
    assert.isTrue(may(decisions, "describeConfigs", "c"))
    assert.isFalse(may(decisions, "describe", "c"))
    assert.isTrue(may(decisions, "describe", "d"))
    assert.isFalse(may(decisions, "read", "d"))
    assert.isTrue(may(decisions, "read", "e"))
    assert.isFalse(may(decisions, "describe", "e"))
  })

  it("with allow.everyone.if.no.acl.found: a row about anybody is one, of whatever operation", () => {
    const { decisions } = decisionsOn([allow("READ", "orders", { principal: "User:y" })], { allowsEveryone: true })
    assert.isTrue(may(decisions, "write", "others"))
    assert.isFalse(may(decisions, "write", "orders"))
    assert.isFalse(may(decisions, "read", "orders"))
  })

  it("take a * for all names if it is literal, and for names that begin with one if it is a prefix", () => {
    const literal = decisionsOn([allow("READ", "*")]).decisions
    const prefixed = decisionsOn([allow("READ", "*", { patternType: "PREFIXED" })]).decisions
    assert.deepStrictEqual([may(literal, "read", "any"), may(prefixed, "read", "any")], [true, false])
    assert.isTrue(may(prefixed, "read", "*any"))
  })

  it("know a host by its address, however it is written", () => {
    const { decisions } = decisionsOn([
      allow("READ", "v6", { host: "0:0:0:0:0:0:0:1" }),
      allow("WRITE", "v6", { host: "::1" }),
      allow("READ", "v4", { host: "10.0.0.1" }),
      allow("READ", "name", { host: "localhost" })
    ])
    assert.deepStrictEqual([may(decisions, "read", "v6", "::1"), may(decisions, "write", "v6", "::1")], [true, true])
    assert.deepStrictEqual(
      ["10.0.0.1", "::ffff:10.0.0.1", "10.0.0.2", ""].map((host) => may(decisions, "read", "v4", host)),
      [true, true, false, false]
    )
    assert.isFalse(may(decisions, "read", "name", "127.0.0.1"))
  })

  it("tell of somewhere: what is denied may cover what is allowed (KIP-679)", () => {
    const somewhere = (...rows: ReadonlyArray<StoredAcl>) =>
      decisionsOn(rows).decisions.allowsSomewhere(X, "10.0.0.1", "write", "topic")
    const prefix = { patternType: "PREFIXED" }
    assert.isFalse(somewhere())
    assert.isTrue(somewhere(allow("WRITE", "a")))
    assert.isTrue(somewhere(allow("ALL", "a", prefix)))
    assert.isFalse(somewhere(allow("READ", "a")))
    assert.isFalse(somewhere(allow("WRITE", "a"), deny("WRITE", "a")))
    assert.isFalse(somewhere(allow("WRITE", "foo"), deny("ALL", "f", prefix)))
    assert.isFalse(somewhere(allow("WRITE", "foo", prefix), deny("WRITE", "fo", prefix)))
    assert.isTrue(somewhere(allow("WRITE", "foo", prefix), deny("WRITE", "foob", prefix)))
    assert.isTrue(somewhere(allow("WRITE", "foo", prefix), deny("WRITE", "foo")))
    assert.isFalse(somewhere(allow("WRITE", "foo"), deny("WRITE", "*")))
    assert.isTrue(somewhere(allow("WRITE", "*"), deny("WRITE", "a", prefix)))
    assert.isFalse(somewhere(allow("WRITE", "a", { host: "10.0.0.9" })))
    // No operation that implies it counts: nobody may describe somewhere because he may read.
    const { decisions } = decisionsOn([allow("READ", "a")])
    assert.isFalse(decisions.allowsSomewhere(X, "10.0.0.1", "describe", "topic"))
  })
})
