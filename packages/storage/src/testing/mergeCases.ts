import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { NOTHING_TOLD } from "../port/counters.ts"
import { Write } from "../port/Write.ts"
import type { Unit } from "../port/Write.ts"
import { Model, TOPIC, topicWith } from "./storeScenarios.ts"
import type { Port, StoreBackend } from "./storeScenarios.ts"

interface World {
  readonly store: Port
  readonly one: Model
  readonly two: Model
}

const put = (objectId: bigint, more: { readonly bytes?: number; readonly createdAt?: bigint; merged?: boolean } = {}) =>
  Write.PutObject({ objectId, name: `c/w/${objectId}`, bytes: 100, createdAt: 10n, merged: false, ...more })

const into = (model: Model, objectId: bigint, position: number, bytes: number) => ({
  ...model.append({ bytes, maxTimestamp: 5n + BigInt(position) }),
  stored: { objectId, position }
})

/** A test of a topic of two partitions, with ids 1 and 2. */
const scenarioOf =
  (backend: StoreBackend) => (title: string, body: (world: World) => Effect.Effect<unknown, unknown, Scope.Scope>) =>
    it.live(title, () =>
      Effect.gen(function* () {
        const cluster = yield* backend.cluster
        const store = yield* cluster.open
        yield* store.acquire(NOTHING_TOLD)
        yield* store.commit([topicWith(TOPIC, "t", [1, 2])])
        yield* body({ store, one: new Model(1), two: new Model(2) })
      })
    )

type Scenario = ReturnType<typeof scenarioOf>

const mergeable = (store: Port, before = 100n, below = 1000, limit = 10) =>
  Effect.map(store.merges.mergeable({ before, below }, limit), (found) =>
    found.map(({ bytes, erased, objectId }) => [objectId, bytes, erased])
  )
const commit = (store: Port, ...unit: Unit) => store.commit([unit])

const mergeableCases = (scenario: Scenario) =>
  describe("objects that may be merged", () => {
    scenario("are those that are not, old and small enough, oldest first", ({ one, store }) =>
      Effect.gen(function* () {
        yield* commit(store, put(1n), into(one, 1n, 0, 20), put(2n, { createdAt: 100n }), put(3n, { bytes: 1000 }))
        yield* commit(store, put(4n, { merged: true }), put(5n, { bytes: 7, createdAt: 99n }), put(6n), put(7n))
        yield* commit(store, Write.PutUnusedObjects({ objectIds: [1n, 6n], unusedSince: 50n }))
        assert.deepStrictEqual(yield* mergeable(store), [
          [1n, 100, false],
          [5n, 7, false],
          [7n, 100, false]
        ])
        assert.deepStrictEqual(yield* mergeable(store, 100n, 1000, 2), [
          [1n, 100, false],
          [5n, 7, false]
        ])
      })
    )

    scenario("are first those in which erased records lie, until nothing lies in them", ({ one, store, two }) =>
      Effect.gen(function* () {
        const [first, second] = [into(one, 2n, 0, 20), into(one, 3n, 0, 20)]
        yield* commit(store, put(1n), put(2n, { merged: true, createdAt: 1000n }), put(3n, { merged: true }))
        yield* commit(store, first, second, one.append(), into(two, 3n, 20, 30))
        yield* commit(
          store,
          Write.PutErased({ partitionId: 1, baseOffsets: [first.baseOffset, 500n] }),
          Write.ReplaceBatches({
            partitionId: 1,
            batches: [{ baseOffset: first.baseOffset, records: new Uint8Array(70).fill(1) }]
          })
        )
        assert.deepStrictEqual(yield* mergeable(store), [
          [2n, 100, true],
          [1n, 100, false]
        ])
        yield* commit(store, Write.PutErased({ partitionId: 1, baseOffsets: [second.baseOffset] }))
        yield* commit(store, Write.PutMerged({ objectIds: [1n, 2n, 3n] }))
        // A batch points to it still.
        assert.deepStrictEqual(yield* mergeable(store), [[3n, 100, true]])
      })
    )
  })

const lyingCases = (scenario: Scenario) =>
  describe("what lies in objects", () => {
    scenario("is told in order of partition and offset, with where it lies", ({ one, store, two }) =>
      Effect.gen(function* () {
        yield* commit(store, put(1n), put(2n), into(two, 1n, 0, 10), into(one, 1n, 10, 11), into(one, 2n, 0, 12))
        yield* commit(store, put(3n), into(one, 3n, 0, 13), one.append(), into(one, 1n, 21, 14))
        const batches = yield* store.merges.batchesIn([1n, 2n, 9n], 10)
        const told = batches.map(
          ({ baseOffset, bytes, leaderEpoch, maxTimestamp, name, objectId, partitionId, position }) =>
            [partitionId, baseOffset, name, objectId, position, bytes, leaderEpoch, maxTimestamp].join(" ")
        )
        assert.deepStrictEqual(told, [
          "1 0 c/w/1 1 10 11 1 15",
          "1 1 c/w/2 2 0 12 1 5",
          "1 4 c/w/1 1 21 14 1 26",
          "2 0 c/w/1 1 0 10 1 5"
        ])
        assert.deepStrictEqual(yield* store.merges.batchesIn([1n, 2n], 2), batches.slice(0, 2))
        assert.deepStrictEqual(yield* store.merges.batchesIn([], 2), [])
      })
    )

    scenario("is counted, object by object", ({ one, store, two }) =>
      Effect.gen(function* () {
        const merged = { merged: true }
        yield* commit(
          store,
          put(1n, merged),
          put(2n),
          put(3n, { ...merged, bytes: 5000 }),
          put(4n, merged),
          put(5n, merged),
          put(6n, { bytes: 2000 }),
          put(7n, { ...merged, createdAt: 100n })
        )
        yield* commit(store, into(one, 1n, 0, 10), into(two, 1n, 10, 20), into(two, 2n, 0, 5), into(one, 3n, 0, 40))
        yield* commit(store, into(one, 6n, 0, 50), into(one, 7n, 0, 60))
        yield* commit(store, Write.PutUnusedObjects({ objectIds: [4n], unusedSince: 50n }))
        const uses = (after: bigint, limit: number) =>
          Effect.map(store.merges.uses(after, { before: 100n, below: 2000 }, limit), (found) =>
            found.map(({ bytes, objectId, usedBytes }) => [objectId, bytes, usedBytes])
          )
        const all = [
          [1n, 100, 30],
          [3n, 5000, 40],
          [6n, 2000, 50]
        ]
        assert.deepStrictEqual(yield* uses(0n, 10), all)
        assert.deepStrictEqual(yield* uses(0n, 2), all.slice(0, 2))
        assert.deepStrictEqual(yield* uses(1n, 10), all.slice(1))
      })
    )
  })
/** Objects, as whoever moves what lies in them sees them. */
export const mergeCases = (backend: StoreBackend): void => {
  mergeableCases(scenarioOf(backend))
  lyingCases(scenarioOf(backend))
}
