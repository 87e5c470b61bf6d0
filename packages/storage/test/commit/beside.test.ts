import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Latch from "effect/Latch"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import * as Scope from "effect/Scope"
import { Active } from "../../src/commit/Active.ts"
import { Committer, CommitterOptions } from "../../src/commit/Committer.ts"
import type { Participant } from "../../src/commit/Participant.ts"
import { writing } from "../../src/commit/Participant.ts"
import type { CommitBeside } from "../../src/port/CommitStore.ts"
import { Store } from "../../src/port/Store.ts"
import { OutcomeUnknown, StoreRefused } from "../../src/port/StoreError.ts"
import type { StoreError } from "../../src/port/StoreError.ts"
import type { Unit, Write } from "../../src/port/Write.ts"
import { FaultyStore } from "../FaultyStore.ts"

const config = (name: string): Write => ({ _tag: "PutConfig", resourceType: 4, resourceName: "", name, value: "1" })
const nameOf = (write: Write) => (write._tag === "PutConfig" ? write.name : write._tag)

/** A store with a second door. Each door's commits wait for their own gate. */
const twoDoors = () => {
  const store = new FaultyStore()
  const first = Latch.makeUnsafe(false)
  const second = Latch.makeUnsafe(false)
  store.hold = first.await
  const commits: Array<ReadonlyArray<Unit>> = []
  let fault: StoreError | undefined
  const beside: CommitBeside = {
    ready: Effect.sync(() => {
      door.asked++
      return door.isReady
    }),
    commit: (units) =>
      Effect.suspend(() => {
        commits.push(units)
        const failure = fault
        fault = undefined
        return Effect.andThen(second.await, failure === undefined ? Effect.void : Effect.fail(failure))
      })
  }
  const names = (of: ReadonlyArray<ReadonlyArray<Unit>>) => of.map((units) => units.flat().map(nameOf))
  const door = {
    store,
    first,
    second,
    isReady: true,
    /** How often it was asked whether it is. */
    asked: 0,
    fail: (error: StoreError) => {
      fault = error
    },
    told: () => [names(store.commits), names(commits)],
    layer: Layer.succeed(Store, { ...store.store, beside })
  }
  return door
}

type Doors = ReturnType<typeof twoDoors>

const withCommitter = <A, E>(
  { layer }: Doors,
  test: (committer: Committer["Service"], active: Active["Service"]) => Effect.Effect<A, E>,
  besideBytes = 1
) =>
  Effect.gen(function* () {
    const scope = yield* Scope.make()
    const options = { maxCommitBytes: 1 << 20, maxQueuedBytes: 1000, besideBytes, requestTimeoutMs: 30_000, slowMs: 0 }
    const built = Committer.layer.pipe(
      Layer.provideMerge(Active.layer),
      Layer.provide(layer),
      Layer.provide(Layer.succeed(CommitterOptions, options))
    )
    const context = yield* Layer.buildWithScope(built, scope)
    const tested = test(Context.get(context, Committer), Context.get(context, Active))
    return yield* Effect.ensuring(tested, Scope.close(scope, Exit.void))
  })

/** An append of some bytes to a partition. */
const plain = (name: string, partitionId: number, retracted: Array<string> = []): Participant<void> => ({
  ...writing([config(name)]),
  partitionIds: [partitionId],
  isPlain: true,
  retract: () => void retracted.push(name)
})

const begin = <A, E>(effect: Effect.Effect<A, E>) =>
  Effect.tap(Effect.forkChild(Effect.result(effect), { startImmediately: true }), () => Effect.yieldNow)
const codeOf = <A>(result: Result.Result<A, { readonly _tag: string }>) =>
  Result.isSuccess(result) ? "stored" : result.failure._tag

