import { assert, describe, it } from "@effect/vitest"
import { decodeResponse } from "@tusk/protocol/Decode"
import { DeleteTopics } from "@tusk/protocol/messages/DeleteTopics"
import { Fetch } from "@tusk/protocol/messages/Fetch"
import { InitProducerId } from "@tusk/protocol/messages/InitProducerId"
import { ListOffsets } from "@tusk/protocol/messages/ListOffsets"
import { Metadata } from "@tusk/protocol/messages/Metadata"
import { Produce } from "@tusk/protocol/messages/Produce"
import type { ProduceResponse } from "@tusk/protocol/messages/Produce"
import { partitionForKey } from "@tusk/protocol/record/Murmur2"
import { ZSTD } from "@tusk/protocol/record/Compression"
import * as RecordBatch from "@tusk/protocol/record/RecordBatch"
import * as Result from "effect/Result"
import { batchOf, valuesOf } from "../Batches.ts"
import { startBroker } from "../BrokerUnderTest.ts"
import { requestFrame, within } from "../WireClient.ts"
import type { WireClient } from "../WireClient.ts"

const VERSION = 12

/** One topic's partitions in one request. */
const asking = (
  name: string,
  records: ReadonlyArray<readonly [index: number, batch: Uint8Array | null]>,
  acks = -1
) => ({
  acks,
  timeoutMs: 1000,
  topicData: [{ name, partitionData: records.map(([index, records]) => ({ index, records })) }]
})

const produce = async (client: WireClient, name: string, batch: Uint8Array | null, index = 0, version = VERSION) => {
  const { responses } = await client.call(Produce, version, asking(name, [[index, batch]]))
  return responses[0]!.partitionResponses[0]!
}

const codes = ({ responses }: ProduceResponse) =>
  responses.flatMap(({ partitionResponses }) => partitionResponses.map(({ errorCode, index }) => [index, errorCode]))

const stored = async (client: WireClient, topic: string, partition = 0) => {
  const { responses } = await client.call(Fetch, 12, {
    maxWaitMs: 0,
    minBytes: 0,
    maxBytes: 1 << 24,
    topics: [{ topic, partitions: [{ partition, fetchOffset: 0n, partitionMaxBytes: 1 << 24 }] }]
  })
  return responses[0]!.partitions[0]!
}

/** A batch of one record that a producer with this id, epoch and sequence sends. */
const numbered = (producerId: bigint, producerEpoch: number, baseSequence: number, records = 1) =>
  batchOf(
    Array.from({ length: records }, (_, i) => `${baseSequence + i}`),
    { producerId, producerEpoch, baseSequence }
  )

describe("acks", () => {
  it("1 and -1 are answered with the base offset, 0 with nothing", async () => {
    await using broker = await startBroker()
    const client = await broker.connect()
    await broker.createTopic("t")
    client.send(Produce, VERSION, asking("t", [[0, batchOf(["a", "b"])]], 0))
    const one = await client.call(Produce, VERSION, asking("t", [[0, batchOf(["c"])]], 1))
    const all = await client.call(Produce, VERSION, asking("t", [[0, batchOf(["d"])]], -1))
    assert.strictEqual(one.responses[0]!.partitionResponses[0]!.baseOffset, 2n)
    assert.strictEqual(all.responses[0]!.partitionResponses[0]!.baseOffset, 3n)
    assert.deepStrictEqual(valuesOf((await stored(client, "t")).records), ["a", "b", "c", "d"])
  })

  it("0 with records that cannot be stored ends the connection, as there is no other way to tell", async () => {
    await using broker = await startBroker()
    await broker.createTopic("t")
    const client = await broker.connect()
    client.send(Produce, VERSION, asking("t", [[7, batchOf(["a"])]], 0))
    await within(client.closed, "the end of the connection")
    assert.isTrue(broker.log.some(({ text }) => text.includes("acks=0")))
    assert.isTrue(await broker.serves())
  })

  it("anything else is INVALID_REQUIRED_ACKS for every partition", async () => {
    await using broker = await startBroker()
    const client = await broker.connect()
    await broker.createTopic("t", 2)
    const answer = await client.call(
      Produce,
      VERSION,
      asking(
        "t",
        [
          [0, batchOf(["a"])],
          [1, batchOf(["b"])]
        ],
        2
      )
    )
    assert.deepStrictEqual(codes(answer), [
      [0, 21],
      [1, 21]
    ])
    assert.deepStrictEqual((await stored(client, "t")).highWatermark, 0n)
  })
})

