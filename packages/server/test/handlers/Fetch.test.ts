import { assert, describe, it } from "@effect/vitest"
import { DeleteTopics } from "@tusk/protocol/messages/DeleteTopics"
import { Fetch } from "@tusk/protocol/messages/Fetch"
import type { FetchRequest, FetchResponse } from "@tusk/protocol/messages/Fetch"
import { Metadata } from "@tusk/protocol/messages/Metadata"
import { Produce } from "@tusk/protocol/messages/Produce"
import { readMessageSet } from "@tusk/protocol/record/MessageSet"
import { GZIP, ZSTD } from "@tusk/protocol/record/Compression"
import * as RecordBatch from "@tusk/protocol/record/RecordBatch"
import { batchOf, valuesOf } from "../Batches.ts"
import { startBroker } from "../BrokerUnderTest.ts"
import type { Partly, WireClient } from "../WireClient.ts"

const ALL = 1 << 24
type Asked = readonly [partition: number, fetchOffset: bigint]

/** A request that takes what is there at once, of one topic. */
const asking = (
  topic: string,
  partitions: ReadonlyArray<Asked>,
  rest: Partly<FetchRequest> = {}
): Partly<FetchRequest> => ({
  maxWaitMs: 0,
  minBytes: 1,
  maxBytes: ALL,
  sessionEpoch: -1,
  topics: [
    {
      topic,
      partitions: partitions.map(([partition, fetchOffset]) => ({ partition, fetchOffset, partitionMaxBytes: ALL }))
    }
  ],
  ...rest
})

const produce = async (client: WireClient, name: string, batch: Uint8Array, index = 0): Promise<bigint> => {
  const { responses } = await client.call(Produce, 12, {
    acks: -1,
    topicData: [{ name, partitionData: [{ index, records: batch }] }]
  })
  const [partition] = responses[0]!.partitionResponses
  assert.strictEqual(partition!.errorCode, 0)
  return partition!.baseOffset
}

const partitionsOf = ({ responses }: FetchResponse) => responses.flatMap(({ partitions }) => partitions)
const only = (answer: FetchResponse) => {
  assert.strictEqual(answer.errorCode, 0)
  assert.lengthOf(partitionsOf(answer), 1)
  return partitionsOf(answer)[0]!
}
const bytesOf = (answer: FetchResponse) =>
  partitionsOf(answer).reduce((sum, { records }) => sum + Buffer.concat(records ?? []).length, 0)

