import { assert, describe, it } from "@effect/vitest"
import { DenialLog } from "../../../src/security/acl/DenialLog.ts"
import type { Denial } from "../../../src/security/acl/DenialLog.ts"

const denial = (some: Partial<Denial> = {}): Denial => ({
  principal: "User:a",
  host: "10.0.0.1",
  operation: "read",
  resourceType: "topic",
  name: "orders",
  ...some
})

describe("what is told of denials", () => {
  it("is one of a principal and a resource within a minute", () => {
    const log = new DenialLog()
    const told = (nowMs: number, some?: Partial<Denial>) => log.of(denial(some), nowMs).length
    assert.deepStrictEqual(log.of(denial(), 0), [
      { principal: "User:a", operation: "READ", resource: "TOPIC:orders", host: "10.0.0.1" }
    ])
    assert.strictEqual(told(1), 0)
    assert.strictEqual(told(2, { operation: "write", host: "10.0.0.2" }), 0)
    assert.strictEqual(told(3, { principal: "User:b" }), 1)
    assert.strictEqual(told(4, { name: "others" }), 1)
    assert.strictEqual(told(5, { resourceType: "group" }), 1)
    assert.strictEqual(told(59_999), 0)
    assert.strictEqual(told(60_000), 1)
  })

  it("is bounded, and says what is left out", () => {
    const log = new DenialLog()
    const lines = Array.from({ length: 5000 }, (_, i) => log.of(denial({ name: `t${i}` }), i)).flat()
    assert.lengthOf(lines, 1000)
    assert.deepStrictEqual(log.of(denial(), 60_000)[0], { untold: 4000 })
    const [long] = log.of(denial({ name: "x".repeat(32_000), principal: `User:${"y".repeat(9000)}` }), 60_001)
    assert.isAtMost(JSON.stringify(long).length, 600)
  })
})
