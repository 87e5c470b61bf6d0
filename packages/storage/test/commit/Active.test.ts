import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Latch from "effect/Latch"
import * as Layer from "effect/Layer"
import * as TestClock from "effect/testing/TestClock"
import { Active, SILENCE_LIMIT_MS } from "../../src/commit/Active.ts"
import type { ClusterState, Told } from "../../src/port/CommitStore.ts"
import { Fenced, LockHeld, OutcomeUnknown, StoreRefused, StoreUnavailable } from "../../src/port/StoreError.ts"
import type { AcquireError, StoreError } from "../../src/port/StoreError.ts"
import { FaultyStore } from "../FaultyStore.ts"

/** An Active over a store; its session is made to answer, or not. */
class Session {
  readonly faulty = new FaultyStore()
  pings = 0
  heartbeats = 0
  readonly told: Array<Told> = []
  /** Opened when the session is gone. */
  gone = Latch.makeUnsafe(false)
  heartbeat: Effect.Effect<void, StoreError> = Effect.void
  acquired = 0
  /** What the session answers. */
  ping: Effect.Effect<void, StoreError> = Effect.void
  /** Runs before the lock is taken. */
  beforeAcquire: Effect.Effect<void, AcquireError> = Effect.void

  constructor() {
    const { acquire } = this.faulty.store
    Object.assign(this.faulty.store, {
      acquire: (told: Told) => {
        this.told.push(told)
        return Effect.andThen(
          Effect.suspend(() => this.beforeAcquire),
          Effect.tap(acquire(told), () => Effect.sync(() => this.acquired++))
        )
      },
      lost: Effect.suspend(() => Effect.as(this.gone.await, new Fenced({ message: "the socket is closed" }))),
      ping: Effect.suspend(() => {
        this.pings++
        return this.ping
      }),
      heartbeat: Effect.suspend(() => {
        this.heartbeats++
        return this.heartbeat
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
  it.effect("asks once a second which session holds the lock, and proves every two that it is the writer", () =>
    Effect.gen(function* () {
      const session = new Session()
      const active = yield* session.open
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(session.pings, 60)
      assert.isAtLeast(session.heartbeats, 28)
      assert.isAtMost(session.heartbeats, 30)
      assert.isTrue(active.isServing())
      assert.strictEqual(session.acquired, 1)
      assert.strictEqual(active.reign(), 1)
    })
  )

  it.effect("sends no heartbeat while commits return", () =>
    Effect.gen(function* () {
      const session = new Session()
      const active = yield* session.open
      for (let i = 0; i < 20; i++) {
        yield* TestClock.adjust("1 second")
        active.heard(active.nowMs())
      }
      assert.strictEqual(session.heartbeats, 0)
    })
  )

  it.effect("tells nothing from memory 5 s after the last proof was asked for, though it holds the lock", () =>
    Effect.gen(function* () {
      const session = new Session()
      const active = yield* session.open
      const standby = Latch.makeUnsafe(false)
      // A synchronous standby is away: each write waits.
      session.heartbeat = standby.await
      yield* TestClock.adjust(SILENCE_LIMIT_MS - 1)
      assert.isTrue(active.isServing())
      yield* TestClock.adjust(1)
      assert.isFalse(active.isServing())
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(session.heartbeats, 1, "one is under way at a time")
      assert.strictEqual(session.acquired, 1, "a write that takes long is no reason to take the lock again")
      assert.strictEqual(active.reign(), 1, "whoever writes may wait for its own commit")
      const waiting = yield* Effect.forkChild(active.whenServing, { startImmediately: true })
      session.heartbeat = Effect.void
      yield* standby.open
      yield* TestClock.adjust("2 seconds")
      yield* Fiber.join(waiting)
      assert.isTrue(active.isServing())
    })
  )

  it.effect("a proof counts from when it was asked for", () =>
    Effect.gen(function* () {
      const session = new Session()
      const active = yield* session.open
      session.heartbeat = Effect.never
      const askedAtMs = active.nowMs()
      yield* TestClock.adjust("4 seconds")
      active.heard(askedAtMs + 1000)
      yield* TestClock.adjust("1900 millis")
      assert.isTrue(active.isServing())
      yield* TestClock.adjust("200 millis")
      assert.isFalse(active.isServing())
    })
  )

  it.effect("counts for how long no client could be answered, once each", () =>
    Effect.gen(function* () {
      const session = new Session()
      const active = yield* session.open
      session.heartbeat = Effect.never
      const askedAtMs = active.nowMs()
      yield* TestClock.adjust("4 seconds")
      assert.strictEqual(active.unservedMs(), 0)
      yield* TestClock.adjust("6 seconds")
      assert.strictEqual(active.unservedMs(), 5000)
      // A proof that is itself too old: what it would have allowed has been counted.
      active.heard(askedAtMs + 3000)
      assert.strictEqual(active.unservedMs(), 5000)
      yield* TestClock.adjust("1 second")
      assert.strictEqual(active.unservedMs(), 6000)
      active.heard(active.nowMs() - 2000)
      yield* TestClock.adjust("3 seconds")
      assert.strictEqual(active.unservedMs(), 6000)
      yield* TestClock.adjust("1 second")
      assert.strictEqual(active.unservedMs(), 7000)
    })
  )

  it.effect("is proven by what was asked for afterwards, and that is a write", () =>
    Effect.gen(function* () {
      const session = new Session()
      const active = yield* session.open
      const standby = Latch.makeUnsafe(false)
      session.heartbeat = standby.await
      yield* TestClock.adjust("2 seconds")
      assert.strictEqual(session.heartbeats, 1)
      // Asked while one is under way that was asked for before: it says nothing about now.
      const waiting = yield* Effect.forEach(["one", "two"], () =>
        Effect.forkChild(active.proven, { startImmediately: true })
      )
      yield* TestClock.adjust("1 minute")
      assert.isTrue(session.pings > 50, "pings are answered all the time")
      for (const fiber of waiting) assert.isUndefined(fiber.pollUnsafe())
      session.heartbeat = Effect.void
      yield* standby.open
      for (const fiber of waiting) yield* Fiber.join(fiber)
      assert.strictEqual(session.heartbeats, 2, "one serves all who wait")
      session.heartbeat = Effect.never
      yield* Fiber.interrupt(yield* Effect.forkChild(active.proven, { startImmediately: true }))
      yield* Effect.forkChild(active.proven, { startImmediately: true })
      yield* TestClock.adjust(1)
      assert.strictEqual(session.heartbeats, 3, "one is under way at a time, whoever waits for it")
    })
  )

  it.effect("is not proven by a heartbeat over which the lock was lost", () =>
    Effect.gen(function* () {
      const session = new Session()
      const active = yield* session.open
      const gate = Latch.makeUnsafe(false)
      session.heartbeat = gate.await
      const asked = yield* Effect.forkChild(Effect.flip(active.proven), { startImmediately: true })
      yield* session.gone.open
      yield* Effect.yieldNow
      yield* gate.open
      assert.strictEqual((yield* Fiber.join(asked))._tag, "Fenced")
    })
  )

  it.effect("knows by a heartbeat that its session is gone", () =>
    Effect.gen(function* () {
      const session = new Session()
      const active = yield* session.open
      session.ping = Effect.never
      session.heartbeat = Effect.fail(new Fenced({ message: "another has it" }))
      const gate = Latch.makeUnsafe(false)
      session.beforeAcquire = gate.await
      yield* TestClock.adjust("2 seconds")
      assert.isFalse(active.isServing())
      session.heartbeat = Effect.void
      yield* gate.open
      yield* active.whenServing
      assert.strictEqual(session.acquired, 2)
    })
  )

  it.effect("goes on watching after a defect in the store", () =>
    Effect.gen(function* () {
      const session = new Session()
      const active = yield* session.open
      session.heartbeat = Effect.die("a bug")
      session.ping = Effect.die("a bug")
      yield* TestClock.adjust("4 seconds")
      session.heartbeat = Effect.void
      session.ping = Effect.void
      yield* TestClock.adjust("4 seconds")
      assert.isTrue(active.isServing())
      yield* TestClock.adjust("1 minute")
      assert.isTrue(active.isServing())
    })
  )

  it.effect("knows at once that its session is gone", () =>
    Effect.gen(function* () {
      const session = new Session()
      const active = yield* session.open
      const gate = Latch.makeUnsafe(false)
      session.beforeAcquire = gate.await
      const lost = session.gone
      session.gone = Latch.makeUnsafe(false)
      yield* lost.open
      yield* Effect.yieldNow
      assert.isFalse(active.isServing())
      assert.isUndefined(active.reign())
      yield* gate.open
      yield* active.whenServing
      assert.strictEqual(active.reign(), 2)
      assert.strictEqual(session.acquired, 2)
    })
  )

  it.effect("takes the lock again if it cannot be shown to hold it", () =>
    Effect.gen(function* () {
      const session = new Session()
      const active = yield* session.open
      session.ping = Effect.never
      const gate = Latch.makeUnsafe(false)
      session.beforeAcquire = gate.await
      yield* TestClock.adjust("8 seconds")
      assert.isUndefined(active.reign())
      session.ping = Effect.void
      yield* gate.open
      yield* active.whenServing
      assert.strictEqual(session.acquired, 2)
    })
  )

  it.effect("takes the lock anew after a lost session, and has every service load before it serves", () =>
    Effect.gen(function* () {
      const session = new Session()
      session.faulty.unknownCommitStored = false
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
      const failed = yield* Effect.forkChild(active.failed(new OutcomeUnknown({ message: "cut" }), 1), {
        startImmediately: true
      })
      assert.isFalse(active.isServing())
      assert.isUndefined(active.reign())
      // The watch finds the same meanwhile, and waits for the same take-over.
      const other = yield* Effect.forkChild(active.failed(new Fenced({ message: "gone" }), 1), {
        startImmediately: true
      })
      yield* gate.open
      assert.strictEqual(yield* Fiber.join(failed), "NotStored")
      assert.strictEqual(yield* Fiber.join(other), "NotStored")
      const epoch = active.epoch()
      assert.isAbove(epoch, before)
      assert.deepStrictEqual(seen, [`first ${epoch}`, `second ${epoch}`])
      assert.strictEqual(active.reign(), 2)
      assert.strictEqual(session.acquired, 2)
    })
  )

  it.effect("tells of a commit that is heard to have failed only after the take-over that looked it up", () =>
    Effect.gen(function* () {
      const session = new Session()
      session.faulty.unknownCommitStored = true
      const active = yield* session.open
      yield* active.failed(new Fenced({ message: "gone" }), 1)
      assert.strictEqual(yield* active.failed(new OutcomeUnknown({ message: "cut" }), 1), "Stored")
      assert.strictEqual(session.acquired, 2, "and does not take the lock once more")
    })
  )

  it.effect("says so if nothing tells of a commit any more", () =>
    Effect.gen(function* () {
      const session = new Session()
      const active = yield* session.open
      assert.strictEqual(yield* active.failed(new OutcomeUnknown({ message: "cut" }), 1), "Unknown")
    })
  )

  it.effect("leaves things as they are after a refusal, if it still has the lock", () =>
    Effect.gen(function* () {
      const session = new Session()
      const active = yield* session.open
      assert.strictEqual(yield* active.failed(new StoreUnavailable({ message: "disk full" }), 1), "AsBefore")
      assert.strictEqual(yield* active.failed(new StoreRefused({ message: "too long" }), 1), "AsBefore")
      assert.strictEqual(session.acquired, 1)
      assert.isTrue(active.isServing())
      session.ping = Effect.fail(new Fenced({ message: "another has it" }))
      assert.strictEqual(yield* active.failed(new StoreUnavailable({ message: "disk full" }), 1), "NotStored")
      assert.strictEqual(session.acquired, 2)
    })
  )

  it.effect("tries again if the lock cannot be had, or a service cannot load, until it can", () =>
    Effect.gen(function* () {
      const session = new Session()
      const active = yield* session.open
      const refuse = Effect.fail(new StoreUnavailable({ message: "starting up" }))
      session.beforeAcquire = refuse
      const failed = yield* Effect.forkChild(active.failed(new OutcomeUnknown({ message: "cut" }), 1), {
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

  it.effect("says that another broker holds the lock, and no longer once it has it again", () =>
    Effect.gen(function* () {
      const session = new Session()
      const active = yield* session.open
      session.beforeAcquire = Effect.fail(new StoreUnavailable({ message: "starting up" }))
      const failed = yield* Effect.forkChild(active.failed(new Fenced({ message: "gone" }), 1))
      const elsewhere = yield* Effect.forkChild(active.whenElsewhere)
      yield* TestClock.adjust("5 seconds")
      assert.isUndefined(elsewhere.pollUnsafe())
      session.beforeAcquire = Effect.fail(new LockHeld({ holder: "another" }))
      yield* TestClock.adjust("5 seconds")
      yield* Fiber.join(elsewhere)
      session.beforeAcquire = Effect.void
      yield* TestClock.adjust("5 seconds")
      yield* Fiber.join(failed)
      const again = yield* Effect.forkChild(active.whenElsewhere)
      yield* TestClock.adjust("5 seconds")
      assert.isUndefined(again.pollUnsafe())
      yield* Fiber.interrupt(again)
    })
  )

  it.effect("asks for no counter below what it has told", () =>
    Effect.gen(function* () {
      const session = new Session()
      const active = yield* session.open
      active.tell({ nextProducerId: 5000n })
      active.tell({ nextPartitionId: 77 })
      active.tell({ nextProducerId: 4000n })
      // The server has gone back in time, and nothing shows it.
      session.faulty.data.epoch = 0
      session.faulty.data.nextProducerId = 0n
      const before = active.epoch()
      let found: ClusterState | undefined
      active.onTakeOver((cluster) => Effect.sync(() => (found = cluster)))
      yield* active.failed(new Fenced({ message: "gone" }), 1)
      assert.deepInclude(session.told.at(-1)!, { epoch: before, nextProducerId: 5000n, nextPartitionId: 77 })
      assert.isAbove(active.epoch(), before)
      assert.strictEqual(found?.nextProducerId, 5000n)
      assert.strictEqual(found?.nextPartitionId, 77)
    })
  )
})
