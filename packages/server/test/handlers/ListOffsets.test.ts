import { assert, describe, it } from "@effect/vitest"
import { DeleteRecords } from "@tusk/protocol/messages/DeleteRecords"
import { InitProducerId } from "@tusk/protocol/messages/InitProducerId"
import { ListOffsets } from "@tusk/protocol/messages/ListOffsets"
import { Metadata } from "@tusk/protocol/messages/Metadata"
import { OffsetForLeaderEpoch } from "@tusk/protocol/messages/OffsetForLeaderEpoch"
import { Produce } from "@tusk/protocol/messages/Produce"
import * as RecordBatch from "@tusk/protocol/record/RecordBatch"
import type { TopicConfigName } from "../../src/config/TopicConfigDefinitions.ts"
import { startBroker } from "../BrokerUnderTest.ts"
import { ObjectsUnderTest } from "../ObjectBroker.ts"
import { answersLater, newData } from "../Stores.ts"
import type { WireClient } from "../WireClient.ts"

const [LATEST, EARLIEST, MAX_TIMESTAMP] = [-1n, -2n, -3n]
const HOUR = 3_600_000n

/** Records at these times, a batch each list. */
const produce = async (client: WireClient, ...batches: ReadonlyArray<ReadonlyArray<bigint>>) => {
  for (const times of batches) {
    const records = RecordBatch.encodeBatch(times.map((timestamp) => ({ timestamp, value: new Uint8Array(1) })))
    const topicData = [{ name: "t", partitionData: [{ index: 0, records }] }]
    const { responses } = await client.call(Produce, 12, { acks: -1, topicData })
    assert.strictEqual(responses[0]!.partitionResponses[0]!.errorCode, 0)
  }
}

const ask = async (client: WireClient, timestamp: bigint, rest: object = {}, version = 10) => {
  const partitions = [{ partitionIndex: 0, timestamp, ...rest }]
  const { topics } = await client.call(ListOffsets, version, { replicaId: -1, topics: [{ name: "t", partitions }] })
  return topics[0]!.partitions[0]!
}
const offsetOf = async (client: WireClient, timestamp: bigint) => Number((await ask(client, timestamp)).offset)

const leaderEpoch = async (client: WireClient) =>
  (await client.call(Metadata, 12, { topics: [{ name: "t" }] })).topics[0]!.partitions[0]!.leaderEpoch