describe("waiting", () => {
  it("a fetch is woken by the append that brings the last needed byte, long before max wait", async () => {
    await using broker = await startBroker()
    const [consumer, producer] = [await broker.connect(), await broker.connect()]
    await broker.createTopic("t", 2)
    const batch = batchOf(["x".repeat(100)])
    const started = performance.now()
    const waits = consumer.call(
      Fetch,
      12,
      asking(
        "t",
        [
          [0, 0n],
          [1, 0n]
        ],
        { maxWaitMs: 60_000, minBytes: 2 * batch.byteLength + 1 }
      )
    )
    let answered = false
    void waits.then(() => (answered = true))
    await produce(producer, "t", batch, 0)
    await produce(producer, "t", batch, 1)
    assert.isTrue(await broker.serves())
    assert.isFalse(answered, "two batches are one byte too few")
    await produce(producer, "t", batch, 0)
    const answer = await waits
    assert.strictEqual(bytesOf(answer), 3 * batch.byteLength)
    assert.isBelow(performance.now() - started, 10_000)
  })

  it("max wait ends it with what there is", async () => {
    await using broker = await startBroker()
    const client = await broker.connect()
    await broker.createTopic("t")
    await produce(client, "t", batchOf(["a"]))
    const started = performance.now()
    const answer = await client.call(Fetch, 12, asking("t", [[0, 0n]], { maxWaitMs: 150, minBytes: 1 << 20 }))
    assert.isAtLeast(performance.now() - started, 145)
    assert.deepStrictEqual(valuesOf(only(answer).records), ["a"])
    const empty = await client.call(Fetch, 12, asking("t", [[0, 1n]], { maxWaitMs: 20 }))
    assert.deepStrictEqual([only(empty).errorCode, bytesOf(empty), only(empty).highWatermark], [0, 0, 1n])
  })

  it("neither min bytes 0, nor an error in one partition, nor nothing asked for, waits", async () => {
    await using broker = await startBroker()
    const client = await broker.connect()
    await broker.createTopic("t", 2)
    const forever = { maxWaitMs: 0x7fffffff }
    assert.strictEqual(bytesOf(await client.call(Fetch, 12, asking("t", [[0, 0n]], { ...forever, minBytes: 0 }))), 0)
    const mixed = asking(
      "t",
      [
        [0, 0n],
        [1, 9n]
      ],
      forever
    )
    assert.deepStrictEqual(
      partitionsOf(await client.call(Fetch, 12, mixed)).map(({ errorCode }) => errorCode),
      [0, 1]
    )
    assert.deepStrictEqual((await client.call(Fetch, 12, { ...asking("t", [], forever), topics: [] })).responses, [])
  })

  it("a fetch learns that its topic is deleted", async () => {
    await using broker = await startBroker()
    const [consumer, admin] = [await broker.connect(), await broker.connect()]
    const topicId = await broker.createTopic("t")
    const topics = [{ topicId, partitions: [{ partition: 0, partitionMaxBytes: ALL }] }]
    const byId = consumer.call(Fetch, 13, { maxWaitMs: 60_000, minBytes: 1, maxBytes: ALL, sessionEpoch: -1, topics })
    assert.isTrue(await broker.serves())
    await admin.call(DeleteTopics, 5, { topicNames: ["t"], timeoutMs: 1000 })
    // As it was found by its name once (Apache Kafka 4.3.1).
    assert.strictEqual(only(await byId).errorCode, 3)
  })
})

describe("offsets", () => {
  it("inside a batch: the whole batch, and what follows", async () => {
    await using broker = await startBroker()
    const client = await broker.connect()
    await broker.createTopic("t")
    await produce(client, "t", batchOf(["a", "b"]))
    await produce(client, "t", batchOf(["c", "d", "e"]))
    await produce(client, "t", batchOf(["f"]))
    const from = async (offset: bigint) => {
      const { records } = only(await client.call(Fetch, 12, asking("t", [[0, offset]])))
      return [Number(RecordBatch.baseOffset(Buffer.concat(records!))), ...valuesOf(records)]
    }
    assert.deepStrictEqual(await from(0n), [0, "a", "b", "c", "d", "e", "f"])
    assert.deepStrictEqual(await from(1n), [0, "a", "b", "c", "d", "e", "f"])
    assert.deepStrictEqual(await from(3n), [2, "c", "d", "e", "f"])
    assert.deepStrictEqual(await from(5n), [5, "f"])
  })

  it("beyond the end, or negative: OFFSET_OUT_OF_RANGE at once", async () => {
    await using broker = await startBroker()
    const client = await broker.connect()
    await broker.createTopic("t")
    await produce(client, "t", batchOf(["a"]))
    for (const offset of [2n, -1n, 1n << 60n]) {
      const answer = only(await client.call(Fetch, 12, asking("t", [[0, offset]], { maxWaitMs: 60_000 })))
      assert.deepStrictEqual([answer.errorCode, answer.highWatermark, valuesOf(answer.records)], [1, -1n, []])
    }
  })

  it("of another leader epoch: FENCED_LEADER_EPOCH for an older, UNKNOWN_LEADER_EPOCH for a newer", async () => {
    await using broker = await startBroker()
    const client = await broker.connect()
    await broker.createTopic("t")
    const { topics } = await client.call(Metadata, 12, { topics: [{ name: "t" }] })
    const { leaderEpoch } = topics[0]!.partitions[0]!
    const code = async (currentLeaderEpoch: number) => {
      const partitions = [{ partition: 0, currentLeaderEpoch, partitionMaxBytes: ALL }]
      const request = { ...asking("t", []), minBytes: 0, topics: [{ topic: "t", partitions }] }
      return only(await client.call(Fetch, 12, request)).errorCode
    }
    assert.isAtLeast(leaderEpoch, 1)
    assert.strictEqual(await code(leaderEpoch), 0)
    assert.strictEqual(await code(-1), 0)
    assert.strictEqual(await code(leaderEpoch - 1), 74)
    assert.strictEqual(await code(leaderEpoch + 1), 75)
  })
})

