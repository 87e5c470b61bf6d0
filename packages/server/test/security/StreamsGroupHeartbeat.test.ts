import { assert, describe, it } from "@effect/vitest"
import { Metadata } from "@tusk/protocol/messages/Metadata"
import { StreamsGroupHeartbeat } from "@tusk/protocol/messages/StreamsGroupHeartbeat"
import { startBroker } from "../BrokerUnderTest.ts"
import type { WireClient } from "../WireClient.ts"
import type { Asked } from "./Rights.ts"
import { Rights } from "./Rights.ts"

const MISSING_INTERNAL_TOPICS = 3
const [SINK, CHANGELOG] = ["app-words-repartition", "app-counts-changelog"]

const join = (client: WireClient, sourceTopic = "lines") =>
  client.call(StreamsGroupHeartbeat, 0, {
    groupId: "app",
    memberId: "m",
    memberEpoch: 0,
    rebalanceTimeoutMs: 10_000,
    processId: "p",
    topology: {
      epoch: 0,
      subtopologies: [
        { subtopologyId: "0", sourceTopics: [sourceTopic], repartitionSinkTopics: [SINK] },
        {
          subtopologyId: "1",
          repartitionSourceTopics: [{ name: SINK }],
          stateChangelogTopics: [{ name: CHANGELOG }]
        }
      ]
    },
    activeTasks: [],
    standbyTasks: [],
    warmupTasks: []
  })

const member: ReadonlyArray<Asked> = [
  "read group app",
  "describe topic lines",
  `describe topic ${SINK}`,
  `describe topic ${CHANGELOG}`
]

const topicsOf = async (client: WireClient) => {
  const { topics } = await client.call(Metadata, 12, { topics: null })
  return topics.flatMap(({ isInternal, name }) => (isInternal ? [] : [name])).toSorted()
}

describe("StreamsGroupHeartbeat", () => {
  it("takes a member that may read the group and describe each topic of its topology", async () => {
    const rights = new Rights()
    await using broker = await startBroker({}, { authorizer: rights })
    await broker.createTopic("lines")
    const client = await broker.connect()
    for (const right of member) {
      rights.without(right)
      const { errorCode, errorMessage, status } = await join(client)
      assert.deepStrictEqual([errorCode, errorMessage, status], [/group/.test(right) ? 30 : 29, null, []], right)
    }
    rights.only("read group app")
    assert.strictEqual((await join(client, "__consumer_offsets")).errorCode, 130, "a wrong name is told first")
    rights.only()
    assert.strictEqual((await join(client, "__consumer_offsets")).errorCode, 30)
  })

  it("creates internal topics of one who may create them, or all of the cluster; else says so, and creates none", async () => {
    const rights = new Rights()
    await using broker = await startBroker({ groupStreamsInitialRebalanceDelayMs: 0 }, { authorizer: rights })
    await broker.createTopic("lines")
    const client = await broker.connect()
    rights.only(...member, `create topic ${SINK}`)
    const { errorCode, status } = await join(client)
    assert.strictEqual(errorCode, 0)
    const missing = status!.filter(({ statusCode }) => statusCode === MISSING_INTERNAL_TOPICS)
    assert.lengthOf(missing, 1)
    assert.match(missing[0]!.statusDetail, new RegExp(`; Unauthorized to CREATE on topics ${CHANGELOG}\\.$`))
    assert.deepStrictEqual(rights.askedQuietly, ["create cluster kafka-cluster"])
    rights.allow(() => true)
    assert.deepStrictEqual(await topicsOf(client), ["lines"])

    rights.only(...member, "create cluster kafka-cluster")
    const created = await join(client)
    assert.notInclude(
      created.status!.map(({ statusCode }) => statusCode),
      MISSING_INTERNAL_TOPICS
    )
    rights.allow(() => true)
    assert.deepStrictEqual(await topicsOf(client), [CHANGELOG, SINK, "lines"])
  })
})
