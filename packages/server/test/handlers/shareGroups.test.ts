import { assert, describe, it } from "@effect/vitest"
import { AlterShareGroupOffsets } from "@tusk/protocol/messages/AlterShareGroupOffsets"
import { ApiVersions } from "@tusk/protocol/messages/ApiVersions"
import { DeleteGroups } from "@tusk/protocol/messages/DeleteGroups"
import { DeleteShareGroupOffsets } from "@tusk/protocol/messages/DeleteShareGroupOffsets"
import { DeleteTopics } from "@tusk/protocol/messages/DeleteTopics"
import { EndTxn } from "@tusk/protocol/messages/EndTxn"
import { InitProducerId } from "@tusk/protocol/messages/InitProducerId"
import { DescribeShareGroupOffsets } from "@tusk/protocol/messages/DescribeShareGroupOffsets"
import { IncrementalAlterConfigs } from "@tusk/protocol/messages/IncrementalAlterConfigs"
import { JoinGroup } from "@tusk/protocol/messages/JoinGroup"
import { ListGroups } from "@tusk/protocol/messages/ListGroups"
import { Produce } from "@tusk/protocol/messages/Produce"
import { ShareAcknowledge } from "@tusk/protocol/messages/ShareAcknowledge"
import { ShareFetch } from "@tusk/protocol/messages/ShareFetch"
import type { ShareFetchRequest } from "@tusk/protocol/messages/ShareFetch"
import { ShareGroupDescribe } from "@tusk/protocol/messages/ShareGroupDescribe"
import { ShareGroupHeartbeat } from "@tusk/protocol/messages/ShareGroupHeartbeat"
import { make } from "@tusk/storage/memory/MemoryStore"
import { Store } from "@tusk/storage/port/Store"
import * as Layer from "effect/Layer"
import { batchOf, valuesOf } from "../Batches.ts"
import { startBroker } from "../BrokerUnderTest.ts"
import type { BrokerUnderTest } from "../BrokerUnderTest.ts"
import { newData } from "../Stores.ts"
import type { Partly, WireClient } from "../WireClient.ts"

const GROUP = "queue"
const [ACCEPT, RELEASE, REJECT, RENEW] = [1, 2, 3, 4]
const INVALID_RECORD_STATE = 121
const SHARE_SESSION_NOT_FOUND = 122
const INVALID_SHARE_SESSION_EPOCH = 123

const produce = async (client: WireClient, values: ReadonlyArray<string>): Promise<void> => {
  const { responses } = await client.call(Produce, 12, {
    acks: -1,
    topicData: [{ name: "jobs", partitionData: [{ index: 0, records: batchOf(values) }] }]
  })
  assert.strictEqual(responses[0]!.partitionResponses[0]!.errorCode, 0)
}

const beat = (client: WireClient, memberId: string, memberEpoch: number, groupId = GROUP) =>
  client.call(ShareGroupHeartbeat, 1, {
    groupId,
    memberId,
    memberEpoch,
    subscribedTopicNames: memberEpoch === 0 ? ["jobs"] : null
  })

type Acknowledged = readonly [first: bigint, last: bigint, types: number | ReadonlyArray<number>]
const batchesOf = (acknowledged: ReadonlyArray<Acknowledged>) =>
  acknowledged.map(([firstOffset, lastOffset, types]) => ({
    firstOffset,
    lastOffset,
    acknowledgeTypes: typeof types === "number" ? [types] : types
  }))

