import { assert, describe, it } from "@effect/vitest"
import { CreateTopics } from "@tusk/protocol/messages/CreateTopics"
import { EndTxn } from "@tusk/protocol/messages/EndTxn"
import { Fetch } from "@tusk/protocol/messages/Fetch"
import { IncrementalAlterConfigs } from "@tusk/protocol/messages/IncrementalAlterConfigs"
import { InitProducerId } from "@tusk/protocol/messages/InitProducerId"
import { ListOffsets } from "@tusk/protocol/messages/ListOffsets"
import { Produce } from "@tusk/protocol/messages/Produce"
import * as RecordBatch from "@tusk/protocol/record/RecordBatch"
import { ObjectStoreRefused, ObjectStoreUnavailable } from "@tusk/storage/port/ObjectStore"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { batchOf, valuesOf } from "./Batches.ts"
import { startBroker } from "./BrokerUnderTest.ts"
import type { BrokerUnderTest } from "./BrokerUnderTest.ts"
import { ObjectsUnderTest, startObjectBroker } from "./ObjectBroker.ts"
import { newData } from "./Stores.ts"
import type { WireClient } from "./WireClient.ts"

const OBJECT = { "tusk.storage": "object" } as const
const KAFKA_STORAGE_ERROR = 56
const OUT_OF_ORDER = 45
const INVALID_CONFIG = 40

type Sent = readonly [topic: string, partition: number, batch: Uint8Array]

const asking = (sent: ReadonlyArray<Sent>, transactionalId: string | null = null) => ({
  transactionalId,
  acks: -1,
  timeoutMs: 10_000,
  topicData: Array.from(new Set(sent.map(([topic]) => topic)), (name) => ({
    name,
    partitionData: sent.flatMap(([topic, index, records]) => (topic === name ? [{ index, records }] : []))
  }))
})

const produceAll = async (client: WireClient, ...sent: ReadonlyArray<Sent>) => {
  const { responses } = await client.call(Produce, 12, asking(sent))
  return responses.flatMap(({ partitionResponses }) => partitionResponses)
}

const codes = (answers: ReadonlyArray<{ readonly errorCode: number }>) => answers.map(({ errorCode }) => errorCode)

const fetch = async (client: WireClient, topic: string, partition = 0, isolationLevel = 0) => {
  const { responses } = await client.call(Fetch, 12, {
    maxWaitMs: 0,
    minBytes: 1,
    maxBytes: 1 << 24,
    isolationLevel,
    topics: [{ topic, partitions: [{ partition, fetchOffset: 0n, partitionMaxBytes: 1 << 24 }] }]
  })
  return responses[0]!.partitions[0]!
}

const batchesOf = (records: ReadonlyArray<Uint8Array> | null) => {
  const batches = RecordBatch.splitBatches(Buffer.concat(records ?? []))
  if ("_tag" in batches) throw batches
  return batches
}

/** One record of an idempotent producer. */
const numbered = (producerId: bigint, baseSequence: number, more: RecordBatch.EncodeOptions = {}) =>
  batchOf([`${baseSequence}`], { producerId, producerEpoch: 0, baseSequence, timestamp: 1n, ...more })

const alter = (client: WireClient, topic: string, value: string) => {
  const configs = [{ name: "tusk.storage", configOperation: 0, value }]
  return client.call(IncrementalAlterConfigs, 1, { resources: [{ resourceType: 2, resourceName: topic, configs }] })
}

const started = async (grows = false, topics: Parameters<BrokerUnderTest["createTopic"]>[2] = OBJECT) => {
  const objects = new ObjectsUnderTest({ grows })
  const data = newData()
  const broker = await startObjectBroker(objects, data)
  await broker.createTopic("t", 2, topics)
  return { broker, client: await broker.connect(), data, objects }
}

const OBJECTS = [
  { grows: false, objects: "objects of one put" },
  { grows: true, objects: "objects that grow" }
]

