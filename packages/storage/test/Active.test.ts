import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Latch from "effect/Latch"
import * as Layer from "effect/Layer"
import * as TestClock from "effect/testing/TestClock"
import { Active, SILENCE_LIMIT_MS } from "../src/Active.ts"
import { Fenced, OutcomeUnknown, StoreUnavailable } from "../src/StoreError.ts"
import type { StoreError } from "../src/StoreError.ts"
import { FaultyStore } from "./FaultyStore.ts"

/** An Active over a store whose session is made to answer, or not. */
class Session {
  readonly faulty = new FaultyStore()
  pings = 0
  acquired = 0
  /** What the session answers. */
  ping: Effect.Effect<void, StoreError> = Effect.void
  /** Runs before the lock is taken. */
  beforeAcquire: Effect.Effect<void, StoreUnavailable> = Effect.void

  constructor() {
    const { acquire } = this.faulty.store
    Object.assign(this.faulty.store, {
      acquire: Effect.andThen(
        Effect.suspend(() => this.beforeAcquire),
        Effect.tap(acquire, () => Effect.sync(() => this.acquired++))
      ),
      ping: Effect.suspend(() => {
        this.pings++
        return this.ping
      })
    })
  }

  get open() {
    return Effect.map(Layer.build(Active.layer.pipe(Layer.provide(this.faulty.layer))), (context) =>
      Context.get(context, Active)
    )
  }
}

describe("the active broker", () => {
  it.effect("asks its session once a second, and serves while it answers", () =>
    Effect.gen(function* () {
      const session = new Session()
      const active = yield* session.open
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(session.pings, 60)
      assert.isTrue(active.isServing())
      assert.strictEqual(session.acquired, 1)
      assert.strictEqual(active.reign(), active.epoch())
    })
  )

  it.effect("stops serving when the session has been silent too long, and has the lock again before it goes on", () =>
    Effect.gen(function* () {
      const session = new Session()
      const active = yield* session.open
      const gate = Latch.makeUnsafe(false)
      session.ping = Effect.never
      session.beforeAcquire = gate.await
      yield* TestClock.adjust(SILENCE_LIMIT_MS - 1)
      assert.isTrue(active.isServing())
      yield* TestClock.adjust(1)
      assert.isFalse(active.isServing())
      const waiting = yield* Effect.forkChild(active.whenServing, { startImmediately: true })
      yield* TestClock.adjust("10 seconds")
      assert.isUndefined(waiting.pollUnsafe())
      assert.isUndefined(active.reign())
      session.ping = Effect.void
      yield* gate.open
      yield* Fiber.join(waiting)
      assert.isTrue(active.isServing())
      assert.strictEqual(session.acquired, 2)
    })
  )

  it.effect("takes the lock anew after a lost session, and has every service load before it serves", () =>
    Effect.gen(function* () {
      const session = new Session()
      const active = yield* session.open
      const before = active.epoch()
      const seen: Array<string> = []
      const gate = Latch.makeUnsafe(false)
      active.onTakeOver(({ epoch }) =>
        Effect.andThen(
          gate.await,
          Effect.sync(() => seen.push(`first ${epoch}`))
        )
      )
      active.onTakeOver(({ epoch }) => Effect.sync(() => seen.push(`second ${epoch}`)))
      const failed = yield* Effect.forkChild(active.failed(new OutcomeUnknown({ message: "cut" })), {
        startImmediately: true
      })
      assert.isFalse(active.isServing())
      assert.isUndefined(active.reign())
      // A second commit that failed meanwhile waits for the same take-over.
      const other = yield* Effect.forkChild(active.failed(new Fenced({ message: "gone" })), { startImmediately: true })
      yield* gate.open
      yield* Fiber.join(failed)
      yield* Fiber.join(other)
      const epoch = active.epoch()
      assert.isAbove(epoch, before)
      assert.deepStrictEqual(seen, [`first ${epoch}`, `second ${epoch}`])
      assert.strictEqual(active.reign(), epoch)
      assert.strictEqual(session.acquired, 2)
    })
  )

  it.effect("leaves things as they are after a refusal, where the session still has the lock", () =>
    Effect.gen(function* () {
      const session = new Session()
      const active = yield* session.open
      yield* active.failed(new StoreUnavailable({ message: "disk full" }))
      assert.strictEqual(session.acquired, 1)
      assert.isTrue(active.isServing())
      session.ping = Effect.fail(new Fenced({ message: "another has it" }))
      yield* active.failed(new StoreUnavailable({ message: "disk full" }))
      assert.strictEqual(session.acquired, 2)
    })
  )

  it.effect("tries again where the lock cannot be had, or a service cannot load, until it can", () =>
    Effect.gen(function* () {
      const session = new Session()
      const active = yield* session.open
      const refuse = Effect.fail(new StoreUnavailable({ message: "starting up" }))
      session.beforeAcquire = refuse
      const failed = yield* Effect.forkChild(active.failed(new OutcomeUnknown({ message: "cut" })), {
        startImmediately: true
      })
      yield* TestClock.adjust("5 seconds")
      assert.isUndefined(failed.pollUnsafe())
      session.beforeAcquire = Effect.void
      let loads = 0
      active.onTakeOver(() => (++loads < 3 ? (loads === 1 ? refuse : Effect.die("a bug")) : Effect.void))
      yield* TestClock.adjust("5 seconds")
      yield* Fiber.join(failed)
      assert.strictEqual(loads, 3)
      assert.isTrue(active.isServing())
    })
  )
})