describe("limits", () => {
  it("the first batch comes even if it is larger than all of them, and no other", async () => {
    await using broker = await startBroker()
    const client = await broker.connect()
    await broker.createTopic("t", 2)
    for (const partition of [0, 1]) {
      await produce(client, "t", batchOf(["x".repeat(5000)]), partition)
      await produce(client, "t", batchOf(["y"]), partition)
    }
    const request = asking(
      "t",
      [
        [0, 0n],
        [1, 0n]
      ],
      { maxBytes: 100 }
    )
    const partitions = partitionsOf(await client.call(Fetch, 12, request))
    assert.deepStrictEqual(
      partitions.map(({ records }) => valuesOf(records).length),
      [1, 0]
    )
    assert.deepStrictEqual(
      partitions.map(({ highWatermark }) => highWatermark),
      [2n, 2n]
    )
  })

  it("of a partition", async () => {
    await using broker = await startBroker()
    const client = await broker.connect()
    await broker.createTopic("t", 2)
    const batch = batchOf(["x".repeat(100)])
    for (let i = 0; i < 5; i++) for (const partition of [0, 1]) await produce(client, "t", batch, partition)
    const partitions = [0, 1].map((partition) => ({
      partition,
      partitionMaxBytes: Math.floor(batch.byteLength * (partition === 0 ? 2.5 : 0.5))
    }))
    const answer = await client.call(Fetch, 12, { ...asking("t", []), topics: [{ topic: "t", partitions }] })
    assert.deepStrictEqual(
      partitionsOf(answer).map(({ records }) => valuesOf(records).length),
      [2, 0]
    )
  })

  it("of the request, and of the broker", async () => {
    await using broker = await startBroker({ fetchMaxBytes: 1500 })
    const client = await broker.connect()
    await broker.createTopic("t", 2)
    const batch = batchOf(["x".repeat(300)])
    for (let i = 0; i < 5; i++) for (const partition of [0, 1]) await produce(client, "t", batch, partition)
    const fetched = async (maxBytes: number) =>
      bytesOf(
        await client.call(
          Fetch,
          12,
          asking(
            "t",
            [
              [0, 0n],
              [1, 0n]
            ],
            { maxBytes }
          )
        )
      ) / batch.byteLength
    assert.strictEqual(await fetched(2 * batch.byteLength), 2)
    assert.strictEqual(await fetched(ALL), Math.floor(1500 / batch.byteLength))
  })

  it("min bytes above the limits is what the limits allow", async () => {
    await using broker = await startBroker({ fetchMaxBytes: 1024 })
    const client = await broker.connect()
    await broker.createTopic("t")
    await produce(client, "t", batchOf(["x".repeat(2000)]))
    const answer = await client.call(Fetch, 12, asking("t", [[0, 0n]], { maxWaitMs: 60_000, minBytes: 1 << 30 }))
    assert.lengthOf(valuesOf(only(answer).records), 1)
  })
})

describe("topic ids, from version 13 on", () => {
  it("name the topic in question and answer; an unknown one is UNKNOWN_TOPIC_ID", async () => {
    await using broker = await startBroker()
    const client = await broker.connect()
    const topicId = await broker.createTopic("t")
    await produce(client, "t", batchOf(["a"]))
    const by = (topicId: string) =>
      client.call(Fetch, 13, {
        ...asking("", []),
        topics: [{ topicId, partitions: [{ partition: 0, partitionMaxBytes: ALL }] }]
      })
    const known = await by(topicId)
    assert.deepStrictEqual([known.responses[0]!.topicId, ...valuesOf(only(known).records)], [topicId, "a"])
    assert.strictEqual(only(await by("AAAAAAAAAAAAAAAAAAAABA")).errorCode, 100)
  })
})