describe("ListOffsets", () => {
  it("tells the ends of an empty and of a written partition", async () => {
    await using broker = await startBroker()
    const client = await broker.connect()
    await broker.createTopic("t")
    assert.deepStrictEqual([await offsetOf(client, EARLIEST), await offsetOf(client, LATEST)], [0, 0])
    assert.strictEqual(await offsetOf(client, MAX_TIMESTAMP), -1)
    assert.strictEqual(await offsetOf(client, 0n), -1)
    const now = BigInt(Date.now())
    await produce(client, [now, now], [now])
    assert.deepStrictEqual([await offsetOf(client, EARLIEST), await offsetOf(client, LATEST)], [0, 3])
    const latest = await ask(client, LATEST)
    assert.deepStrictEqual([latest.timestamp, latest.leaderEpoch], [-1n, await leaderEpoch(client)])
  })

  it("finds the first record at or after a time, and the one with the greatest", async () => {
    await using broker = await startBroker()
    const client = await broker.connect()
    await broker.createTopic("t")
    const t = BigInt(Date.now()) - 10n * HOUR
    // Times need not rise.
    await produce(client, [t, t + 10n, t + 20n], [t + 5n], [t + 60n, t + 40n], [t + 50n])
    const found: Array<number> = []
    for (const time of [t - 1n, t, t + 1n, t + 10n, t + 11n, t + 21n, t + 60n, t + 61n])
      found.push(await offsetOf(client, time))
    assert.deepStrictEqual(found, [0, 0, 1, 1, 2, 4, 4, -1])
    const greatest = await ask(client, MAX_TIMESTAMP)
    assert.deepStrictEqual([greatest.offset, greatest.timestamp], [4n, t + 60n])
  })

  it("has no offsets for what is kept elsewhere, and refuses times that a version does not know", async () => {
    await using broker = await startBroker()
    const client = await broker.connect()
    await broker.createTopic("t")
    await produce(client, [BigInt(Date.now())])
    const answer = async (version: number, timestamp: bigint) => {
      const { errorCode, offset } = await ask(client, timestamp, {}, version)
      return [errorCode, Number(offset)]
    }
    assert.deepStrictEqual(await answer(8, -4n), [0, 0])
    assert.deepStrictEqual(await answer(9, -5n), [0, -1])
    assert.deepStrictEqual(await answer(6, -3n), [35, -1])
    assert.deepStrictEqual(await answer(7, -4n), [35, -1])
    assert.deepStrictEqual(await answer(11, -99n), [35, -1])
  })

  describe("of a tiered topic", () => {
    const TIERS = [EARLIEST, -4n, -5n, -6n]

    /** Broker, client and partition of a topic with five records, a batch each, of which `moved` have moved to objects. */
    const startTiered = async (moved: bigint, configs: { readonly [Name in TopicConfigName]?: string }) => {
      const data = newData()
      const objects = new ObjectsUnderTest().store
      const broker = await startBroker({}, { store: answersLater(data), objects })
      await broker.createTopic("t", 1, configs)
      for (const partition of data.partitions.values()) partition.localStartOffset = moved
      const client = await broker.connect()
      const now = BigInt(Date.now())
      const offsets = async () => {
        const found: Array<readonly [number, number]> = []
        for (const time of TIERS) {
          const { errorCode, leaderEpoch, offset, timestamp } = await ask(client, time, {}, 11)
          assert.deepStrictEqual([errorCode, timestamp], [0, -1n])
          found.push([Number(offset), leaderEpoch])
        }
        return found
      }
      return { broker, client, offsets, produce: () => produce(client, [now], [now], [now], [now], [now]) }
    }

    // What Apache Kafka 4.3.1 answers with a tier of its own, of the same offsets.
    it("tells where its tiers meet", async () => {
      const { broker, client, offsets, produce } = await startTiered(3n, { "remote.storage.enable": "true" })
      await using _ = broker
      await produce()
      const epoch = await leaderEpoch(client)
      assert.deepStrictEqual(await offsets(), [
        [0, epoch],
        [3, epoch],
        [2, epoch],
        [3, epoch]
      ])
      const deleteTo = async (offset: bigint) => {
        const topics = [{ name: "t", partitions: [{ partitionIndex: 0, offset }] }]
        await client.call(DeleteRecords, 2, { topics, timeoutMs: 10_000 })
      }
      await deleteTo(1n)
      assert.deepStrictEqual(
        (await offsets()).map(([offset]) => offset),
        [1, 3, 2, 3]
      )
      await deleteTo(4n)
      assert.deepStrictEqual(await offsets(), [
        [4, epoch],
        [4, epoch],
        [2, -1],
        [4, epoch]
      ])
      await deleteTo(5n)
      assert.deepStrictEqual(
        (await offsets()).map(([offset]) => offset),
        [5, 5, 2, -1]
      )
    })

    it("has nothing in the second tier before anything has moved", async () => {
      const { broker, client, offsets, produce } = await startTiered(0n, { "remote.storage.enable": "true" })
      await using _ = broker
      const epoch = await leaderEpoch(client)
      assert.deepStrictEqual(await offsets(), [
        [0, epoch],
        [0, epoch],
        [-1, -1],
        [-1, -1]
      ])
      await produce()
      assert.deepStrictEqual(
        (await offsets()).map(([offset]) => offset),
        [0, 0, -1, 0]
      )
    })

    it("has no tiers once it says so", async () => {
      const { broker, offsets, produce } = await startTiered(3n, {})
      await using _ = broker
      await produce()
      assert.deepStrictEqual(
        (await offsets()).map(([offset]) => offset),
        [0, 0, -1, -1]
      )
    })
  })

  it("version 0 answers lists, newest first", async () => {
    await using broker = await startBroker()
    const client = await broker.connect()
    await broker.createTopic("t")
    await produce(client, [BigInt(Date.now())])
    const list = async (timestamp: bigint, maxNumOffsets: number) =>
      (await ask(client, timestamp, { maxNumOffsets }, 0)).oldStyleOffsets
    assert.deepStrictEqual(await list(LATEST, 5), [1n, 0n])
    assert.deepStrictEqual(await list(LATEST, 1), [1n])
    assert.deepStrictEqual(await list(EARLIEST, 5), [0n])
  })

  it("version 0: offsets before a time, newest first, at most as many as asked for", async () => {
    await using broker = await startBroker()
    const client = await broker.connect()
    await broker.createTopic("t")
    const now = BigInt(Date.now())
    const list = async (timestamp: bigint, maxNumOffsets = 9) =>
      (await ask(client, timestamp, { maxNumOffsets }, 0)).oldStyleOffsets
    // As Apache Kafka 3.9.1 of a topic that was there by then.
    assert.deepStrictEqual(await list(now - HOUR), [0n])
    assert.deepStrictEqual(await list(now + HOUR), [0n])
    await produce(client, [now - 5n * HOUR, now - 4n * HOUR], [now - 3n * HOUR], [now - 2n * HOUR])
    assert.deepStrictEqual(await list(now - 6n * HOUR), [])
    assert.deepStrictEqual(await list(now - 5n * HOUR), [], "a record of just that time is not before it")
    assert.deepStrictEqual(await list(now - 5n * HOUR + 1n), [0n])
    assert.deepStrictEqual(await list(now - 3n * HOUR), [1n, 0n])
    assert.deepStrictEqual(await list(now - 3n * HOUR + 1n), [2n, 0n])
    assert.deepStrictEqual(await list(now - HOUR), [3n, 0n])
    assert.deepStrictEqual(await list(now + HOUR), [4n, 0n])
    assert.deepStrictEqual(await list(now + HOUR, 1), [4n])
    assert.deepStrictEqual(await list(now - HOUR, 0), [])
    // A record of the future is not before a time that is over by then.
    await produce(client, [now + HOUR / 2n])
    assert.deepStrictEqual(await list(now + HOUR / 4n), [3n, 0n])
  })

  it("unknown partitions are 3, other epochs 74 and 75, a partition asked for twice 42", async () => {
    await using broker = await startBroker()
    const client = await broker.connect()
    await broker.createTopic("t")
    const epoch = await leaderEpoch(client)
    const code = async (rest: object) => (await ask(client, LATEST, rest)).errorCode
    assert.strictEqual(await code({ partitionIndex: 1 }), 3)
    assert.strictEqual(await code({ partitionIndex: -1 }), 3)
    assert.strictEqual(await code({ currentLeaderEpoch: epoch }), 0)
    assert.strictEqual(await code({ currentLeaderEpoch: epoch - 1 }), 74)
    assert.strictEqual(await code({ currentLeaderEpoch: epoch + 1 }), 75)
    const twice = { partitionIndex: 0, timestamp: LATEST }
    const { topics } = await client.call(ListOffsets, 10, { topics: [{ name: "t", partitions: [twice, twice] }] })
    assert.include(
      topics[0]!.partitions.map(({ errorCode }) => errorCode),
      42
    )
  })
})