/** A consumer of one partition, by its share session. */
const consumer = (client: WireClient, topicId: string, memberId: string) => {
  let epoch = 0
  const fetch = async (acknowledged: ReadonlyArray<Acknowledged> = [], rest: Partly<ShareFetchRequest> = {}) => {
    const partition = { partitionIndex: 0, acknowledgementBatches: batchesOf(acknowledged) }
    const { acquisitionLockTimeoutMs, errorCode, responses } = await client.call(ShareFetch, 2, {
      groupId: GROUP,
      memberId,
      shareSessionEpoch: epoch,
      maxWaitMs: 0,
      minBytes: 1,
      maxBytes: 1 << 20,
      maxRecords: 500,
      batchSize: 500,
      topics: epoch === 0 || acknowledged.length > 0 ? [{ topicId, partitions: [partition] }] : [],
      ...rest
    })
    if (errorCode !== 0) return { errorCode, acquired: [], values: [], acknowledgeErrorCode: 0 }
    epoch = rest.shareSessionEpoch ?? epoch
    epoch++
    const data = responses[0]?.partitions[0]
    assert.strictEqual(acquisitionLockTimeoutMs, 30_000)
    return {
      errorCode: data?.errorCode ?? 0,
      acknowledgeErrorCode: data?.acknowledgeErrorCode ?? 0,
      acquired: (data?.acquiredRecords ?? []).map(
        ({ deliveryCount, firstOffset, lastOffset }) => `${firstOffset}-${lastOffset} x${deliveryCount}`
      ),
      values: data?.records ? valuesOf(data.records) : []
    }
  }
  const acknowledge = async (acknowledged: ReadonlyArray<Acknowledged>, at = epoch, isRenewAck = false) => {
    const { errorCode, responses } = await client.call(ShareAcknowledge, 2, {
      groupId: GROUP,
      memberId,
      shareSessionEpoch: at,
      isRenewAck,
      topics:
        acknowledged.length === 0
          ? []
          : [{ topicId, partitions: [{ partitionIndex: 0, acknowledgementBatches: batchesOf(acknowledged) }] }]
    })
    if (errorCode === 0) epoch++
    return errorCode !== 0 ? errorCode : (responses[0]?.partitions[0]?.errorCode ?? 0)
  }
  return { fetch, acknowledge, close: () => acknowledge([], -1) }
}

const setGroupConfig = async (client: WireClient, name: string, value: string): Promise<void> => {
  const { responses } = await client.call(IncrementalAlterConfigs, 1, {
    resources: [{ resourceType: 32, resourceName: GROUP, configs: [{ name, value, configOperation: 0 }] }]
  })
  assert.strictEqual(responses[0]!.errorCode, 0)
}

/** Topic "jobs" with one partition, and a group that begins at its beginning. */
const ready = async (broker: BrokerUnderTest, values: ReadonlyArray<string> = ["a", "b", "c", "d"]) => {
  const topicId = await broker.createTopic("jobs", 1)
  const client = await broker.connect()
  await setGroupConfig(client, "share.auto.offset.reset", "earliest")
  if (values.length > 0) await produce(client, values)
  return { client, topicId, consumerOf: (memberId: string, of = client) => consumer(of, topicId, memberId) }
}

const offsetsOf = async (client: WireClient, groupId = GROUP) => {
  const { groups } = await client.call(DescribeShareGroupOffsets, 1, { groups: [{ groupId, topics: null }] })
  const [group] = groups
  if (group!.errorCode !== 0) return group!.errorCode
  return group!.topics.flatMap(({ partitions, topicName }) =>
    partitions.map(({ lag, partitionIndex, startOffset }) => `${topicName}-${partitionIndex} ${startOffset} ${lag}`)
  )
}

