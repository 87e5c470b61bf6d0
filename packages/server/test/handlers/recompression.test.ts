import { assert, describe, it } from "@effect/vitest"
import { decodeResponse } from "@tusk/protocol/Decode"
import { Fetch } from "@tusk/protocol/messages/Fetch"
import { Produce } from "@tusk/protocol/messages/Produce"
import { CODEC_NAMES, GZIP, LZ4, SNAPPY, UNCOMPRESSED, ZSTD } from "@tusk/protocol/record/Compression"
import * as RecordBatch from "@tusk/protocol/record/RecordBatch"
import * as Result from "effect/Result"
import { batchOf, valuesOf } from "../Batches.ts"
import { startBroker } from "../BrokerUnderTest.ts"
import type { BrokerUnderTest } from "../BrokerUnderTest.ts"
import { requestFrame } from "../WireClient.ts"
import type { WireClient } from "../WireClient.ts"

const VERSION = 12
const TYPES = ["uncompressed", "gzip", "snappy", "lz4", "zstd"]

const asking = (name: string, records: Uint8Array, index = 0) => ({
  acks: -1,
  timeoutMs: 1000,
  topicData: [{ name, partitionData: [{ index, records }] }]
})

const produce = async (client: WireClient, name: string, batch: Uint8Array) => {
  const { responses } = await client.call(Produce, VERSION, asking(name, batch))
  return responses[0]!.partitionResponses[0]!
}

const stored = async (client: WireClient, topic: string): Promise<ReadonlyArray<Uint8Array>> => {
  const { responses } = await client.call(Fetch, 12, {
    maxWaitMs: 0,
    minBytes: 0,
    maxBytes: 1 << 26,
    topics: [{ topic, partitions: [{ partition: 0, fetchOffset: 0n, partitionMaxBytes: 1 << 26 }] }]
  })
  const batches = RecordBatch.splitBatches(Buffer.concat(responses[0]!.partitions[0]!.records ?? []))
  if (!Array.isArray(batches)) throw batches
  return batches
}

const topicWith = async (broker: BrokerUnderTest, configs: Readonly<Record<string, string>>): Promise<WireClient> => {
  await broker.createTopic("t", 1, configs)
  return broker.connect()
}

const values = Array.from({ length: 50 }, (_, i) => `value ${i} ${"x".repeat(i)}`)

