import { assert, describe, it } from "@effect/vitest"
import { Deadlines } from "../../src/request/Deadlines.ts"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/testing/TestClock"

describe("deadlines", () => {
  it.effect("ring in order of their times, each once, and not before", () =>
    Effect.gen(function* () {
      const deadlines = yield* Deadlines
      const rung: Array<string> = []
      for (const [name, at] of [
        ["c", 500],
        ["a", 100],
        ["b", 100],
        ["d", 5000]
      ] as const) {
        deadlines.at(at, () => rung.push(name))
      }
      yield* TestClock.adjust(99)
      assert.deepStrictEqual(rung, [])
      yield* TestClock.adjust(1)
      assert.deepStrictEqual(rung, ["a", "b"])
      yield* TestClock.adjust(1000)
      assert.deepStrictEqual(rung, ["a", "b", "c"])
      // One that comes later but is due before.
      deadlines.at(1200, () => rung.push("e"))
      yield* TestClock.adjust(200)
      assert.deepStrictEqual(rung, ["a", "b", "c", "e"])
      yield* TestClock.adjust(10_000)
      assert.deepStrictEqual(rung, ["a", "b", "c", "e", "d"])
    }).pipe(Effect.provide(Deadlines.layer))
  )

  it.effect("that are taken off do not ring; one that is over rings soon", () =>
    Effect.gen(function* () {
      const deadlines = yield* Deadlines
      const rung: Array<string> = []
      const a = () => void rung.push("a")
      const ringsAt = deadlines.at(100, a)
      deadlines.at(100, () => rung.push("b"))
      deadlines.off(ringsAt, a)
      yield* TestClock.adjust(100)
      assert.deepStrictEqual(rung, ["b"])
      deadlines.at(3, () => rung.push("late"))
      yield* TestClock.adjust(4)
      assert.deepStrictEqual(rung, ["b", "late"])
    }).pipe(Effect.provide(Deadlines.layer))
  )

  it.effect("that are far off ring together, up to 16 ms late; near ones do not wait for them", () =>
    Effect.gen(function* () {
      const deadlines = yield* Deadlines
      const rung: Array<number> = []
      for (const at of [100, 305, 319, 321]) deadlines.at(at, () => rung.push(at))
      yield* TestClock.adjust(100)
      assert.deepStrictEqual(rung, [100])
      yield* TestClock.adjust(219)
      assert.deepStrictEqual(rung, [100])
      yield* TestClock.adjust(1)
      assert.deepStrictEqual(rung, [100, 305, 319])
      yield* TestClock.adjust(16)
      assert.deepStrictEqual(rung, [100, 305, 319, 321])
    }).pipe(Effect.provide(Deadlines.layer))
  )

  it.effect("may be set by one that rings", () =>
    Effect.gen(function* () {
      const deadlines = yield* Deadlines
      let count = 0
      const again = (at: number): void => {
        deadlines.at(at, () => {
          count++
          again(at + 100)
        })
      }
      again(100)
      yield* TestClock.adjust(1000)
      assert.strictEqual(count, 10)
    }).pipe(Effect.provide(Deadlines.layer))
  )
})