describe("order", () => {
  it("of pipelined requests is the order of offsets and of answers", async () => {
    await using broker = await startBroker()
    const client = await broker.connect()
    await broker.createTopic("t")
    const values = Array.from({ length: 200 }, (_, i) => `${i}`)
    const frames = values.map((value, i) => requestFrame(Produce, VERSION, asking("t", [[0, batchOf([value])]]), i))
    client.sendBytes(Buffer.concat(frames))
    for (let i = 0; i < values.length; i++) {
      const answer = Result.getOrThrow(decodeResponse(Produce, VERSION, await client.frame()))
      assert.strictEqual(answer.correlationId, i)
      assert.strictEqual(answer.body.responses[0]!.partitionResponses[0]!.baseOffset, BigInt(i))
    }
    assert.deepStrictEqual(valuesOf((await stored(client, "t")).records), values)
  })

  it("a request behind a Produce sees what it wrote", async () => {
    await using broker = await startBroker()
    const client = await broker.connect()
    await broker.createTopic("t")
    const written = client.call(Produce, VERSION, asking("t", [[0, batchOf(["a", "b", "c"])]]))
    const latest = client.call(ListOffsets, 5, {
      topics: [{ name: "t", partitions: [{ partitionIndex: 0, timestamp: -1n }] }]
    })
    assert.deepStrictEqual(codes(await written), [[0, 0]])
    assert.strictEqual((await latest).topics[0]!.partitions[0]!.offset, 3n)
  })
})

describe("what a batch must be", () => {
  it("a wrong checksum is CORRUPT_MESSAGE for its partition only", async () => {
    await using broker = await startBroker()
    const client = await broker.connect()
    await broker.createTopic("t", 3)
    const bad = batchOf(["bad"])
    bad[bad.length - 1]! ^= 1
    const answer = await client.call(
      Produce,
      VERSION,
      asking("t", [
        [0, batchOf(["a"])],
        [1, bad],
        [2, batchOf(["c"])]
      ])
    )
    assert.deepStrictEqual(codes(answer), [
      [0, 0],
      [1, 2],
      [2, 0]
    ])
    assert.strictEqual((await stored(client, "t", 1)).highWatermark, 0n)
    assert.deepStrictEqual(valuesOf((await stored(client, "t", 2)).records), ["c"])
  })

  it("none, two, a cut one, or one of old magic is refused", async () => {
    await using broker = await startBroker()
    const client = await broker.connect()
    await broker.createTopic("t")
    const batch = batchOf(["a"])
    const old = batch.slice()
    old[16] = 1
    const lied = batch.slice()
    lied[60] = 2
    RecordBatch.refreshCrc(lied)
    const code = async (records: Uint8Array | null) => (await produce(client, "t", records)).errorCode
    assert.strictEqual(await code(null), 87)
    assert.strictEqual(await code(new Uint8Array(0)), 87)
    assert.strictEqual(await code(Buffer.concat([batch, batch])), 87)
    assert.strictEqual(await code(batch.subarray(0, batch.length - 3)), 87)
    assert.strictEqual(await code(new Uint8Array(61)), 2)
    assert.strictEqual(await code(old), 87)
    assert.strictEqual(await code(lied), 87)
    assert.strictEqual(await code(RecordBatch.encodeBatch([], {})), 87)
    assert.strictEqual(await code(batchOf(["a"], { isControl: true })), 87)
    // A transaction has a transactional id.
    assert.strictEqual(
      await code(batchOf(["a"], { isTransactional: true, producerId: 1n, producerEpoch: 0, baseSequence: 0 })),
      53
    )
    assert.strictEqual(await code(batch), 0)
    assert.strictEqual((await stored(client, "t")).highWatermark, 1n)
  })

  it("one larger than max.message.bytes is MESSAGE_TOO_LARGE, with a text", async () => {
    await using broker = await startBroker()
    const client = await broker.connect()
    await broker.createTopic("t", 1, { "max.message.bytes": "1000" })
    const large = await produce(client, "t", batchOf(["x".repeat(1000)]))
    assert.strictEqual(large.errorCode, 10)
    assert.include(large.errorMessage!, "max.message.bytes")
    assert.strictEqual((await produce(client, "t", batchOf(["x".repeat(900)]))).errorCode, 0)
  })

  it.each([1, 2, 3, 4])("codec %i is kept as it came", async (compression) => {
    await using broker = await startBroker()
    const client = await broker.connect()
    await broker.createTopic("t")
    const batch = batchOf(["a", "a".repeat(500)], { compression })
    assert.strictEqual((await produce(client, "t", batch)).errorCode, 0)
    const { records } = await stored(client, "t")
    assert.deepStrictEqual(valuesOf(records), ["a", "a".repeat(500)])
    const kept = Buffer.concat(records!)
    assert.isTrue(kept.subarray(16).equals(Buffer.from(batch.subarray(16))), "all but offset and leader epoch")
  })

  it("zstd needs version 7", async () => {
    await using broker = await startBroker()
    const client = await broker.connect()
    await broker.createTopic("t")
    const batch = batchOf(["a"], { compression: ZSTD })
    for (const [version, code] of [
      [3, 76],
      [6, 76],
      [7, 0],
      [12, 0]
    ] as const) {
      assert.strictEqual((await produce(client, "t", batch, 0, version)).errorCode, code, `version ${version}`)
    }
  })

  it("a time in the far future is INVALID_TIMESTAMP", async () => {
    await using broker = await startBroker()
    const client = await broker.connect()
    await broker.createTopic("t")
    const timestamp = BigInt(Date.now() + 7_200_000)
    assert.strictEqual((await produce(client, "t", batchOf(["a"], { timestamp }))).errorCode, 32)
  })
})

