import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"
import { TestClock } from "effect/testing"
import { ObjectStoreUnavailable } from "../../../src/port/ObjectStore.ts"
import { Fenced } from "../../../src/port/StoreError.ts"
import { makeSignal } from "../../../src/Signal.ts"
import { startBroker } from "./WritingBroker.ts"
import type { Broker } from "./WritingBroker.ts"

const batch = (bytes: number, fill = 1) => new Uint8Array(bytes).fill(fill)

const grown = () => startBroker({ grownBytes: 100 }, { grows: true })

const scenario = (title: string, body: () => Effect.Effect<unknown, unknown, Scope.Scope>) =>
  it.effect(title, () => Effect.andThen(TestClock.setTime(1_000_000), Effect.scoped(Effect.suspend(body))))

/** Puts batches, as a unit that is stored then; tells of which object, where they lie, and what the unit told of objects. */
const stored = Effect.fnUntraced(function* (broker: Broker, ...sizes: ReadonlyArray<number>) {
  const { placed, positions, stored, writes } = yield* broker.writer.put(sizes.map((size) => batch(size)))
  const told = writes()
  stored(told)
  return [Number(placed.write.objectId), positions, told.map(({ bytes, objectId }) => [Number(objectId), bytes])]
})

/** Appends wait until they are let go. */
const held = (broker: Broker): (() => void) => {
  const changed = makeSignal()
  let isOpen = false
  const untilOpen = changed.until(() => isOpen)
  broker.instead = (put) => Effect.andThen(untilOpen, put)
  return () => {
    isOpen = true
    changed.notify()
  }
}

