import { assert, describe, it } from "@effect/vitest"
import { AlterShareGroupOffsets } from "@tusk/protocol/messages/AlterShareGroupOffsets"
import { DeleteShareGroupOffsets } from "@tusk/protocol/messages/DeleteShareGroupOffsets"
import { DescribeShareGroupOffsets } from "@tusk/protocol/messages/DescribeShareGroupOffsets"
import { Produce } from "@tusk/protocol/messages/Produce"
import { ShareAcknowledge } from "@tusk/protocol/messages/ShareAcknowledge"
import { ShareFetch } from "@tusk/protocol/messages/ShareFetch"
import type { ShareFetchRequest } from "@tusk/protocol/messages/ShareFetch"
import { ShareGroupHeartbeat } from "@tusk/protocol/messages/ShareGroupHeartbeat"
import { ZERO_UUID } from "@tusk/protocol/codec/Uuid"
import { batchOf, valuesOf } from "../Batches.ts"
import { startBroker } from "../BrokerUnderTest.ts"
import { within } from "../WireClient.ts"
import type { Partly, WireClient } from "../WireClient.ts"
import { Rights } from "./Rights.ts"

const MEMBER = "m".repeat(22)

const started = async () => {
  const rights = new Rights()
  const broker = await startBroker({}, { authorizer: rights })
  const ids = { open: await broker.createTopic("open"), secret: await broker.createTopic("secret") }
  const client = await broker.connect()
  const beat = (rest: object) => client.call(ShareGroupHeartbeat, 1, { groupId: "q", memberId: MEMBER, ...rest })
  return { rights, broker, ids, client, beat }
}

const produce = (client: WireClient, name: string) =>
  client.call(Produce, 12, {
    acks: -1,
    topicData: [{ name, partitionData: [{ index: 0, records: batchOf([name]) }] }]
  })

const fetching = (
  shareSessionEpoch: number,
  topicIds: ReadonlyArray<string>,
  rest: Partly<ShareFetchRequest> = {}
): Partly<ShareFetchRequest> => ({
  groupId: "q",
  memberId: MEMBER,
  shareSessionEpoch,
  maxWaitMs: 0,
  minBytes: 1,
  maxBytes: 1 << 20,
  maxRecords: 10,
  batchSize: 10,
  topics: topicIds.map((topicId) => ({ topicId, partitions: [{ partitionIndex: 0 }] })),
  ...rest
})