describe("compression.type", () => {
  for (const type of TYPES) {
    it(`${type} is what every batch is kept in, whatever codec it came in`, async () => {
      await using broker = await startBroker()
      const client = await topicWith(broker, { "compression.type": type })
      for (const compression of [UNCOMPRESSED, GZIP, SNAPPY, LZ4, ZSTD]) {
        const sent = batchOf(values, { compression, timestamp: BigInt(1000 + compression) })
        const bytes = Uint8Array.from(sent)
        assert.strictEqual((await produce(client, "t", sent)).errorCode, 0, CODEC_NAMES[compression])
        const kept = (await stored(client, "t"))[compression]!
        assert.strictEqual(RecordBatch.compressionCodec(kept), TYPES.indexOf(type), CODEC_NAMES[compression])
        assert.isTrue(RecordBatch.isCrcValid(kept))
        assert.deepStrictEqual(valuesOf([kept]), values)
        assert.strictEqual(RecordBatch.baseTimestamp(kept), BigInt(1000 + compression))
        assert.strictEqual(RecordBatch.maxTimestamp(kept), BigInt(1000 + compression))
        assert.strictEqual(RecordBatch.baseOffset(kept), BigInt(50 * compression))
        // Its own codec: not a byte is touched but offset and leader epoch.
        const same = CODEC_NAMES[compression] === (type === "uncompressed" ? "none" : type)
        if (same) assert.strictEqual(Buffer.compare(kept.subarray(16), bytes.subarray(16)), 0)
      }
    })
  }

  it("producer leaves all as they came; a level is taken", async () => {
    await using broker = await startBroker()
    const client = await topicWith(broker, {})
    for (const compression of [UNCOMPRESSED, GZIP, SNAPPY, LZ4, ZSTD]) {
      await produce(client, "t", batchOf(values, { compression }))
    }
    assert.deepStrictEqual((await stored(client, "t")).map(RecordBatch.compressionCodec), [0, 1, 2, 3, 4])
    const text = Array.from({ length: 3000 }, (_, i) => `${(i * 7919) % 10007} of ${i % 97}`)
    const size = async (level: string): Promise<number> => {
      await broker.createTopic(`l${level}`, 1, { "compression.type": "gzip", "compression.gzip.level": level })
      assert.strictEqual((await produce(client, `l${level}`, batchOf(text))).errorCode, 0)
      return (await stored(client, `l${level}`))[0]!.byteLength
    }
    assert.isBelow(await size("9"), await size("1"))
  })

  it("keeps producer and sequence, so that a repeated batch is known", async () => {
    await using broker = await startBroker()
    const client = await topicWith(broker, { "compression.type": "zstd" })
    const batch = () => batchOf(["a", "b"], { compression: GZIP, producerId: 5n, producerEpoch: 0, baseSequence: 0 })
    assert.strictEqual((await produce(client, "t", batch())).baseOffset, 0n)
    const again = await produce(client, "t", batch())
    assert.deepStrictEqual([again.errorCode, again.baseOffset], [0, 0n])
    const [kept, ...more] = await stored(client, "t")
    assert.lengthOf(more, 0)
    assert.deepStrictEqual(
      [RecordBatch.producerId(kept!), RecordBatch.producerEpoch(kept!), RecordBatch.baseSequence(kept!)],
      [5n, 0, 0]
    )
  })

  it("goes with LogAppendTime", async () => {
    await using broker = await startBroker()
    const client = await topicWith(broker, { "compression.type": "lz4", "message.timestamp.type": "LogAppendTime" })
    const { errorCode, logAppendTimeMs } = await produce(
      client,
      "t",
      batchOf(values, { compression: ZSTD, timestamp: 1n })
    )
    assert.deepStrictEqual([errorCode, logAppendTimeMs > 1_000_000n], [0, true])
    const [kept] = await stored(client, "t")
    assert.deepStrictEqual(
      [RecordBatch.timestampType(kept!), RecordBatch.maxTimestamp(kept!), RecordBatch.compressionCodec(kept!)],
      ["LogAppendTime", logAppendTimeMs, 3]
    )
    assert.deepStrictEqual(valuesOf([kept!]), values)
  })

  it("a batch that is longer after it than max.message.bytes is refused, and one that is before it", async () => {
    await using broker = await startBroker()
    const client = await topicWith(broker, { "compression.type": "uncompressed", "max.message.bytes": "2000" })
    const packed = batchOf(["x".repeat(3000)], { compression: GZIP })
    assert.isBelow(packed.byteLength, 2000)
    const refused = await produce(client, "t", packed)
    assert.strictEqual(refused.errorCode, 10)
    assert.match(refused.errorMessage!, /max\.message\.bytes/)
    assert.strictEqual((await produce(client, "t", batchOf(["y".repeat(3000)]))).errorCode, 10)
    assert.lengthOf(await stored(client, "t"), 0)
  })

  it("does not open what expands beyond its limit, or what is not what it says", async () => {
    await using broker = await startBroker({ decompressedMaxBytes: 1 << 20 })
    const client = await topicWith(broker, { "compression.type": "zstd", "max.message.bytes": "10000000" })
    for (const compression of [GZIP, SNAPPY, LZ4]) {
      const bomb = batchOf(["\0".repeat(2 << 20)], { compression })
      assert.strictEqual((await produce(client, "t", bomb)).errorCode, 10, CODEC_NAMES[compression])
      const broken = batchOf(values, { compression })
      broken.fill(0x5a, 70, 90)
      RecordBatch.refreshCrc(broken)
      const { errorCode } = await produce(client, "t", broken)
      assert.include([2, 87], errorCode, CODEC_NAMES[compression])
      // As many records as the header says, or none is kept.
      const miscounted = batchOf(values, { compression })
      const view = new DataView(miscounted.buffer, miscounted.byteOffset, miscounted.byteLength)
      view.setInt32(57, 60)
      view.setInt32(23, 59)
      RecordBatch.refreshCrc(miscounted)
      assert.strictEqual((await produce(client, "t", miscounted)).errorCode, 87, CODEC_NAMES[compression])
    }
    assert.lengthOf(await stored(client, "t"), 0)
  })

  it("keeps the order of a connection's requests, whichever of them have to be opened", async () => {
    await using broker = await startBroker()
    await broker.createTopic("zipped", 1, { "compression.type": "gzip" })
    await broker.createTopic("plain")
    const client = await broker.connect()
    const big = "x".repeat(300_000)
    const frames = Array.from({ length: 40 }, (_, i) =>
      requestFrame(
        Produce,
        VERSION,
        asking(
          i % 2 === 0 ? "zipped" : "plain",
          batchOf([i % 8 === 0 ? `${i} ${big}` : `${i}`], { compression: SNAPPY })
        ),
        i
      )
    )
    client.sendBytes(Buffer.concat(frames))
    for (let i = 0; i < frames.length; i++) {
      const answer = Result.getOrThrow(decodeResponse(Produce, VERSION, await client.frame()))
      assert.strictEqual(answer.correlationId, i)
      const [partition] = answer.body.responses[0]!.partitionResponses
      assert.deepStrictEqual([partition!.errorCode, partition!.baseOffset], [0, BigInt(i >> 1)])
    }
    const numbers = async (topic: string) =>
      valuesOf(await stored(client, topic)).map((value) => Number(value.split(" ")[0]))
    assert.deepStrictEqual(
      await numbers("zipped"),
      Array.from({ length: 20 }, (_, i) => 2 * i)
    )
    assert.deepStrictEqual(
      await numbers("plain"),
      Array.from({ length: 20 }, (_, i) => 2 * i + 1)
    )
  })

  it("one partition's refusal leaves its neighbours alone", async () => {
    await using broker = await startBroker()
    await broker.createTopic("t", 3, { "compression.type": "gzip" })
    const client = await broker.connect()
    const broken = batchOf(values, { compression: SNAPPY })
    broken.fill(0x5a, 70, 90)
    RecordBatch.refreshCrc(broken)
    const { responses } = await client.call(Produce, VERSION, {
      acks: -1,
      timeoutMs: 1000,
      topicData: [
        {
          name: "t",
          partitionData: [
            { index: 0, records: batchOf(["a"]) },
            { index: 1, records: broken },
            { index: 2, records: batchOf(["c", "d"], { compression: GZIP }) }
          ]
        }
      ]
    })
    const [a, b, c] = responses[0]!.partitionResponses
    assert.deepStrictEqual([a!.errorCode, c!.errorCode, c!.baseOffset], [0, 0, 0n])
    assert.include([2, 87], b!.errorCode)
  })
})