describe("members of share groups", () => {
  it("join, share partitions, are told once, leave; described and listed", async () => {
    await using broker = await startBroker()
    const { client, topicId } = await ready(broker, [])
    const first = await beat(client, "a", 0)
    assert.deepStrictEqual([first.errorCode, first.memberId, first.heartbeatIntervalMs], [0, "a", 5000])
    assert.deepStrictEqual(first.assignment?.topicPartitions, [{ topicId, partitions: [0] }])
    const second = await beat(client, "b", 0)
    assert.deepStrictEqual(second.assignment?.topicPartitions, [{ topicId, partitions: [0] }])
    const told = await beat(client, "a", first.memberEpoch)
    assert.strictEqual(told.memberEpoch, second.memberEpoch)
    assert.isNull(told.assignment)
    const { groups } = await client.call(ShareGroupDescribe, 1, { groupIds: [GROUP, "none"] })
    assert.deepStrictEqual(
      groups.map(({ assignorName, errorCode, groupState, members }) => [
        errorCode,
        groupState,
        assignorName,
        members.map(({ assignment, memberId }) => [memberId, assignment.topicPartitions])
      ]),
      [
        [0, "Stable", "simple", ["a", "b"].map((id) => [id, [{ topicId, topicName: "jobs", partitions: [0] }]])],
        [69, "", "", []]
      ]
    )
    const listed = await client.call(ListGroups, 5, { typesFilter: ["share"] })
    assert.deepStrictEqual(
      listed.groups.map(({ groupId, groupState, groupType, protocolType }) => [
        groupId,
        groupState,
        groupType,
        protocolType
      ]),
      [[GROUP, "Stable", "share", "share"]]
    )
    assert.strictEqual((await beat(client, "c", 3)).errorCode, 25)
    assert.strictEqual((await beat(client, "a", 77)).errorCode, 110)
    assert.strictEqual((await beat(client, "", 0)).errorCode, 42)
    const [refused] = (await client.call(DeleteGroups, 2, { groupsNames: [GROUP] })).results
    assert.strictEqual(refused!.errorCode, 68)
    for (const memberId of ["a", "b"]) assert.strictEqual((await beat(client, memberId, -1)).memberEpoch, -1)
    const [deleted] = (await client.call(DeleteGroups, 2, { groupsNames: [GROUP] })).results
    assert.strictEqual(deleted!.errorCode, 0)
    assert.deepStrictEqual(await offsetsOf(client), [])
  })

  it("are told of every partition by the first answer of a session, and then of those with news", async () => {
    await using broker = await startBroker()
    const { client, topicId } = await ready(broker, [])
    await beat(client, "a", 0)
    let shareSessionEpoch = 0
    const fetch = async () => {
      const { responses } = await client.call(ShareFetch, 2, {
        groupId: GROUP,
        memberId: "a",
        shareSessionEpoch: shareSessionEpoch++,
        maxWaitMs: 0,
        minBytes: 1,
        maxBytes: 1 << 20,
        maxRecords: 500,
        batchSize: 500,
        topics: shareSessionEpoch === 1 ? [{ topicId, partitions: [{ partitionIndex: 0 }, { partitionIndex: 7 }] }] : []
      })
      return responses.flatMap(({ partitions }) =>
        partitions.map(({ errorCode, partitionIndex }) => [partitionIndex, errorCode])
      )
    }
    assert.deepStrictEqual(await fetch(), [
      [0, 0],
      [7, 3]
    ])
    assert.deepStrictEqual(await fetch(), [[7, 3]])
  })

  it("a group of another kind is none of theirs", async () => {
    await using broker = await startBroker()
    const { client, consumerOf } = await ready(broker)
    await client.call(JoinGroup, 3, {
      groupId: GROUP,
      sessionTimeoutMs: 10_000,
      rebalanceTimeoutMs: 10_000,
      memberId: "",
      protocolType: "consumer",
      protocols: [{ name: "range", metadata: new Uint8Array() }]
    })
    assert.strictEqual((await beat(client, "a", 0)).errorCode, 69)
    const { errorCode, values } = await consumerOf("a").fetch()
    assert.strictEqual(errorCode, 3)
    assert.deepStrictEqual(values, [])
    const { groups } = await client.call(ListGroups, 5, {})
    assert.deepStrictEqual(
      groups.map(({ groupType }) => groupType),
      ["classic"]
    )
  })

  it("share.version is among the finalized features", async () => {
    await using broker = await startBroker()
    const client = await broker.connect()
    const { finalizedFeatures } = await client.call(ApiVersions, 4, {
      clientSoftwareName: "wire",
      clientSoftwareVersion: "1"
    })
    assert.strictEqual(finalizedFeatures.find(({ name }) => name === "share.version")?.maxVersionLevel, 1)
  })
})

