import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { makePartitionLoader } from "../../../src/log/partitions/PartitionLoader.ts"
import { Fenced, StoreUnavailable } from "../../../src/port/StoreError.ts"
import type { StoreError } from "../../../src/port/StoreError.ts"

const BROKEN = 9
const unavailable = new StoreUnavailable({ message: "a partition cannot be read" })

/** A loader of a store; its loads end when they are told to, and partition 9 cannot be read. */
const start = Effect.gen(function* () {
  const scope = yield* Effect.scope
  const asked: Array<ReadonlyArray<number>> = []
  const ends: Array<Deferred.Deferred<void>> = []
  const loaded = new Set<number>()
  const loader = makePartitionLoader(
    {
      loadPartitions: (ids) => {
        asked.push(ids)
        const end = Deferred.makeUnsafe<void>()
        ends.push(end)
        const found: Effect.Effect<[], StoreError> = Effect.suspend(() => {
          if (ids.includes(BROKEN)) return Effect.fail(unavailable)
          for (const id of ids) loaded.add(id)
          return Effect.succeed([])
        })
        return Effect.andThen(Deferred.await(end), found)
      }
    },
    scope,
    (id) => loaded.has(id),
    (load) => load,
    () => () => Effect.void
  )
  const ask = (...ids: ReadonlyArray<number>) =>
    Effect.forkChild(Effect.exit(loader.load(ids)), { startImmediately: true })
  const endOf = (load: number) => Effect.andThen(Deferred.succeed(ends[load]!, undefined), Effect.yieldNow)
  return { loader, asked, ask, endOf }
})

describe("loads of partitions", () => {
  it.effect("are shared by all callers that ask meanwhile", () =>
    Effect.gen(function* () {
      const { ask, asked, endOf } = yield* start
      const [first, second] = [yield* ask(1, 2), yield* ask(2, 1, 2)]
      yield* endOf(0)
      for (const each of [first, second]) assert.strictEqual((yield* Fiber.join(each))._tag, "Success")
      assert.deepStrictEqual(asked, [[1, 2]])
    })
  )

  it.effect("that fail for a partition do so for callers that asked for it, and for no other", () =>
    Effect.gen(function* () {
      const { ask, asked, endOf } = yield* start
      const [both, one] = [yield* ask(1, BROKEN), yield* ask(1)]
      yield* endOf(0)
      assert.strictEqual((yield* Fiber.join(both))._tag, "Failure")
      assert.deepStrictEqual(asked, [[1, BROKEN], [1]])
      yield* endOf(1)
      assert.strictEqual((yield* Fiber.join(one))._tag, "Success")
    })
  )

  it.effect("that a take-over ends are not begun anew by callers that shared them", () =>
    Effect.gen(function* () {
      const { ask, asked, loader } = yield* start
      const asking = [yield* ask(1), yield* ask(1)]
      loader.clear()
      for (const each of asking) {
        const told = yield* Effect.flip(Effect.flatten(Fiber.join(each)))
        assert.instanceOf(told, Fenced)
      }
      assert.strictEqual(asked.length, 1)
    })
  )
})
