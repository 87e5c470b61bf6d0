import { assert, describe, it } from "@effect/vitest"
import { AlterShareGroupOffsets } from "@tusk/protocol/messages/AlterShareGroupOffsets"
import { CreateTopics } from "@tusk/protocol/messages/CreateTopics"
import { DeleteRecords } from "@tusk/protocol/messages/DeleteRecords"
import { DescribeConfigs } from "@tusk/protocol/messages/DescribeConfigs"
import { DescribeShareGroupOffsets } from "@tusk/protocol/messages/DescribeShareGroupOffsets"
import { Fetch } from "@tusk/protocol/messages/Fetch"
import { IncrementalAlterConfigs } from "@tusk/protocol/messages/IncrementalAlterConfigs"
import { ListOffsets } from "@tusk/protocol/messages/ListOffsets"
import { OffsetCommit } from "@tusk/protocol/messages/OffsetCommit"
import { OffsetFetch } from "@tusk/protocol/messages/OffsetFetch"
import { Produce } from "@tusk/protocol/messages/Produce"
import { ShareAcknowledge } from "@tusk/protocol/messages/ShareAcknowledge"
import { ShareFetch } from "@tusk/protocol/messages/ShareFetch"
import { ShareGroupHeartbeat } from "@tusk/protocol/messages/ShareGroupHeartbeat"
import * as RecordBatch from "@tusk/protocol/record/RecordBatch"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { isoDurationMs } from "../src/config/IsoDuration.ts"
import { allSettings } from "../src/config/SettingDefinitions.ts"
import { topicConfig } from "../src/config/TopicConfigs.ts"
import { allTopicConfigs } from "../src/config/TopicConfigDefinitions.ts"
import { defaultSettings, parseSettings } from "../src/config/Settings.ts"
import { batchOf, valuesOf } from "./Batches.ts"
import { brokerInTestTime, pass, startBroker } from "./BrokerUnderTest.ts"
import { checkedStore, newData } from "./Stores.ts"
import type { WireClient } from "./WireClient.ts"

const OFFSET_OUT_OF_RANGE = 1
const INVALID_REQUEST = 42
const LONG_MAX = 2n ** 63n - 1n
/** So far in the future that a sum with it is exact still. */
const FAR = 2 ** 52

/** Its number is beyond what a `number` holds, and it may be as great as the type allows. */
const takesAnyLong = ({ max, type }: { readonly max?: number | bigint; readonly type: string }) =>
  type === "LONG" && max === undefined

const commit = (client: WireClient, version: number, retentionTimeMs: bigint) =>
  client
    .call(OffsetCommit, version, {
      groupId: "g",
      generationIdOrMemberEpoch: -1,
      retentionTimeMs,
      topics: [{ name: "t", partitions: [{ partitionIndex: 0, committedOffset: 3n, committedMetadata: "" }] }]
    })
    .then(({ topics }) => topics[0]!.partitions[0]!.errorCode)