describe("ShareFetch and ShareAcknowledge", () => {
  it("what one member has acquired no other gets; what is accepted never comes again", async () => {
    await using broker = await startBroker()
    const { client, consumerOf } = await ready(broker)
    for (const memberId of ["a", "b"]) await beat(client, memberId, 0)
    const [a, b] = [consumerOf("a"), consumerOf("b")]
    const got = await a.fetch()
    assert.deepStrictEqual([got.acquired, got.values], [["0-3 x1"], ["a", "b", "c", "d"]])
    assert.deepStrictEqual((await b.fetch()).acquired, [])
    assert.strictEqual(await a.acknowledge([[0n, 3n, [ACCEPT, RELEASE, REJECT, ACCEPT]]]), 0)
    assert.deepStrictEqual((await b.fetch()).acquired, ["1-1 x2"])
    assert.strictEqual(await a.acknowledge([[1n, 1n, ACCEPT]]), INVALID_RECORD_STATE)
    assert.deepStrictEqual(await offsetsOf(client), ["jobs-0 1 3"])
    const done = await b.fetch([[1n, 1n, ACCEPT]])
    assert.deepStrictEqual([done.acknowledgeErrorCode, done.acquired], [0, []])
    assert.deepStrictEqual(await offsetsOf(client), ["jobs-0 4 0"])
  })

  it("a record comes as often as the group may have it, and no more", async () => {
    await using broker = await startBroker({ groupShareDeliveryCountLimit: 2 })
    const { client, consumerOf } = await ready(broker, ["poison", "fine"])
    await beat(client, "a", 0)
    const a = consumerOf("a")
    assert.deepStrictEqual((await a.fetch()).acquired, ["0-1 x1"])
    const again = await a.fetch([[0n, 1n, [RELEASE, ACCEPT]]])
    assert.deepStrictEqual([again.acknowledgeErrorCode, again.acquired], [0, ["0-0 x2"]])
    const never = await a.fetch([[0n, 0n, RELEASE]])
    assert.deepStrictEqual([never.acknowledgeErrorCode, never.acquired], [0, []])
    assert.deepStrictEqual(await offsetsOf(client), ["jobs-0 2 0"])
  })

  it("record_limit is exact; batches are whole without it", async () => {
    await using broker = await startBroker()
    const { client, consumerOf } = await ready(broker)
    await beat(client, "a", 0)
    const a = consumerOf("a")
    const some = await a.fetch([], { maxRecords: 3, shareAcquireMode: 1 })
    assert.deepStrictEqual(some.acquired, ["0-2 x1"])
    await produce(client, ["e", "f"])
    assert.deepStrictEqual((await a.fetch([], { maxRecords: 1 })).acquired, ["3-3 x1"])
    assert.deepStrictEqual((await a.fetch([], { maxRecords: 1 })).acquired, ["4-5 x1"])
  })

  it("batches are told as ranges of the size asked for; no record asked for, none given", async () => {
    await using broker = await startBroker()
    const { client, consumerOf } = await ready(broker, ["a", "b"])
    for (const values of [["c", "d"], ["e", "f"], ["g"]]) await produce(client, values)
    for (const memberId of ["a", "b"]) await beat(client, memberId, 0)
    const [a, b] = [consumerOf("a"), consumerOf("b")]
    assert.deepStrictEqual((await a.fetch([], { maxRecords: 0 })).acquired, [])
    const split = await a.fetch([], { batchSize: 3 })
    assert.deepStrictEqual([split.acquired, split.values.join("")], [["0-3 x1", "4-6 x1"], "abcdefg"])
    await a.close()
    assert.deepStrictEqual((await b.fetch([], { maxRecords: 3 })).acquired, ["0-3 x2"])
    const rest = await b.fetch()
    assert.deepStrictEqual([rest.acquired, rest.values.join("")], [["4-6 x2"], "efg"])
  })

  it("what comes for the last time comes alone, and takes no other with it", async () => {
    await using broker = await startBroker({ groupShareDeliveryCountLimit: 3 })
    const { client, consumerOf } = await ready(broker, ["poison", "fine"])
    await beat(client, "a", 0)
    const a = consumerOf("a")
    for (const told of ["0-1 x1", "0-1 x2", "0-0 x3"]) {
      const { acquired } = await a.fetch()
      assert.deepStrictEqual(acquired, [told])
      const [range] = acquired
      await a.acknowledge([[0n, range!.startsWith("0-1") ? 1n : 0n, RELEASE]])
    }
    assert.deepStrictEqual((await a.fetch()).acquired, ["1-1 x3"])
    assert.strictEqual(await a.acknowledge([[1n, 1n, ACCEPT]]), 0)
    assert.deepStrictEqual(await offsetsOf(client), ["jobs-0 2 0"])
  })

  it("a session that ends gives back what it held; its epochs are looked at", async () => {
    await using broker = await startBroker()
    const { client, consumerOf } = await ready(broker)
    for (const memberId of ["a", "b"]) await beat(client, memberId, 0)
    const [a, b] = [consumerOf("a"), consumerOf("b")]
    assert.strictEqual(await b.acknowledge([[0n, 0n, ACCEPT]], 1), SHARE_SESSION_NOT_FOUND)
    assert.strictEqual(await b.acknowledge([[0n, 0n, ACCEPT]], 0), INVALID_SHARE_SESSION_EPOCH)
    assert.deepStrictEqual((await a.fetch()).acquired, ["0-3 x1"])
    assert.strictEqual(await a.acknowledge([[0n, 0n, ACCEPT]], 9), INVALID_SHARE_SESSION_EPOCH)
    assert.strictEqual(await a.close(), 0)
    assert.strictEqual(await a.acknowledge([], 1), SHARE_SESSION_NOT_FOUND)
    assert.deepStrictEqual((await b.fetch()).acquired, ["0-3 x2"])
  })

  it("renewing keeps records acquired; without the flag its type is none", async () => {
    await using broker = await startBroker()
    const { client, consumerOf } = await ready(broker)
    for (const memberId of ["a", "b"]) await beat(client, memberId, 0)
    const [a, b] = [consumerOf("a"), consumerOf("b")]
    await a.fetch()
    assert.strictEqual(await a.acknowledge([[0n, 3n, RENEW]]), 42)
    assert.strictEqual(await a.acknowledge([[0n, 3n, RENEW]], undefined, true), 0)
    const renewing = { maxBytes: 0, minBytes: 0, maxRecords: 0, isRenewAck: true }
    assert.strictEqual((await a.fetch([[0n, 3n, RENEW]], { ...renewing, minBytes: 1 })).errorCode, 42)
    assert.strictEqual((await a.fetch([[0n, 3n, RENEW]], renewing)).acknowledgeErrorCode, 0)
    assert.deepStrictEqual((await b.fetch()).acquired, [])
    await setGroupConfig(client, "share.renew.acknowledge.enable", "false")
    assert.strictEqual(await a.acknowledge([[0n, 3n, RENEW]], undefined, true), INVALID_RECORD_STATE)
    assert.strictEqual(await a.acknowledge([[0n, 3n, ACCEPT]]), 0)
  })

  it("a waiting fetch is woken by a record, and by one that is released", async () => {
    await using broker = await startBroker()
    const { client, consumerOf, topicId } = await ready(broker, [])
    for (const memberId of ["a", "b"]) await beat(client, memberId, 0)
    const [a, b] = [consumerOf("a"), consumer(await broker.connect(), topicId, "b")]
    const appended = b.fetch([], { maxWaitMs: 60_000 })
    await produce(client, ["x"])
    assert.deepStrictEqual((await appended).acquired, ["0-0 x1"])
    await b.acknowledge([[0n, 0n, ACCEPT]])
    await produce(client, ["y"])
    assert.deepStrictEqual((await a.fetch()).acquired, ["1-1 x1"])
    const released = b.fetch([], { maxWaitMs: 60_000 })
    await a.acknowledge([[1n, 1n, RELEASE]])
    assert.deepStrictEqual((await released).acquired, ["1-1 x2"])
  })

  it("a client that hangs up gives back what it held", async () => {
    await using broker = await startBroker()
    const { client, topicId, consumerOf } = await ready(broker)
    for (const memberId of ["a", "b"]) await beat(client, memberId, 0)
    const gone = await broker.connect()
    await consumer(gone, topicId, "a").fetch()
    const released = consumerOf("b").fetch([], { maxWaitMs: 60_000 })
    await gone[Symbol.asyncDispose]()
    assert.deepStrictEqual((await released).acquired, ["0-3 x2"])
  })

  it("malformed acknowledgements change nothing", async () => {
    await using broker = await startBroker()
    const { client, consumerOf } = await ready(broker)
    await beat(client, "a", 0)
    const a = consumerOf("a")
    await a.fetch()
    const malformed: ReadonlyArray<ReadonlyArray<Acknowledged>> = [
      [[2n, 1n, ACCEPT]],
      [[0n, 3n, [ACCEPT, ACCEPT]]],
      [[0n, 3n, []]],
      [[0n, 3n, 9]],
      [
        [2n, 3n, ACCEPT],
        [0n, 1n, ACCEPT]
      ]
    ]
    for (const batches of malformed) assert.strictEqual(await a.acknowledge(batches), 42)
    assert.strictEqual(await a.acknowledge([[0n, 4n, ACCEPT]]), INVALID_RECORD_STATE)
    assert.deepStrictEqual(await offsetsOf(client), ["jobs-0 0 4"])
    assert.strictEqual(await a.acknowledge([[0n, 3n, ACCEPT]]), 0)
  })
})

