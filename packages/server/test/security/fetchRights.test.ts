import { afterAll, assert, beforeAll, beforeEach, describe, it } from "@effect/vitest"
import { Fetch } from "@tusk/protocol/messages/Fetch"
import { Produce } from "@tusk/protocol/messages/Produce"
import { batchOf, valuesOf } from "../Batches.ts"
import { startBroker } from "../BrokerUnderTest.ts"
import type { BrokerUnderTest } from "../BrokerUnderTest.ts"
import type { WireClient } from "../WireClient.ts"
import { Rights } from "./Rights.ts"

const [NONE, UNKNOWN, REFUSED, UNKNOWN_ID] = [0, 3, 29, 100]
/** An id of no topic. */
const NOWHERE = "AAECAwQFBgcICQoLDA0ODw"

describe("Fetch", () => {
  const rights = new Rights()
  let broker: BrokerUnderTest
  let client: WireClient
  let ids: Readonly<Record<string, string>>

  const produce = (name: string) =>
    client.call(Produce, 9, {
      acks: -1,
      timeoutMs: 1000,
      topicData: [{ name, partitionData: [{ index: 0, records: batchOf(["hello"]) }] }]
    })

  beforeAll(async () => {
    broker = await startBroker({}, { authorizer: rights })
    client = await broker.connect()
    ids = {
      open: await broker.createTopic("open", 2),
      hidden: await broker.createTopic("hidden", 2),
      missing: NOWHERE
    }
    await produce("open")
    await produce("hidden")
  })
  afterAll(() => broker[Symbol.asyncDispose]())
  beforeEach(() => rights.allow(() => true))

  const asking = (names: ReadonlyArray<string>, from = 0n) => ({
    maxWaitMs: 0,
    minBytes: 1,
    maxBytes: 1 << 20,
    sessionEpoch: -1,
    topics: names.map((topic) => ({
      topic,
      topicId: ids[topic]!,
      partitions: [0, 1].map((partition) => ({ partition, fetchOffset: from, partitionMaxBytes: 1 << 20 }))
    }))
  })
  const told = (answer: Awaited<ReturnType<typeof fetched>>) =>
    answer.responses.map(({ partitions, topic }) => [topic, ...partitions.map(({ errorCode }) => errorCode)])
  const fetched = (version: number, request: object) => client.call(Fetch, version, request)

  it("asks for Read on each topic, once for all of its partitions, before it tells whether there is such a topic", async () => {
    for (const version of [0, 4, 7, 12]) {
      rights.only("read topic open", "read topic missing")
      const answer = await fetched(version, asking(["hidden", "open", "nowhere", "missing"]))
      assert.deepStrictEqual(
        told(answer),
        [
          ["hidden", REFUSED, REFUSED],
          ["open", NONE, NONE],
          ["nowhere", REFUSED, REFUSED],
          ["missing", UNKNOWN, UNKNOWN]
        ],
        `version ${version}`
      )
      assert.deepStrictEqual(rights.asked, [
        "read topic hidden",
        "read topic open",
        "read topic nowhere",
        "read topic missing"
      ])
    }
  })

  it("by ids: refused if there is such a topic, and its name is not told", async () => {
    for (const version of [13, 18]) {
      rights.only("read topic open")
      const answer = await fetched(version, asking(["hidden", "open", "missing"]))
      assert.deepStrictEqual(told(answer), [
        ["", REFUSED, REFUSED],
        ["", NONE, NONE],
        ["", UNKNOWN_ID, UNKNOWN_ID]
      ])
      const [refused] = answer.responses[0]!.partitions
      const { highWatermark, lastStableOffset, logStartOffset, records } = refused!
      assert.deepStrictEqual([highWatermark, lastStableOffset, logStartOffset, valuesOf(records!)], [-1n, -1n, -1n, []])
    }
  })

  it("a follower needs Cluster Action, and no right on topics", async () => {
    for (const [version, follower] of [
      [12, { replicaId: 7 }],
      [13, { replicaId: 7 }],
      [15, { replicaState: { replicaId: 7, replicaEpoch: 1n } }]
    ] as const) {
      rights.only("read topic open")
      const refused = await fetched(version, { ...asking(["open", "missing"]), ...follower })
      assert.deepStrictEqual(
        refused.responses.map(({ partitions }) => partitions.map(({ errorCode }) => errorCode)),
        [
          [REFUSED, REFUSED],
          [REFUSED, REFUSED]
        ]
      )
      assert.deepStrictEqual(rights.asked, ["clusterAction cluster kafka-cluster"])
      rights.only("clusterAction cluster kafka-cluster")
      const allowed = await fetched(version, { ...asking(["open"]), ...follower })
      assert.deepStrictEqual(valuesOf(allowed.responses[0]!.partitions[0]!.records!), ["hello"])
    }
  })

  it("a session keeps what is refused, tells it with each answer, and serves it once it may be read", async () => {
    rights.only("read topic open")
    const first = await fetched(12, { ...asking(["hidden", "open"]), sessionEpoch: 0 })
    assert.isAbove(first.sessionId, 0)
    const next = (sessionEpoch: number) => fetched(12, { ...asking([]), sessionId: first.sessionId, sessionEpoch })
    assert.deepStrictEqual(told(await next(1)), [
      ["hidden", REFUSED, REFUSED],
      ["open", NONE]
    ])
    rights.only("read topic hidden")
    const turned = await next(2)
    assert.deepStrictEqual(turned.responses.find(({ topic }) => topic === "open")?.partitions[0]?.errorCode, REFUSED)
    const hidden = turned.responses.find(({ topic }) => topic === "hidden")!
    assert.deepStrictEqual(valuesOf(hidden.partitions[0]!.records!), ["hello"])
  })

  it("what is refused does not end a long poll", async () => {
    rights.allow((right) => right !== "read topic hidden")
    const answer = polling(1n)
    await asked(2)
    await produce("open")
    const { responses } = await answer
    assert.deepStrictEqual(
      responses.map(({ partitions: [one], topic }) => [topic, one!.errorCode, valuesOf(one!.records)]),
      [
        ["hidden", REFUSED, []],
        ["open", NONE, ["hello"]]
      ]
    )
  })

  it("a right that is taken away during a long poll is gone when there is something to tell", async () => {
    const answer = polling(2n)
    await asked(2)
    rights.allow((right) => !right.startsWith("read"))
    await produce("open")
    assert.deepStrictEqual(told(await answer), [
      ["hidden", REFUSED],
      ["open", REFUSED]
    ])
  })

  /** Reads both topics on a connection of its own, `open` from where it ends. */
  const polling = async (end: bigint) => {
    const reader = await broker.connect()
    const at = (topic: string, fetchOffset: bigint) => ({
      topic,
      partitions: [{ partition: 0, fetchOffset, partitionMaxBytes: 1 << 20 }]
    })
    const topics = [at("hidden", 1n), at("open", end)]
    return reader.call(Fetch, 12, { ...asking([]), maxWaitMs: 60_000, topics })
  }

  /** Until the broker has asked for so many rights. */
  const asked = async (count: number): Promise<void> => {
    while (rights.asked.length < count) await broker.serves()
  }
})
