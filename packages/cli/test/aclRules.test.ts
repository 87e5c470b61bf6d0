import { assert, describe, it } from "@effect/vitest"
import { filtersOf, rulesOf } from "../src/commands/acl/rules.ts"

describe("rules of tusk acl", () => {
  const none = {
    allow: [],
    deny: [],
    hosts: [],
    operations: [],
    topics: [],
    groups: [],
    transactionalIds: [],
    delegationTokens: [],
    users: [],
    cluster: false,
    prefixed: false,
    producer: false,
    consumer: false
  }
  const count = (given: object) => {
    const rules = rulesOf({ ...none, ...given })
    return "message" in rules ? rules.message : rules.length
  }

  it("are each principal, operation, resource and host", () => {
    assert.strictEqual(
      count({
        allow: ["User:a", "User:b"],
        deny: ["User:c"],
        operations: ["read", "write"],
        topics: ["t", "u"],
        hosts: ["1.2.3.4", "::1"]
      }),
      3 * 2 * 2 * 2
    )
    assert.strictEqual(count({ allow: ["User:a"], consumer: true, topics: ["t"], groups: ["g"] }), 3)
    assert.strictEqual(count({ allow: ["User:a"], producer: true, topics: ["t"], transactionalIds: ["x"] }), 5)
    assert.strictEqual(
      count({ allow: ["User:a"], consumer: true, operations: ["read"], topics: ["t"], groups: ["g"] }),
      3
    )
  })

  it("that say too little are refused", () => {
    assert.include(count({}), "--allow")
    assert.include(count({ allow: ["a"] }), "User:a")
    assert.include(count({ allow: ["User:a"] }), "--topic")
    assert.include(count({ allow: ["User:a"], topics: ["t"] }), "--operation")
    assert.include(count({ allow: ["User:a"], topics: ["t"], consumer: true }), "--group")
    assert.include(count({ deny: ["User:a"], topics: ["t"], producer: true }), "--allow")
  })

  it("a filter asks for all that no flag names", () => {
    assert.deepStrictEqual(filtersOf(none), [{ operation: undefined, host: undefined, pattern: undefined }])
    const [found] = filtersOf({ ...none, topics: ["t"] }, ["User:a"]) as ReadonlyArray<any>
    assert.strictEqual(found.pattern, "literal")
    assert.strictEqual(found.principal, "User:a")
    assert.strictEqual((filtersOf({ ...none, topics: ["t"] }, [], true) as ReadonlyArray<any>)[0].pattern, "match")
  })
})