describe("offsets of share groups", () => {
  it("are told, set and deleted, of groups without members", async () => {
    await using broker = await startBroker()
    const { client, consumerOf } = await ready(broker)
    const alter = async (startOffset: bigint, topicName = "jobs") => {
      const { errorCode, responses } = await client.call(AlterShareGroupOffsets, 0, {
        groupId: GROUP,
        topics: [{ topicName, partitions: [{ partitionIndex: 0, startOffset }] }]
      })
      return errorCode !== 0 ? errorCode : responses[0]!.partitions[0]!.errorCode
    }
    const remove = async (topicName = "jobs") => {
      const { errorCode, responses } = await client.call(DeleteShareGroupOffsets, 0, {
        groupId: GROUP,
        topics: [{ topicName }]
      })
      return errorCode !== 0 ? errorCode : responses[0]!.errorCode
    }
    assert.deepStrictEqual([await offsetsOf(client), await remove()], [[], 69])
    await beat(client, "a", 0)
    assert.deepStrictEqual([await alter(2n), await remove()], [68, 68])
    await beat(client, "a", -1)
    assert.deepStrictEqual([await alter(2n), await alter(2n, "none")], [0, 3])
    assert.deepStrictEqual(await offsetsOf(client), ["jobs-0 2 2"])
    await beat(client, "a", 0)
    const a = consumerOf("a")
    assert.deepStrictEqual(
      (await a.fetch()).acquired,
      ["0-3 x1"].map(() => "2-3 x1")
    )
    await a.close()
    await beat(client, "a", -1)
    assert.deepStrictEqual([await remove(), await remove("none")], [0, 3])
    assert.deepStrictEqual(await offsetsOf(client), [])
  })

  it("go with their topic", async () => {
    const data = newData()
    await using broker = await startBroker({}, { store: Layer.sync(Store, () => make(data, { maxBytes: 1 << 24 })) })
    const { client, topicId } = await ready(broker)
    await beat(client, "a", 0)
    const rows = () => Array.from(data.groupMembers.get(GROUP)?.keys() ?? []).sort()
    assert.deepStrictEqual(rows(), ["member/a", "partition/1"])
    const { responses } = await client.call(DeleteTopics, 6, { topics: [{ name: null, topicId }] })
    assert.strictEqual(responses[0]!.errorCode, 0)
    assert.deepStrictEqual(rows(), ["member/a"])
    assert.deepStrictEqual(await offsetsOf(client), [])
  })

  it("bring a group into being", async () => {
    await using broker = await startBroker()
    const { client } = await ready(broker)
    const { errorCode } = await client.call(AlterShareGroupOffsets, 0, {
      groupId: "new",
      topics: [{ topicName: "jobs", partitions: [{ partitionIndex: 0, startOffset: 3n }] }]
    })
    assert.strictEqual(errorCode, 0)
    assert.deepStrictEqual(await offsetsOf(client, "new"), ["jobs-0 3 1"])
    const { groups } = await client.call(ListGroups, 5, {})
    assert.deepStrictEqual(
      groups.map(({ groupId, groupState, groupType }) => [groupId, groupState, groupType]),
      [["new", "Empty", "share"]]
    )
  })

  it("survive a restart, with members; what was accepted does not come again", async () => {
    const data = newData()
    const store = Layer.sync(Store, () => make(data, { maxBytes: 1 << 24 }))
    const first = await startBroker({}, { store })
    const { client, consumerOf, topicId } = await ready(first)
    const { memberEpoch } = await beat(client, "a", 0)
    const a = consumerOf("a")
    await a.fetch()
    await a.acknowledge([[1n, 2n, ACCEPT]])
    await first[Symbol.asyncDispose]()
    await using broker = await startBroker({}, { store })
    const again = await broker.connect()
    assert.strictEqual((await beat(again, "a", memberEpoch)).errorCode, 0)
    const b = consumer(again, topicId, "a")
    assert.deepStrictEqual((await b.fetch()).acquired, ["0-0 x2", "3-3 x2"])
    assert.strictEqual(
      await b.acknowledge([
        [0n, 0n, ACCEPT],
        [3n, 3n, ACCEPT]
      ]),
      0
    )
    assert.deepStrictEqual(await offsetsOf(again), ["jobs-0 4 0"])
  })
})

