import { assert, describe, it } from "@effect/vitest"
import { GZIP } from "@tusk/protocol/record/Compression"
import * as RecordBatch from "@tusk/protocol/record/RecordBatch"
import { BatchCodec, inlineBatchCodec } from "@tusk/storage/log/batches/BatchCodec"
import * as MemoryStore from "@tusk/storage/memory/MemoryStore"
import { makeMemoryObjectStore, MemoryObjects } from "@tusk/storage/object/memory/MemoryObjectStore"
import { ObjectStore } from "@tusk/storage/port/ObjectStore"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { brokerInTestTime, pass } from "../BrokerUnderTest.ts"
import type { TopicConfigName } from "../../src/config/TopicConfigDefinitions.ts"
import { BothStorages, textOf } from "./BothStorages.ts"

const utf8 = new TextEncoder()

/** A broker in test time, with both topics. */
const started = Effect.fnUntraced(function* (configs: { readonly [Name in TopicConfigName]?: string }) {
  const store = Layer.mergeAll(
    MemoryStore.layer({ maxBytes: 1 << 26 }),
    // Threads have a time of their own.
    Layer.succeed(BatchCodec, inlineBatchCodec),
    Layer.succeed(ObjectStore, makeMemoryObjectStore(new MemoryObjects(), { maxBytes: 1 << 26 }))
  )
  const settings = {
    logCleanerBackoffMs: 5000,
    logRetentionCheckIntervalMs: 1000,
    tailCacheBytes: 0,
    readAheadBytes: 0
  }
  const broker = yield* brokerInTestTime(settings, { store })
  const both = yield* Effect.promise(() => BothStorages.create(broker, 1, configs))
  /** Records as `key=value`; a key alone is a tombstone. */
  const put = Effect.fnUntraced(function* (...records: ReadonlyArray<string>) {
    const timestamp = BigInt(yield* Clock.currentTimeMillis)
    const batch = RecordBatch.encodeBatch(
      records.map((record) => {
        const [key, value] = record.split("=") as [string, string | undefined]
        return { timestamp, key: utf8.encode(key), value: value === undefined ? null : utf8.encode(value) }
      }),
      { compression: records.length % 2 === 0 ? GZIP : 0 }
    )
    assert.strictEqual((yield* Effect.promise(() => both.produce(0, batch))).errorCode, 0)
  })
  const compare = Effect.suspend(() => Effect.promise(() => both.compare(20n, [0n, 1n << 50n])))
  /** How many records there are, and where the log begins. */
  const whole = Effect.map(
    Effect.promise(() => both.fetch(12, 0, 0n)),
    textOf
  )
  return { broker, both, put, compare, whole, later: (seconds: number) => pass(broker, seconds) }
})

describe("topics of rows and of objects", () => {
  it.effect("are compacted alike, tombstones go at their time, and a change of where they lie changes nothing", () =>
    Effect.gen(function* () {
      const { both, compare, later, put, whole } = yield* started({
        "cleanup.policy": "compact",
        "min.cleanable.dirty.ratio": "0",
        "segment.ms": "10000",
        "delete.retention.ms": "60000"
      })
      yield* put("a=1", "b=1", "a=2")
      yield* put("b", "c=1")
      const before = yield* whole
      yield* later(11)
      yield* put("a=3")
      yield* later(10)
      assert.notStrictEqual(yield* whole, before)
      yield* compare
      yield* Effect.promise(() => both.keepIn("row"))
      yield* put("c=2", "d=1")
      yield* later(15)
      yield* put("e=1")
      yield* later(15)
      yield* compare
      yield* Effect.promise(() => both.keepIn("object"))
      yield* put("e=2", "a=4", "f=1")
      yield* later(70)
      yield* put("g=1")
      yield* later(15)
      yield* compare
    })
  )

  it.effect("lose what is old and what is too much at the same time", () =>
    Effect.gen(function* () {
      const { both, compare, later, put } = yield* started({ "retention.ms": "60000" })
      for (let i = 0; i < 6; i++) {
        yield* put(`a=${i}`, `b=${"x".repeat(50)}`, "c=1")
        yield* later(15)
        yield* compare
      }
      yield* Effect.promise(() => both.alter({ "retention.bytes": "300" }))
      yield* later(5)
      yield* compare
      const start = textOf(yield* Effect.promise(() => both.fetch(12, 0, 0n)))
      assert.include(start, `"errorCode":1,`)
    })
  )
})