describe("share groups", () => {
  it("take a member that may read the group and describe each topic that it names", async () => {
    const { beat, broker, rights } = await started()
    await using _ = broker
    rights.only("read group q", "describe topic open")
    const joins = { memberEpoch: 0, subscribedTopicNames: ["open", "secret"] }
    assert.deepInclude(await beat(joins), { errorCode: 29, errorMessage: null, memberId: null, assignment: null })
    assert.strictEqual((await beat({ ...joins, subscribedTopicNames: ["open"] })).errorCode, 0)
    rights.only("describe topic open")
    assert.strictEqual((await beat({ memberEpoch: -1 })).errorCode, 30)
  })

  it("give out and take acknowledgements of records of topics that one may read", async () => {
    const { beat, broker, client, ids, rights } = await started()
    await using _ = broker
    await beat({ memberEpoch: 0, subscribedTopicNames: ["open", "secret"] })
    await produce(client, "secret")
    await produce(client, "open")
    rights.only("read group q", "read topic open")
    const { responses } = await client.call(ShareFetch, 1, fetching(0, [ids.secret, ids.open]))
    const told = responses.map(({ partitions: [partition], topicId }) => [
      topicId,
      partition!.errorCode,
      valuesOf(partition!.records)
    ])
    assert.deepStrictEqual(told, [
      [ids.secret, 29, []],
      [ids.open, 0, ["open"]]
    ])
    const acknowledgementBatches = [{ firstOffset: 0n, lastOffset: 0n, acknowledgeTypes: [2] }]
    const topics = [ids.secret, ids.open].map((topicId) => ({
      topicId,
      partitions: [{ partitionIndex: 0, acknowledgementBatches }]
    }))
    const along = await client.call(ShareFetch, 1, fetching(1, [], { topics }))
    assert.deepStrictEqual(
      along.responses.map(({ partitions: [partition], topicId }) => [
        topicId,
        partition!.errorCode,
        partition!.acknowledgeErrorCode
      ]),
      [
        [ids.secret, 29, 29],
        [ids.open, 0, 0]
      ]
    )
    const request = { groupId: "q", memberId: MEMBER, shareSessionEpoch: 2, topics }
    const acknowledged = await client.call(ShareAcknowledge, 1, request)
    assert.deepStrictEqual(
      acknowledged.responses.map(({ partitions, topicId }) => [topicId, partitions[0]!.errorCode]),
      [
        [ids.secret, 29],
        [ids.open, 0]
      ]
    )
    rights.only("read topic open", "read topic secret")
    assert.strictEqual((await client.call(ShareAcknowledge, 1, { ...request, shareSessionEpoch: 3 })).errorCode, 30)
    assert.strictEqual((await client.call(ShareFetch, 1, fetching(3, []))).errorCode, 30)
  })

  it("a fetch that waits gives out nothing once the right is gone", async () => {
    const { beat, broker, client, ids, rights } = await started()
    await using _ = broker
    const other = await broker.connect()
    await beat({ memberEpoch: 0, subscribedTopicNames: ["open"] })
    const waiting = client.call(ShareFetch, 1, fetching(0, [ids.open], { maxWaitMs: 5000 }))
    while (!rights.asked.includes("read topic open")) await broker.serves()
    rights.without("read topic open")
    await produce(other, "open")
    const { responses } = await within(waiting, "the fetch")
    const [partition] = responses[0]!.partitions
    assert.deepStrictEqual([partition!.errorCode, valuesOf(partition!.records)], [29, []])
  })

  it("tell, set and forget offsets in topics that one may use", async () => {
    const { broker, client, ids, rights } = await started()
    await using _ = broker
    const names = ["secret", "open"]
    const alter = (topicNames: ReadonlyArray<string>) =>
      client.call(AlterShareGroupOffsets, 0, {
        groupId: "q",
        topics: topicNames.map((topicName) => ({ topicName, partitions: [{ partitionIndex: 0, startOffset: 0n }] }))
      })
    assert.strictEqual((await alter(names)).responses[0]!.partitions[0]!.errorCode, 0)
    rights.only("read group q", "read topic open")
    assert.deepStrictEqual(
      (await alter(names)).responses.map(({ partitions, topicId, topicName }) => [
        topicName,
        topicId,
        partitions[0]!.errorCode,
        partitions[0]!.errorMessage
      ]),
      [
        // Apache Kafka tells the topic's id.
        ["secret", ZERO_UUID, 29, "Topic authorization failed."],
        ["open", ids.open, 0, null]
      ]
    )
    rights.only("describe group q", "describe topic open")
    const groups = (topics: ReadonlyArray<object> | null) =>
      client.call(DescribeShareGroupOffsets, 0, { groups: [{ groupId: "q", topics }] as any })
    const named = await groups(names.map((topicName) => ({ topicName, partitions: [0] })))
    assert.deepStrictEqual(
      named.groups[0]!.topics.map(({ partitions, topicId, topicName }) => [
        topicName,
        topicId,
        partitions[0]!.errorCode
      ]),
      [
        ["open", ids.open, 0],
        ["secret", ZERO_UUID, 29]
      ]
    )
    assert.deepStrictEqual(
      (await groups(null)).groups[0]!.topics.map(({ topicName }) => topicName),
      ["open"]
    )
    assert.strictEqual((await alter(names)).errorCode, 30)
    const remove = () =>
      client.call(DeleteShareGroupOffsets, 0, { groupId: "q", topics: names.map((topicName) => ({ topicName })) })
    rights.only("read group q", "read topic open")
    assert.deepInclude(await remove(), { errorCode: 30, errorMessage: "Group authorization failed.", responses: [] })
    rights.only("delete group q", "read topic open")
    assert.deepStrictEqual(
      (await remove()).responses.map(({ errorCode, topicName }) => [topicName, errorCode]),
      [
        ["secret", 29],
        ["open", 0]
      ]
    )
    rights.allow(() => true)
    assert.deepStrictEqual(
      (await groups(null)).groups[0]!.topics.map(({ topicName }) => topicName),
      ["secret"]
    )
  })
})
