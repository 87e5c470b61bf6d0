import { assert, describe, it } from "@effect/vitest"
import { EndTxn } from "@tusk/protocol/messages/EndTxn"
import { Fetch } from "@tusk/protocol/messages/Fetch"
import { InitProducerId } from "@tusk/protocol/messages/InitProducerId"
import { Produce } from "@tusk/protocol/messages/Produce"
import type { EncodeOptions } from "@tusk/protocol/record/RecordBatch"
import { batchOf, valuesOf } from "../Batches.ts"
import { ObjectsUnderTest, startObjectBroker } from "../ObjectBroker.ts"
import { newData } from "../Stores.ts"
import type { WireClient } from "../WireClient.ts"

const OBJECT = { "tusk.storage": "object" } as const
const [TIMED_OUT, STORAGE_ERROR] = [7, 56]

/** A broker with a topic `o` in objects, of two partitions, and `r` in rows. */
const started = async (settings: Parameters<typeof startObjectBroker>[2] = {}) => {
  const objects = new ObjectsUnderTest()
  const broker = await startObjectBroker(objects, newData(), settings)
  await broker.createTopic("o", 2, OBJECT)
  await broker.createTopic("r", 1)
  return { broker, objects }
}

type Sent = readonly [topic: string, partition: number, batch: Uint8Array]

/** One request; error codes in its order. */
const produce = async (
  client: WireClient,
  sent: ReadonlyArray<Sent>,
  { timeoutMs = 10_000, transactionalId = null as string | null } = {}
) => {
  const topicData = sent.map(([name, index, records]) => ({ name, partitionData: [{ index, records }] }))
  const { responses } = await client.call(Produce, 12, { acks: -1, timeoutMs, transactionalId, topicData })
  return responses.map(({ partitionResponses }) => partitionResponses[0]!.errorCode)
}

/** What each partition holds, or its error. */
const fetched = async (client: WireClient, ...asked: ReadonlyArray<readonly [topic: string, partition: number]>) => {
  const { responses } = await client.call(Fetch, 12, {
    ...{ maxWaitMs: 0, minBytes: 1, maxBytes: 1 << 24, isolationLevel: 1 },
    topics: asked.map(([topic, partition]) => ({
      topic,
      partitions: [{ partition, fetchOffset: 0n, partitionMaxBytes: 1 << 24 }]
    }))
  })
  const answers = responses.flatMap(({ partitions }) => partitions)
  return answers.map(({ errorCode, records }) => (errorCode === 0 ? valuesOf(records) : errorCode))
}

describe("while an object store does not answer", () => {
  it("so much may wait for it, and no producer of rows waits for room", async () => {
    const { broker, objects } = await started({ commitQueueMaxBytes: 100_000 })
    await using _ = broker
    objects.hold(true)
    const first = produce(await broker.connect(), [["o", 0, batchOf(["x".repeat(200_000)])]], { timeoutMs: 1000 })
    await objects.waiting(1)
    const next = produce(await broker.connect(), [["o", 1, batchOf(["later"])]])
    const rows = await broker.connect()
    assert.deepStrictEqual(await produce(rows, [["r", 0, batchOf(["row"])]]), [0])
    assert.deepStrictEqual(await first, [TIMED_OUT])
    assert.deepStrictEqual(await fetched(rows, ["r", 0]), [["row"]])
    objects.hold(false)
    assert.deepStrictEqual(await next, [0])
    // What waited longer than its client did is stored all the same.
    assert.deepStrictEqual((await fetched(rows, ["o", 1]))[0], ["later"])
  })

  it("a request for both kinds holds up nobody in partitions of rows, and is stored there", async () => {
    const { broker, objects } = await started()
    await using _ = broker
    objects.hold(true)
    const [client, other] = [await broker.connect(), await broker.connect()]
    const both = produce(client, [
      ["o", 0, batchOf(["object"])],
      ["r", 0, batchOf(["a"])]
    ])
    await objects.waiting(1)
    assert.deepStrictEqual(await produce(other, [["r", 0, batchOf(["b"])]]), [0])
    assert.deepStrictEqual(await fetched(other, ["r", 0]), [["a", "b"]])
    objects.hold(false)
    assert.deepStrictEqual(await both, [0, 0])
    assert.deepStrictEqual(await fetched(other, ["o", 0], ["r", 0]), [["object"], ["a", "b"]])
  })

  it("nor does one of a transaction, which ends in both", async () => {
    const { broker, objects } = await started()
    await using _ = broker
    const [client, other] = [await broker.connect(), await broker.connect()]
    const transactionalId = "tx"
    const { producerId } = await client.call(InitProducerId, 5, { transactionalId, transactionTimeoutMs: 60_000 })
    const of = (value: string, producerEpoch: number, more: EncodeOptions = {}) =>
      batchOf([value], { producerId, producerEpoch, baseSequence: 0, isTransactional: true, ...more })
    const end = (producerEpoch: number, committed: boolean) =>
      client.call(EndTxn, 5, { transactionalId, producerId, producerEpoch, committed })
    const bothOf = (epoch: number, value: string): ReadonlyArray<Sent> => [
      ["r", 0, of(value, epoch)],
      ["o", 1, of(value, epoch)]
    ]
    objects.hold(true)
    const both = produce(client, bothOf(0, "kept"), { transactionalId })
    await objects.waiting(1)
    assert.deepStrictEqual(await produce(other, [["r", 0, batchOf(["plain"])]]), [0])
    objects.hold(false)
    assert.deepStrictEqual(await both, [0, 0])
    const { errorCode, producerEpoch } = await end(0, true)
    assert.strictEqual(errorCode, 0)
    assert.deepStrictEqual(await produce(client, bothOf(producerEpoch, "aborted"), { transactionalId }), [0, 0])
    assert.strictEqual((await end(producerEpoch, false)).errorCode, 0)
    const [rows, ofObjects] = (await fetched(other, ["r", 0], ["o", 1])) as ReadonlyArray<ReadonlyArray<string>>
    assert.includeMembers([...rows!], ["kept", "plain", "aborted"])
    assert.includeMembers([...ofObjects!], ["kept", "aborted"])
  })
})

describe("an object that cannot be read", () => {
  it("is told of its partition, and the others of a fetch are read", async () => {
    const { broker, objects } = await started()
    await using _ = broker
    const client = await broker.connect()
    assert.deepStrictEqual(await produce(client, [["o", 0, batchOf(["gone"])]]), [0])
    const [gone] = objects.names
    assert.deepStrictEqual(await produce(client, [["o", 1, batchOf(["b"])]]), [0])
    assert.deepStrictEqual(await produce(client, [["r", 0, batchOf(["c"])]]), [0])
    objects.data.objects.delete(gone!)
    const read = await fetched(client, ["o", 0], ["o", 1], ["r", 0])
    assert.deepStrictEqual(read, [STORAGE_ERROR, ["b"], ["c"]])
  })
})
