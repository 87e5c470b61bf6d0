/** The wall clock is set back, or forth, while requests wait. */
import { afterEach, assert, describe, it, vi } from "@effect/vitest"
import { Fetch } from "@tusk/protocol/messages/Fetch"
import { ShareFetch } from "@tusk/protocol/messages/ShareFetch"
import { ShareGroupHeartbeat } from "@tusk/protocol/messages/ShareGroupHeartbeat"
import { startBroker } from "./BrokerUnderTest.ts"
import { within } from "./WireClient.ts"
import type { WireClient } from "./WireClient.ts"

const HOUR_MS = 3_600_000
const setClock = (byMs: number): void => {
  const real = Date.now
  vi.spyOn(Date, "now").mockImplementation(() => real() + byMs)
}
afterEach(() => void vi.restoreAllMocks())

const POLL_MS = 300
const poll = (client: WireClient) =>
  client.call(Fetch, 12, {
    maxWaitMs: POLL_MS,
    minBytes: 1,
    maxBytes: 1000,
    sessionEpoch: -1,
    topics: [{ topic: "t", partitions: [{ partition: 0, partitionMaxBytes: 1000 }] }]
  })
const sharePoll = (topicId: string) => (client: WireClient) =>
  client.call(ShareFetch, 2, {
    groupId: "g",
    memberId: "m",
    shareSessionEpoch: 0,
    maxWaitMs: POLL_MS,
    minBytes: 1,
    maxBytes: 1000,
    maxRecords: 10,
    batchSize: 10,
    topics: [{ topicId, partitions: [{ partitionIndex: 0, acknowledgementBatches: [] }] }]
  })

describe.each([
  ["back", -HOUR_MS],
  ["forth", HOUR_MS]
])("the clock is set %s by an hour", (_, byMs) => {
  it("a long poll waits as long as it was asked to, one that has begun and one that begins then", async () => {
    await using broker = await startBroker()
    const topicId = await broker.createTopic("t")
    const clients = await Promise.all([0, 1, 2, 3].map(() => broker.connect()))
    const [first, second, third, fourth] = clients as [WireClient, WireClient, WireClient, WireClient]
    await first.call(ShareGroupHeartbeat, 1, {
      groupId: "g",
      memberId: "m",
      memberEpoch: 0,
      subscribedTopicNames: ["t"]
    })
    const timed = async (client: WireClient, ask: (client: WireClient) => Promise<{ readonly errorCode: number }>) => {
      const began = performance.now()
      const { errorCode } = await within(ask(client), "the end of a long poll", 5000)
      assert.strictEqual(errorCode, 0)
      const took = performance.now() - began
      assert.isAtLeast(took, POLL_MS - 5)
      assert.isBelow(took, POLL_MS + 2000)
    }
    const waiting = [timed(first, poll), timed(second, sharePoll(topicId))]
    assert.isTrue(await broker.serves())
    setClock(byMs)
    await Promise.all([...waiting, timed(third, poll), timed(fourth, poll)])
  })
})
