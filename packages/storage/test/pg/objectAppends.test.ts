import * as RecordBatch from "@tusk/protocol/record/RecordBatch"
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Active } from "../../src/commit/Active.ts"
import { Committer } from "../../src/commit/Committer.ts"
import { isKafkaError, Log } from "../../src/log/Log.ts"
import { LogOptions } from "../../src/log/LogOptions.ts"
import { ObjectReader } from "../../src/log/objects/ObjectReader.ts"
import { objectsLayer } from "../../src/log/objects/Objects.ts"
import { objectWriterLayer } from "../../src/log/objects/ObjectWriter.ts"
import { Owner } from "../../src/log/objects/Owner.ts"
import { logDefaults } from "../../src/defaults.ts"
import { makeMemoryObjectStore, MemoryObjects } from "../../src/object/memory/MemoryObjectStore.ts"
import { ObjectStore } from "../../src/port/ObjectStore.ts"
import { pointed } from "../../src/port/pointed.ts"
import { Store } from "../../src/port/Store.ts"
import { Fenced } from "../../src/port/StoreError.ts"
import { Topics } from "../../src/topics/Topics.ts"
import { Configs } from "../../src/topics/Configs.ts"
import { batchOf } from "../log/batch.ts"
import { append, offsets } from "../log/serving.ts"
import { TestDatabase } from "./TestDatabase.ts"

const database = new TestDatabase()

/** A broker's log over the database, which keeps nothing in memory. */
const opened = Effect.fnUntraced(function* (objects: MemoryObjects) {
  const memory = makeMemoryObjectStore(objects, { maxBytes: 1 << 26 })
  const reader = new ObjectReader(memory, Effect.void, { maxGapBytes: 1024, maxRangeBytes: 1 << 20, maxRanges: 4 })
  const store = pointed(yield* database.open(), reader)
  const layer = Layer.merge(Topics.layer, Log.layer).pipe(
    Layer.provideMerge(Configs.layer),
    Layer.provideMerge(Committer.layer),
    Layer.provideMerge(objectWriterLayer),
    Layer.provideMerge(objectsLayer),
    Layer.provideMerge(Owner.claims),
    Layer.provideMerge(Active.layer),
    Layer.provideMerge(Owner.layer),
    Layer.provide(Layer.succeed(Store, store)),
    Layer.provide(Layer.succeed(ObjectStore, memory)),
    Layer.provide(Layer.succeed(LogOptions, { ...logDefaults, tailMaxBytes: 0, readAheadBytes: 0 }))
  )
  const context = yield* Layer.build(Layer.fresh(layer))
  const topics = Context.get(context, Topics)
  const topic = topics.byName("t") ?? (yield* topics.create({ name: "t", partitions: 2, configs: new Map() }))
  const log = Context.get(context, Log)
  const into = (object: boolean, partition: number, ...batches: ReadonlyArray<Uint8Array>) =>
    log.append(
      batches.map((batch) => ({ partitionId: topic.partitionIds[partition]!, batch, stampTime: false, object }))
    )
  const read = (partition: number) =>
    Effect.map(
      log.read([{ partitionId: topic.partitionIds[partition]!, from: 0n, maxBytes: 1 << 20 }], {
        bound: "HighWatermark",
        maxBytes: 1 << 20,
        atLeastOne: true
      }),
      ([found]) => (isKafkaError(found!) ? [found._tag] : found!.batches)
    )
  return { active: Context.get(context, Active), into, log, partitionIds: topic.partitionIds, read }
})

const numbered = (baseSequence: number) => batchOf({ producerId: 7n, producerEpoch: 0, baseSequence })

describe("appends whose bytes lie in objects", () => {
  it.live("are read behind a restart and a take-over, in order with those in rows", () =>
    Effect.gen(function* () {
      yield* database.empty
      const objects = new MemoryObjects()
      yield* Effect.scoped(
        Effect.gen(function* () {
          const { active, into } = yield* opened(objects)
          assert.deepStrictEqual(offsets(yield* into(true, 0, numbered(0), numbered(1))), [0n, 1n])
          assert.deepStrictEqual(offsets(yield* into(false, 0, numbered(2))), [2n])
          yield* active.failed(new Fenced({ message: "lost" }), active.reign()!)
          assert.deepStrictEqual(offsets(yield* into(true, 0, numbered(3), numbered(3))), [3n, 3n])
        })
      )
      const { into, read } = yield* opened(objects)
      assert.deepStrictEqual(offsets(yield* into(true, 0, numbered(3), numbered(4))), [3n, 4n])
      const batches = yield* read(0)
      assert.deepStrictEqual(
        batches.map((batch) => [
          RecordBatch.baseOffset(batch as Uint8Array),
          RecordBatch.baseSequence(batch as Uint8Array),
          RecordBatch.isCrcValid(batch as Uint8Array)
        ]),
        [0, 1, 2, 3, 4].map((i) => [BigInt(i), i, true])
      )
      const psql = yield* database.psql()
      const kinds = "select base_offset, object_id is not null, data is not null from kafka.batches order by 1"
      assert.deepStrictEqual(yield* psql.query(kinds), [
        ["0", "t", "f"],
        ["1", "t", "f"],
        ["2", "f", "t"],
        ["3", "t", "f"],
        ["4", "t", "f"]
      ])
      const names = yield* psql.query("select name from kafka.objects order by object_id")
      assert.isTrue(names.every(([name]) => objects.objects.has(name!)))
    }).pipe(Effect.scoped)
  )

  it.live("come to one object and one commit, if they come together", () =>
    Effect.gen(function* () {
      yield* database.empty
      const objects = new MemoryObjects()
      const { into, log, partitionIds, read } = yield* opened(objects)
      yield* Effect.all(
        Array.from({ length: 40 }, (_, i) => into(true, i % 2, batchOf({}))),
        { concurrency: "unbounded" }
      )
      assert.strictEqual((yield* read(0)).length, 20)
      assert.strictEqual((yield* read(1)).length, 20)
      assert.isAtMost(objects.objects.size, 3)
      assert.deepStrictEqual(offsets(yield* append(log, partitionIds[0]!, batchOf({}))), [20n])
    }).pipe(Effect.scoped)
  )
})
