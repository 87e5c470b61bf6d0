import { describe, expect, it } from "@effect/vitest"
import { LogHistory } from "../src/LogHistory.ts"
import type { Asked } from "../src/LogHistory.ts"

const P = 0

/** A history in which `a` to `e` were sent, and the names of what is wrong with it. */
const begin = () => {
  const wrong: Array<string> = []
  const log = new LogHistory((invariant, text) => wrong.push(`${invariant} ${text}`))
  Array.from("abcde").forEach((value, i) => log.sends("idempotent", "p", P, i, value))
  const asked = (sentMs: number, isBehind = false): Asked => ({ client: "c", sentMs, nowMs: sentMs + 1, isBehind })
  const invariants = () => wrong.map((text) => text.split(" ")[0])
  /** Offsets 1 and 2 are lost at 100, and the end leaps from 1 to 11. */
  const failsOver = () => {
    log.failovers++
    log.takesOver(P, 1)
    log.loses(P, 1, 2, 100)
  }
  const read = (sentMs: number, ...values: ReadonlyArray<readonly [number, string]>) => {
    for (const [offset, value] of values) log.read(asked(sentMs), P, offset, value)
  }
  return { log, asked, read, failsOver, invariants }
}

/** What is there at the end. */
const reading = (
  end: number,
  records: ReadonlyArray<readonly [number, string]>,
  leaps: ReadonlyArray<[number, number]>
) => new Map([[P, { end, records: new Map(records), leaps }]])

describe("what was read of a log", () => {
  it("is right if a failover lost all that is lost, and the end leapt over it", () => {
    const { asked, failsOver, invariants, log, read } = begin()
    log.acknowledged("a", 0)
    log.acknowledged("b", 1)
    read(50, [0, "a"], [1, "b"], [2, "c"])
    log.highWatermark(asked(50), P, 3)
    failsOver()
    log.truncated(asked(150), P, 3, 1, 2)
    log.leaps(asked(150), P, 1, 10)
    log.highWatermark(asked(150), P, 12)
    // Sent again, as it was not acknowledged.
    log.acknowledged("c", 11)
    read(160, [11, "c"])
    log.finish(
      reading(
        12,
        [
          [0, "a"],
          [11, "c"]
        ],
        [[1, 10]]
      )
    )
    expect(invariants()).toEqual([])
  })

  it("is wrong if more is lost, or what is lost is there", () => {
    const { failsOver, invariants, log, read } = begin()
    for (const [i, value] of Array.from("abcd").entries()) log.acknowledged(value, i)
    failsOver()
    read(150, [2, "c"])
    log.finish(
      reading(
        11,
        [
          [0, "a"],
          [1, "b"]
        ],
        [[2, 10]]
      )
    )
    expect(invariants()).toEqual(["E3", "E3", "L3", "L3"])
  })

  it("is wrong if an offset has two values, a failover between them or not", () => {
    const { failsOver, invariants, log, read } = begin()
    read(50, [0, "a"], [1, "b"])
    failsOver()
    log.acknowledged("d", 1)
    read(150, [0, "e"])
    expect(invariants()).toEqual(["L1", "L1"])
  })

  it("is wrong if nothing lies at an offset, and no failover leapt", () => {
    const { asked, failsOver, invariants, log } = begin()
    log.leaps(asked(50), P, 1, 10)
    failsOver()
    log.leaps(asked(150), P, 1, 10)
    log.leaps(asked(150), P, 2, 11)
    log.acknowledged("a", 5)
    log.leaps(asked(150), P, 1, 10)
    log.finish(reading(8, [], [[1, 4]]))
    expect(invariants()).toEqual(["L2", "L2", "L2", "L3", "L2", "L2", "L2", "L2", "L3"])
  })

  it("is wrong if its producer was told that it is not stored", () => {
    const { invariants, log, read } = begin()
    log.denied("a")
    read(50, [0, "a"], [1, "b"])
    log.denied("b")
    expect(invariants()).toEqual(["E2", "E2"])
  })

  it("is told in high watermarks that only rise, but by a broker that may not know better", () => {
    const { asked, invariants, log } = begin()
    log.highWatermark(asked(50), P, 5)
    // Asked before that was told.
    log.highWatermark(asked(51), P, 3)
    log.highWatermark(asked(52, true), P, 3)
    log.highWatermark(asked(52), P, 5)
    expect(invariants()).toEqual([])
    log.highWatermark(asked(53), P, 4)
    expect(invariants()).toEqual(["L6"])
  })

  it("is gone back over if it is lost, and only then", () => {
    const { asked, failsOver, invariants, log, read } = begin()
    read(50, [0, "a"], [1, "b"], [2, "c"])
    failsOver()
    log.truncated(asked(150), P, 3, 1, 2)
    log.truncated(asked(150, true), P, 3, 3, 2)
    log.truncated(asked(150), P, 11, 11, undefined)
    expect(invariants()).toEqual([])
    log.truncated(asked(150), P, 3, 0, 2)
    log.truncated(asked(150), P, 3, 3, 2)
    expect(invariants()).toEqual(["E3", "E3"])
  })
})
