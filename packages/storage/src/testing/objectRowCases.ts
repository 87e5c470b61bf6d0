import { assert, describe } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type { ObjectRows } from "../port/ObjectRows.ts"
import { Write } from "../port/Write.ts"
import type { Append } from "../port/Write.ts"
import { Model, TOPIC, topicWith } from "./storeScenarios.ts"
import type { Port, Scenarios } from "./storeScenarios.ts"

const object = (objectId: bigint, name = `c/w/${objectId}`, bytes = 100) =>
  Write.PutObject({ objectId, name, bytes, createdAt: 5n + objectId, merged: objectId === 3n })

const pointing = (append: Append, objectId: bigint, position = 0): Append => ({
  ...append,
  stored: { objectId, position }
})

/** Three objects: two batches point to the first, one to the third, none to the second. */
const withThree = Effect.fnUntraced(function* (store: Port) {
  const model = new Model(1)
  yield* store.commit([
    topicWith(TOPIC, "t", [1, 2]),
    [
      object(1n, "c/w/b"),
      object(2n, "c/w/a", 50),
      object(3n, "c/w/c"),
      pointing(model.append({ bytes: 60 }), 1n, 40),
      model.append({ bytes: 7 }),
      pointing(model.append({ bytes: 40, records: 3 }), 1n),
      pointing(new Model(2).append({ bytes: 10 }), 3n)
    ]
  ])
})

const ids = (objects: ReadonlyArray<{ readonly objectId: bigint }>) => objects.map(({ objectId }) => objectId)

type RowsCase = (title: string, body: (rows: ObjectRows, store: Port) => Effect.Effect<unknown, unknown>) => void

/** Which are in use, and which wait to be removed. */
const useCases = (rowsCase: RowsCase): void => {
  rowsCase("tell which are in use, in pages by their ids", (rows) =>
    Effect.gen(function* () {
      const page = yield* rows.inUse(0n, 2)
      assert.deepStrictEqual(page, [
        { objectId: 1n, name: "c/w/b", bytes: 100, createdAt: 6n, merged: false, unusedSince: null, isUsed: true },
        { objectId: 2n, name: "c/w/a", bytes: 50, createdAt: 7n, merged: false, unusedSince: null, isUsed: false }
      ])
      assert.deepStrictEqual(
        (yield* rows.inUse(2n, 2)).map(({ isUsed, merged, objectId }) => [objectId, isUsed, merged]),
        [[3n, true, true]]
      )
      assert.deepStrictEqual(yield* rows.inUse(3n, 2), [])
    })
  )

  rowsCase("tell which are unused, and never one that a batch points to", (rows, store) =>
    Effect.gen(function* () {
      const since = (unusedSince: bigint, ...objectIds: ReadonlyArray<bigint>) =>
        store.commit([[Write.PutUnusedObjects({ objectIds, unusedSince })]])
      yield* since(20n, 1n, 2n)
      assert.deepStrictEqual(ids(yield* rows.inUse(0n, 9)), [1n, 3n])
      assert.deepStrictEqual(yield* rows.unused(20n, 9), [])
      yield* store.commit([[Write.DeleteBatches({ partitionId: 2, below: 9n, limit: 9 })]])
      yield* since(10n, 3n)
      assert.deepStrictEqual(ids(yield* rows.unused(21n, 9)), [3n, 2n])
      assert.deepStrictEqual(ids(yield* rows.unused(21n, 1)), [3n])
      assert.strictEqual((yield* rows.unused(21n, 9))[1]!.unusedSince, 20n)
      assert.deepStrictEqual(yield* rows.totals, { objects: 3, bytes: 250, unusedObjects: 2, unusedBytes: 150 })
    })
  )

  rowsCase("take one that a unit brings again for one in use", (rows, store) =>
    Effect.gen(function* () {
      yield* store.commit([[Write.PutUnusedObjects({ objectIds: [2n], unusedSince: 20n })]])
      const late = new Model(2)
      late.append()
      yield* store.commit([[object(2n, "c/w/a", 50), pointing(late.append({ bytes: 20 }), 2n)]])
      assert.deepStrictEqual(yield* rows.unused(99n, 9), [])
      assert.deepStrictEqual(ids(yield* rows.inUse(0n, 9)), [1n, 2n, 3n])
    })
  )
}

