import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { NOTHING_TOLD } from "../../src/port/counters.ts"
import { Write } from "../../src/port/Write.ts"
import { Model, TOPIC, topicWith } from "../../src/testing/storeScenarios.ts"
import { TestDatabase } from "./TestDatabase.ts"

const database = new TestDatabase()

const object = (objectId: bigint, name = `c/w/${objectId}`) =>
  Write.PutObject({ objectId, name, bytes: 100, createdAt: 5n, merged: objectId === 3n })
const unused = (unusedSince: bigint) => Write.PutUnusedObjects({ objectIds: [1n, 2n, 9n], unusedSince })

const opened = Effect.gen(function* () {
  yield* database.empty
  const store = yield* database.open()
  yield* store.acquire(NOTHING_TOLD)
  const psql = yield* database.psql()
  const rows = psql.query(
    "select object_id, name, bytes, created_at, unused_since, merged from kafka.objects order by 1"
  )
  return { store, psql, rows }
})

describe("kafka.objects", () => {
  it.live("tells objects apart to which no batch points any more", () =>
    Effect.gen(function* () {
      const { psql, rows, store } = yield* opened
      const model = new Model(1)
      const append = { ...model.append(), stored: { objectId: 1n, position: 7 } }
      yield* store.commit([topicWith(TOPIC, "t", [1]), [object(1n), object(2n), append], [unused(7n)]])
      assert.deepStrictEqual(yield* rows, [
        ["1", "c/w/1", "100", "5", null, "f"],
        ["2", "c/w/2", "100", "5", "7", "f"]
      ])
      assert.deepStrictEqual(
        yield* psql.query("select data, object_id, object_position, object_bytes from kafka.batches"),
        [[null, "1", "7", "100"]]
      )
      const moved = { baseOffset: 0n, from: 1n, to: { objectId: 3n, position: 0 }, bytes: 100 }
      yield* store.commit([[object(3n), Write.MoveBatches({ partitionId: 1, batches: [moved] })], [unused(8n)]])
      yield* store.commit([[Write.DropObject({ objectId: 2n })], [unused(9n)]])
      assert.deepStrictEqual(yield* rows, [
        ["1", "c/w/1", "100", "5", "8", "f"],
        ["3", "c/w/3", "100", "5", null, "t"]
      ])
    })
  )

  it.live("has no name twice", () =>
    Effect.gen(function* () {
      const { rows, store } = yield* opened
      yield* store.commit([[object(1n, "same")]])
      assert.strictEqual((yield* Effect.flip(store.commit([[object(2n, "same")]])))._tag, "StoreRefused")
      assert.strictEqual((yield* rows).length, 1)
    })
  )

  it.live(
    "rows that point to objects: what is refused before them or at them is not there, and the session goes on",
    () =>
      Effect.gen(function* () {
        const { psql, store } = yield* opened
        const pointers = (model: Model) =>
          Array.from({ length: 200 }, (_, i) => ({ ...model.append(), stored: { objectId: 1n, position: i } }))
        const model = new Model(1)
        yield* store.commit([topicWith(TOPIC, "t", [1]), [object(1n), ...pointers(model)]])
        const count = Effect.map(psql.query("select count(*) from kafka.batches"), ([row]) => row![0])
        const ahead = pointers(model)
        assert.strictEqual((yield* Effect.flip(store.commit([[object(2n, "c/w/1"), ...ahead]])))._tag, "StoreRefused")
        // The last row of them is there already.
        const behind = yield* Effect.flip(store.commit([[...ahead.slice(1), ...pointers(new Model(1)).slice(-1)]]))
        assert.strictEqual(behind._tag, "OutcomeUnknown")
        assert.strictEqual(yield* count, "200")
        assert.strictEqual((yield* store.acquire(NOTHING_TOLD)).unknownCommitStored, false)
        yield* store.commit([ahead])
        assert.strictEqual(yield* count, "400")
      })
  )
})