describe("transactions and share groups", () => {
  /** A transaction of a producer of its own. */
  const transaction = async (
    client: WireClient,
    transactionalId: string,
    value: string,
    committed: boolean | undefined
  ) => {
    const { producerEpoch, producerId } = await client.call(InitProducerId, 5, {
      transactionalId,
      transactionTimeoutMs: 60_000
    })
    const records = batchOf([value], { producerId, producerEpoch, baseSequence: 0, isTransactional: true })
    const { responses } = await client.call(Produce, 12, {
      transactionalId,
      acks: -1,
      topicData: [{ name: "jobs", partitionData: [{ index: 0, records }] }]
    })
    assert.strictEqual(responses[0]!.partitionResponses[0]!.errorCode, 0)
    if (committed !== undefined) await client.call(EndTxn, 5, { transactionalId, producerId, producerEpoch, committed })
  }

  it("read_committed gives out neither what was aborted nor a marker, and nothing that is open", async () => {
    await using broker = await startBroker()
    const { client, consumerOf } = await ready(broker, ["a"])
    await setGroupConfig(client, "share.isolation.level", "read_committed")
    await beat(client, "m", 0)
    const member = consumerOf("m")
    await transaction(client, "t1", "aborted", false)
    await transaction(client, "t2", "b", true)
    await produce(client, ["c"])
    await transaction(client, "t3", "open", undefined)
    await produce(client, ["behind"])
    assert.deepInclude(await member.fetch(), { values: ["a", "b", "c"], acquired: ["0-0 x1", "3-3 x1", "5-5 x1"] })
    const done = await member.fetch([
      [0n, 0n, ACCEPT],
      [3n, 3n, ACCEPT],
      [5n, 5n, ACCEPT]
    ])
    assert.deepInclude(done, { acknowledgeErrorCode: 0, values: [] })
    assert.deepStrictEqual(await offsetsOf(client), ["jobs-0 6 2"])
  })

  it("read_uncommitted gives out all but markers", async () => {
    await using broker = await startBroker()
    const { client, consumerOf } = await ready(broker, [])
    await beat(client, "m", 0)
    await transaction(client, "t1", "aborted", false)
    await transaction(client, "t2", "open", undefined)
    assert.deepInclude(await consumerOf("m").fetch(), { values: ["aborted", "open"] })
  })
})
