import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Schema from "effect/Schema"
import { makeSignal } from "../src/Signal.ts"

/** Starts at once, and runs up to its first wait. */
const begin = <A>(effect: Effect.Effect<A>) => Effect.forkChild(effect, { startImmediately: true })
const isDone = (fiber: Fiber.Fiber<unknown>) => fiber.pollUnsafe() !== undefined

describe("a signal", () => {
  it.effect("waits for nothing that holds already", () =>
    Effect.gen(function* () {
      const fiber = yield* begin(makeSignal().until(() => true))
      assert.isTrue(isDone(fiber))
    })
  )

  it.effect("wakes at the notify after which the condition holds, and at no earlier one", () =>
    Effect.gen(function* () {
      const signal = makeSignal()
      let value = 0
      const fiber = yield* begin(signal.until(() => value >= 2))
      for (value = 0; value < 2; value++) {
        signal.notify()
        assert.isFalse(isDone(fiber))
      }
      signal.notify()
      assert.isTrue(isDone(fiber))
    })
  )

  it.effect("looks again whenever it is notified: the next notification finds what none told of", () =>
    Effect.gen(function* () {
      const signal = makeSignal()
      let isFull = false
      const fiber = yield* begin(signal.until(() => isFull))
      isFull = true
      assert.isFalse(isDone(fiber))
      signal.notify()
      assert.isTrue(isDone(fiber))
    })
  )

  it.effect("a woken fiber runs nested, and may wait, change and notify there: nothing of it is lost", () =>
    Effect.gen(function* () {
      // The writer says that it is empty; the reader, woken by that, fills it and says so while the writer still runs.
      const signal = makeSignal()
      const pending: Array<number> = []
      const sent: Array<number> = []
      const reader = yield* begin(
        Effect.gen(function* () {
          for (let i = 1; i <= 1000; i++) {
            yield* signal.until(() => pending.length === 0)
            pending.push(i)
            signal.notify()
          }
        })
      )
      const writer = yield* begin(
        Effect.gen(function* () {
          while (sent.length < 1000) {
            yield* signal.until(() => pending.length > 0)
            sent.push(...pending.splice(0))
            signal.notify()
          }
        })
      )
      yield* Fiber.join(reader)
      yield* Fiber.join(writer)
      assert.deepStrictEqual(
        sent,
        Array.from({ length: 1000 }, (_, i) => i + 1)
      )
    })
  )

  it.effect("of many fibers that wait for one thing, as many are woken as there are things; the others wait on", () =>
    Effect.gen(function* () {
      const signal = makeSignal()
      let free = 0
      const taken: Array<number> = []
      const fibers = yield* Effect.forEach([0, 1, 2, 3], (i) =>
        begin(
          Effect.map(
            signal.until(() => free > 0),
            () => {
              free--
              taken.push(i)
            }
          )
        )
      )
      free = 2
      signal.notify()
      assert.deepStrictEqual(taken, [0, 1])
      free = 1
      signal.notify()
      assert.deepStrictEqual(taken, [0, 1, 2])
      assert.deepStrictEqual(fibers.map(isDone), [true, true, true, false])
    })
  )

  it.effect("a fiber that is interrupted is no longer looked at", () =>
    Effect.gen(function* () {
      const signal = makeSignal()
      let looks = 0
      const fiber = yield* begin(
        signal.until(() => {
          looks++
          return false
        })
      )
      yield* Fiber.interrupt(fiber)
      const before = looks
      signal.notify()
      assert.strictEqual(looks, before)
    })
  )

  it.effect("a condition that throws fails the fiber that waits for it, and no other", () =>
    Effect.gen(function* () {
      const signal = makeSignal()
      let ready = false
      const broken = yield* begin(
        signal.until(() => {
          if (ready) throw new Error("broken")
          return false
        })
      )
      const other = yield* begin(signal.until(() => ready))
      ready = true
      signal.notify()
      assert.isTrue(isDone(other))
      assert.isTrue(Exit.hasDies(yield* Fiber.await(broken)))
    })
  )

  it.effect.prop(
    "whatever changes in whatever order, no fiber waits for what holds",
    [Schema.Array(Schema.Literals(["wait 1", "wait 2", "wait 3", "rise", "fall", "nested rise"]))],
    ([steps]) =>
      Effect.gen(function* () {
        const signal = makeSignal()
        let level = 0
        const waiting: Array<{ readonly least: number; readonly fiber: Fiber.Fiber<void> }> = []
        const set = (to: number) => {
          level = to
          signal.notify()
        }
        for (const step of steps) {
          if (step === "rise") set(level + 1)
          else if (step === "fall") set(Math.max(0, level - 1))
          else if (step === "nested rise") {
            const least = level + 1
            yield* begin(
              Effect.map(
                signal.until(() => level >= least),
                () => set(level + 1)
              )
            )
          } else {
            const least = Number(step.slice(5))
            waiting.push({ least, fiber: yield* begin(signal.until(() => level >= least)) })
          }
          for (const { fiber, least } of waiting) assert.isTrue(isDone(fiber) || level < least)
        }
      })
  )
})
