import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Latch from "effect/Latch"
import * as Layer from "effect/Layer"
import * as Context from "effect/Context"
import * as Result from "effect/Result"
import * as Scope from "effect/Scope"
import { Active } from "../src/Active.ts"
import { Committer, CommitterOptions } from "../src/Committer.ts"
import type { Write } from "../src/Store.ts"
import { OutcomeUnknown, StoreUnavailable } from "../src/StoreError.ts"
import { FaultyStore } from "./FaultyStore.ts"

const config = (name: string): Write => ({
  _tag: "PutConfig",
  resourceType: 4,
  resourceName: "",
  name,
  value: "1"
})
const names = (store: FaultyStore) =>
  store.commits.map((units) => units.flat().map((write) => (write._tag === "PutConfig" ? write.name : write._tag)))

const layerOf = (store: FaultyStore, maxCommitBytes = 1 << 20) =>
  Committer.layer.pipe(
    Layer.provideMerge(Active.layer),
    Layer.provide(store.layer),
    Layer.provide(Layer.succeed(CommitterOptions, { maxCommitBytes, maxQueuedBytes: 1000 }))
  )

/** Runs a test against a Committer over this store; `close` ends it as a clean stop does. */
const withCommitter = <A, E>(
  store: FaultyStore,
  test: (committer: Committer["Service"], close: Effect.Effect<void>, active: Active["Service"]) => Effect.Effect<A, E>,
  maxCommitBytes?: number
) =>
  Effect.gen(function* () {
    const scope = yield* Scope.make()
    const context = yield* Layer.buildWithScope(layerOf(store, maxCommitBytes), scope)
    const close = Scope.close(scope, Exit.void)
    return yield* Effect.ensuring(test(Context.get(context, Committer), close, Context.get(context, Active)), close)
  })

const write = (committer: Committer["Service"], name: string) =>
  Effect.forkChild(Effect.result(committer.write([config(name)])), { startImmediately: true })

