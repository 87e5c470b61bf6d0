/** A fetch that names what is not there waits for what is, as Apache Kafka 4.3.1 does. */
import { assert, describe, it } from "@effect/vitest"
import { DeleteTopics } from "@tusk/protocol/messages/DeleteTopics"
import { Fetch } from "@tusk/protocol/messages/Fetch"
import type { FetchResponse } from "@tusk/protocol/messages/Fetch"
import { Produce } from "@tusk/protocol/messages/Produce"
import { ShareFetch } from "@tusk/protocol/messages/ShareFetch"
import { ShareGroupHeartbeat } from "@tusk/protocol/messages/ShareGroupHeartbeat"
import { batchOf } from "../Batches.ts"
import { startBroker } from "../BrokerUnderTest.ts"
import type { WireClient } from "../WireClient.ts"

const ALL = 1 << 20
const LONG = 60_000
/** No topic has it. */
const NO_ID = "AAAAAAAAAAAAAAAAAAAABA"

const produce = async (client: WireClient, name: string): Promise<void> => {
  const { responses } = await client.call(Produce, 12, {
    acks: -1,
    topicData: [{ name, partitionData: [{ index: 0, records: batchOf(["a"]) }] }]
  })
  assert.strictEqual(responses[0]!.partitionResponses[0]!.errorCode, 0)
}
const remove = async (client: WireClient, name: string): Promise<void> => {
  const { responses } = await client.call(DeleteTopics, 5, { topicNames: [name], timeoutMs: 1000 })
  assert.strictEqual(responses[0]!.errorCode, 0)
}

interface Named {
  readonly topic?: string
  readonly topicId?: string
  readonly partition?: number
  readonly from?: bigint
}
interface Rest {
  readonly id?: number
  readonly epoch?: number
  readonly maxWaitMs?: number
}
const fetching = (client: WireClient, version: number, named: ReadonlyArray<Named>, rest: Rest = {}) =>
  client.call(Fetch, version, {
    maxWaitMs: rest.maxWaitMs ?? LONG,
    minBytes: 1,
    maxBytes: version < 3 ? 0x7fffffff : ALL,
    sessionId: rest.id ?? 0,
    sessionEpoch: rest.epoch ?? -1,
    topics: named.map(({ from = 0n, partition = 0, topic = "", topicId }) => ({
      topic,
      ...(topicId === undefined ? {} : { topicId }),
      partitions: [{ partition, fetchOffset: from, partitionMaxBytes: ALL }]
    }))
  })
const codes = ({ responses }: FetchResponse) =>
  responses.flatMap(({ partitions }) => partitions.map(({ errorCode }) => errorCode))
const bytes = ({ responses }: FetchResponse) =>
  responses.flatMap(({ partitions }) => partitions.map(({ records }) => Buffer.concat(records ?? []).length))

/** Whether a request still waits once the broker has served others after it. */
const stillWaits = async (answer: Promise<unknown>, others: () => Promise<unknown>): Promise<boolean> => {
  let answered = false
  void answer.then(() => (answered = true))
  for (let i = 0; i < 3; i++) await others()
  return !answered
}

describe("beside what is there", () => {
  it.each([0, 3, 4, 6, 7, 12, 13, 16, 18])(
    "version %i: an unknown topic or partition is told with the first record",
    async (version) => {
      await using broker = await startBroker()
      const [client, producer] = [await broker.connect(), await broker.connect()]
      const topicId = await broker.createTopic("live")
      const byId = version >= 13
      const live: Named = byId ? { topicId } : { topic: "live" }
      const cases: ReadonlyArray<readonly [Named, number]> = [
        [byId ? { topicId: NO_ID } : { topic: "gone" }, byId ? 100 : 3],
        [{ ...live, partition: 7 }, 3]
      ]
      let from = 0n
      for (const [unknown, code] of cases) {
        const answer = fetching(client, version, [unknown, { ...live, from }])
        assert.isTrue(await stillWaits(answer, () => broker.serves()))
        await produce(producer, "live")
        from++
        assert.deepStrictEqual(codes(await answer), [code, 0])
        assert.isAbove(bytes(await answer)[1]!, 0)
        // Nothing known is left, or something else is wrong: at once.
        assert.deepStrictEqual(codes(await fetching(client, version, [unknown])), [code])
        assert.deepStrictEqual(codes(await fetching(client, version, [unknown, { ...live, from: 99n }])), [code, 1])
      }
    }
  )

  it("it is told when the time is over, too", async () => {
    await using broker = await startBroker()
    const client = await broker.connect()
    await broker.createTopic("live")
    const started = performance.now()
    const answer = await fetching(client, 12, [{ topic: "gone" }, { topic: "live" }], { maxWaitMs: 150 })
    assert.isAtLeast(performance.now() - started, 145)
    assert.deepStrictEqual(codes(answer), [3, 0])
  })

  it("what goes while a fetch waits ends its wait: 3, as it was known by its name", async () => {
    await using broker = await startBroker()
    const [client, admin] = [await broker.connect(), await broker.connect()]
    const live = await broker.createTopic("live")
    const topicId = await broker.createTopic("t")
    const answer = fetching(client, 16, [{ topicId: live }, { topicId }, { topicId: NO_ID }])
    assert.isTrue(await stillWaits(answer, () => broker.serves()))
    await remove(admin, "t")
    assert.deepStrictEqual(codes(await answer), [0, 3, 100])
  })
})

