/** Batches that become a hundred times as much are opened beside others, whichever request asks for it. */
import { assert, describe, it } from "@effect/vitest"
import { ListOffsets } from "@tusk/protocol/messages/ListOffsets"
import { Produce } from "@tusk/protocol/messages/Produce"
import { partitionForKey } from "@tusk/protocol/record/Murmur2"
import { LZ4 } from "@tusk/protocol/record/Compression"
import * as RecordBatch from "@tusk/protocol/record/RecordBatch"
import { BatchCodec, inlineBatchCodec } from "@tusk/storage/log/batches/BatchCodec"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { random } from "../../protocol/test/codec/Mutation.ts"
import { around, BROKEN } from "../../protocol/test/record/BrokenBatches.ts"
import { startBroker } from "./BrokerUnderTest.ts"
import type { BrokerUnderTest } from "./BrokerUnderTest.ts"
import { answersLater, nextTurn } from "./Stores.ts"
import type { WireClient } from "./WireClient.ts"

const utf8 = new TextEncoder()
const NOW = BigInt(Date.now())

/** Text that shrinks little, which allows for much that shrinks to nothing. */
const text = (size: number): string => {
  const below = random(size)
  let written = ""
  while (written.length < size) written += below(2 ** 31).toString(36)
  return written
}

/** 41 MB in 800 kB; the record that is searched for comes last. */
const large = (compression: number): Uint8Array =>
  RecordBatch.encodeBatch(
    ["x".repeat(40_000_000), text(1_000_000), "last"].map((value, i) => ({
      key: utf8.encode(`key-${i}`),
      value: utf8.encode(value),
      timestamp: NOW + BigInt(i)
    })),
    { compression }
  )

const produce = async (client: WireClient, index: number, records: Uint8Array) => {
  const topicData = [{ name: "t", partitionData: [{ index, records }] }]
  const { responses } = await client.call(Produce, 12, { acks: -1, timeoutMs: 30_000, topicData })
  return responses[0]!.partitionResponses[0]!
}

const offsetAt = async (client: WireClient, partitionIndex: number, timestamp: bigint): Promise<bigint> => {
  const partitions = [{ partitionIndex, currentLeaderEpoch: -1, timestamp }]
  const { topics } = await client.call(ListOffsets, 7, { replicaId: -1, topics: [{ name: "t", partitions }] })
  assert.strictEqual(topics[0]!.partitions[0]!.errorCode, 0)
  return topics[0]!.partitions[0]!.offset
}

/** What comes of it, and how often others were served meanwhile: none or once if the loop is held. */
const beside = async <A>(broker: BrokerUnderTest, asked: Promise<A>): Promise<readonly [A, number]> => {
  let over = false
  const done = asked.finally(() => (over = true))
  let served = 0
  while (!over) if (await broker.serves()) served++
  return [await done, served]
}

const withTopic = async (broker: BrokerUnderTest, partitions = 1, configs = {}): Promise<WireClient> => {
  await broker.createTopic("t", partitions, { "max.message.bytes": "4000000", ...configs })
  return broker.connect()
}

describe("while a batch is opened", () => {
  for (const codec of [1, 4]) {
    it(`for partition -1, others are served, codec ${codec}`, async () => {
      await using broker = await startBroker()
      const client = await withTopic(broker, 3)
      const [answer, served] = await beside(broker, produce(client, -1, large(codec)))
      assert.deepStrictEqual([answer.errorCode, answer.baseOffset], [0, 0n])
      assert.isAbove(served, 3)
      const at = partitionForKey(utf8.encode("key-2"), 3)
      assert.notStrictEqual(await offsetAt(client, at, NOW + 2n), -1n)
    })

    it(`for a search by time, others are served, codec ${codec}`, async () => {
      await using broker = await startBroker()
      const client = await withTopic(broker)
      assert.strictEqual((await produce(client, 0, large(codec))).errorCode, 0)
      const [offset, served] = await beside(broker, offsetAt(client, 0, NOW + 2n))
      assert.strictEqual(offset, 2n)
      assert.isAbove(served, 3)
    })
  }
})

describe("batches that are open", () => {
  it("are as many as may be at a time, whatever for", async () => {
    let [working, most] = [0, 0]
    const codec: BatchCodec = {
      ...inlineBatchCodec,
      atATime: 1,
      decompress: (codec, data, limits) =>
        Effect.gen(function* () {
          most = Math.max(most, ++working)
          for (let turns = 0; turns < 20; turns++) yield* Effect.promise(nextTurn)
          working--
          return yield* inlineBatchCodec.decompress(codec, data, limits)
        })
    }
    const store = Layer.merge(answersLater(), Layer.succeed(BatchCodec, codec))
    await using broker = await startBroker({}, { store })
    const client = await withTopic(broker)
    const batch = () =>
      RecordBatch.encodeBatch([{ timestamp: NOW, value: utf8.encode(text(300_000)) }], { compression: LZ4 })
    assert.strictEqual((await produce(client, 0, batch())).errorCode, 0)
    const clients = await Promise.all(Array.from({ length: 6 }, () => broker.connect()))
    await Promise.all(
      clients.map((other, i) => (i % 3 === 2 ? offsetAt(other, 0, NOW) : produce(other, (i % 3) - 1, batch())))
    )
    assert.deepStrictEqual([working, most], [0, 1])
  })
})

describe("a batch for partition -1", () => {
  it("that cannot be read is refused whole, by the producer's own counting", async () => {
    await using broker = await startBroker()
    const client = await withTopic(broker, 3, { "cleanup.policy": "compact" })
    for (const codec of [0, 1, 2, 3, 4]) {
      for (const [what, [count, records]] of Object.entries(BROKEN)) {
        assert.strictEqual((await produce(client, -1, around(count, records, codec))).errorCode, 87, what)
      }
      const keys = ["a", null, "b", null].map((key) => ({ key: key === null ? null : utf8.encode(key) }))
      const refused = await produce(client, -1, RecordBatch.encodeBatch(keys, { compression: codec }))
      assert.strictEqual(refused.errorCode, 87)
      assert.deepStrictEqual(
        refused.recordErrors.map(({ batchIndex }) => batchIndex),
        [1, 3]
      )
    }
    for (const partition of [0, 1, 2]) assert.strictEqual(await offsetAt(client, partition, -1n), 0n)
  })

  it("comes to its partitions as the topic wants it kept, each record once, before what is sent behind it", async () => {
    await using broker = await startBroker()
    const client = await withTopic(broker, 2, { "compression.type": "gzip" })
    const records = Array.from({ length: 400 }, (_, i) => ({
      key: utf8.encode(`key-${i}`),
      value: utf8.encode(text(2000 + i)),
      timestamp: NOW + BigInt(i)
    }))
    const first = produce(client, -1, RecordBatch.encodeBatch(records, { compression: LZ4 }))
    const behind = [0, 1].map((index) => produce(client, index, RecordBatch.encodeBatch([{ timestamp: NOW }])))
    assert.strictEqual((await first).errorCode, 0)
    const ends = (await Promise.all(behind)).map(({ baseOffset }) => Number(baseOffset))
    const counts = [0, 1].map((at) => records.filter(({ key }) => partitionForKey(key, 2) === at).length)
    assert.deepStrictEqual(ends, counts)
    // The last of each is found by its time, and is what it was.
    for (const at of [0, 1]) {
      const last = records.findLast(({ key }) => partitionForKey(key, 2) === at)!
      assert.strictEqual(await offsetAt(client, at, last.timestamp), BigInt(counts[at]! - 1))
    }
  })
})
