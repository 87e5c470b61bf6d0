/** Groups and transactions by APIs and versions, with no right at all: the code, and nothing of what is there. */
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { apiByName } from "@tusk/protocol/messages/index"
import { ConsumerGroupHeartbeat } from "@tusk/protocol/messages/ConsumerGroupHeartbeat"
import { InitProducerId } from "@tusk/protocol/messages/InitProducerId"
import { OffsetCommit } from "@tusk/protocol/messages/OffsetCommit"
import { handlers } from "../../src/handlers/index.ts"
import { startBroker } from "../BrokerUnderTest.ts"
import type { BrokerUnderTest } from "../BrokerUnderTest.ts"
import { forVersion } from "../WireClient.ts"
import { Rights } from "./Rights.ts"

const [TOPIC, GROUP, CLUSTER, ID] = [29, 30, 31, 53]

/** Names of what is there, or of what is not, equally long. */
interface Names {
  readonly group: string
  readonly topic: string
  readonly id: string
}
const THERE: Names = { group: "groupthere", topic: "topicthere", id: "idthere" }
const NOWHERE: Names = { group: "groupnot--", topic: "topicnot--", id: "idnot--" }

const offsets = [{ partitionIndex: 0, committedOffset: 1n, committedLeaderEpoch: -1, committedMetadata: "" }]
const producer = { producerId: 1n, producerEpoch: 0 }
const joins = { memberId: "m".repeat(22), memberEpoch: 0, rebalanceTimeoutMs: 60_000 }
const topology = (topic: string) => ({ epoch: 0, subtopologies: [{ subtopologyId: "0", sourceTopics: [topic] }] })

interface Denial {
  readonly codes: ReadonlyArray<number> | ((version: number) => ReadonlyArray<number>)
  readonly request: (names: Names, version: number) => object
}

/** `codes`: all that the answer tells. */
const DENIED: Readonly<Record<string, Denial>> = {
  OffsetCommit: {
    codes: [GROUP],
    request: ({ group, topic }) => ({ groupId: group, topics: [{ name: topic, partitions: offsets }] })
  },
  OffsetFetch: {
    codes: [GROUP],
    request: ({ group, topic }, version) => {
      const asked = { groupId: group, topics: [{ name: topic, partitionIndexes: [0] }] }
      return version >= 8 ? { groups: [{ ...asked, memberEpoch: -1 }] } : asked
    }
  },
  OffsetDelete: {
    codes: [GROUP],
    request: ({ group, topic }) => ({ groupId: group, topics: [{ name: topic, partitions: [{ partitionIndex: 0 }] }] })
  },
  FindCoordinator: {
    codes: [GROUP],
    request: ({ group }, version) => (version >= 4 ? { coordinatorKeys: [group] } : { key: group })
  },
  JoinGroup: {
    codes: [GROUP],
    request: ({ group }) => ({
      groupId: group,
      sessionTimeoutMs: 10_000,
      rebalanceTimeoutMs: 10_000,
      protocolType: "consumer",
      protocols: [{ name: "range", metadata: new Uint8Array(0) }]
    })
  },
  SyncGroup: {
    codes: [GROUP],
    request: ({ group }) => ({ groupId: group, protocolType: "consumer", protocolName: "range" })
  },
  Heartbeat: { codes: [GROUP], request: ({ group }) => ({ groupId: group }) },
  LeaveGroup: {
    codes: [GROUP],
    request: ({ group }, version) =>
      version >= 3 ? { groupId: group, members: [{ memberId: "x" }] } : { groupId: group }
  },
  DescribeGroups: { codes: [GROUP], request: ({ group }) => ({ groups: [group], includeAuthorizedOperations: true }) },
  ListGroups: { codes: [0], request: () => ({}) },
  DeleteGroups: { codes: [GROUP], request: ({ group }) => ({ groupsNames: [group] }) },
  ConsumerGroupHeartbeat: {
    codes: [GROUP],
    request: ({ group, topic }) => ({ groupId: group, ...joins, subscribedTopicNames: [topic], topicPartitions: [] })
  },
  ConsumerGroupDescribe: { codes: [GROUP], request: ({ group }) => ({ groupIds: [group] }) },
  ShareGroupHeartbeat: {
    codes: [GROUP],
    request: ({ group, topic }) => ({ groupId: group, ...joins, subscribedTopicNames: [topic] })
  },
  ShareGroupDescribe: { codes: [GROUP], request: ({ group }) => ({ groupIds: [group] }) },
  ShareFetch: { codes: [GROUP], request: ({ group }) => ({ groupId: group, memberId: "m" }) },
  ShareAcknowledge: { codes: [GROUP], request: ({ group }) => ({ groupId: group, memberId: "m" }) },
  DescribeShareGroupOffsets: {
    codes: [0, GROUP],
    request: ({ group, topic }) => ({ groups: [{ groupId: group, topics: [{ topicName: topic, partitions: [0] }] }] })
  },
  AlterShareGroupOffsets: {
    codes: [GROUP],
    request: ({ group, topic }) => ({
      groupId: group,
      topics: [{ topicName: topic, partitions: [{ partitionIndex: 0 }] }]
    })
  },
  DeleteShareGroupOffsets: {
    codes: [GROUP],
    request: ({ group, topic }) => ({ groupId: group, topics: [{ topicName: topic }] })
  },
  StreamsGroupHeartbeat: {
    codes: [GROUP],
    request: ({ group, topic }) => ({ groupId: group, ...joins, processId: "p", topology: topology(topic) })
  },
  StreamsGroupDescribe: { codes: [GROUP], request: ({ group }) => ({ groupIds: [group] }) },
  InitProducerId: { codes: [ID], request: ({ id }) => ({ transactionalId: id, transactionTimeoutMs: 1000 }) },
  AddPartitionsToTxn: {
    codes: (version) => (version >= 4 ? [CLUSTER] : [ID]),
    request: ({ id, topic }, version) => {
      const topics = [{ name: topic, partitions: [0] }]
      return version >= 4
        ? { transactions: [{ transactionalId: id, ...producer, verifyOnly: true, topics }] }
        : { v3AndBelowTransactionalId: id, v3AndBelowProducerId: 1n, v3AndBelowTopics: topics }
    }
  },
  AddOffsetsToTxn: { codes: [ID], request: ({ group, id }) => ({ transactionalId: id, ...producer, groupId: group }) },
  EndTxn: { codes: [ID], request: ({ id }) => ({ transactionalId: id, ...producer, committed: true }) },
  WriteTxnMarkers: {
    codes: [CLUSTER],
    request: ({ topic }) => ({ markers: [{ ...producer, topics: [{ name: topic, partitionIndexes: [0] }] }] })
  },
  TxnOffsetCommit: {
    codes: [ID],
    request: ({ group, id, topic }) => ({
      transactionalId: id,
      groupId: group,
      ...producer,
      topics: [{ name: topic, partitions: offsets }]
    })
  },
  DescribeTransactions: { codes: [ID], request: ({ id }) => ({ transactionalIds: [id] }) },
  ListTransactions: { codes: [0], request: () => ({}) }
}

