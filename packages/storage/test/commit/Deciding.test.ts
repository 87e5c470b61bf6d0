import { describe, expect, it } from "@effect/vitest"
import type { KafkaError } from "@tusk/protocol/KafkaError"
import { InvalidConfig } from "@tusk/protocol/KafkaError"
import { Entry } from "../../src/commit/CommitQueue.ts"
import { Deciding, fenced } from "../../src/commit/Deciding.ts"
import type { Participant, Verdict } from "../../src/commit/Participant.ts"
import type { Write } from "../../src/port/Write.ts"

const WRITE: Write = { _tag: "PutNextProducerId", next: 1n }

/** Deciding, with every call it makes in order. */
const begin = () => {
  const calls: Array<string> = []
  const deciding = new Deciding((defect) => calls.push(`log ${String(defect)}`))
  const entry = (name: string, verdict: () => Verdict, broken: Partial<Participant<unknown>> = {}) =>
    new Entry(
      {
        bytes: 1,
        assemble: (writes) => {
          writes.push(WRITE)
          return verdict()
        },
        retract: () => void calls.push(`${name} retracts`),
        settle: (error) => void calls.push(`${name} settles ${error?._tag ?? "stored"}`),
        answer: () => name,
        ...broken
      },
      1,
      Infinity,
      (error: KafkaError | undefined) => calls.push(`${name} hears ${error?._tag ?? "stored"}`)
    )
  return { calls, deciding, entry }
}
const breaks = () => {
  throw new Error("a defect")
}

describe("deciding", () => {
  it("gives the writes of what is to be stored, and answers what asks nothing of the commit", () => {
    const { calls, deciding, entry } = begin()
    expect(deciding.assemble(entry("a", () => "Stored"))).toEqual([WRITE])
    expect(calls).toEqual([])
    expect(deciding.assemble(entry("b", () => "Told"))).toBeUndefined()
    expect(calls).toEqual(["b hears stored"])
  })

  it("keeps a refusal until the commit is stored: it writes nothing, and its service is not told", () => {
    const { calls, deciding, entry } = begin()
    const refused = entry("a", () => new InvalidConfig({ message: "test" }))
    expect(deciding.assemble(refused)).toEqual([])
    expect(calls).toEqual(["a retracts"])
    deciding.settle(refused, undefined)
    expect(calls.slice(1)).toEqual(["a hears InvalidConfig"])
  })

  it("forgets a refusal that does not hold when it is decided once more", () => {
    const { calls, deciding, entry } = begin()
    const verdicts: Array<Verdict> = [new InvalidConfig({ message: "test" }), "Stored"]
    const one = entry("a", () => verdicts.shift()!)
    deciding.assemble(one)
    expect(deciding.assemble(one)).toEqual([WRITE])
    deciding.settle(one, undefined)
    expect(calls).toEqual(["a retracts", "a settles stored", "a hears stored"])
  })

  it("takes back the last first", () => {
    const { calls, deciding, entry } = begin()
    deciding.retractAll(["a", "b", "c"].map((name) => entry(name, () => "Stored")))
    expect(calls).toEqual(["c retracts", "b retracts", "a retracts"])
  })

  it("tells each service before its caller, and the next one after that", () => {
    const { calls, deciding, entry } = begin()
    deciding.settleAll([entry("a", () => "Stored"), entry("b", () => "Stored")], fenced())
    expect(calls.map((call) => call.split(" ").slice(0, 2).join(" "))).toEqual([
      "a settles",
      "a hears",
      "b settles",
      "b hears"
    ])
  })

  it("a defect of one harms no other: it is logged, and its caller gets an error", () => {
    const { calls, deciding, entry } = begin()
    expect(deciding.assemble(entry("a", breaks))).toBeUndefined()
    expect(calls.slice(0, 3)).toEqual(["log Error: a defect", "a retracts", "a settles StoreRefused"])
    expect(calls.slice(3)).toEqual(["a hears UnknownServerError"])
    calls.length = 0
    deciding.retractAll([entry("b", () => "Stored"), entry("c", () => "Stored", { retract: breaks })])
    expect(calls).toEqual(["log Error: a defect", "b retracts"])
    calls.length = 0
    deciding.settleAll([entry("d", () => "Stored", { settle: breaks }), entry("e", () => "Stored")], undefined)
    expect(calls[0]).toBe("log Error: a defect")
    expect(calls[1]).toBe("d hears UnknownServerError")
    expect(calls.slice(2)).toEqual(["e settles stored", "e hears stored"])
  })
})
