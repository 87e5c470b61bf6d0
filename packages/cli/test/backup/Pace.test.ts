import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { TestClock } from "effect/testing"
import { Pace } from "../../src/backup/Pace.ts"

const MB = 1024 * 1024

describe("the pace of a long read", () => {
  it.effect("is held to a rate, and told once a second", () =>
    Effect.gen(function* () {
      yield* TestClock.adjust("1 hour")
      const told: Array<number> = []
      const pace = new Pace(10, (bytes) =>
        Effect.sync(() => {
          told.push(bytes / MB)
        })
      )
      const done: Array<number> = []
      const reading = yield* Effect.forkChild(
        Effect.gen(function* () {
          for (let read = 5; read <= 30; read += 5) {
            yield* pace.read(read * MB, "t-0")
            done.push(read)
          }
        })
      )
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(done, [5, 10])
      yield* TestClock.adjust("2 seconds")
      yield* Fiber.join(reading)
      assert.deepStrictEqual(told, [5, 15, 25])
    })
  )
})