describe("sessions (KIP-227)", () => {
  const begin = (topic: string, partitions: ReadonlyArray<Asked>) =>
    asking(topic, partitions, { sessionId: 0, sessionEpoch: 0, minBytes: 0 })
  const next = (sessionId: number, sessionEpoch: number, rest: Partly<FetchRequest> = {}) => ({
    ...asking("", []),
    topics: [],
    minBytes: 0,
    sessionId,
    sessionEpoch,
    ...rest
  })

  it("tell only what changed", async () => {
    await using broker = await startBroker()
    const client = await broker.connect()
    await broker.createTopic("t", 3)
    const first = await client.call(
      Fetch,
      12,
      begin("t", [
        [0, 0n],
        [1, 0n],
        [2, 0n]
      ])
    )
    const id = first.sessionId
    assert.isAbove(id, 0)
    assert.lengthOf(partitionsOf(first), 3, "a full answer names all")
    assert.deepStrictEqual((await client.call(Fetch, 12, next(id, 1))).responses, [], "nothing new")

    await produce(client, "t", batchOf(["a"]), 1)
    const changed = await client.call(Fetch, 12, next(id, 2))
    assert.strictEqual(changed.sessionId, id)
    assert.deepStrictEqual(only(changed).partitionIndex, 1)
    assert.deepStrictEqual(valuesOf(only(changed).records), ["a"])

    const moved = asking("t", [[1, 1n]]).topics!
    assert.deepStrictEqual((await client.call(Fetch, 12, next(id, 3, { topics: moved }))).responses, [])

    const forgottenTopicsData = [{ topic: "t", partitions: [1, 2] }]
    assert.deepStrictEqual((await client.call(Fetch, 12, next(id, 4, { forgottenTopicsData }))).responses, [])
    await produce(client, "t", batchOf(["b"]), 1)
    await produce(client, "t", batchOf(["c"]), 0)
    const left = await client.call(Fetch, 12, next(id, 5))
    assert.deepStrictEqual([only(left).partitionIndex, ...valuesOf(only(left).records)], [0, "c"])
  })

  it("wait for the partitions they remember", async () => {
    await using broker = await startBroker()
    const [consumer, producer] = [await broker.connect(), await broker.connect()]
    await broker.createTopic("t")
    const { sessionId } = await consumer.call(Fetch, 12, begin("t", [[0, 0n]]))
    const waits = consumer.call(Fetch, 12, next(sessionId, 1, { maxWaitMs: 60_000, minBytes: 1 }))
    await produce(producer, "t", batchOf(["a"]))
    assert.deepStrictEqual(valuesOf(only(await waits).records), ["a"])
  })

  it("an error is told again each time", async () => {
    await using broker = await startBroker()
    const client = await broker.connect()
    await broker.createTopic("t")
    const first = await client.call(Fetch, 12, begin("t", [[7, 0n]]))
    assert.strictEqual(only(first).errorCode, 3)
    assert.strictEqual(only(await client.call(Fetch, 12, next(first.sessionId, 1))).errorCode, 3)
  })

  it("a wrong epoch is 71, an unknown id 70; the session stays", async () => {
    await using broker = await startBroker()
    const client = await broker.connect()
    await broker.createTopic("t")
    const { sessionId } = await client.call(Fetch, 12, begin("t", [[0, 0n]]))
    const code = async (id: number, epoch: number) => (await client.call(Fetch, 12, next(id, epoch))).errorCode
    assert.strictEqual(await code(sessionId, 2), 71)
    assert.strictEqual(await code(sessionId + 1, 1), 70)
    assert.strictEqual(await code(sessionId, 1), 0)
    assert.strictEqual(await code(sessionId, 1), 71)
    assert.strictEqual(await code(sessionId, 2), 0)
  })

  it("epoch -1 closes, epoch 0 closes and begins anew", async () => {
    await using broker = await startBroker()
    const client = await broker.connect()
    await broker.createTopic("t")
    const one = await client.call(Fetch, 12, begin("t", [[0, 0n]]))
    const two = await client.call(Fetch, 12, { ...begin("t", [[0, 0n]]), sessionId: one.sessionId })
    assert.notStrictEqual(one.sessionId, two.sessionId)
    assert.strictEqual((await client.call(Fetch, 12, next(one.sessionId, 1))).errorCode, 70)
    const closing = await client.call(Fetch, 12, next(two.sessionId, -1))
    assert.deepStrictEqual([closing.errorCode, closing.sessionId], [0, 0])
    assert.strictEqual((await client.call(Fetch, 12, next(two.sessionId, 1))).errorCode, 70)
  })

  it("by names cannot go on by ids", async () => {
    await using broker = await startBroker()
    const client = await broker.connect()
    await broker.createTopic("t")
    const { sessionId } = await client.call(Fetch, 12, begin("t", [[0, 0n]]))
    assert.strictEqual((await client.call(Fetch, 13, next(sessionId, 1))).errorCode, 106)
  })

  it("if there is no room for another, the answer says 0, and is full", async () => {
    await using broker = await startBroker({ maxIncrementalFetchSessionCacheSlots: 1 })
    const client = await broker.connect()
    await broker.createTopic("t")
    const one = await client.call(Fetch, 12, begin("t", [[0, 0n]]))
    const two = await client.call(Fetch, 12, begin("t", [[0, 0n]]))
    assert.isAbove(one.sessionId, 0)
    assert.strictEqual(two.sessionId, 0)
    assert.lengthOf(partitionsOf(two), 1)
  })
})