describe("times near the end of what 64 bits can say", () => {
  it("an offset may be kept for ever, and a client's greatest numbers are refused or found to be beyond the end", async () => {
    const data = newData()
    const { refused, store } = checkedStore(data)
    await using broker = await startBroker({}, { store })
    await broker.createTopic("t")
    const [client, other] = [await broker.connect(), await broker.connect()]
    for (const version of [2, 3, 4]) assert.strictEqual(await commit(client, version, LONG_MAX), 0)
    const kept = await client.call(OffsetFetch, 7, { groupId: "g", topics: [{ name: "t", partitionIndexes: [0] }] })
    assert.strictEqual(kept.topics[0]!.partitions[0]!.committedOffset, 3n)
    const fetched = await client.call(Fetch, 12, {
      maxBytes: 1000,
      sessionEpoch: -1,
      topics: [{ topic: "t", partitions: [{ partition: 0, fetchOffset: LONG_MAX, partitionMaxBytes: 1000 }] }]
    })
    assert.strictEqual(fetched.responses[0]!.partitions[0]!.errorCode, OFFSET_OUT_OF_RANGE)
    const deleted = await client.call(DeleteRecords, 2, {
      topics: [{ name: "t", partitions: [{ partitionIndex: 0, offset: LONG_MAX }] }]
    })
    assert.strictEqual(deleted.topics[0]!.partitions[0]!.errorCode, OFFSET_OUT_OF_RANGE)
    const listed = await client.call(ListOffsets, 7, {
      topics: [{ name: "t", partitions: [{ partitionIndex: 0, timestamp: LONG_MAX }] }]
    })
    assert.deepStrictEqual(
      [listed.topics[0]!.partitions[0]!.errorCode, listed.topics[0]!.partitions[0]!.offset],
      [0, -1n]
    )
    const produced = await other.call(Produce, 12, {
      acks: -1,
      timeoutMs: 0x7fffffff,
      topicData: [{ name: "t", partitionData: [{ index: 0, records: batchOf(["a"]) }] }]
    })
    assert.strictEqual(produced.responses[0]!.partitionResponses[0]!.errorCode, 0)
    assert.deepStrictEqual(refused, [])
    assert.deepStrictEqual(broker.log, [])
  })

  it.effect("an offset that is kept for ever is there after the broker's own retention", () =>
    Effect.gen(function* () {
      const broker = yield* brokerInTestTime({ offsetsRetentionMinutes: 1, offsetsRetentionCheckIntervalMs: 1000 })
      yield* Effect.promise(() => broker.createTopic("t"))
      const client = yield* Effect.promise(() => broker.connect())
      assert.strictEqual(yield* Effect.promise(() => commit(client, 2, LONG_MAX)), 0)
      yield* pass(broker, 70)
      const kept = yield* Effect.promise(() =>
        client.call(OffsetFetch, 7, { groupId: "g", topics: [{ name: "t", partitionIndexes: [0] }] })
      )
      assert.strictEqual(kept.topics[0]!.partitions[0]!.committedOffset, 3n)
    })
  )

  it("a topic may have the greatest of each config, told as it was given, and is used as any other", async () => {
    const { refused, store } = checkedStore()
    await using broker = await startBroker({}, { store })
    const client = await broker.connect()
    const names = allTopicConfigs.filter(takesAnyLong).map(({ name }) => name)
    assert.includeMembers(names, ["retention.ms", "delete.retention.ms", "retention.bytes"])
    const configs = names.map((name) => ({ name, value: String(LONG_MAX) }))
    const { topics } = await client.call(CreateTopics, 7, {
      topics: [{ name: "t", numPartitions: 1, replicationFactor: 1, configs }]
    })
    assert.strictEqual(topics[0]!.errorCode, 0)
    const { results } = await client.call(DescribeConfigs, 4, {
      resources: [{ resourceType: 2, resourceName: "t", configurationKeys: names }]
    })
    for (const { value } of results[0]!.configs) assert.strictEqual(value, String(LONG_MAX))
    const produced = await client.call(Produce, 12, {
      acks: -1,
      topicData: [{ name: "t", partitionData: [{ index: 0, records: batchOf(["a"]) }] }]
    })
    assert.strictEqual(produced.responses[0]!.partitionResponses[0]!.errorCode, 0)
    const fetched = await client.call(Fetch, 12, {
      maxBytes: 1000,
      sessionEpoch: -1,
      topics: [{ topic: "t", partitions: [{ partition: 0, partitionMaxBytes: 1000 }] }]
    })
    assert.deepStrictEqual(valuesOf(fetched.responses[0]!.partitions[0]!.records), ["a"])
    assert.deepStrictEqual(refused, [])
    assert.deepStrictEqual(broker.log, [])
  })

  it("no config and no setting counts for more than can be added to a time", () => {
    const numbers = (value: unknown): ReadonlyArray<number> => {
      if (typeof value === "number") return [value]
      return typeof value === "object" && value !== null ? Object.values(value).flatMap(numbers) : []
    }
    const overrides = allTopicConfigs.filter(takesAnyLong).map(({ name }) => [name, String(LONG_MAX)] as const)
    const none = { broker: new Map(), cluster: new Map() }
    const ofTopic = topicConfig(new Map(overrides), defaultSettings, none)
    assert.strictEqual(ofTopic.compaction.deleteRetentionMs, FAR)
    const entries = allSettings.filter(takesAnyLong)
    assert.isAbove(entries.length, 5)
    const parsed = parseSettings(entries.map(({ name }) => ({ name, value: String(LONG_MAX), origin: "--set" })))
    for (const number of [...numbers(ofTopic), ...numbers(Result.getOrThrow(parsed).settings)]) {
      assert.isAtMost(Math.abs(number), FAR)
    }
    for (const text of ["PT9223372036854775807S", "P99999999999999999999D", `P${"9".repeat(400)}D`]) {
      assert.strictEqual(isoDurationMs(text), FAR)
    }
  })

  it.effect("a tombstone that is to stay for ever stays", () =>
    Effect.gen(function* () {
      const { refused, store } = checkedStore()
      const broker = yield* brokerInTestTime({ logCleanerBackoffMs: 5000 }, { store })
      const configs = {
        "cleanup.policy": "compact",
        "min.cleanable.dirty.ratio": "0",
        "segment.ms": "10000",
        "delete.retention.ms": String(LONG_MAX)
      }
      yield* Effect.promise(() => broker.createTopic("t", 1, configs))
      const client = yield* Effect.promise(() => broker.connect())
      const put = Effect.fnUntraced(function* (key: string, value: string | null) {
        const bytes = (text: string | null) => (text === null ? null : new TextEncoder().encode(text))
        const timestamp = BigInt(yield* Clock.currentTimeMillis)
        const records = RecordBatch.encodeBatch([{ timestamp, key: bytes(key), value: bytes(value) }], {})
        const topicData = [{ name: "t", partitionData: [{ index: 0, records }] }]
        yield* Effect.promise(() => client.call(Produce, 12, { acks: -1, topicData }))
      })
      const keys = Effect.map(
        Effect.promise(() =>
          client.call(Fetch, 12, {
            maxBytes: 10_000,
            sessionEpoch: -1,
            topics: [{ topic: "t", partitions: [{ partition: 0, partitionMaxBytes: 10_000 }] }]
          })
        ),
        ({ responses }) => {
          const batches = RecordBatch.splitBatches(Buffer.concat(responses[0]!.partitions[0]!.records ?? []))
          if (!Array.isArray(batches)) throw batches
          return batches.flatMap((batch: Uint8Array) => {
            const records = RecordBatch.decodeRecords(batch, { maxDecompressedBytes: 1000 })
            if ("_tag" in records) throw records
            return records.map(({ key, value }) => `${Buffer.from(key!).toString()}${value === null ? " gone" : ""}`)
          })
        }
      )
      yield* put("k", "v")
      yield* put("k", null)
      yield* pass(broker, 11)
      yield* put("l", "v")
      yield* pass(broker, 60)
      assert.deepStrictEqual(yield* keys, ["k gone", "l"])
      assert.deepStrictEqual(refused, [])
    })
  )

  it("a share group may begin as long ago as can be said, and where no record will ever be, and nowhere before 0", async () => {
    const { refused, store } = checkedStore()
    await using broker = await startBroker({}, { store })
    const client = await broker.connect()
    const topicId = await broker.createTopic("t")
    const partitionData = [{ index: 0, records: batchOf(["a", "b"]) }]
    await client.call(Produce, 12, { acks: -1, topicData: [{ name: "t", partitionData }] })
    const fetchAll = async (groupId: string) => {
      const beat = { groupId, memberId: "m", memberEpoch: 0, subscribedTopicNames: ["t"] }
      assert.strictEqual((await client.call(ShareGroupHeartbeat, 1, beat)).errorCode, 0)
      const { errorCode, responses } = await client.call(ShareFetch, 1, {
        groupId,
        memberId: "m",
        shareSessionEpoch: 0,
        maxBytes: 1000,
        maxRecords: 10,
        topics: [{ topicId, partitions: [{ partitionIndex: 0, acknowledgementBatches: [] }] }]
      })
      assert.strictEqual(errorCode, 0)
      return valuesOf(responses[0]?.partitions[0]?.records ?? [])
    }
    for (const [i, duration] of ["PT9223372036854775807S", "PT0.0015S"].entries()) {
      const { responses } = await client.call(IncrementalAlterConfigs, 1, {
        resources: [
          {
            resourceType: 32,
            resourceName: `since-${i}`,
            configs: [{ name: "share.auto.offset.reset", configOperation: 0, value: `by_duration:${duration}` }]
          }
        ]
      })
      assert.strictEqual(responses[0]!.errorCode, 0)
    }
    assert.deepStrictEqual(await fetchAll("since-0"), ["a", "b"])
    await fetchAll("since-1")

    const alter = async (startOffset: bigint) => {
      const topics = [{ topicName: "t", partitions: [{ partitionIndex: 0, startOffset }] }]
      const { responses } = await client.call(AlterShareGroupOffsets, 0, { groupId: "late", topics })
      return responses[0]!.partitions[0]!.errorCode
    }
    assert.deepStrictEqual(
      [await alter(-LONG_MAX - 1n), await alter(-1n), await alter(LONG_MAX)],
      [INVALID_REQUEST, INVALID_REQUEST, 0]
    )
    const { groups } = await client.call(DescribeShareGroupOffsets, 1, { groups: [{ groupId: "late", topics: null }] })
    assert.strictEqual(groups[0]!.topics[0]!.partitions[0]!.startOffset, LONG_MAX)
    assert.deepStrictEqual(await fetchAll("late"), [])
    const acknowledgementBatches = [{ firstOffset: 0n, lastOffset: LONG_MAX, acknowledgeTypes: [1] }]
    const acknowledged = await client.call(ShareAcknowledge, 1, {
      groupId: "late",
      memberId: "m",
      shareSessionEpoch: 1,
      topics: [{ topicId, partitions: [{ partitionIndex: 0, acknowledgementBatches }] }]
    })
    assert.strictEqual(acknowledged.responses[0]!.partitions[0]!.errorCode, 121)
    assert.deepStrictEqual(refused, [])
    assert.deepStrictEqual(broker.log, [])
  })
})
