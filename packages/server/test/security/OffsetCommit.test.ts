/** Offsets of a group, by topics of which one may use some: OffsetCommit, OffsetFetch, OffsetDelete. */
import { assert, describe, it } from "@effect/vitest"
import { OffsetCommit } from "@tusk/protocol/messages/OffsetCommit"
import { OffsetDelete } from "@tusk/protocol/messages/OffsetDelete"
import { OffsetFetch } from "@tusk/protocol/messages/OffsetFetch"
import { startBroker } from "../BrokerUnderTest.ts"
import type { WireClient } from "../WireClient.ts"
import { Rights } from "./Rights.ts"

const UNKNOWN_ID = "AAAAAAAAAAAAAAAAAAAABA"
const NAMES = ["secret", "open", "none"]
const partitions = [{ partitionIndex: 0, committedOffset: 5n, committedLeaderEpoch: -1, committedMetadata: "" }]

const started = async () => {
  const rights = new Rights()
  const broker = await startBroker({}, { authorizer: rights })
  const ids = { open: await broker.createTopic("open"), secret: await broker.createTopic("secret") }
  return { rights, broker, ids, client: await broker.connect() }
}

const commit = async (client: WireClient, version = 9, rest: object = {}) => {
  const topics = NAMES.map((name) => ({ name, partitions }))
  const answer = await client.call(OffsetCommit, version, { groupId: "g", topics, ...rest })
  return answer.topics.map(({ name, partitions }) => [name, ...partitions.map(({ errorCode }) => errorCode)])
}

describe("offsets of topics of which one may use some", () => {
  it("OffsetCommit: of those that one may read", async () => {
    const { broker, client, ids, rights } = await started()
    await using _ = broker
    rights.only("read group g", "read topic open")
    for (const version of [2, 6, 9]) {
      // As from Apache Kafka, what was refused before the group was asked comes first: "none" may not be read either.
      assert.deepStrictEqual(await commit(client, version), [
        ["secret", 29],
        ["none", 29],
        ["open", 0]
      ])
    }
    assert.deepStrictEqual(rights.asked.slice(-4), [
      "read group g",
      "read topic secret",
      "read topic open",
      "read topic none"
    ])
    const stranger = { memberId: "nobody", generationIdOrMemberEpoch: 3, topics: [{ name: "secret", partitions }] }
    assert.deepStrictEqual(await commit(client, 9, stranger), [["secret", 29]])
    const topics = [ids.open, ids.secret, UNKNOWN_ID].map((topicId) => ({ topicId, partitions }))
    const byId = await client.call(OffsetCommit, 10, { groupId: "g", topics })
    assert.deepStrictEqual(
      byId.topics.map(({ partitions, topicId }) => [topicId, partitions[0]!.errorCode]),
      [
        [ids.secret, 29],
        [UNKNOWN_ID, 100],
        [ids.open, 0]
      ]
    )
    rights.allow(() => true)
    const all = await client.call(OffsetFetch, 7, { groupId: "g", topics: null })
    assert.deepStrictEqual(
      all.topics.map(({ name }) => name),
      ["open"]
    )
  })

  it("OffsetFetch: those that one may describe; of all those alone, quietly left out", async () => {
    const { broker, client, ids, rights } = await started()
    await using _ = broker
    await commit(client)
    await commit(client, 9, { groupId: "h" })
    rights.only("describe group g", "describe topic open")
    const told = (topics: ReadonlyArray<any>) =>
      topics.map(({ name, partitions, topicId }) => [
        name === "" ? topicId : name,
        ...partitions.map(({ committedOffset, errorCode }: any) => [errorCode, committedOffset])
      ])
    const asked = NAMES.map((name) => ({ name, partitionIndexes: [0] }))
    for (const version of [1, 2, 5, 7]) {
      const { errorCode, topics } = await client.call(OffsetFetch, version, { groupId: "g", topics: asked })
      assert.strictEqual(errorCode, 0)
      assert.deepStrictEqual(told(topics), [
        ["open", [0, 5n]],
        ["secret", [29, -1n]],
        ["none", [29, -1n]]
      ])
      if (version === 1) continue
      const all = await client.call(OffsetFetch, version, { groupId: "g", topics: null })
      assert.deepStrictEqual(told(all.topics), [["open", [0, 5n]]])
    }
    const groups = ["h", "g"].map((groupId) => ({ groupId, memberEpoch: -1, topics: asked }))
    const batched = await client.call(OffsetFetch, 9, { groups, requireStable: true })
    assert.deepStrictEqual(
      batched.groups.map(({ errorCode, groupId, topics }) => [groupId, errorCode, topics.map(({ name }) => name)]),
      [
        ["h", 30, []],
        ["g", 0, ["open", "secret", "none"]]
      ]
    )
    const byId = [ids.secret, UNKNOWN_ID, ids.open].map((topicId) => ({ topicId, partitionIndexes: [0] }))
    const answer = await client.call(OffsetFetch, 10, { groups: [{ groupId: "g", memberEpoch: -1, topics: byId }] })
    assert.deepStrictEqual(told(answer.groups[0]!.topics), [
      [ids.open, [0, 5n]],
      [ids.secret, [29, -1n]],
      [UNKNOWN_ID, [100, -1n]]
    ])
    const all = await client.call(OffsetFetch, 10, { groups: [{ groupId: "g", memberEpoch: -1, topics: null }] })
    assert.deepStrictEqual(told(all.groups[0]!.topics), [[ids.open, [0, 5n]]])
  })

  it("OffsetDelete: of a group that one may delete, and topics that one may read", async () => {
    const { broker, client, rights } = await started()
    await using _ = broker
    await commit(client)
    rights.only("delete group g", "read topic open")
    const topics = NAMES.map((name) => ({ name, partitions: [{ partitionIndex: 0 }] }))
    const answer = await client.call(OffsetDelete, 0, { groupId: "g", topics })
    assert.deepStrictEqual(
      answer.topics.map(({ name, partitions }) => [name, partitions[0]!.errorCode]),
      [
        ["secret", 29],
        ["none", 29],
        ["open", 0]
      ]
    )
    rights.only("read group g", "read topic open")
    assert.deepInclude(await client.call(OffsetDelete, 0, { groupId: "g", topics }), { errorCode: 30, topics: [] })
    rights.allow(() => true)
    const left = await client.call(OffsetFetch, 7, { groupId: "g", topics: null })
    assert.deepStrictEqual(
      left.topics.map(({ name }) => name),
      ["secret"]
    )
  })
})
