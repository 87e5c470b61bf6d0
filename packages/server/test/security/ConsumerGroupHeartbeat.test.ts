import { assert, describe, it } from "@effect/vitest"
import { ConsumerGroupHeartbeat } from "@tusk/protocol/messages/ConsumerGroupHeartbeat"
import type { ConsumerGroupHeartbeatRequest } from "@tusk/protocol/messages/ConsumerGroupHeartbeat"
import { startBroker } from "../BrokerUnderTest.ts"
import type { Partly, WireClient } from "../WireClient.ts"
import { Rights } from "./Rights.ts"

const beat = (client: WireClient, rest: Partly<ConsumerGroupHeartbeatRequest>) =>
  client.call(ConsumerGroupHeartbeat, 1, { groupId: "g", memberId: "m", ...rest })

const join = (client: WireClient, rest: Partly<ConsumerGroupHeartbeatRequest>) =>
  beat(client, { rebalanceTimeoutMs: 60_000, topicPartitions: [], ...rest })

const started = async (settings = {}) => {
  const rights = new Rights()
  const broker = await startBroker({ groupConsumerAssignmentIntervalMs: 0, ...settings }, { authorizer: rights })
  const ids = { a1: await broker.createTopic("a1"), a2: await broker.createTopic("a2") }
  return { rights, broker, ids, client: await broker.connect() }
}

describe("ConsumerGroupHeartbeat", () => {
  it("takes a member that may read the group and describe each topic that it names", async () => {
    const { broker, client, ids, rights } = await started()
    await using _ = broker
    rights.only("read group g", "describe topic a1")
    const both = await join(client, { subscribedTopicNames: ["a1", "a2"] })
    assert.deepInclude(both, { errorCode: 29, errorMessage: null, memberId: null, memberEpoch: 0, assignment: null })
    const one = await join(client, { subscribedTopicNames: ["a1"] })
    assert.deepStrictEqual(one.assignment?.topicPartitions, [{ topicId: ids.a1, partitions: [0] }])
    const more = await beat(client, { memberEpoch: one.memberEpoch, subscribedTopicNames: ["a1", "a2"] })
    assert.strictEqual(more.errorCode, 29)
    assert.deepInclude(await beat(client, { memberEpoch: one.memberEpoch }), {
      errorCode: 0,
      memberEpoch: one.memberEpoch
    })

    rights.only("describe topic a1", "describe group g")
    const lost = await beat(client, { memberEpoch: one.memberEpoch })
    assert.deepInclude(lost, { errorCode: 30, errorMessage: null, memberId: null })
    assert.strictEqual((await beat(client, { memberEpoch: -1 })).errorCode, 30, "nor may it leave")
  })

  it("a regular expression stands for the topics that its member may describe, and no refusal is logged", async () => {
    const { broker, client, ids, rights } = await started()
    await using _ = broker
    rights.only("read group g", "describe topic a1")
    const { assignment, memberEpoch } = await join(client, { subscribedTopicRegex: "a.*" })
    assert.deepStrictEqual(assignment?.topicPartitions, [{ topicId: ids.a1, partitions: [0] }])
    assert.deepStrictEqual(rights.asked, ["read group g"])
    assert.deepStrictEqual(rights.askedQuietly.toSorted(), ["describe topic a1", "describe topic a2"])
    rights.allow((asked) => asked !== "describe topic a3")
    const same = await beat(client, { memberEpoch })
    assert.deepInclude(same, { errorCode: 0, memberEpoch }, "what it stands for is not looked up each time")

    await broker.createTopic("a3")
    const next = await beat(client, { memberEpoch })
    const told = next.assignment?.topicPartitions.map(({ topicId }) => topicId).toSorted()
    assert.deepStrictEqual(told, [ids.a1, ids.a2].toSorted(), "looked up as topics have changed")
  })
})
