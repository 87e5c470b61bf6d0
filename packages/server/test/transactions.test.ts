import { assert, describe, it } from "@effect/vitest"
import { AddOffsetsToTxn } from "@tusk/protocol/messages/AddOffsetsToTxn"
import { AddPartitionsToTxn } from "@tusk/protocol/messages/AddPartitionsToTxn"
import { DescribeProducers } from "@tusk/protocol/messages/DescribeProducers"
import { DescribeTransactions } from "@tusk/protocol/messages/DescribeTransactions"
import { EndTxn } from "@tusk/protocol/messages/EndTxn"
import { Fetch } from "@tusk/protocol/messages/Fetch"
import { InitProducerId } from "@tusk/protocol/messages/InitProducerId"
import { ListOffsets } from "@tusk/protocol/messages/ListOffsets"
import { ListTransactions } from "@tusk/protocol/messages/ListTransactions"
import { OffsetFetch } from "@tusk/protocol/messages/OffsetFetch"
import { Produce } from "@tusk/protocol/messages/Produce"
import { TxnOffsetCommit } from "@tusk/protocol/messages/TxnOffsetCommit"
import { WriteTxnMarkers } from "@tusk/protocol/messages/WriteTxnMarkers"
import * as RecordBatch from "@tusk/protocol/record/RecordBatch"
import { make } from "@tusk/storage/memory/MemoryStore"
import { Store } from "@tusk/storage/port/Store"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { batchOf } from "./Batches.ts"
import { brokerInTestTime, pass, startBroker } from "./BrokerUnderTest.ts"
import { newData } from "./Stores.ts"
import type { WireClient } from "./WireClient.ts"

const ID = "tx"

interface Producer {
  readonly producerId: bigint
  readonly producerEpoch: number
}

const init = async (client: WireClient, transactionalId = ID, transactionTimeoutMs = 60_000) =>
  client.call(InitProducerId, 5, { transactionalId, transactionTimeoutMs })

const send = async (
  client: WireClient,
  { producerEpoch, producerId }: Producer,
  value: string,
  { partition = 0, sequence = 0, transactionalId = ID as string | null, version = 12 } = {}
) => {
  const records = batchOf([value], {
    producerId,
    producerEpoch,
    baseSequence: sequence,
    isTransactional: true,
    timestamp: 1n
  })
  const { responses } = await client.call(Produce, version, {
    transactionalId,
    acks: -1,
    timeoutMs: 1000,
    topicData: [{ name: "t", partitionData: [{ index: partition, records }] }]
  })
  return responses[0]!.partitionResponses[0]!.errorCode
}

const end = (client: WireClient, { producerEpoch, producerId }: Producer, committed: boolean, version = 5) =>
  client.call(EndTxn, version, { transactionalId: ID, producerId, producerEpoch, committed })

const addPartition = async (
  client: WireClient,
  { producerEpoch, producerId }: Producer,
  partition = 0,
  version = 3
) => {
  const answer = await client.call(AddPartitionsToTxn, version, {
    v3AndBelowTransactionalId: ID,
    v3AndBelowProducerId: producerId,
    v3AndBelowProducerEpoch: producerEpoch,
    v3AndBelowTopics: [{ name: "t", partitions: [partition] }]
  })
  return answer.resultsByTopicV3AndBelow[0]!.resultsByPartition[0]!.partitionErrorCode
}

const fetch = async (client: WireClient, isolationLevel: number, { from = 0n, maxWaitMs = 0, partition = 0 } = {}) => {
  const { responses } = await client.call(Fetch, 12, {
    maxWaitMs,
    minBytes: 1,
    maxBytes: 1 << 24,
    isolationLevel,
    topics: [{ topic: "t", partitions: [{ partition, fetchOffset: from, partitionMaxBytes: 1 << 24 }] }]
  })
  return responses[0]!.partitions[0]!
}

/** The records of an answer, as a consumer of that isolation level gives them. */
const committed = async (client: WireClient, partition = 0): Promise<ReadonlyArray<string>> => {
  const { abortedTransactions, records } = await fetch(client, 1, { partition })
  const batches = RecordBatch.splitBatches(Buffer.concat(records ?? []))
  if (!Array.isArray(batches)) throw batches
  const aborted = (abortedTransactions ?? []).toSorted((a, b) => Number(a.firstOffset - b.firstOffset))
  const open = new Set<bigint>()
  const values: Array<string> = []
  for (const batch of batches as Array<Uint8Array>) {
    while (aborted.length > 0 && aborted[0]!.firstOffset <= RecordBatch.lastOffset(batch))
      open.add(aborted.shift()!.producerId)
    if (RecordBatch.isControl(batch)) open.delete(RecordBatch.producerId(batch))
    else if (!open.has(RecordBatch.producerId(batch))) {
      const found = RecordBatch.decodeRecords(batch, { maxDecompressedBytes: 1 << 20 })
      if ("_tag" in found) throw found
      for (const { value } of found) values.push(Buffer.from(value!).toString())
    }
  }
  return values
}