describe("old versions", () => {
  it.each([
    [0, 0],
    [1, 0],
    [2, 1],
    [3, 1]
  ])("version %i gets message sets of magic %i", async (version, magic) => {
    await using broker = await startBroker()
    const client = await broker.connect()
    await broker.createTopic("t")
    await produce(client, "t", batchOf(["a", "b"]))
    await produce(client, "t", batchOf(["c"], { compression: GZIP }))
    const request = asking("t", [[0, 0n]], { maxBytes: version === 3 ? ALL : 0x7fffffff })
    const records = Buffer.concat(only(await client.call(Fetch, version, request)).records!)
    assert.strictEqual(records[16], magic)
    const messages = readMessageSet(records, { maxDecompressedBytes: 1 << 20 })
    if ("_tag" in messages) throw messages
    assert.deepStrictEqual(
      messages.map(({ offset, value }) => [Number(offset), Buffer.from(value!).toString()]),
      [
        [0, "a"],
        [1, "b"],
        [2, "c"]
      ]
    )
  })

  it("zstd goes out as it is from version 4 on, and has no place in message sets", async () => {
    await using broker = await startBroker()
    const client = await broker.connect()
    await broker.createTopic("t", 1, { "compression.type": "zstd" })
    const batch = batchOf(["a"], { compression: ZSTD })
    await produce(client, "t", batch)
    for (const version of [0, 1, 2, 3]) {
      const { errorCode, records } = only(
        await client.call(Fetch, version, asking("t", [[0, 0n]], { maxBytes: version < 3 ? 0x7fffffff : ALL }))
      )
      assert.deepStrictEqual([errorCode, Buffer.concat(records!).length], [76, 0], `version ${version}`)
    }
    const stored = only(await client.call(Fetch, 12, asking("t", [[0, 0n]]))).records
    assert.strictEqual(RecordBatch.compressionCodec(Buffer.concat(stored!)), 4)
    for (const version of [4, 5, 6, 7, 8, 9, 10]) {
      const { errorCode, records } = only(await client.call(Fetch, version, asking("t", [[0, 0n]])))
      assert.deepStrictEqual([errorCode, records], [0, stored], `version ${version}`)
    }
  })
})