describe.each(OBJECTS)("a topic in $objects", ({ grows }) => {
  it("is read as it was sent, and one object holds batches of several partitions", async () => {
    const { broker, client, data, objects } = await started(grows)
    await using _ = broker
    const answers = await produceAll(client, ["t", 0, batchOf(["a", "b"])], ["t", 1, batchOf(["c"])])
    assert.deepStrictEqual(
      answers.map(({ baseOffset, errorCode }) => [errorCode, baseOffset]),
      [
        [0, 0n],
        [0, 0n]
      ]
    )
    await produceAll(client, ["t", 0, batchOf(["d"])])
    const { highWatermark, records } = await fetch(client, "t")
    assert.deepStrictEqual(valuesOf(records), ["a", "b", "d"])
    assert.deepStrictEqual(batchesOf(records).map(RecordBatch.baseOffset), [0n, 2n])
    assert.strictEqual(highWatermark, 3n)
    assert.deepStrictEqual(valuesOf((await fetch(client, "t", 1)).records), ["c"])
    assert.strictEqual(objects.names.length, grows ? 1 : 2)
    assert.strictEqual(data.bytes, 0)
    assert.isTrue(objects.names.every((name) => name.startsWith(`${data.clusterId}/`)))
  })

  it("with LogAppendTime tells the time of the commit, under a checksum that holds", async () => {
    const { broker, client } = await started(grows, { ...OBJECT, "message.timestamp.type": "LogAppendTime" })
    await using _ = broker
    const [answer] = await produceAll(client, ["t", 0, batchOf(["a", "b"], { timestamp: 5n })])
    const [batch] = batchesOf((await fetch(client, "t")).records)
    assert.isTrue(RecordBatch.isCrcValid(batch!))
    assert.strictEqual(RecordBatch.timestampType(batch!), "LogAppendTime")
    assert.strictEqual(RecordBatch.maxTimestamp(batch!), answer!.logAppendTimeMs)
    const { topics } = await client.call(ListOffsets, 8, {
      replicaId: -1,
      isolationLevel: 0,
      topics: [{ name: "t", partitions: [{ partitionIndex: 0, timestamp: answer!.logAppendTimeMs }] }]
    })
    assert.strictEqual(topics[0]!.partitions[0]!.offset, 0n)
  })

  it("takes an idempotent producer's batch once", async () => {
    const { broker, client, data } = await started(grows)
    await using _ = broker
    const { producerId } = await client.call(InitProducerId, 5, { transactionalId: null, transactionTimeoutMs: 1000 })
    const send = async (sequence: number) => (await produceAll(client, ["t", 0, numbered(producerId, sequence)]))[0]!
    assert.strictEqual((await send(0)).baseOffset, 0n)
    assert.strictEqual((await send(1)).baseOffset, 1n)
    assert.deepStrictEqual(
      [await send(0), await send(1)].map(({ baseOffset, errorCode }) => [errorCode, baseOffset]),
      [
        [0, 0n],
        [0, 1n]
      ]
    )
    assert.strictEqual((await send(3)).errorCode, OUT_OF_ORDER)
    assert.deepStrictEqual(valuesOf((await fetch(client, "t")).records), ["0", "1"])
    // Of repeated batches no object is noted: nothing points to it.
    assert.strictEqual(data.objects.all.length, grows ? 1 : 2)
  })

  it("has transactions whose markers lie in rows", async () => {
    const { broker, client, data } = await started(grows)
    await using _ = broker
    const ask = { transactionalId: "tx", transactionTimeoutMs: 60_000 }
    const { producerId } = await client.call(InitProducerId, 5, ask)
    const send = async (sequence: number, producerEpoch: number) => {
      const batch = numbered(producerId, sequence, { producerEpoch, isTransactional: true })
      const { responses } = await client.call(Produce, 12, asking([["t", 0, batch]], "tx"))
      return responses[0]!.partitionResponses[0]!.errorCode
    }
    const end = (producerEpoch: number, committed: boolean) =>
      client.call(EndTxn, 5, { transactionalId: "tx", producerId, producerEpoch, committed })
    assert.strictEqual(await send(0, 0), 0)
    const { lastStableOffset, records } = await fetch(client, "t", 0, 1)
    assert.deepStrictEqual([lastStableOffset, valuesOf(records)], [0n, []])
    const { producerEpoch } = await end(0, true)
    assert.strictEqual(await send(0, producerEpoch), 0)
    await end(producerEpoch, false)
    const read = await fetch(client, "t", 0, 1)
    assert.deepStrictEqual(read.abortedTransactions, [{ producerId, firstOffset: 2n }])
    assert.deepStrictEqual(batchesOf(read.records).map(RecordBatch.isControl), [false, true, false, true])
    assert.isAbove(data.bytes, 0)
  })

  it("becomes one of rows and again one of objects, and stays in order", async () => {
    const { broker, client, objects } = await started(grows)
    await using _ = broker
    const other = await broker.connect()
    objects.hold(true)
    const first = produceAll(client, ["t", 0, batchOf(["object"])])
    await objects.waiting(1)
    await alter(other, "t", "row")
    const second = produceAll(other, ["t", 0, batchOf(["row"])])
    // Of another partition it waits for nobody.
    const third = await produceAll(await broker.connect(), ["t", 1, batchOf(["elsewhere"])])
    assert.deepStrictEqual(codes(third), [0])
    objects.hold(false)
    assert.deepStrictEqual([(await first)[0]!.baseOffset, (await second)[0]!.baseOffset], [0n, 1n])
    await alter(other, "t", "object")
    await produceAll(client, ["t", 0, batchOf(["object again"])])
    assert.deepStrictEqual(valuesOf((await fetch(client, "t")).records), ["object", "row", "object again"])
  })

  it("gathers what comes while an object is on its way", async () => {
    const { broker, client, objects } = await started(grows)
    await using _ = broker
    objects.hold(true)
    const first = produceAll(client, ["t", 0, batchOf(["0"])])
    await objects.waiting(1)
    const rest = Array.from({ length: 9 }, (_, i) => produceAll(client, ["t", 0, batchOf([`${i + 1}`])]))
    if (!grows) await objects.waiting(2)
    objects.hold(false)
    await Promise.all([first, ...rest])
    assert.deepStrictEqual(
      valuesOf((await fetch(client, "t")).records),
      Array.from({ length: 10 }, (_, i) => `${i}`)
    )
    assert.isAtMost(objects.puts, 3)
  })
})