/** What can be looked up of them. */
const lookCases = (rowsCase: RowsCase): void => {
  rowsCase("know names, and tell them in order", (rows, store) =>
    Effect.gen(function* () {
      assert.deepStrictEqual(Array.from(yield* rows.known(["c/w/c", "c/w/x", "", "c/w/a"])).sort(), ["c/w/a", "c/w/c"])
      assert.deepStrictEqual(Array.from(yield* rows.known([])), [])
      assert.deepStrictEqual(
        (yield* rows.byName("", 2)).map(({ isUsed, name }) => [name, isUsed]),
        [
          ["c/w/a", false],
          ["c/w/b", true]
        ]
      )
      yield* store.commit([[Write.PutUnusedObjects({ objectIds: [2n], unusedSince: 20n })]])
      assert.deepStrictEqual(
        (yield* rows.byName("c/w/A", 9)).map(({ name, unusedSince }) => [name, unusedSince]),
        [
          ["c/w/a", 20n],
          ["c/w/b", null],
          ["c/w/c", null]
        ]
      )
      yield* store.commit([[Write.DropObject({ objectId: 2n })]])
      assert.deepStrictEqual(Array.from(yield* rows.known(["c/w/a"])), [])
    })
  )

  rowsCase("tell the batches of an object in order of their places", (rows) =>
    Effect.gen(function* () {
      const [first, second] = yield* rows.batchesOf(1n, undefined, 9)
      assert.deepStrictEqual(
        [first, second],
        [
          { partitionId: 1, baseOffset: 2n, lastOffset: 4n, position: 0, bytes: 40 },
          { partitionId: 1, baseOffset: 0n, lastOffset: 0n, position: 40, bytes: 60 }
        ]
      )
      assert.deepStrictEqual(yield* rows.batchesOf(1n, undefined, 1), [first!])
      assert.deepStrictEqual(yield* rows.batchesOf(1n, first!, 9), [second!])
      assert.deepStrictEqual(yield* rows.batchesOf(1n, second, 9), [])
      assert.deepStrictEqual(yield* rows.batchesOf(2n, undefined, 9), [])
    })
  )

  rowsCase("tell the ids that batches point to, known or not", (rows, store) =>
    Effect.gen(function* () {
      yield* store.commit([[Write.DropObject({ objectId: 1n })]])
      const pointed = [
        { objectId: 1n, isKnown: false },
        { objectId: 3n, isKnown: true }
      ]
      assert.deepStrictEqual(yield* rows.pointedIds(0n, 9), pointed)
      assert.deepStrictEqual(yield* rows.pointedIds(0n, 1), pointed.slice(0, 1))
      assert.deepStrictEqual(yield* rows.pointedIds(1n, 9), pointed.slice(1))
    })
  )

  rowsCase("tell the time of their server, if it has a clock of its own", (rows) =>
    Effect.gen(function* () {
      const nowMs = yield* rows.nowMs
      const here = yield* Clock.currentTimeMillis
      assert.isTrue(nowMs === undefined || Math.abs(nowMs - here) < 60_000)
    })
  )
}

/** What is told of objects, and of the batches that point to them. */
export const objectRowCases = ({ scenario }: Scenarios): void => {
  const rowsCase: RowsCase = (title, body) =>
    scenario(title, ({ store }) =>
      Effect.andThen(
        withThree(store),
        Effect.suspend(() => body(store.objects!, store))
      )
    )

  describe("rows of objects", () => {
    useCases(rowsCase)
    lookCases(rowsCase)

    scenario("are told to nobody but the writer", ({ open, store }) =>
      Effect.gen(function* () {
        const other = yield* open
        assert.strictEqual((yield* Effect.flip(other.objects!.totals))._tag, "Fenced")
        assert.strictEqual((yield* store.objects!.totals).objects, 0)
      })
    )
  })
}