const withTopic = async (settings = {}) => {
  const broker = await startBroker(settings)
  await broker.createTopic("t", 2)
  return { broker, client: await broker.connect() }
}

describe("a transaction of version 2", () => {
  it("is read once it is committed, in all its partitions; a READ_UNCOMMITTED reader does not wait", async () => {
    const { broker, client } = await withTopic()
    await using _ = broker
    const producer = await init(client)
    assert.strictEqual(await send(client, producer, "a"), 0)
    assert.strictEqual(await send(client, producer, "b", { partition: 1 }), 0)
    assert.deepStrictEqual([await committed(client), await committed(client, 1)], [[], []])
    const open = await fetch(client, 1)
    assert.deepStrictEqual([open.lastStableOffset, open.highWatermark], [0n, 1n])
    assert.isAbove((await fetch(client, 0)).records!.length, 0)
    const ended = await end(client, producer, true)
    assert.deepInclude(ended, {
      errorCode: 0,
      producerId: producer.producerId,
      producerEpoch: producer.producerEpoch + 1
    })
    assert.deepStrictEqual([await committed(client), await committed(client, 1)], [["a"], ["b"]])
    const after = await fetch(client, 1)
    assert.deepStrictEqual([after.lastStableOffset, after.highWatermark, after.abortedTransactions], [2n, 2n, []])
  })

  it("that is aborted is told to readers of what is committed, and to no others", async () => {
    const { broker, client } = await withTopic()
    await using _ = broker
    const producer = await init(client)
    await send(client, producer, "a")
    const next = await end(client, producer, false)
    await send(client, next, "b")
    await end(client, next, true)
    const { abortedTransactions } = await fetch(client, 1)
    assert.deepStrictEqual(abortedTransactions, [{ producerId: producer.producerId, firstOffset: 0n }])
    assert.isNull((await fetch(client, 0)).abortedTransactions)
    assert.deepStrictEqual(await committed(client), ["b"])
    // Beyond the marker nothing of it is told.
    assert.deepStrictEqual((await fetch(client, 1, { from: 2n })).abortedTransactions, [])
  })

  it("wakes a reader that waits for it when it ends, and not before", async () => {
    const { broker, client } = await withTopic()
    await using _ = broker
    const reader = await broker.connect()
    const producer = await init(client)
    const waiting = fetch(reader, 1, { maxWaitMs: 30_000 })
    let isTold = false
    void waiting.then(() => (isTold = true))
    await send(client, producer, "a")
    await send(client, producer, "b", { sequence: 1 })
    assert.isFalse(isTold)
    await end(client, producer, true)
    const found = RecordBatch.splitBatches(Buffer.concat((await waiting).records ?? []))
    assert.strictEqual(Array.isArray(found) ? found.length : 0, 3)
  })

  it("an end that comes again is told so, and one with an older epoch is fenced", async () => {
    const { broker, client } = await withTopic()
    await using _ = broker
    const producer = await init(client)
    await send(client, producer, "a")
    const first = await end(client, producer, true)
    const again = await end(client, producer, true)
    assert.deepStrictEqual([again.errorCode, again.producerEpoch], [0, first.producerEpoch])
    assert.strictEqual((await end(client, producer, false)).errorCode, 48)
    await send(client, first, "b")
    assert.strictEqual((await end(client, producer, true)).errorCode, 90)
    assert.strictEqual((await end(client, { ...producer, producerId: 999n }, true)).errorCode, 49)
  })

  it("of a second instance fences the first: its records, its end, its offsets", async () => {
    const { broker, client } = await withTopic()
    await using _ = broker
    const first = await init(client)
    await send(client, first, "a")
    const second = await init(client)
    assert.deepStrictEqual(
      [second.errorCode, second.producerId, second.producerEpoch],
      [0, first.producerId, first.producerEpoch + 2]
    )
    assert.strictEqual(await send(client, first, "b", { sequence: 1 }), 47)
    assert.strictEqual(await send(client, first, "b", { partition: 1 }), 47)
    assert.strictEqual((await end(client, first, true)).errorCode, 90)
    assert.deepStrictEqual(await committed(client), [])
    assert.strictEqual((await fetch(client, 1)).lastStableOffset, 2n)
  })

  it("a batch of a transaction needs its transactional id, and one that is known", async () => {
    const { broker, client } = await withTopic()
    await using _ = broker
    const producer = await init(client)
    assert.strictEqual(await send(client, producer, "a", { transactionalId: null }), 53)
    assert.strictEqual(await send(client, producer, "a", { transactionalId: "another" }), 49)
    assert.strictEqual(await send(client, { ...producer, producerEpoch: 7 }, "a"), 47)
    assert.strictEqual((await fetch(client, 0)).highWatermark, 0n)
  })

  it("the first batch in a partition has sequence 0 (KIP-890)", async () => {
    const { broker, client } = await withTopic()
    await using _ = broker
    const producer = await init(client)
    assert.strictEqual(await send(client, producer, "b", { sequence: 1 }), 45)
    assert.strictEqual(await send(client, producer, "a"), 0)
    assert.strictEqual((await end(client, producer, true)).errorCode, 0)
    assert.deepStrictEqual(await committed(client), ["a"])
  })

  it("ListOffsets tells the end by isolation level", async () => {
    const { broker, client } = await withTopic()
    await using _ = broker
    const producer = await init(client)
    await send(client, producer, "a")
    const latest = async (isolationLevel: number, timestamp = -1n) => {
      const partitions = [{ partitionIndex: 0, currentLeaderEpoch: -1, timestamp }]
      const { topics } = await client.call(ListOffsets, 7, {
        replicaId: -1,
        isolationLevel,
        topics: [{ name: "t", partitions }]
      })
      return topics[0]!.partitions[0]!.offset
    }
    assert.deepStrictEqual([await latest(0), await latest(1)], [1n, 0n])
    assert.deepStrictEqual([await latest(0, 0n), await latest(1, 0n)], [0n, -1n])
  })
})