/** Every code in an answer but that of a whole one that is none, in order of size. */
const codesOf = (answer: unknown): ReadonlyArray<number> => {
  const codes = new Set<number>()
  JSON.stringify(answer, (key, value) => {
    if (/^(errorCode|partitionErrorCode)$/.test(key)) codes.add(value)
    return typeof value === "bigint" ? String(value) : value
  })
  if (codes.size > 1) codes.delete(0)
  return Array.from(codes)
}

const textOf = (answer: unknown): string =>
  JSON.stringify(answer, (_, value) => (typeof value === "bigint" ? String(value) : value))

describe("without any right", () => {
  const rights = new Rights()
  let broker: BrokerUnderTest

  beforeAll(async () => {
    broker = await startBroker({}, { authorizer: rights })
    await broker.createTopic(THERE.topic)
    const client = await broker.connect()
    const committed = await client.call(OffsetCommit, 9, {
      groupId: THERE.group,
      topics: [{ name: THERE.topic, partitions: offsets }]
    })
    assert.strictEqual(committed.topics[0]!.partitions[0]!.errorCode, 0)
    const consumer = { groupId: `${THERE.group}2`, ...joins, subscribedTopicNames: [THERE.topic], topicPartitions: [] }
    assert.strictEqual((await client.call(ConsumerGroupHeartbeat, 1, consumer)).errorCode, 0)
    const begun = await client.call(InitProducerId, 5, { transactionalId: THERE.id, transactionTimeoutMs: 60_000 })
    assert.strictEqual(begun.errorCode, 0)
    rights.only()
  })
  afterAll(() => broker[Symbol.asyncDispose]())

  for (const [name, { codes, request }] of Object.entries(DENIED)) {
    it(name, async () => {
      const client = await broker.connect()
      const { asks, versions } = handlers.find(({ api }) => api.name === name)!
      assert.isNotEmpty(asks, "its rights are in the docs")
      for (let version = versions[0]; version <= versions[1]; version++) {
        const api = apiByName(name)!
        const ask = (names: Names) =>
          client.call(api, version, forVersion(api, version, request(names, version) as any))
        const there = await ask(THERE)
        const expected = typeof codes === "function" ? codes(version) : codes
        assert.deepStrictEqual(
          codesOf(there),
          expected.filter((code) => expected.length === 1 || code !== 0),
          `v${version}`
        )
        let nowhere = textOf(await ask(NOWHERE))
        for (const key of ["group", "topic", "id"] as const) nowhere = nowhere.replaceAll(NOWHERE[key], THERE[key])
        assert.strictEqual(nowhere, textOf(there), `v${version}`)
        if (/^List/.test(name)) assert.notInclude(textOf(there), "there")
      }
    })
  }

  it("a topic that one may not use is refused the same whether it is there or not", async () => {
    const client = await broker.connect()
    rights.allow((asked) => !/ topic /.test(asked))
    const byTopic = ["OffsetCommit", "OffsetFetch", "OffsetDelete", "ConsumerGroupHeartbeat", "ShareGroupHeartbeat"]
    byTopic.push("AlterShareGroupOffsets", "DeleteShareGroupOffsets", "StreamsGroupHeartbeat", "TxnOffsetCommit")
    for (const name of byTopic) {
      const api = apiByName(name)!
      const version = Math.min(handlers.find((handler) => handler.api.name === name)!.versions[1], 9)
      const answers: Array<string> = []
      for (const topic of [THERE.topic, NOWHERE.topic]) {
        const names = { ...THERE, group: /Share|Streams/.test(name) ? "another" : THERE.group, topic }
        const answer = await client.call(
          api,
          version,
          forVersion(api, version, DENIED[name]!.request(names, version) as any)
        )
        assert.deepStrictEqual(codesOf(answer), [TOPIC], name)
        answers.push(textOf(answer).replaceAll(topic, ""))
      }
      assert.strictEqual(answers[1], answers[0], name)
    }
    rights.only()
  })
})