describe("in a session", () => {
  it("by ids: 100 for what never was there, 3 for what is gone, 103 for what came in its place", async () => {
    await using broker = await startBroker()
    const [client, admin] = [await broker.connect(), await broker.connect()]
    const live = await broker.createTopic("live")
    const topicId = await broker.createTopic("t")
    const named = [{ topicId: live }, { topicId }, { topicId: NO_ID }]
    const first = await fetching(client, 16, named, { epoch: 0, maxWaitMs: 0 })
    assert.deepStrictEqual(codes(first), [0, 0, 100])
    const id = first.sessionId
    assert.isAbove(id, 0)

    const beside = fetching(client, 16, [], { id, epoch: 1 })
    assert.isTrue(await stillWaits(beside, () => broker.serves()))
    await produce(admin, "live")
    assert.deepStrictEqual(codes(await beside), [0, 100])

    await remove(admin, "t")
    const moved = [{ topicId: live, from: 1n }]
    const missing = fetching(client, 16, moved, { id, epoch: 2 })
    assert.isTrue(await stillWaits(missing, () => broker.serves()))
    await produce(admin, "live")
    assert.sameMembers(codes(await missing), [3, 100, 0])

    await broker.createTopic("t")
    assert.sameMembers(codes(await fetching(client, 16, [{ topicId: live, from: 2n }], { id, epoch: 3 })), [103, 100])
  })

  it("by names: 3 while it is not there, and served once it is", async () => {
    await using broker = await startBroker()
    const client = await broker.connect()
    await broker.createTopic("live")
    const named = [{ topic: "live" }, { topic: "t" }]
    const { sessionId: id } = await fetching(client, 12, named, { epoch: 0, maxWaitMs: 0 })
    assert.deepStrictEqual(codes(await fetching(client, 12, [], { id, epoch: 1, maxWaitMs: 50 })), [3])
    await broker.createTopic("t")
    assert.deepStrictEqual(codes(await fetching(client, 12, [], { id, epoch: 2, maxWaitMs: 50 })), [0])
  })
})

describe("ShareFetch", () => {
  it("waits beside what is unknown, and not for it alone", async () => {
    await using broker = await startBroker()
    const [client, admin] = [await broker.connect(), await broker.connect()]
    const live = await broker.createTopic("live")
    await client.call(ShareGroupHeartbeat, 1, {
      groupId: "g",
      memberId: "m",
      memberEpoch: 0,
      subscribedTopicNames: ["live"]
    })
    let shareSessionEpoch = 0
    const fetch = async (topicIds: ReadonlyArray<string>, partitionIndex = 0) => {
      const { responses } = await client.call(ShareFetch, 2, {
        groupId: "g",
        memberId: "m",
        shareSessionEpoch: shareSessionEpoch++,
        maxWaitMs: LONG,
        minBytes: 1,
        maxBytes: ALL,
        maxRecords: 10,
        batchSize: 10,
        topics: topicIds.map((topicId) => ({ topicId, partitions: [{ partitionIndex, acknowledgementBatches: [] }] }))
      })
      return responses.flatMap(({ partitions }) => partitions.map(({ errorCode }) => errorCode))
    }
    assert.deepStrictEqual(await fetch([NO_ID]), [100])
    const beside = fetch([live])
    assert.isTrue(await stillWaits(beside, () => broker.serves()))
    await produce(admin, "live")
    assert.sameMembers(await beside, [100, 0])
    const again = fetch([live], 7)
    assert.isTrue(await stillWaits(again, () => broker.serves()))
    await produce(admin, "live")
    assert.sameMembers(await again, [100, 0, 3])
    const last = fetch([])
    assert.isTrue(await stillWaits(last, () => broker.serves()))
    await remove(admin, "live")
    assert.deepStrictEqual(await last, [100, 100, 100])
  })
})