describe("a commit beside another", () => {
  it.effect("takes plain units of other partitions, and leaves the rest in its order", () => {
    const doors = twoDoors()
    return withCommitter(doors, ({ submit }) =>
      Effect.gen(function* () {
        const fibers = [yield* begin(submit(plain("a1", 1)))]
        fibers.push(yield* begin(submit(plain("a2", 1))))
        fibers.push(yield* begin(submit(plain("b1", 2))))
        fibers.push(yield* begin(submit(plain("b2", 2))))
        assert.deepStrictEqual(doors.told(), [[["a1"]], [["b1"]]])
        yield* doors.second.open
        yield* doors.first.open
        for (const fiber of fibers) assert.strictEqual(codeOf(yield* Fiber.join(fiber)), "stored")
        const [first, second] = doors.told()
        const all = [...first!, ...second!].flat()
        assert.deepStrictEqual(all.toSorted(), ["a1", "a2", "b1", "b2"])
        assert.isAtMost(all.indexOf("a1"), all.indexOf("a2"))
      })
    )
  })

  it.effect("is not begun beside one that holds anything else, nor with what stands behind anything else", () => {
    const doors = twoDoors()
    return withCommitter(doors, ({ submit, write }) =>
      Effect.gen(function* () {
        const fibers = [yield* begin(write([config("x")]))]
        fibers.push(yield* begin(submit(plain("a", 1))))
        assert.deepStrictEqual(doors.told(), [[["x"]], []])
        fibers.push(yield* begin(write([config("y")])))
        fibers.push(yield* begin(submit(plain("b", 2))))
        yield* doors.first.open
        for (const fiber of fibers) yield* Fiber.join(fiber)
        assert.deepStrictEqual(doors.told(), [[["x"], ["a", "y", "b"]], []])
      })
    )
  })

  it.effect("is waited for by a unit of another kind, also when the first one has returned", () => {
    const doors = twoDoors()
    return withCommitter(doors, ({ submit, write }) =>
      Effect.gen(function* () {
        const first = yield* begin(submit(plain("a", 1)))
        const second = yield* begin(submit(plain("b", 2)))
        const other = yield* begin(write([config("y")]))
        assert.deepStrictEqual(doors.told(), [[["a"]], [["b"]]])
        yield* doors.first.open
        assert.strictEqual(codeOf(yield* Fiber.join(first)), "stored")
        yield* Effect.yieldNow
        assert.deepStrictEqual(doors.told(), [[["a"]], [["b"]]])
        yield* doors.second.open
        assert.strictEqual(codeOf(yield* Fiber.join(second)), "stored")
        assert.strictEqual(codeOf(yield* Fiber.join(other)), "stored")
        assert.deepStrictEqual(doors.told(), [[["a"], ["y"]], [["b"]]])
      })
    )
  })

  it.effect("waits until so many bytes are there, and is never begun if that is 0 or the door is not ready", () =>
    Effect.gen(function* () {
      for (const [besideBytes, isReady] of [
        [1000, true],
        [0, true],
        [1, false]
      ] as const) {
        const doors = twoDoors()
        doors.isReady = isReady
        yield* withCommitter(
          doors,
          ({ submit }) =>
            Effect.gen(function* () {
              const fibers = [yield* begin(submit(plain("a", 1))), yield* begin(submit(plain("b", 2)))]
              assert.deepStrictEqual(doors.told(), [[["a"]], []])
              yield* doors.first.open
              for (const fiber of fibers) yield* Fiber.join(fiber)
              assert.deepStrictEqual(doors.told(), [[["a"], ["b"]], []])
            }),
          besideBytes
        )
      }
    })
  )

  it.effect("is not asked for without a rest while the broker stops and the first one does not return", () =>
    Effect.gen(function* () {
      const doors = twoDoors()
      doors.isReady = false
      let asked = 0
      yield* withCommitter(doors, ({ submit }) =>
        Effect.gen(function* () {
          yield* begin(submit(plain("a", 1)))
          yield* begin(submit(plain("b", 2)))
          const later = Effect.gen(function* () {
            for (let turn = 0; turn < 100; turn++) yield* Effect.yieldNow
            asked = doors.asked
            yield* doors.first.open
          })
          yield* Effect.forkDetach(later)
        })
      )
      assert.strictEqual(asked, 1)
      assert.deepStrictEqual(doors.told(), [[["a"], ["b"]], []])
    })
  )

  it.effect("that is refused is decided anew alone, and the other one is stored", () => {
    const doors = twoDoors()
    const retracted: Array<string> = []
    return withCommitter(doors, ({ submit }) =>
      Effect.gen(function* () {
        const first = yield* begin(submit(plain("a", 1, retracted)))
        doors.fail(new StoreRefused({ message: "refused" }))
        const second = yield* begin(submit(plain("b", 2, retracted)))
        yield* doors.second.open
        assert.strictEqual(codeOf(yield* Fiber.join(second)), "UnknownServerError")
        assert.deepStrictEqual(retracted, ["b"])
        yield* doors.first.open
        assert.strictEqual(codeOf(yield* Fiber.join(first)), "stored")
      })
    )
  })

  it.effect("of unknown outcome is looked for by its own door, and the take-over is both ones'", () => {
    const doors = twoDoors()
    return withCommitter(doors, ({ submit }, active) =>
      Effect.gen(function* () {
        const reign = active.reign()
        const first = yield* begin(submit(plain("a", 1)))
        doors.fail(new OutcomeUnknown({ message: "lost" }))
        const second = yield* begin(submit(plain("b", 2)))
        yield* doors.second.open
        // Nothing tells of it: a retriable error.
        assert.notStrictEqual(codeOf(yield* Fiber.join(second)), "stored")
        assert.notStrictEqual(active.reign(), reign)
        yield* doors.first.open
        // What returned of the reign before may be no one's any more.
        assert.notStrictEqual(codeOf(yield* Fiber.join(first)), "stored")
      })
    )
  })
})