describe.each(OBJECTS)("a store that refuses $objects", ({ grows }) => {
  it("fails batches of object topics with KAFKA_STORAGE_ERROR, and none that go into rows", async () => {
    const { broker, client, objects } = await started(grows)
    await using _ = broker
    await broker.createTopic("rows")
    objects.instead = () => Effect.fail(new ObjectStoreRefused({ message: "no" }))
    const answers = await produceAll(client, ["t", 0, batchOf(["a"])], ["rows", 0, batchOf(["b"])])
    assert.deepStrictEqual(codes(answers), [KAFKA_STORAGE_ERROR, 0])
    objects.instead = undefined
    assert.deepStrictEqual(codes(await produceAll(client, ["t", 0, batchOf(["c"])])), [0])
    assert.deepStrictEqual(valuesOf((await fetch(client, "t")).records), ["c"])
  })

  it("keeps a producer's batches in order: those behind the failed one wait for it", async () => {
    const { broker, client, objects } = await started(grows)
    await using _ = broker
    objects.instead = () => Effect.fail(new ObjectStoreRefused({ message: "no" }))
    objects.hold(true)
    const first = produceAll(client, ["t", 0, numbered(7n, 0)])
    await objects.waiting(1)
    const second = produceAll(client, ["t", 0, numbered(7n, 1)])
    objects.hold(false)
    assert.deepStrictEqual(codes(await first), [KAFKA_STORAGE_ERROR])
    assert.include([KAFKA_STORAGE_ERROR, OUT_OF_ORDER], (await second)[0]!.errorCode)
    objects.instead = undefined
    assert.deepStrictEqual(codes(await produceAll(client, ["t", 0, numbered(7n, 1)])), [OUT_OF_ORDER])
    assert.deepStrictEqual(codes(await produceAll(client, ["t", 0, numbered(7n, 0)])), [0])
    assert.deepStrictEqual(codes(await produceAll(client, ["t", 0, numbered(7n, 1)])), [0])
    assert.deepStrictEqual(valuesOf((await fetch(client, "t")).records), ["0", "1"])
  })

  it("is asked again if it may have stored the object, under the same name if it is one put", async () => {
    const { broker, client, objects } = await started(grows)
    await using _ = broker
    let tries = 0
    objects.instead = (put) => {
      const lost = new ObjectStoreUnavailable({ message: "no answer", sent: true })
      return ++tries === 1 ? Effect.andThen(Effect.exit(put), Exit.fail(lost)) : put
    }
    assert.deepStrictEqual(codes(await produceAll(client, ["t", 0, batchOf(["a"])])), [0])
    assert.deepStrictEqual([tries, objects.names.length], [2, grows ? 2 : 1])
    assert.deepStrictEqual(valuesOf((await fetch(client, "t")).records), ["a"])
  })
})

describe("without an object store", () => {
  it("no topic is kept in objects, and one that is so already takes nothing", async () => {
    const { broker, client, data } = await started()
    await produceAll(client, ["t", 0, batchOf(["a"])])
    await broker[Symbol.asyncDispose]()
    await using without = await startObjectBroker(undefined, data)
    const again = await without.connect()
    assert.deepStrictEqual(codes(await produceAll(again, ["t", 0, batchOf(["b"])])), [KAFKA_STORAGE_ERROR])
    assert.strictEqual((await fetch(again, "t")).errorCode, KAFKA_STORAGE_ERROR)
    const topic = {
      name: "u",
      numPartitions: 1,
      replicationFactor: 1,
      configs: [{ name: "tusk.storage", value: "object" }]
    }
    assert.strictEqual((await again.call(CreateTopics, 7, { topics: [topic] })).topics[0]!.errorCode, INVALID_CONFIG)
    await without.createTopic("rows")
    assert.strictEqual((await alter(again, "rows", "object")).responses[0]!.errorCode, INVALID_CONFIG)
    assert.strictEqual((await alter(again, "t", "row")).responses[0]!.errorCode, 0)
    assert.deepStrictEqual(codes(await produceAll(again, ["t", 0, batchOf(["b"])])), [0])
  })

  it("the broker does not start if topics are to lie in objects by default", async () => {
    const message = await startBroker({ logStorage: "object" }).then(
      () => "",
      (error: unknown) => String(error)
    )
    assert.include(message, "tusk.log.storage=object needs a store")
  })
})