describe("an object that grows", () => {
  scenario(
    "takes one put after the other until it is full; its row goes with the first, its size with the next one's",
    () =>
      Effect.gen(function* () {
        const broker = yield* grown()
        assert.deepStrictEqual(yield* stored(broker, 10, 20), [1, [0, 10], [[1, 100]]])
        assert.deepStrictEqual(yield* stored(broker, 60), [1, [30], []])
        assert.deepStrictEqual(broker.closed, [])
        assert.deepStrictEqual(yield* stored(broker, 11), [
          2,
          [0],
          [
            [2, 100],
            [1, 90]
          ]
        ])
        assert.strictEqual(broker.closed.length, 1)
        assert.deepStrictEqual(yield* stored(broker, 300), [
          3,
          [0],
          [
            [3, 300],
            [2, 11]
          ]
        ])
        assert.deepStrictEqual(
          Array.from(broker.data.objects.entries(), ([name, { byteLength }]) => [name.at(-1), byteLength]).slice(1),
          [
            ["1", 90],
            ["2", 11],
            ["3", 300]
          ]
        )
      })
  )

  scenario("is told of until a unit that told of it is stored", () =>
    Effect.gen(function* () {
      const broker = yield* grown()
      const one = yield* broker.writer.put([batch(1)])
      const two = yield* broker.writer.put([batch(1)])
      assert.deepStrictEqual(one.writes(), [one.placed.write])
      // The unit with it was not stored: what it had is nowhere.
      assert.deepStrictEqual(two.writes(), [one.placed.write])
      one.stored(one.writes())
      assert.deepStrictEqual(two.writes(), [])
      two.stored([])
    })
  )

  scenario("takes what comes while an append is on its way all at once", () =>
    Effect.gen(function* () {
      const broker = yield* grown()
      const letGo = held(broker)
      const all = yield* Effect.forEach([10, 20, 30], (size) =>
        Effect.forkChild(broker.writer.put([batch(size)]), { startImmediately: true })
      )
      yield* broker.untilAsked(1)
      yield* TestClock.adjust("1 seconds")
      assert.strictEqual(broker.asked.length, 1)
      letGo()
      const places = yield* Effect.forEach(all, Fiber.join)
      assert.deepStrictEqual(
        places.map(({ positions }) => positions),
        [[0], [10], [30]]
      )
    })
  )

  scenario(
    "grows no more after an append that failed: that is tried again in another one, and nobody tells its size",
    () =>
      Effect.gen(function* () {
        const broker = yield* grown()
        yield* stored(broker, 10)
        let left = 2
        const lost = new ObjectStoreUnavailable({ message: "no answer", sent: true })
        broker.instead = (put) => (left-- > 0 ? Effect.andThen(Effect.exit(put), Effect.fail(lost)) : put)
        const put = yield* Effect.forkChild(stored(broker, 20), { startImmediately: true })
        yield* TestClock.adjust("1 seconds")
        assert.deepStrictEqual(yield* Fiber.join(put), [3, [0], [[3, 100]]])
        assert.strictEqual(broker.closed.length, 2)
      })
  )

  scenario("grows for a part of the time for which it may be pointed to, and ends when asked", () =>
    Effect.gen(function* () {
      const broker = yield* grown()
      yield* stored(broker, 10)
      yield* TestClock.adjust("14 minutes")
      assert.isTrue(broker.objects.isGrowing(1n))
      assert.deepStrictEqual(yield* stored(broker, 10), [1, [10], []])
      yield* TestClock.adjust("1 minutes")
      assert.isFalse(broker.objects.isGrowing(1n))
      assert.strictEqual((yield* stored(broker, 10))[0], 2)
      yield* broker.objects.endGrowing
      assert.isFalse(broker.objects.isGrowing(2n))
      assert.strictEqual((yield* stored(broker, 10))[0], 3)
    })
  )

  scenario("ends when the clock leaps, or the machine slept: what came then could not be pointed to", () =>
    Effect.gen(function* () {
      const wall = { aheadMs: 0 }
      const broker = yield* Effect.updateService(grown(), Clock.Clock, (clock) => ({
        ...clock,
        currentTimeMillisUnsafe: () => clock.currentTimeMillisUnsafe() + wall.aheadMs
      }))
      yield* stored(broker, 10)
      wall.aheadMs = 2 * 3_600_000
      const { placed } = yield* broker.writer.put([batch(10)])
      assert.strictEqual(placed.refusal(), undefined)
      assert.strictEqual(placed.write.objectId, 2n)
      wall.aheadMs = -24 * 3_600_000
      assert.strictEqual((yield* broker.writer.put([batch(10)])).placed.refusal(), undefined)
    })
  )

  scenario("is not closed while something is appended to it, though it ends meanwhile", () =>
    Effect.gen(function* () {
      const broker = yield* grown()
      yield* stored(broker, 10)
      const letGo = held(broker)
      const put = yield* Effect.forkChild(stored(broker, 5), { startImmediately: true })
      yield* broker.untilAsked(2)
      yield* broker.objects.endGrowing
      assert.deepStrictEqual(broker.closed, [])
      letGo()
      assert.deepStrictEqual(yield* Fiber.join(put), [1, [10], [[1, 15]]])
      assert.strictEqual(broker.closed.length, 1)
      assert.deepStrictEqual(yield* stored(broker, 7), [2, [0], [[2, 100]]])
    })
  )

  scenario("takes nothing in another reign, and is not told of there", () =>
    Effect.gen(function* () {
      const broker = yield* grown()
      const before = yield* broker.writer.put([batch(10)])
      yield* broker.active.failed(new Fenced({ message: "lost" }), broker.active.reign()!)
      assert.strictEqual(before.placed.refusal()?._tag, "Fenced")
      assert.deepStrictEqual(yield* stored(broker, 10), [2, [0], [[2, 100]]])
      assert.strictEqual(broker.closed.length, 1)
    })
  )

  it.effect("is closed at the end", () =>
    Effect.gen(function* () {
      const broker = yield* Effect.scoped(Effect.tap(grown(), (broker) => stored(broker, 10)))
      assert.strictEqual(broker.closed.length, 1)
    })
  )
})
