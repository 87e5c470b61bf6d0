import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import { Standstill } from "../../../src/log/follower/Standstill.ts"

const LONGEST_MS = 10_000
const Partition = Schema.Literals([1, 2, 3])
const Event = Schema.Union([
  Schema.Struct({ kind: Schema.Literal("hold"), partition: Partition, at: Schema.Literals([5, 6]) }),
  Schema.Struct({ kind: Schema.Literal("release"), partition: Partition }),
  Schema.Struct({
    kind: Schema.Literal("wait"),
    ms: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 20_000 }))
  })
])

describe("Standstill", () => {
  it("leaves a partition alone for longer each time, as long as it is the same record", () => {
    const standstill = new Standstill(LONGEST_MS)
    let nowMs = 0
    for (const waitMs of [500, 1000, 2000, 4000, 8000, 10_000, 10_000]) {
      standstill.hold(1, 5n, nowMs)
      assert.isTrue(standstill.isHeld(1, nowMs + waitMs - 1))
      assert.strictEqual(standstill.leftMs(nowMs, 60_000), waitMs)
      assert.isFalse(standstill.isHeld(1, nowMs + waitMs))
      nowMs += waitMs
    }
    standstill.hold(1, 6n, nowMs)
    assert.strictEqual(standstill.leftMs(nowMs, 60_000), 500)
    standstill.release(1)
    assert.strictEqual(standstill.size, 0)
  })

  it.prop(
    "holds nobody longer than that, nobody who was let go, and never waits beyond the first",
    [Schema.Array(Event)],
    ([events]) => {
      const standstill = new Standstill(LONGEST_MS)
      const held = new Set<number>()
      let nowMs = 0
      for (const event of events) {
        if (event.kind === "wait") nowMs += event.ms
        else if (event.kind === "hold") {
          standstill.hold(event.partition, BigInt(event.at), nowMs)
          held.add(event.partition)
        } else {
          standstill.release(event.partition)
          held.delete(event.partition)
        }
        assert.strictEqual(standstill.size, held.size)
        const leftMs = standstill.leftMs(nowMs, LONGEST_MS)
        const waiting = [1, 2, 3].filter((partition) => standstill.isHeld(partition, nowMs))
        assert.isTrue(waiting.every((partition) => held.has(partition)))
        assert.isTrue(leftMs >= 0 && leftMs <= LONGEST_MS)
        // After that wait the first of them may go on, or there was none.
        const later = [1, 2, 3].filter((partition) => standstill.isHeld(partition, nowMs + leftMs))
        assert.isTrue(held.size === 0 || waiting.length === 0 || later.length < waiting.length || leftMs === 0)
      }
    }
  )
})
