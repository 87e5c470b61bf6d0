/** Groups of which one may know some: DescribeGroups, ListGroups, DeleteGroups and the descriptions of the other kinds. */
import { assert, describe, it } from "@effect/vitest"
import { ConsumerGroupDescribe } from "@tusk/protocol/messages/ConsumerGroupDescribe"
import { ConsumerGroupHeartbeat } from "@tusk/protocol/messages/ConsumerGroupHeartbeat"
import { DeleteGroups } from "@tusk/protocol/messages/DeleteGroups"
import { DescribeGroups } from "@tusk/protocol/messages/DescribeGroups"
import { ListGroups } from "@tusk/protocol/messages/ListGroups"
import { OffsetCommit } from "@tusk/protocol/messages/OffsetCommit"
import { ShareGroupDescribe } from "@tusk/protocol/messages/ShareGroupDescribe"
import { ShareGroupHeartbeat } from "@tusk/protocol/messages/ShareGroupHeartbeat"
import { StreamsGroupDescribe } from "@tusk/protocol/messages/StreamsGroupDescribe"
import { StreamsGroupHeartbeat } from "@tusk/protocol/messages/StreamsGroupHeartbeat"
import { startBroker } from "../BrokerUnderTest.ts"
import { Rights } from "./Rights.ts"

const NOT_ASKED = -2147483648
const partitions = [{ partitionIndex: 0, committedOffset: 5n, committedLeaderEpoch: -1, committedMetadata: "" }]

const started = async () => {
  const rights = new Rights()
  const broker = await startBroker({ groupConsumerAssignmentIntervalMs: 0 }, { authorizer: rights })
  const client = await broker.connect()
  for (const name of ["open", "secret"]) await broker.createTopic(name)
  for (const groupId of ["mine", "theirs"]) {
    await client.call(OffsetCommit, 9, { groupId, topics: [{ name: "open", partitions }] })
  }
  return { rights, broker, client }
}

describe("groups of which one may know some", () => {
  it("DescribeGroups tells of them alone, the others first, and what one may do if that is asked", async () => {
    const { broker, client, rights } = await started()
    await using _ = broker
    rights.only("describe group mine", "describe group none", "read group mine")
    const described = async (version: number, ...groups: ReadonlyArray<string>) => {
      const answer = await client.call(DescribeGroups, version, { groups, includeAuthorizedOperations: version >= 3 })
      return answer.groups.map((group) => [
        group.groupId,
        group.errorCode,
        group.groupState,
        group.authorizedOperations
      ])
    }
    for (const version of [0, 3, 5, 6]) {
      const operations = version >= 3 ? (1 << 3) | (1 << 8) : NOT_ASKED
      assert.deepStrictEqual(await described(version, "mine", "theirs", "gone"), [
        ["theirs", 30, "", NOT_ASKED],
        ["gone", 30, "", NOT_ASKED],
        ["mine", 0, "Empty", operations]
      ])
    }
    assert.deepStrictEqual(await described(6, "none"), [["none", 69, "Dead", NOT_ASKED]])
    assert.deepStrictEqual(await described(5, "none"), [["none", 0, "Dead", 1 << 8]])
  })

  it("ListGroups tells all to one who may describe the cluster, else those that one may describe, and logs no refusal", async () => {
    const { broker, client, rights } = await started()
    await using _ = broker
    const listed = async () => (await client.call(ListGroups, 5, {})).groups.map(({ groupId }) => groupId).toSorted()
    rights.only("describe cluster kafka-cluster")
    assert.deepStrictEqual(await listed(), ["mine", "theirs"])
    rights.only("describe group mine")
    assert.deepStrictEqual(await listed(), ["mine"])
    assert.deepStrictEqual(rights.asked, [])
    rights.only("read group mine", "describe topic open")
    assert.deepStrictEqual(await listed(), [])
  })

  it("DeleteGroups deletes those that one may delete", async () => {
    const { broker, client, rights } = await started()
    await using _ = broker
    rights.only("delete group mine", "describe group theirs", "read group theirs")
    const { results } = await client.call(DeleteGroups, 2, { groupsNames: ["theirs", "mine", "theirs"] })
    assert.deepStrictEqual(
      results.map(({ errorCode, groupId }) => [groupId, errorCode]),
      [
        ["mine", 0],
        ["theirs", 30]
      ]
    )
    rights.allow(() => true)
    assert.deepStrictEqual(
      (await client.call(ListGroups, 5, {})).groups.map(({ groupId }) => groupId),
      ["theirs"]
    )
  })

  it("a group with a topic that one may not describe is not told at all", async () => {
    const { broker, client, rights } = await started()
    await using _ = broker
    const joins = { memberId: "m".repeat(22), memberEpoch: 0, rebalanceTimeoutMs: 60_000 }
    for (const [name, topics] of [
      ["open", ["open"]],
      ["both", ["open", "secret"]]
    ] as const) {
      const consumer = { groupId: `consumers-${name}`, ...joins, subscribedTopicNames: topics, topicPartitions: [] }
      assert.strictEqual((await client.call(ConsumerGroupHeartbeat, 1, consumer)).errorCode, 0)
      const shared = { groupId: `shared-${name}`, ...joins, subscribedTopicNames: topics }
      assert.strictEqual((await client.call(ShareGroupHeartbeat, 1, shared)).errorCode, 0)
      const tasks = { activeTasks: [], standbyTasks: [], warmupTasks: [] }
      const topology = { epoch: 0, subtopologies: [{ subtopologyId: "0", sourceTopics: topics }] }
      const streams = { groupId: `streams-${name}`, ...joins, ...tasks, processId: "p", topology }
      assert.strictEqual((await client.call(StreamsGroupHeartbeat, 0, streams)).errorCode, 0)
    }
    rights.allow((asked) => !/topic secret|group hidden/.test(asked))
    for (const [api, kind, version] of [
      [ConsumerGroupDescribe, "consumers", 0],
      [ConsumerGroupDescribe, "consumers", 1],
      [ShareGroupDescribe, "shared", 1],
      [StreamsGroupDescribe, "streams", 0]
    ] as const) {
      const groupIds = [`${kind}-both`, "hidden", `${kind}-open`]
      const { groups } = await client.call(api as typeof ConsumerGroupDescribe, version, {
        groupIds,
        includeAuthorizedOperations: true
      })
      assert.deepStrictEqual(
        groups.map(({ authorizedOperations, errorCode, groupId, groupState, members }) => [
          groupId,
          errorCode,
          groupState === "",
          members.length,
          authorizedOperations === NOT_ASKED
        ]),
        [
          ["hidden", 30, true, 0, true],
          [`${kind}-both`, 29, true, 0, true],
          [`${kind}-open`, 0, false, 1, false]
        ]
      )
      assert.isNull(groups[0]!.errorMessage)
      assert.match(groups[1]!.errorMessage!, /not authorized to describe\.$/)
    }
  })
})
