import { describe, expect, it } from "@effect/vitest"
import type { StoredAcl } from "@tusk/storage/port/Security"
import { isAllowed, RightsHistory } from "../src/RightsHistory.ts"
import type { Right } from "../src/RightsHistory.ts"

const row = (operation: string, resourceName: string, others: Partial<StoredAcl> = {}): StoredAcl => ({
  resourceType: "TOPIC",
  resourceName,
  patternType: "LITERAL",
  principal: "User:alice",
  host: "*",
  operation,
  permissionType: "ALLOW",
  ...others
})
const READ_SECRET = row("READ", "secret")
const right = (operation: Right["operation"], resourceName = "secret"): Right => ({
  user: "alice",
  operation,
  resourceType: "TOPIC",
  resourceName
})
const asked = (sentMs: number, nowMs = sentMs, isBehind = false) => ({ client: "c", sentMs, nowMs, isBehind })

const begin = () => {
  const wrong: Array<string> = []
  const rights = new RightsHistory((invariant) => wrong.push(invariant))
  const found = () => wrong.splice(0)
  /** Alice reads secret. */
  const answered = (sentMs: number, nowMs: number, isRefused: boolean) => {
    rights.answered(asked(sentMs, nowMs), right("READ"), isRefused, "A1")
    return found()
  }
  return { rights, found, answered }
}

describe("what somebody may do", () => {
  it("goes by Kafka's rules", () => {
    const may = (rows: ReadonlyArray<StoredAcl>, ...asked: Parameters<typeof right>) => isAllowed(rows, right(...asked))
    expect([may([], "READ"), may([READ_SECRET], "READ"), may([READ_SECRET], "WRITE")]).toEqual([false, true, false])
    expect([may([READ_SECRET], "DESCRIBE"), may([READ_SECRET], "READ", "open")]).toEqual([true, false])
    expect(may([{ ...READ_SECRET, principal: "User:bob" }], "READ")).toBe(false)
    expect(may([row("ALL", "sec", { patternType: "PREFIXED" })], "WRITE")).toBe(true)
    const denied = row("READ", "*", { permissionType: "DENY" })
    expect([may([READ_SECRET, denied], "READ"), may([READ_SECRET, denied], "DESCRIBE")]).toEqual([false, true])
  })
})

describe("what was granted", () => {
  it("is what was stored and told, and either of both in between", () => {
    const { answered, found, rights } = begin()
    expect([answered(0, 1, true), answered(0, 1, false)]).toEqual([[], ["A1"]])
    rights.becomes([READ_SECRET], 10)
    // Asked before it was stored, or before anybody was told.
    expect([answered(5, 12, true), answered(5, 12, false)]).toEqual([[], []])
    expect([answered(15, 16, true), answered(15, 16, false)]).toEqual([[], []])
    rights.changed(asked(9, 20), READ_SECRET, true)
    // In the millisecond in which it was told either may have come first.
    expect([answered(20, 21, true), answered(21, 22, true), answered(21, 22, false)]).toEqual([[], ["A3"], []])
    rights.becomes([], 30)
    rights.allKnown(40)
    expect([answered(35, 36, false), answered(41, 42, false), answered(41, 42, true)]).toEqual([[], ["A1"], []])
    expect(found()).toEqual([])
  })

  it("may be what a broker has in memory that another one has taken over from", () => {
    const { found, rights } = begin()
    rights.answered(asked(0, 1, true), right("READ"), false, "A1")
    expect(found()).toEqual([])
  })

  it("is as before what a failover lost, once a broker has taken over", () => {
    const { answered, rights } = begin()
    rights.becomes([READ_SECRET], 10)
    rights.changed(asked(9, 11), READ_SECRET, true)
    rights.becomes([], 20)
    expect([answered(21, 22, true), answered(21, 22, false)]).toEqual([[], []])
    rights.allKnown(30)
    expect([answered(31, 32, true), answered(31, 32, false)]).toEqual([[], ["A1"]])
  })
})

describe("what is told of ACLs", () => {
  it("is what is stored", () => {
    const { found, rights } = begin()
    rights.described(asked(0), [])
    rights.changed(asked(0, 5), READ_SECRET, true)
    expect(found()).toEqual(["A4"])
    rights.becomes([READ_SECRET], 10)
    rights.described(asked(11), [])
    rights.described(asked(11), [READ_SECRET])
    expect(found()).toEqual([])
    // Somebody has seen it.
    rights.described(asked(12), [])
    rights.changed(asked(12), READ_SECRET, false)
    expect(found()).toEqual(["A4", "A4"])
  })
})