describe("timestamps", () => {
  it("LogAppendTime: the broker's time stands in the answer and in the records", async () => {
    await using broker = await startBroker()
    const client = await broker.connect()
    await broker.createTopic("t", 1, { "message.timestamp.type": "LogAppendTime" })
    const before = BigInt(Date.now())
    const { errorCode, logAppendTimeMs } = await produce(client, "t", batchOf(["a", "b"], { timestamp: 5n }))
    assert.strictEqual(errorCode, 0)
    assert.isTrue(logAppendTimeMs >= before && logAppendTimeMs <= BigInt(Date.now()))
    const batch = Buffer.concat((await stored(client, "t")).records!)
    assert.strictEqual(RecordBatch.timestampType(batch), "LogAppendTime")
    assert.strictEqual(RecordBatch.maxTimestamp(batch), logAppendTimeMs)
    assert.isTrue(RecordBatch.isCrcValid(batch))
    assert.deepStrictEqual(valuesOf([batch]), ["a", "b"])
  })

  it("CreateTime: the answer says none", async () => {
    await using broker = await startBroker()
    const client = await broker.connect()
    await broker.createTopic("t")
    assert.strictEqual((await produce(client, "t", batchOf(["a"]))).logAppendTimeMs, -1n)
  })
})

describe("topics", () => {
  it("an unknown partition is 3, an unknown id 100, a name that cannot be 3", async () => {
    await using broker = await startBroker()
    const client = await broker.connect()
    await broker.createTopic("t")
    assert.strictEqual((await produce(client, "t", batchOf(["a"]), 1)).errorCode, 3)
    assert.strictEqual((await produce(client, "t", batchOf(["a"]), -2)).errorCode, 3)
    assert.strictEqual((await produce(client, "no/topic", batchOf(["a"]))).errorCode, 3)
    const partitionData = [{ index: 0, records: batchOf(["a"]) }]
    const topicData = [{ topicId: "AAAAAAAAAAAAAAAAAAAABA", partitionData }]
    assert.deepStrictEqual(codes(await client.call(Produce, 13, { acks: 1, topicData })), [[0, 100]])
  })

  it("goes by its id from version 13 on", async () => {
    await using broker = await startBroker()
    const client = await broker.connect()
    const topicId = await broker.createTopic("t")
    const topicData = [{ topicId, partitionData: [{ index: 0, records: batchOf(["a"]) }] }]
    const answer = await client.call(Produce, 13, { acks: 1, topicData })
    assert.deepStrictEqual([answer.responses[0]!.topicId, ...codes(answer)], [topicId, [0, 0]])
  })

  it("that is not there is 3, and stays away: only Metadata makes topics, for clients that allow it", async () => {
    await using broker = await startBroker({ autoCreateTopicsEnable: true })
    const [client, admin] = [await broker.connect(), await broker.connect()]
    const topicId = await broker.createTopic("t")
    await admin.call(DeleteTopics, 5, { topicNames: ["t"], timeoutMs: 1000 })
    for (const version of [3, 7, 9, 12]) {
      const answer = await client.call(Produce, version, asking("t", [[0, batchOf(["a"])]]))
      assert.deepStrictEqual(codes(answer), [[0, 3]], `version ${version}`)
    }
    const topicData = [{ topicId, partitionData: [{ index: 0, records: batchOf(["a"]) }] }]
    assert.deepStrictEqual(codes(await client.call(Produce, 13, { acks: 1, topicData })), [[0, 100]])
    // One that wants no answer learns by the end of its connection.
    client.send(Produce, VERSION, { ...asking("t", [[0, batchOf(["a"])]]), acks: 0 })
    await client.closed
    const named = async (allowAutoTopicCreation: boolean) => {
      const { topics } = await admin.call(Metadata, 12, { topics: [{ name: "t" }], allowAutoTopicCreation })
      return topics[0]!.errorCode
    }
    const { topics } = await admin.call(Metadata, 12, { topics: null })
    assert.isTrue(topics.every(({ isInternal }) => isInternal))
    assert.deepStrictEqual([await named(false), await named(true)], [3, 0])
    assert.strictEqual((await produce(admin, "t", batchOf(["a"]))).errorCode, 0)
  })
})

