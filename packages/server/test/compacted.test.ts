import { assert, describe, it } from "@effect/vitest"
import { Fetch } from "@tusk/protocol/messages/Fetch"
import { ListOffsets } from "@tusk/protocol/messages/ListOffsets"
import { Produce } from "@tusk/protocol/messages/Produce"
import { GZIP } from "@tusk/protocol/record/Compression"
import * as RecordBatch from "@tusk/protocol/record/RecordBatch"
import { BatchCodec, inlineBatchCodec } from "@tusk/storage/log/batches/BatchCodec"
import * as MemoryStore from "@tusk/storage/memory/MemoryStore"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { brokerInTestTime, pass } from "./BrokerUnderTest.ts"
import type { WireClient } from "./WireClient.ts"

const INVALID_RECORD = 87
const EARLIEST = -2n
const LATEST = -1n

/** Key and value; null for none. */
type Pair = readonly [key: string | null, value: string | null]

const utf8 = new TextEncoder()
const bytes = (text: string | null) => (text === null ? null : utf8.encode(text))
const text = (found: Uint8Array | null) => (found === null ? "-" : Buffer.from(found).toString())

/** A client of one partition of "t"; records are as old as the broker's clock says. */
const talk = (client: WireClient, topicId: string) => ({
  put: Effect.fnUntraced(function* (...pairs: ReadonlyArray<Pair>) {
    const timestamp = BigInt(yield* Clock.currentTimeMillis)
    const records = RecordBatch.encodeBatch(
      pairs.map(([key, value]) => ({ timestamp, key: bytes(key), value: bytes(value) })),
      { compression: GZIP }
    )
    const topicData = [{ name: "t", partitionData: [{ index: 0, records }] }]
    const { responses } = yield* Effect.promise(() => client.call(Produce, 12, { acks: -1, topicData }))
    return responses[0]!.partitionResponses[0]!.errorCode
  }),
  read: (fetchOffset: bigint) =>
    Effect.map(
      Effect.promise(() =>
        client.call(Fetch, 17, {
          maxWaitMs: 0,
          minBytes: 0,
          maxBytes: 1 << 20,
          topics: [{ topicId, partitions: [{ partition: 0, fetchOffset, partitionMaxBytes: 1 << 20 }] }]
        })
      ),
      ({ responses }) => {
        const batches = RecordBatch.splitBatches(Buffer.concat(responses[0]?.partitions[0]?.records ?? []))
        if (!Array.isArray(batches)) throw batches
        return batches.flatMap((batch: Uint8Array) => {
          const records = RecordBatch.decodeRecords(batch, { maxDecompressedBytes: 1 << 20 })
          if ("_tag" in records) throw records
          return records.map(({ key, offset, value }) => `${offset} ${text(key)}=${text(value)}`)
        })
      }
    ),
  offset: (timestamp: bigint) =>
    Effect.map(
      Effect.promise(() =>
        client.call(ListOffsets, 10, {
          replicaId: -1,
          topics: [{ name: "t", partitions: [{ partitionIndex: 0, timestamp }] }]
        })
      ),
      ({ topics }) => topics[0]!.partitions[0]!.offset
    )
})

describe("a compacted topic", () => {
  it.effect(
    "keeps the latest of each key at its offset, tombstones for their time, and takes no record without a key",
    () =>
      Effect.gen(function* () {
        // Threads have a time of their own.
        const store = Layer.merge(MemoryStore.layer({ maxBytes: 1 << 26 }), Layer.succeed(BatchCodec, inlineBatchCodec))
        const broker = yield* brokerInTestTime({ logCleanerBackoffMs: 5000 }, { store })
        const configs = {
          "cleanup.policy": "compact",
          "min.cleanable.dirty.ratio": "0",
          "segment.ms": "10000",
          "delete.retention.ms": "60000"
        }
        const topicId = yield* Effect.promise(() => broker.createTopic("t", 1, configs))
        const { offset, put, read } = talk(yield* Effect.promise(() => broker.connect()), topicId)
        assert.strictEqual(yield* put(["a", "1"], ["b", "1"], ["a", "2"]), 0)
        assert.strictEqual(yield* put(["b", null], ["c", "1"]), 0)
        assert.strictEqual(yield* put([null, "x"]), INVALID_RECORD)
        const written = ["0 a=1", "1 b=1", "2 a=2", "3 b=-", "4 c=1"]
        assert.deepStrictEqual(yield* read(0n), written)
        // Young records are Kafka's active segment.
        yield* pass(broker, 6)
        assert.deepStrictEqual(yield* read(0n), written)
        yield* put(["a", "3"])
        yield* pass(broker, 10)
        // The newest batch is never compacted, and supersedes nothing yet.
        assert.deepStrictEqual(yield* read(0n), ["2 a=2", "3 b=-", "4 c=1", "5 a=3"])
        // An offset that is gone goes on with the next one.
        assert.deepStrictEqual(yield* read(1n), ["2 a=2", "3 b=-", "4 c=1", "5 a=3"])
        assert.deepStrictEqual([yield* offset(EARLIEST), yield* offset(LATEST)], [0n, 6n])
        yield* put(["d", "1"])
        yield* pass(broker, 15)
        assert.deepStrictEqual(yield* read(0n), ["3 b=-", "4 c=1", "5 a=3", "6 d=1"])
        yield* pass(broker, 60)
        assert.deepStrictEqual(yield* read(0n), ["4 c=1", "5 a=3", "6 d=1"])
        assert.deepStrictEqual(yield* read(5n), ["5 a=3", "6 d=1"])
        assert.strictEqual(yield* put(["d", "2"]), 0)
        assert.deepStrictEqual([yield* offset(EARLIEST), yield* offset(LATEST)], [0n, 8n])
      })
  )
})
