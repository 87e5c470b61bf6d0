import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"
import { TestClock } from "effect/testing"
import { ObjectStoreRefused, ObjectStoreUnavailable } from "../../../src/port/ObjectStore.ts"
import { Fenced } from "../../../src/port/StoreError.ts"
import { makeSignal } from "../../../src/Signal.ts"
import { startBroker } from "./WritingBroker.ts"

const CLUSTER = "AAAAAAAAAAAAAAAAAAAAAQ"

/** A batch of so many bytes. */
const batch = (bytes: number, fill = 1) => new Uint8Array(bytes).fill(fill)

const lost = new ObjectStoreUnavailable({ message: "no answer", sent: true })
const lostReign = new Fenced({ message: "lost" })
const away = new ObjectStoreUnavailable({ message: "away", sent: false })

/** Puts wait until they are let go. */
const gate = () => {
  const changed = makeSignal()
  let open = 0
  return {
    wait: Effect.suspend(() =>
      Effect.andThen(
        changed.until(() => open > 0),
        Effect.sync(() => void open--)
      )
    ),
    letGo: (count = 1) => {
      open += count
      changed.notify()
    }
  }
}

const scenario = (title: string, body: () => Effect.Effect<unknown, unknown, Scope.Scope>) =>
  it.effect(title, () => Effect.andThen(TestClock.setTime(1_000_000), Effect.scoped(Effect.suspend(body))))

describe("what is to be appended", () => {
  scenario("goes into a local store at once, and what comes meanwhile into the next object", () =>
    Effect.gen(function* () {
      const broker = yield* startBroker()
      const { letGo, wait } = gate()
      broker.instead = (put) => Effect.andThen(wait, put)
      const first = yield* Effect.forkChild(broker.writer.put([batch(10), batch(20)]), { startImmediately: true })
      yield* broker.untilAsked(1)
      const second = yield* Effect.forkChild(broker.writer.put([batch(30)]), { startImmediately: true })
      const third = yield* Effect.forkChild(broker.writer.put([batch(40), batch(50)]), { startImmediately: true })
      letGo()
      assert.deepStrictEqual((yield* Fiber.join(first)).positions, [0, 10])
      letGo()
      const [b, c] = [yield* Fiber.join(second), yield* Fiber.join(third)]
      assert.deepStrictEqual([b.positions, c.positions], [[0], [30, 70]])
      assert.strictEqual(b.placed, c.placed)
      assert.deepStrictEqual(
        broker.asked.map(({ bytes }) => bytes),
        [30, 120]
      )
      assert.strictEqual(b.placed.write.bytes, 120)
    })
  )

  scenario("waits for others if the store is far away, as long as it may", () =>
    Effect.gen(function* () {
      const broker = yield* startBroker({}, { isLocal: false })
      const first = yield* Effect.forkChild(broker.writer.put([batch(10)]), { startImmediately: true })
      yield* TestClock.adjust(100)
      const second = yield* Effect.forkChild(broker.writer.put([batch(20)]), { startImmediately: true })
      yield* TestClock.adjust(149)
      assert.deepStrictEqual(broker.asked, [])
      yield* TestClock.adjust(1)
      const places = [yield* Fiber.join(first), yield* Fiber.join(second)]
      assert.deepStrictEqual(
        places.map(({ positions }) => positions),
        [[0], [10]]
      )
      assert.strictEqual(broker.asked.length, 1)
    })
  )

  scenario("waits no longer once there is enough, and goes side by side into as many objects as there may be", () =>
    Effect.gen(function* () {
      const broker = yield* startBroker({}, { isLocal: false })
      const { letGo, wait } = gate()
      broker.instead = (put) => Effect.andThen(wait, put)
      const all = yield* Effect.forEach([600, 300, 200, 900, 900, 5000], (bytes) =>
        Effect.forkChild(broker.writer.put([batch(bytes)]), { startImmediately: true })
      )
      yield* broker.untilAsked(2)
      yield* TestClock.adjust(1000)
      assert.deepStrictEqual(
        broker.asked.map(({ bytes }) => bytes),
        [900, 200]
      )
      letGo(9)
      for (const fiber of all) yield* Fiber.join(fiber)
      assert.deepStrictEqual(
        broker.asked.map(({ bytes }) => bytes),
        [900, 200, 900, 900, 5000]
      )
    })
  )

  scenario("has a name and an id of its own, also in the next reign", () =>
    Effect.gen(function* () {
      const broker = yield* startBroker()
      const one = yield* broker.objects.put([batch(1)])
      const two = yield* broker.objects.put([batch(2), batch(3)], { merged: true })
      yield* broker.active.failed(lostReign, broker.active.reign()!)
      const three = yield* broker.objects.put([batch(4)])
      assert.deepStrictEqual(
        [one, two, three].map(({ write }) => [write.objectId, write.name, write.bytes, write.createdAt, write.merged]),
        [
          [1n, `${CLUSTER}/abcdefgh/00000lfls-1`, 1, 1_000_000n, false],
          [2n, `${CLUSTER}/abcdefgh/00000lfls-2`, 5, 1_000_000n, true],
          [3n, `${CLUSTER}/abcdefgh/00000lfls-3`, 4, 1_000_000n, false]
        ]
      )
      // Of the reign before nothing is stored.
      assert.deepStrictEqual(
        [one, two, three].map(({ refusal }) => refusal()?._tag),
        ["Fenced", "Fenced", undefined]
      )
    })
  )

  scenario("is not pointed to once it has waited for an hour", () =>
    Effect.gen(function* () {
      const broker = yield* startBroker()
      const { refusal } = yield* broker.objects.put([batch(1)])
      yield* TestClock.adjust("59 minutes")
      assert.isUndefined(refusal())
      yield* TestClock.adjust("1 minutes")
      assert.strictEqual(refusal()?._tag, "StoreUnavailable")
    })
  )
})

