import * as RecordBatch from "@tusk/protocol/record/RecordBatch"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { NOTHING_TOLD } from "../port/counters.ts"
import { pointed } from "../port/pointed.ts"
import type { ObjectPointer, PointerReader } from "../port/StoredBatch.ts"
import { Write } from "../port/Write.ts"
import type { Append, StoredAt } from "../port/Write.ts"
import { brief, briefly, MEBIBYTE, Model, TOPIC, topicWith } from "./storeScenarios.ts"
import type { Port, StoreBackend } from "./storeScenarios.ts"

const nameOf = (objectId: bigint) => `c/w/${objectId}`

const object = (objectId: bigint, more: { readonly merged?: boolean; readonly name?: string } = {}) =>
  Write.PutObject({
    objectId,
    name: nameOf(objectId),
    bytes: 1000,
    createdAt: 1_700_000_000_000n,
    merged: false,
    ...more
  })

const at = (objectId: bigint, position = 0): StoredAt => ({ objectId, position })

/** What lies in the objects of a test, and what its store has asked for. */
class Objects {
  readonly asked: Array<ObjectPointer> = []
  readonly #bytes = new Map<string, Uint8Array>()

  /** The append, once its bytes lie there. */
  holding(append: Append, stored: StoredAt): Append {
    this.put(append.records, stored)
    return { ...append, stored }
  }

  put(records: Uint8Array, { objectId, position }: StoredAt): void {
    this.#bytes.set(`${nameOf(objectId)} ${position}`, records)
  }