describe("OffsetForLeaderEpoch", () => {
  it("tells the offset at which an epoch ended; nothing is known of a later one", async () => {
    await using broker = await startBroker()
    const client = await broker.connect()
    await broker.createTopic("t")
    await produce(client, [BigInt(Date.now())])
    const epoch = await leaderEpoch(client)
    const end = async (leaderEpoch: number, currentLeaderEpoch = -1, partition = 0) => {
      const topics = [{ topic: "t", partitions: [{ partition, currentLeaderEpoch, leaderEpoch }] }]
      const answer = await client.call(OffsetForLeaderEpoch, 4, { topics })
      const { endOffset, errorCode, leaderEpoch: told } = answer.topics[0]!.partitions[0]!
      return [errorCode, told, Number(endOffset)]
    }
    assert.deepStrictEqual(await end(epoch), [0, epoch, 1])
    assert.deepStrictEqual(await end(epoch + 1), [0, -1, -1])
    assert.deepStrictEqual(await end(epoch - 1), [0, epoch - 1, 0])
    assert.deepStrictEqual(await end(epoch, epoch), [0, epoch, 1])
    assert.deepStrictEqual(await end(epoch, epoch - 1), [74, -1, -1])
    assert.deepStrictEqual(await end(epoch, epoch + 1), [75, -1, -1])
    assert.deepStrictEqual(await end(epoch, -1, 1), [3, -1, -1])
  })
})

describe("InitProducerId", () => {
  it("gives each producer an id of its own, epoch 0", async () => {
    await using broker = await startBroker()
    const clients = await Promise.all([1, 2, 3].map(() => broker.connect()))
    const answers = await Promise.all(
      clients.flatMap((client) =>
        Array.from({ length: 20 }, () => client.call(InitProducerId, 5, { transactionalId: null }))
      )
    )
    assert.strictEqual(new Set(answers.map(({ producerId }) => producerId)).size, 60)
    assert.isTrue(answers.every(({ errorCode, producerEpoch }) => errorCode === 0 && producerEpoch === 0))
    assert.strictEqual((await clients[0]!.call(InitProducerId, 5, { transactionalId: "" })).errorCode, 42)
  })
})
