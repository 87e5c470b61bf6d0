import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { TestClock } from "effect/testing"
import { Pace } from "../../../src/log/erase/Pace.ts"

const waited = (pace: Pace, bytes: number, tookMs: number) =>
  Effect.gen(function* () {
    const begin = yield* Clock.currentTimeMillis
    const passing = yield* Effect.forkScoped(Effect.andThen(pace.passed(bytes, tookMs), Clock.currentTimeMillis), {
      startImmediately: true
    })
    yield* TestClock.adjust("1 hour")
    return (yield* Fiber.join(passing)) - begin
  })

describe("the pace of erasing", () => {
  it.effect("is so many bytes a second, and a quarter of the time", () =>
    Effect.gen(function* () {
      const pace = new Pace({ bytesPerSecond: 1000, longestWaitMs: 5000 })
      assert.strictEqual(yield* waited(pace, 20_000, 0), 20_000)
      assert.strictEqual(yield* waited(pace, 1000, 500), 1500)
      assert.strictEqual(yield* waited(pace, 2000, 500), 2000)
    })
  )

  it.effect("is not slowed down for long by a step that waited for a database", () =>
    Effect.gen(function* () {
      const pace = new Pace({ bytesPerSecond: 1000, longestWaitMs: 5000 })
      assert.strictEqual(yield* waited(pace, 10, 34_000), 5000)
    })
  )
})