describe("a transaction of an older version", () => {
  it("names its partitions first, keeps its epoch and its sequences", async () => {
    const { broker, client } = await withTopic()
    await using _ = broker
    const producer = await init(client)
    assert.strictEqual(await send(client, producer, "a", { version: 10 }), 48)
    assert.strictEqual(await send(client, producer, "a", { version: 11 }), 120)
    assert.strictEqual(await addPartition(client, producer), 0)
    assert.strictEqual(await send(client, producer, "a", { version: 10 }), 0)
    assert.strictEqual((await end(client, producer, true, 4)).errorCode, 0)
    assert.strictEqual((await end(client, producer, true, 4)).errorCode, 0)
    assert.strictEqual((await end(client, producer, false, 4)).errorCode, 48)
    assert.strictEqual(await addPartition(client, producer), 0)
    assert.strictEqual(await send(client, producer, "b", { version: 10, sequence: 1 }), 0)
    assert.strictEqual((await end(client, producer, true, 4)).errorCode, 0)
    assert.deepStrictEqual(await committed(client), ["a", "b"])
  })

  it("one partition that is not there keeps all out", async () => {
    const { broker, client } = await withTopic()
    await using _ = broker
    const producer = await init(client)
    const answer = await client.call(AddPartitionsToTxn, 3, {
      v3AndBelowTransactionalId: ID,
      v3AndBelowProducerId: producer.producerId,
      v3AndBelowProducerEpoch: producer.producerEpoch,
      v3AndBelowTopics: [{ name: "t", partitions: [0, 9] }]
    })
    const codes = answer.resultsByTopicV3AndBelow[0]!.resultsByPartition.map(
      ({ partitionErrorCode }) => partitionErrorCode
    )
    assert.deepStrictEqual(codes, [55, 3])
  })

  it("PRODUCER_FENCED is INVALID_PRODUCER_EPOCH to a client that does not know it", async () => {
    const { broker, client } = await withTopic()
    await using _ = broker
    const first = await init(client)
    await init(client)
    assert.deepStrictEqual([await addPartition(client, first, 0, 1), await addPartition(client, first, 0, 2)], [47, 90])
    assert.deepStrictEqual(
      [(await end(client, first, true, 1)).errorCode, (await end(client, first, true, 2)).errorCode],
      [47, 90]
    )
  })
})