describe("a put that fails", () => {
  scenario("is tried again, and is told when it works", () =>
    Effect.gen(function* () {
      const broker = yield* startBroker()
      let left = 3
      broker.instead = (put) => (left-- > 0 ? Effect.fail(away) : put)
      const put = yield* Effect.forkChild(broker.objects.put([batch(1)]), { startImmediately: true })
      yield* TestClock.adjust("1 seconds")
      yield* Fiber.join(put)
      assert.deepStrictEqual(new Set(broker.asked.map(({ name }) => name)).size, 1)
      assert.strictEqual(broker.asked.length, 4)
    })
  )

  scenario("is found under its name if an earlier try has stored it", () =>
    Effect.gen(function* () {
      const broker = yield* startBroker()
      let tries = 0
      broker.instead = (put) => (++tries === 1 ? Effect.andThen(Effect.exit(put), Effect.fail(lost)) : put)
      const put = yield* Effect.forkChild(broker.objects.put([batch(7)]), { startImmediately: true })
      yield* TestClock.adjust("1 seconds")
      const { write } = yield* Fiber.join(put)
      assert.strictEqual(broker.data.objects.get(write.name)?.byteLength, 7)
      assert.strictEqual(tries, 2)
    })
  )

  scenario("is not taken for stored if there is something else, nor if it was not tried before", () =>
    Effect.gen(function* () {
      const broker = yield* startBroker()
      let tries = 0
      broker.instead = (put, name) => {
        broker.data.objects.set(name, batch(8))
        return ++tries === 1 ? Effect.fail(lost) : put
      }
      const put = yield* Effect.forkChild(Effect.flip(broker.objects.put([batch(7)])), { startImmediately: true })
      yield* TestClock.adjust("1 seconds")
      assert.strictEqual((yield* Fiber.join(put))._tag, "StoreUnavailable")
      assert.strictEqual((yield* Effect.flip(broker.objects.put([batch(8)])))._tag, "StoreUnavailable")
    })
  )

  scenario("is given up after half a minute, or at once if it is refused; its batches fail", () =>
    Effect.gen(function* () {
      const broker = yield* startBroker()
      broker.instead = () => Effect.fail(lost)
      const put = yield* Effect.forkChild(Effect.flip(broker.writer.put([batch(7)])), { startImmediately: true })
      yield* TestClock.adjust("25 seconds")
      assert.isUndefined(put.pollUnsafe())
      yield* TestClock.adjust("6 seconds")
      assert.strictEqual((yield* Fiber.join(put))._tag, "StoreUnavailable")
      const before = broker.asked.length
      broker.instead = () => Effect.fail(new ObjectStoreRefused({ message: "no" }))
      assert.strictEqual((yield* Effect.flip(broker.writer.put([batch(7)])))._tag, "StoreUnavailable")
      assert.strictEqual(broker.asked.length, before + 1)
    })
  )

  scenario("ends with its reign", () =>
    Effect.gen(function* () {
      const broker = yield* startBroker({}, { isLocal: false })
      broker.instead = () => Effect.fail(away)
      const put = yield* Effect.forkChild(Effect.flip(broker.objects.put([batch(7)])), { startImmediately: true })
      yield* broker.untilAsked(1)
      const waiting = yield* Effect.forkChild(Effect.flip(broker.writer.put([batch(7)])), { startImmediately: true })
      yield* broker.active.failed(lostReign, broker.active.reign()!)
      yield* TestClock.adjust("1 seconds")
      assert.strictEqual((yield* Fiber.join(put))._tag, "Fenced")
      assert.strictEqual((yield* Fiber.join(waiting))._tag, "Fenced")
      assert.isTrue(broker.asked.every(({ name }) => name === broker.asked[0]!.name))
    })
  )

  scenario("of another reign is not kept while puts hang", () =>
    Effect.gen(function* () {
      const broker = yield* startBroker({ uploads: 1 })
      broker.instead = () => Effect.never
      const put = () => Effect.forkChild(Effect.flip(broker.writer.put([batch(10)])), { startImmediately: true })
      yield* put()
      yield* broker.untilAsked(1)
      const waiting = yield* put()
      yield* broker.active.failed(lostReign, broker.active.reign()!)
      yield* put()
      assert.strictEqual((yield* Fiber.join(waiting))._tag, "Fenced")
    })
  )
})