describe("an idempotent producer", () => {
  it("has five batches remembered: each sent again has its first offset", async () => {
    await using broker = await startBroker()
    const client = await broker.connect()
    await broker.createTopic("t")
    const { producerEpoch, producerId } = await client.call(InitProducerId, 5, { transactionalId: null })
    for (let i = 0; i < 6; i++) {
      const { baseOffset, errorCode } = await produce(client, "t", numbered(producerId, producerEpoch, 2 * i, 2))
      assert.deepStrictEqual([errorCode, baseOffset], [0, BigInt(2 * i)])
    }
    for (let i = 1; i < 6; i++) {
      const { baseOffset, errorCode } = await produce(client, "t", numbered(producerId, producerEpoch, 2 * i, 2))
      assert.deepStrictEqual([errorCode, baseOffset], [0, BigInt(2 * i)], `batch ${i} again`)
    }
    assert.strictEqual((await stored(client, "t")).highWatermark, 12n)
  })

  it("may have five requests in flight, and the same again behind them", async () => {
    await using broker = await startBroker()
    const client = await broker.connect()
    await broker.createTopic("t")
    const { producerId } = await client.call(InitProducerId, 5, { transactionalId: null })
    const sent = [0, 1, 2, 3, 4, 2, 3, 4].map((sequence) => produce(client, "t", numbered(producerId, 0, sequence)))
    const answers = await Promise.all(sent)
    assert.deepStrictEqual(
      answers.map(({ baseOffset, errorCode }) => [errorCode, Number(baseOffset)]),
      [0, 1, 2, 3, 4, 2, 3, 4].map((offset) => [0, offset])
    )
  })

  it("that leaves a sequence out is OUT_OF_ORDER_SEQUENCE_NUMBER, and goes on where it was", async () => {
    await using broker = await startBroker()
    const client = await broker.connect()
    await broker.createTopic("t")
    const { producerId } = await client.call(InitProducerId, 5, { transactionalId: null })
    const answers = await Promise.all([0, 2, 1].map((n) => produce(client, "t", numbered(producerId, 0, n))))
    assert.deepStrictEqual(
      answers.map(({ errorCode }) => errorCode),
      [0, 45, 0]
    )
    assert.deepStrictEqual(valuesOf((await stored(client, "t")).records), ["0", "1"])
  })

  it("with a newer epoch starts at 0; with an older one it is INVALID_PRODUCER_EPOCH", async () => {
    await using broker = await startBroker()
    const client = await broker.connect()
    await broker.createTopic("t")
    const { producerId } = await client.call(InitProducerId, 5, { transactionalId: null })
    const code = async (epoch: number, sequence: number) =>
      (await produce(client, "t", numbered(producerId, epoch, sequence))).errorCode
    assert.strictEqual(await code(1, 0), 0)
    assert.strictEqual(await code(2, 1), 45)
    assert.strictEqual(await code(2, 0), 0)
    assert.strictEqual(await code(1, 1), 47)
  })
})

describe("partition -1, routed by the broker", () => {
  const key = (text: string) => new Uint8Array(Buffer.from(text))

  it("puts each record in the partition that the Java producer picks, and answers the first base offset", async () => {
    await using broker = await startBroker()
    const client = await broker.connect()
    await broker.createTopic("t", 4)
    const words = Array.from({ length: 40 }, (_, i) => `key-${i}`)
    const timestamp = BigInt(Date.now())
    const batch = RecordBatch.encodeBatch(words.map((word) => ({ timestamp, key: key(word), value: key(word) })))
    const { baseOffset, errorCode, index } = await produce(client, "t", batch, -1)
    assert.deepStrictEqual([index, errorCode, baseOffset], [-1, 0, 0n])
    for (let partition = 0; partition < 4; partition++) {
      assert.deepStrictEqual(
        valuesOf((await stored(client, "t", partition)).records),
        words.filter((word) => partitionForKey(key(word), 4) === partition)
      )
    }
  })

  it("keeps a batch without keys together, and takes another partition each time", async () => {
    await using broker = await startBroker()
    const client = await broker.connect()
    await broker.createTopic("t", 2)
    for (const value of ["a", "b"])
      assert.strictEqual((await produce(client, "t", batchOf([value, value]), -1)).errorCode, 0)
    const both = [valuesOf((await stored(client, "t", 0)).records), valuesOf((await stored(client, "t", 1)).records)]
    assert.deepStrictEqual(both, [
      ["a", "a"],
      ["b", "b"]
    ])
  })

  it("is refused for an idempotent producer", async () => {
    await using broker = await startBroker()
    const client = await broker.connect()
    await broker.createTopic("t", 2)
    assert.strictEqual((await produce(client, "t", numbered(1n, 0, 0), -1)).errorCode, 42)
  })
})