describe("offsets of a transaction", () => {
  const commit = async (client: WireClient, producer: Producer, offset: bigint, version = 5, generationId = -1) => {
    const answer = await client.call(TxnOffsetCommit, version, {
      transactionalId: ID,
      groupId: "g",
      producerId: producer.producerId,
      producerEpoch: producer.producerEpoch,
      generationId,
      topics: [{ name: "t", partitions: [{ partitionIndex: 0, committedOffset: offset, committedMetadata: "m" }] }]
    })
    return answer.topics[0]!.partitions[0]!.errorCode
  }
  const fetched = async (client: WireClient, requireStable = false) => {
    const topics = [{ name: "t", partitionIndexes: [0] }]
    const answer = await client.call(OffsetFetch, 7, { groupId: "g", topics, requireStable })
    const { committedOffset, errorCode } = answer.topics[0]!.partitions[0]!
    return errorCode === 0 ? committedOffset : errorCode
  }

  it("come with its commit, and vanish with its abort; until then a request for stable ones is refused", async () => {
    const { broker, client } = await withTopic()
    await using _ = broker
    const producer = await init(client)
    assert.strictEqual(await commit(client, producer, 5n), 0)
    assert.deepStrictEqual([await fetched(client), await fetched(client, true)], [-1n, 88])
    const next = await end(client, producer, true)
    assert.deepStrictEqual([await fetched(client), await fetched(client, true)], [5n, 5n])
    assert.strictEqual(await commit(client, next, 9n), 0)
    assert.strictEqual(await fetched(client, true), 88)
    await end(client, next, false)
    assert.deepStrictEqual([await fetched(client), await fetched(client, true)], [5n, 5n])
  })

  it("are refused to a fenced producer, to a member of another generation, and outside a transaction", async () => {
    const { broker, client } = await withTopic()
    await using _ = broker
    const first = await init(client)
    const second = await init(client)
    assert.strictEqual(await commit(client, first, 5n), 47)
    assert.strictEqual(await commit(client, second, 5n, 5, 3), 22)
    assert.strictEqual(await commit(client, second, 5n, 3), 48)
    assert.strictEqual(await commit(client, second, 5n, 4), 120)
    const added = await client.call(AddOffsetsToTxn, 3, { transactionalId: ID, groupId: "g", ...pick(second) })
    assert.strictEqual(added.errorCode, 0)
    assert.strictEqual(await commit(client, second, 5n, 3), 0)
    await end(client, second, true, 4)
    assert.strictEqual(await fetched(client), 5n)
  })
})

const pick = ({ producerEpoch, producerId }: Producer): Producer => ({ producerId, producerEpoch })

describe("what is told of transactions", () => {
  it("ListTransactions and DescribeTransactions tell states, times and partitions", async () => {
    const { broker, client } = await withTopic()
    await using _ = broker
    const producer = await init(client)
    await init(client, "other")
    await send(client, producer, "a", { partition: 1 })
    const listed = async (filters: object) =>
      (await client.call(ListTransactions, 2, filters)).transactionStates.map(({ transactionalId }) => transactionalId)
    assert.deepStrictEqual(await listed({}), [ID, "other"])
    assert.deepStrictEqual(await listed({ stateFilters: ["Ongoing"] }), [ID])
    assert.deepStrictEqual(await listed({ producerIdFilters: [producer.producerId] }), [ID])
    assert.deepStrictEqual(await listed({ transactionalIdPattern: "o.*" }), ["other"])
    const { transactionStates } = await client.call(DescribeTransactions, 0, { transactionalIds: [ID, "nobody", ""] })
    assert.deepInclude(transactionStates[0], {
      errorCode: 0,
      transactionState: "Ongoing",
      transactionTimeoutMs: 60_000
    })
    assert.deepStrictEqual(transactionStates[0]!.topics, [{ topic: "t", partitions: [1] }])
    assert.deepStrictEqual([transactionStates[1]!.errorCode, transactionStates[2]!.errorCode], [105, 42])
  })

  it("DescribeProducers tells the offset at which a transaction began; an operator's marker ends it", async () => {
    const { broker, client } = await withTopic()
    await using _ = broker
    const producer = await init(client)
    await send(client, producer, "a")
    const producers = async () => {
      const { topics } = await client.call(DescribeProducers, 0, { topics: [{ name: "t", partitionIndexes: [0, 9] }] })
      assert.strictEqual(topics[0]!.partitions[1]!.errorCode, 3)
      return topics[0]!.partitions[0]!.activeProducers
    }
    const [open] = await producers()
    assert.deepInclude(open, {
      producerId: producer.producerId,
      currentTxnStartOffset: 0n,
      coordinatorEpoch: -1,
      lastSequence: 0
    })
    const { markers } = await client.call(WriteTxnMarkers, 1, {
      markers: [
        {
          producerId: producer.producerId,
          producerEpoch: producer.producerEpoch,
          transactionResult: false,
          topics: [{ name: "t", partitionIndexes: [0, 9] }],
          coordinatorEpoch: 7
        }
      ]
    })
    assert.deepStrictEqual(
      markers[0]!.topics[0]!.partitions.map(({ errorCode }) => errorCode),
      [0, 3]
    )
    assert.deepInclude((await producers())[0], { currentTxnStartOffset: -1n, coordinatorEpoch: 7 })
    assert.deepStrictEqual(await committed(client), [])
    assert.strictEqual((await fetch(client, 1)).lastStableOffset, 2n)
  })

  it("InitProducerId refuses timeouts and ids that are none", async () => {
    const { broker, client } = await withTopic({ transactionalIdMaxBytes: 10, maxTransactionalIds: 1 })
    await using _ = broker
    const code = async (transactionalId: string, timeoutMs: number) =>
      (await init(client, transactionalId, timeoutMs)).errorCode
    assert.deepStrictEqual([await code(ID, 0), await code(ID, 900_001), await code("", 1000)], [50, 50, 42])
    assert.deepStrictEqual(
      [await code("x".repeat(11), 1000), await code(ID, 1000), await code("more", 1000)],
      [42, 0, 44]
    )
    const half = { transactionalId: ID, transactionTimeoutMs: 1000, producerId: 5n, producerEpoch: -1 }
    assert.strictEqual((await client.call(InitProducerId, 5, half)).errorCode, 42)
  })
})