describe("the Committer", () => {
  it.effect("has one commit in flight, and puts all that waited into the next, in order of arrival", () => {
    const store = new FaultyStore()
    const gate = Latch.makeUnsafe(false)
    store.hold = gate.await
    return withCommitter(store, (committer) =>
      Effect.gen(function* () {
        const first = yield* write(committer, "a")
        yield* Effect.yieldNow
        const rest = yield* Effect.forEach(["b", "c", "d"], (name) => write(committer, name))
        assert.strictEqual(store.commits.length, 1)
        yield* gate.open
        for (const fiber of [first, ...rest]) assert.isTrue(Result.isSuccess(yield* Fiber.join(fiber)))
        assert.deepStrictEqual(names(store), [["a"], ["b", "c", "d"]])
        assert.strictEqual(store.mostInFlight, 1)
      })
    )
  })

  it.effect("cuts a commit at its bytes, but takes at least one proposal", () => {
    const store = new FaultyStore()
    return withCommitter(
      store,
      (committer) =>
        Effect.gen(function* () {
          const fibers = yield* Effect.forEach(["a", "b", "c"], (name) => write(committer, name))
          for (const fiber of fibers) yield* Fiber.join(fiber)
          assert.deepStrictEqual(names(store), [["a"], ["b"], ["c"]])
        }),
      1
    )
  })

  it.effect("a failed commit fails those in it and nobody else", () => {
    const store = new FaultyStore()
    const gate = Latch.makeUnsafe(false)
    store.hold = gate.await
    store.faults.push(undefined, { stored: false, error: new StoreUnavailable({ message: "refused" }) })
    return withCommitter(store, (committer) =>
      Effect.gen(function* () {
        const a = yield* write(committer, "a")
        yield* Effect.yieldNow
        const b = yield* write(committer, "b")
        const c = yield* write(committer, "c")
        yield* gate.open
        const results = [yield* Fiber.join(a), yield* Fiber.join(b), yield* Fiber.join(c)]
        assert.deepStrictEqual(results.map(Result.isSuccess), [true, false, false])
        assert.isTrue(Result.isSuccess(yield* Effect.result(committer.write([config("d")]))))
        assert.deepStrictEqual(names(store), [["a"], ["b", "c"], ["d"]])
      })
    )
  })

  it.effect("an unknown outcome is followed by taking the lock again before anything is decided", () => {
    const store = new FaultyStore()
    store.faults.push({ stored: true, error: new OutcomeUnknown({ message: "cut" }) })
    return withCommitter(store, (committer, _close, active) =>
      Effect.gen(function* () {
        const epoch = store.data.epoch
        const result = yield* Effect.result(committer.write([config("a")]))
        assert.isTrue(Result.isFailure(result) && result.failure._tag === "OutcomeUnknown")
        while (store.data.epoch === epoch) yield* Effect.yieldNow
        yield* active.whenServing
        let decidedAt = 0
        yield* committer.decide((writes) => {
          decidedAt = store.data.epoch
          writes.push(config("b"))
        })
        assert.strictEqual(decidedAt, epoch + 1)
      })
    )
  })

  it.effect("tells a decision's outcome before the next decision is made", () => {
    const store = new FaultyStore()
    return withCommitter(
      store,
      (committer) =>
        Effect.gen(function* () {
          const seen: Array<string> = []
          const decide = (name: string) =>
            committer.decide(
              (writes) => {
                seen.push(`decide ${name}`)
                writes.push(config(name))
              },
              () => seen.push(`settled ${name}`)
            )
          yield* Effect.all([decide("a"), decide("b")], { concurrency: "unbounded" })
          assert.deepStrictEqual(seen, ["decide a", "settled a", "decide b", "settled b"])
        }),
      1
    )
  })

  it.effect("a defect in a proposal fails its commit; the next one is made", () => {
    const store = new FaultyStore()
    return withCommitter(store, (committer) =>
      Effect.gen(function* () {
        const broken = yield* Effect.forkChild(
          Effect.result(
            committer.decide(() => {
              throw new Error("a bug")
            })
          ),
          { startImmediately: true }
        )
        assert.isTrue(Result.isFailure(yield* Fiber.join(broken)))
        yield* committer.write([config("a")])
        assert.deepStrictEqual(names(store), [["a"]])
      })
    )
  })

  it.effect("stores what was admitted before it stops, and refuses what comes later", () => {
    const store = new FaultyStore()
    const gate = Latch.makeUnsafe(false)
    store.hold = gate.await
    return withCommitter(store, (committer, close) =>
      Effect.gen(function* () {
        const a = yield* write(committer, "a")
        yield* Effect.yieldNow
        const b = yield* write(committer, "b")
        const closing = yield* Effect.forkChild(close, { startImmediately: true })
        const late = yield* Effect.result(committer.write([config("c")]))
        yield* gate.open
        yield* Fiber.join(closing)
        assert.deepStrictEqual([yield* Fiber.join(a), yield* Fiber.join(b), late].map(Result.isSuccess), [
          true,
          true,
          false
        ])
        assert.deepStrictEqual(names(store), [["a"], ["b"]])
      })
    )
  })

  it.effect("makes connections wait while too many bytes wait for a commit", () => {
    const store = new FaultyStore()
    const gate = Latch.makeUnsafe(false)
    store.hold = gate.await
    return withCommitter(store, (committer) =>
      Effect.gen(function* () {
        const large = {
          bytes: 2000,
          assemble: (writes: Array<Write>) => writes.push(config("l")) > 0,
          settle: () => {}
        }
        committer.submit({ ...large, bytes: 1 })
        yield* Effect.yieldNow
        committer.submit(large)
        const waiting = yield* Effect.forkChild(committer.room, { startImmediately: true })
        assert.isUndefined(waiting.pollUnsafe())
        yield* gate.open
        yield* Fiber.join(waiting)
      })
    )
  })
})
