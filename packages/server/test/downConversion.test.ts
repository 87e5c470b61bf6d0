import { assert, describe, it } from "@effect/vitest"
import { GZIP, ZSTD } from "@tusk/protocol/record/Compression"
import { Fetch } from "@tusk/protocol/messages/Fetch"
import { Produce } from "@tusk/protocol/messages/Produce"
import { readMessageSet } from "@tusk/protocol/record/MessageSet"
import { batchOf } from "./Batches.ts"
import { startBroker } from "./BrokerUnderTest.ts"
import type { BrokerUnderTest } from "./BrokerUnderTest.ts"
import type { WireClient } from "./WireClient.ts"

const limits = { maxDecompressedBytes: 64 << 20 }

const produce = async (client: WireClient, partition: number, batch: Uint8Array): Promise<void> => {
  const partitionData = [{ index: partition, records: batch }]
  const { responses } = await client.call(Produce, 12, {
    acks: -1,
    timeoutMs: 30_000,
    topicData: [{ name: "t", partitionData }]
  })
  assert.strictEqual(responses[0]!.partitionResponses[0]!.errorCode, 0)
}

/** The records of each partition, in order, and their bytes in the answer. */
const fetch = async (client: WireClient, version: number, offsets: ReadonlyArray<bigint>) => {
  const partitions = offsets.map((fetchOffset, partition) => ({ partition, fetchOffset, partitionMaxBytes: 1 << 26 }))
  const { responses } = await client.call(Fetch, version, {
    replicaId: -1,
    maxWaitMs: 0,
    minBytes: 0,
    maxBytes: 1 << 26,
    topics: [{ topic: "t", partitions }]
  })
  return responses[0]!.partitions.map(({ errorCode, records }) => {
    const bytes = Buffer.concat(records ?? [])
    const read = readMessageSet(bytes, limits)
    if (!Array.isArray(read)) throw read
    return { errorCode, bytes: bytes.byteLength, records: read }
  })
}

/** Text of `size` characters that shrinks to a third or so. */
const text = (seed: number, size: number): string => {
  let written = `${seed} `
  for (let i = seed; written.length < size; i++) written += `${(i * 7919) % 10007} `
  return written
}

const withTopic = async (broker: BrokerUnderTest, partitions: number): Promise<WireClient> => {
  await broker.createTopic("t", partitions, { "max.message.bytes": "4000000" })
  return broker.connect()
}

describe("Fetch below version 4", () => {
  it("takes a few bytes an answer, and loses no record", async () => {
    await using broker = await startBroker()
    const client = await withTopic(broker, 1)
    const sent = Array.from({ length: 30 }, (_, i) => text(i, i % 3 === 0 ? 400_000 : 3000))
    for (const [i, each] of sent.entries()) await produce(client, 0, batchOf([each], { compression: i % 4 }))
    for (const version of [0, 2, 3]) {
      const got: Array<string> = []
      let answers = 0
      while (got.length < sent.length) {
        const [partition] = await fetch(client, version, [BigInt(got.length)])
        assert.strictEqual(partition!.errorCode, 0)
        assert.isAbove(partition!.records.length, 0)
        assert.isBelow(partition!.bytes, 600_000)
        for (const { value } of partition!.records) got.push(Buffer.from(value!).toString())
        answers++
      }
      assert.deepStrictEqual(got, sent)
      assert.isAbove(answers, 3)
    }
  })

  it("gives each partition its turn", async () => {
    await using broker = await startBroker()
    const client = await withTopic(broker, 3)
    for (const partition of [0, 1, 2]) {
      for (const seed of [1, 2]) await produce(client, partition, batchOf([text(seed, 900_000)], { compression: GZIP }))
    }
    const offsets = [0n, 0n, 0n]
    for (let answer = 1; answer <= 6; answer++) {
      const partitions = await fetch(client, 3, offsets)
      for (const [i, { records }] of partitions.entries()) offsets[i]! += BigInt(records.length)
      const served = offsets.reduce((sum, each) => sum + each, 0n)
      assert.strictEqual(served, BigInt(answer))
    }
    assert.deepStrictEqual(offsets, [2n, 2n, 2n])
  })

  it("what cannot be converted is told once all before it is read", async () => {
    await using broker = await startBroker()
    const client = await withTopic(broker, 1)
    await produce(client, 0, batchOf(["a"], { compression: GZIP }))
    await produce(client, 0, batchOf(["b"], { compression: ZSTD }))
    assert.strictEqual((await fetch(client, 3, [0n]))[0]!.records.length, 1)
    assert.strictEqual((await fetch(client, 3, [1n]))[0]!.errorCode, 76)
  })

  it("others are served while a batch is converted that becomes a hundred times as much", async () => {
    await using broker = await startBroker()
    const client = await withTopic(broker, 1)
    const batch = batchOf(["x".repeat(40_000_000) + text(1, 1_000_000)], { compression: GZIP })
    await produce(client, 0, batch)
    let over = false
    const fetched = fetch(client, 3, [0n]).finally(() => (over = true))
    let served = 0
    while (!over) if (await broker.serves()) served++
    assert.strictEqual((await fetched)[0]!.records[0]!.value!.byteLength >= 41_000_000, true)
    // At once it is none or one.
    assert.isAbove(served, 3)
  })
})