describe("over time", () => {
  it.effect("a transaction that outlives its time is aborted, and its producer fenced", () =>
    Effect.gen(function* () {
      const broker = yield* brokerInTestTime()
      yield* Effect.promise(() => broker.createTopic("t"))
      const client = yield* Effect.promise(() => broker.connect())
      const producer = yield* Effect.promise(() => init(client, ID, 5000))
      assert.strictEqual(yield* Effect.promise(() => send(client, producer, "a")), 0)
      yield* pass(broker, 4)
      assert.strictEqual((yield* Effect.promise(() => fetch(client, 1))).lastStableOffset, 0n)
      yield* pass(broker, 18)
      assert.strictEqual((yield* Effect.promise(() => fetch(client, 1))).lastStableOffset, 2n)
      // As Apache Kafka answers an end of the epoch before, of another kind than what was done.
      assert.strictEqual((yield* Effect.promise(() => end(client, producer, true))).errorCode, 48)
      assert.strictEqual(yield* Effect.promise(() => send(client, producer, "b", { sequence: 1 })), 47)
    })
  )

  it.effect("a transactional id that is not used is forgotten", () =>
    Effect.gen(function* () {
      const broker = yield* brokerInTestTime({
        transactionalIdExpirationMs: 5000,
        transactionRemoveExpiredTransactionCleanupIntervalMs: 1000
      })
      const client = yield* Effect.promise(() => broker.connect())
      yield* Effect.promise(() => init(client))
      yield* pass(broker, 8)
      const { transactionStates } = yield* Effect.promise(() => client.call(ListTransactions, 1, {}))
      assert.deepStrictEqual(transactionStates, [])
    })
  )

  it("what is open when a broker dies is open at the next one, and ends as its producer says", async () => {
    const data = newData()
    const store = () => Layer.sync(Store, () => make(data, { maxBytes: 1 << 26 }))
    const first = await startBroker({}, { store: store() })
    await first.createTopic("t", 2)
    const before = await first.connect()
    const aborted = await init(before)
    await send(before, aborted, "gone")
    const producer = await end(before, aborted, false)
    await send(before, producer, "a")
    await send(before, producer, "b", { partition: 1 })
    await first[Symbol.asyncDispose]()
    await using second = await startBroker({}, { store: store() })
    const client = await second.connect()
    assert.deepStrictEqual([(await fetch(client, 1)).lastStableOffset, await committed(client)], [2n, []])
    assert.strictEqual(await send(client, producer, "c", { sequence: 1 }), 0)
    assert.strictEqual((await end(client, producer, true)).errorCode, 0)
    assert.deepStrictEqual([await committed(client), await committed(client, 1)], [["a", "c"], ["b"]])
  })
})