  readonly reader: PointerReader = {
    resolve: (pointers) =>
      Effect.sync(() => {
        this.asked.push(...pointers)
        return pointers.map(({ name, position }) => this.#bytes.get(`${name} ${position}`)!)
      })
  }
}

interface World {
  readonly store: Port
  readonly objects: Objects
  readonly model: Model
}

const read = (store: Port, from = 0n, maxBytes = MEBIBYTE) =>
  Effect.map(store.read([{ partitionId: 1, from, maxBytes }], MEBIBYTE), ([batches]) => batches!)

/** A test with a topic of one partition with id 1, in a store whose pointers are read from objects of the test. */
const scenarioOn =
  (backend: StoreBackend) =>
  (title: string, body: (world: World) => Effect.Effect<unknown, unknown, Scope.Scope>): void =>
    it.live(title, () =>
      Effect.gen(function* () {
        const objects = new Objects()
        const cluster = yield* backend.cluster
        const store = pointed(yield* cluster.open, objects.reader)
        yield* store.acquire(NOTHING_TOLD)
        yield* store.commit([topicWith(TOPIC, "t", [1])])
        yield* body({ store, objects, model: new Model(1) })
      })
    )

type Scenario = ReturnType<typeof scenarioOn>

const readCases = (scenario: Scenario): void => {
  scenario("are read where pointers say, beside batches that lie in rows, in order", ({ model, objects, store }) =>
    Effect.gen(function* () {
      const appends = [
        objects.holding(model.append({ records: 3, bytes: 10, maxTimestamp: 50n }), at(7n, 4)),
        model.append({ bytes: 20, maxTimestamp: 40n }),
        objects.holding(model.append({ records: 2, bytes: 70_000, maxTimestamp: 90n, producerId: 5n }), at(7n, 14))
      ]
      yield* store.commit([
        [object(7n), ...appends],
        [object(7n), model.append({ bytes: 30, maxTimestamp: 60n })]
      ])
      assert.deepStrictEqual(brief(yield* read(store)), briefly(model.batches))
      assert.deepStrictEqual(objects.asked.splice(0), [
        { name: "c/w/7", position: 4, bytes: 10, baseOffset: 0n, leaderEpoch: 1, maxTimestamp: 50n },
        { name: "c/w/7", position: 14, bytes: 70_000, baseOffset: 4n, leaderEpoch: 1, maxTimestamp: 90n }
      ])
      assert.deepStrictEqual(brief(yield* read(store, 3n, 20)), briefly(model.batches.slice(1, 2)))
      assert.deepStrictEqual(brief(yield* read(store, 3n, 70_019)), briefly(model.batches.slice(1, 2)))
      assert.deepStrictEqual(brief(yield* read(store, 3n, 70_020)), briefly(model.batches.slice(1, 3)))
      assert.deepStrictEqual(brief(yield* read(store, 4n, 1)), briefly(model.batches.slice(2, 3)))
    })
  )

  scenario("count as much as rows do", ({ model, objects, store }) =>
    Effect.gen(function* () {
      yield* store.commit([
        [object(1n), objects.holding(model.append({ bytes: 10, maxTimestamp: 50n, producerId: 9n }), at(1n))],
        [object(1n), objects.holding(model.append({ bytes: 20, maxTimestamp: 40n }), at(1n, 10))],
        [model.append({ bytes: 30, maxTimestamp: 70n })]
      ])
      const [partition] = yield* store.loadPartitions([1])
      const { cumulativeBytes, endOffset, producerBatches, sizeBytes, timestampHigh } = partition!
      assert.deepStrictEqual(
        { cumulativeBytes, endOffset, sizeBytes, timestampHigh },
        { cumulativeBytes: 60n, endOffset: 3n, sizeBytes: 60n, timestampHigh: 70n }
      )
      assert.deepStrictEqual(
        producerBatches.map(({ baseSequence, producerEpoch, producerId }) => [producerId, producerEpoch, baseSequence]),
        [[9n, 3, 0]]
      )
      assert.deepStrictEqual(
        (yield* store.sizes(1, 0n, 10)).map(({ bytes, inObject }) => [bytes, inObject]),
        [
          [10, true],
          [20, true],
          [30, false]
        ]
      )
      assert.deepStrictEqual(yield* store.sizeOf(1), { cumulativeBytes: 60n, sizeBytes: 60n })
      const compaction = { cleanedOffset: 1n, cleanedBytes: 10n, deleteHorizon: -1n }
      yield* store.commit([[Write.PutCompaction({ partitionId: 1, compaction })]])
      assert.deepStrictEqual(yield* store.sizeOf(1), { cumulativeBytes: 60n, sizeBytes: 60n })
      yield* store.commit([[Write.DeleteBatches({ partitionId: 1, below: 1n, limit: 5 })]])
      assert.deepStrictEqual(yield* store.sizeOf(1), { cumulativeBytes: 60n, sizeBytes: 50n })
    })
  )

  scenario("are found by time", ({ model, objects, store }) =>
    Effect.gen(function* () {
      yield* store.commit([
        [model.append({ maxTimestamp: 10n })],
        [object(1n), objects.holding(model.append({ bytes: 33, maxTimestamp: 20n }), at(1n))]
      ])
      assert.deepStrictEqual(brief([(yield* store.findByTimestamp(1, 5n))!]), briefly(model.batches.slice(0, 1)))
      assert.deepStrictEqual(brief([(yield* store.findByTimestamp(1, 11n))!]), briefly(model.batches.slice(1)))
      assert.strictEqual(yield* store.findByTimestamp(1, 21n), undefined)
    })
  )
}

const moveCases = (scenario: Scenario): void => {
  scenario("are told once, whoever brings them, and raise the next id", ({ model, objects, store }) =>
    Effect.gen(function* () {
      yield* store.commit([[object(3n), objects.holding(model.append(), at(3n))]])
      yield* store.commit([[object(3n, { name: "another" }), objects.holding(model.append(), at(3n, 100))]])
      yield* read(store)
      assert.deepStrictEqual(
        objects.asked.map(({ name }) => name),
        ["c/w/3", "c/w/3"]
      )
      assert.strictEqual((yield* store.acquire(NOTHING_TOLD)).nextObjectId, 4n)
    })
  )

  scenario("take batches over from rows and from each other, unless they lie elsewhere", ({ model, objects, store }) =>
    Effect.gen(function* () {
      const [row, first, second] = [
        model.append({ bytes: 11 }),
        objects.holding(model.append({ bytes: 12 }), at(1n)),
        objects.holding(model.append({ bytes: 13 }), at(2n))
      ]
      yield* store.commit([[object(1n), object(2n), row!, first!, second!, model.append({ bytes: 14 })]])
      const move = (append: Append, from: bigint | null, to: StoredAt) => {
        objects.put(append.records, to)
        return { baseOffset: append.baseOffset, from, to, bytes: append.records.byteLength }
      }
      const batches = [
        move(row!, null, at(4n, 0)),
        move(first!, 1n, at(4n, 11)),
        move(second!, 1n, at(4n, 500)),
        move(model.batches[3]!, 2n, at(4n, 600)),
        { baseOffset: 77n, from: null, to: at(4n, 700), bytes: 1 }
      ]
      yield* store.commit([[object(4n, { merged: true }), Write.MoveBatches({ partitionId: 1, batches })]])
      assert.deepStrictEqual(brief(yield* read(store)), briefly(model.batches))
      assert.deepStrictEqual(
        objects.asked.map(({ name, position }) => `${name} ${position}`),
        ["c/w/4 0", "c/w/4 11", "c/w/2 0"]
      )
      assert.strictEqual((yield* store.loadPartitions([1]))[0]!.sizeBytes, 50n)
    })
  )
}

const replaceCases = (scenario: Scenario): void => {
  scenario("take in what compaction leaves, and give way to rows", ({ model, objects, store }) =>
    Effect.gen(function* () {
      const batch = (baseOffset: bigint, timestamp: bigint, value: string) =>
        RecordBatch.encodeBatch([{ offset: baseOffset, timestamp, value: Buffer.from(value) }], { baseOffset })
      yield* store.commit([
        [
          object(1n),
          model.append({ bytes: 500, maxTimestamp: 100n }),
          objects.holding(model.append({ bytes: 600, maxTimestamp: 200n }), at(1n)),
          objects.holding(model.append({ bytes: 700, maxTimestamp: 300n }), at(1n, 600))
        ]
      ])
      const [inObject, inRow] = [batch(0n, 5n, "a"), batch(1n, 6n, "bc")]
      objects.put(inObject, at(2n, 9))
      const batches = [
        { baseOffset: 0n, records: inObject, stored: at(2n, 9) },
        { baseOffset: 1n, records: inRow }
      ]
      yield* store.commit([[object(2n), Write.ReplaceBatches({ partitionId: 1, batches })]])
      assert.deepStrictEqual(
        (yield* store.sizes(1, 0n, 10)).map(({ bytes, maxTimestamp }) => [bytes, maxTimestamp]),
        [
          [inObject.byteLength, 5n],
          [inRow.byteLength, 6n],
          [700, 300n]
        ]
      )
      assert.deepStrictEqual(
        (yield* read(store)).slice(0, 2).map((bytes) => Buffer.from(bytes)),
        [Buffer.from(inObject), Buffer.from(inRow)]
      )
      assert.deepStrictEqual(
        objects.asked.map(({ maxTimestamp, name }) => [name, maxTimestamp]),
        [
          ["c/w/2", 5n],
          ["c/w/1", 300n]
        ]
      )
    })
  )
}

/** Batches whose bytes lie in objects: all but the bytes is told as of any other. */
export const objectCases = (backend: StoreBackend): void => {
  describe("objects", () => {
    const scenario = scenarioOn(backend)
    readCases(scenario)
    moveCases(scenario)
    replaceCases(scenario)

    it.live("fail the reads that meet them, and no other, in a broker without an object store", () =>
      Effect.gen(function* () {
        const cluster = yield* backend.cluster
        const store = yield* cluster.open
        yield* store.acquire(NOTHING_TOLD)
        const model = new Model(1)
        yield* store.commit([
          topicWith(TOPIC, "t", [1]),
          [model.append(), object(1n), { ...model.append({ maxTimestamp: 20n }), stored: at(1n) }]
        ])
        assert.strictEqual((yield* read(store, 0n, 100)).length, 1)
        assert.strictEqual((yield* Effect.flip(read(store)))._tag, "StoreUnavailable")
        assert.strictEqual((yield* Effect.flip(store.findByTimestamp(1, 9n)))._tag, "StoreUnavailable")
      })
    )
  })
}