describe("the times of records", () => {
  const HOUR = 3_600_000
  const at = (...ages: ReadonlyArray<number>): Uint8Array => {
    const now = Date.now()
    return RecordBatch.encodeBatch(
      ages.map((age) => ({ timestamp: BigInt(now - age), key: null, value: new Uint8Array(1) })),
      {}
    )
  }
  const packed = (...ages: ReadonlyArray<number>): Uint8Array => {
    const now = Date.now()
    return RecordBatch.encodeBatch(
      ages.map((age) => ({ timestamp: BigInt(now - age), key: null, value: new Uint8Array(1) })),
      { compression: GZIP }
    )
  }

  it("too far ahead are INVALID_TIMESTAMP, each named", async () => {
    await using broker = await startBroker()
    const client = await topicWith(broker, { "message.timestamp.after.max.ms": `${HOUR}` })
    for (const batch of [at, packed]) {
      const refused = await produce(client, "t", batch(0, -2 * HOUR, 5, -3 * HOUR))
      assert.deepStrictEqual([refused.errorCode, refused.baseOffset], [32, -1n])
      assert.deepStrictEqual(
        refused.recordErrors.map(({ batchIndex }) => batchIndex),
        [1, 3]
      )
      assert.match(refused.recordErrors[0]!.batchIndexErrorMessage!, /is not within/)
      assert.isNotNull(refused.errorMessage)
      assert.strictEqual((await produce(client, "t", batch(0, -HOUR / 2))).errorCode, 0)
    }
  })

  it("too old are INVALID_TIMESTAMP, though the first is not; without a time is neither", async () => {
    await using broker = await startBroker()
    const client = await topicWith(broker, { "message.timestamp.before.max.ms": `${HOUR}` })
    for (const batch of [at, packed]) {
      const refused = await produce(client, "t", batch(0, 2 * HOUR))
      assert.strictEqual(refused.errorCode, 32)
      assert.deepStrictEqual(
        refused.recordErrors.map(({ batchIndex }) => batchIndex),
        [1]
      )
      assert.strictEqual((await produce(client, "t", batch(0, HOUR / 2))).errorCode, 0)
    }
    const timeless = RecordBatch.encodeBatch([{ timestamp: -1n, key: null, value: null }], {})
    assert.strictEqual((await produce(client, "t", timeless)).errorCode, 0)
  })

  it("may be any under LogAppendTime", async () => {
    await using broker = await startBroker()
    const client = await topicWith(broker, {
      "message.timestamp.type": "LogAppendTime",
      "message.timestamp.before.max.ms": "1",
      "message.timestamp.after.max.ms": "1"
    })
    assert.strictEqual((await produce(client, "t", at(99 * HOUR, -99 * HOUR))).errorCode, 0)
  })

  it("a compacted topic names the records without a key", async () => {
    await using broker = await startBroker()
    const client = await topicWith(broker, { "cleanup.policy": "compact" })
    for (const compression of [UNCOMPRESSED, GZIP]) {
      const key = new Uint8Array(1)
      const batch = RecordBatch.encodeBatch(
        [key, null, key, null].map((each) => ({ timestamp: 1n, key: each, value: key })),
        { compression }
      )
      const refused = await produce(client, "t", batch)
      assert.strictEqual(refused.errorCode, 87)
      assert.deepStrictEqual(
        refused.recordErrors.map(({ batchIndex }) => batchIndex),
        [1, 3]
      )
      const kept = RecordBatch.encodeBatch([{ timestamp: 1n, key, value: key }], { compression })
      assert.strictEqual((await produce(client, "t", kept)).errorCode, 0)
    }
  })
})
