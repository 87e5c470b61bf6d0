import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { TestClock } from "effect/testing"
import { CliError } from "../src/CliError.ts"
import { keepRunning, LOOK_INTERVAL_MS, MAX_RESTARTS, WINDOW_MS } from "../src/embedded-postgres/keepRunning.ts"

/** A server by number: `end` is what happens to it, `startAgain` as `starts` says. */
const server = (starts = true) => {
  let pid = 1
  let alive = true
  const counted = { starts: 0 }
  return {
    counted,
    end: () => {
      alive = false
    },
    watched: {
      pid: () => pid,
      isAlive: () => alive,
      lastLines: () => ["first", "the reason"],
      startAgain: Effect.suspend(() => {
        counted.starts += 1
        if (!starts) return Effect.fail(new CliError({ message: "refused" }))
        pid += 1
        alive = true
        return Effect.void
      })
    }
  }
}

describe("keepRunning: how often", () => {
  it.effect("ends that are far apart are healed for ever", () =>
    Effect.gen(function* () {
      const { counted, end, watched } = server()
      const fiber = yield* Effect.forkChild(keepRunning(watched))
      for (let i = 1; i <= 3 * MAX_RESTARTS; i++) {
        end()
        yield* TestClock.adjust(LOOK_INTERVAL_MS)
        assert.strictEqual(counted.starts, i)
        yield* TestClock.adjust(WINDOW_MS / MAX_RESTARTS)
      }
      assert.isUndefined(fiber.pollUnsafe())
      yield* Fiber.interrupt(fiber)
    })
  )

  it.effect("one end too many within the window fails with the last line of the log", () =>
    Effect.gen(function* () {
      const { counted, end, watched } = server()
      const fiber = yield* Effect.forkChild(Effect.flip(keepRunning(watched)))
      for (let i = 0; i <= MAX_RESTARTS; i++) {
        end()
        yield* TestClock.adjust(LOOK_INTERVAL_MS)
      }
      assert.match((yield* Fiber.join(fiber)).message, /the reason$/)
      assert.strictEqual(counted.starts, MAX_RESTARTS)
    })
  )

  it.effect("a start that fails counts, and is tried again", () =>
    Effect.gen(function* () {
      const { counted, end, watched } = server(false)
      const fiber = yield* Effect.forkChild(Effect.flip(keepRunning(watched)))
      end()
      yield* TestClock.adjust(LOOK_INTERVAL_MS * MAX_RESTARTS)
      assert.strictEqual(counted.starts, MAX_RESTARTS)
      assert.isUndefined(fiber.pollUnsafe())
      yield* TestClock.adjust(LOOK_INTERVAL_MS)
      assert.strictEqual((yield* Fiber.join(fiber))._tag, "CliError")
    })
  )
})
