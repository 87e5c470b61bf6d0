import { afterEach, assert, describe, it, vi } from "@effect/vitest"
import { DescribeGroups } from "@tusk/protocol/messages/DescribeGroups"
import { Metadata } from "@tusk/protocol/messages/Metadata"
import { Produce } from "@tusk/protocol/messages/Produce"
import type { ConnectionInfo } from "../../src/request/ConnectionInfo.ts"
import { RequestContext } from "../../src/request/RequestContext.ts"
import { batchOf } from "../Batches.ts"
import { startBroker } from "../BrokerUnderTest.ts"

afterEach(() => vi.restoreAllMocks())

const [READ, WRITE] = [3, 4]

describe("the context of a request", () => {
  it("throttles for the longest time that anybody asked for", () => {
    const connection: Partial<ConnectionInfo> = {}
    const context = new RequestContext(0, "", 1, connection as ConnectionInfo)
    assert.strictEqual(context.throttleTimeMs, 0)
    for (const ms of [30, 100, 20]) context.throttle(ms)
    assert.strictEqual(context.throttleTimeMs, 100)
  })

  it("tells the client for how long it is throttled, whatever it asked, answered or refused", async () => {
    await using broker = await startBroker()
    await broker.createTopic("t")
    const client = await broker.connect()
    vi.spyOn(RequestContext.prototype, "throttleTimeMs", "get").mockReturnValue(1234)
    const topicData = [{ name: "t", partitionData: [{ index: 0, records: batchOf(["a"]) }] }]
    for (const acks of [-1, 7]) {
      const produced = await client.call(Produce, 9, { acks, timeoutMs: 1000, topicData })
      assert.strictEqual(produced.throttleTimeMs, 1234, `acks ${acks}`)
    }
    assert.strictEqual((await client.call(Metadata, 12, { topics: [] })).throttleTimeMs, 1234)
  })

  it("tells what the principal may do, as far as it is authorized", async () => {
    await using broker = await startBroker()
    await broker.createTopic("t")
    const client = await broker.connect()
    const topics = [{ name: "t" }]
    const asked = { topics, includeTopicAuthorizedOperations: true }
    const operations = async () => (await client.call(Metadata, 12, asked)).topics[0]!.topicAuthorizedOperations
    const all = await operations()
    assert.strictEqual(all & (1 << WRITE), 1 << WRITE)
    vi.spyOn(RequestContext.prototype, "mayQuietly").mockImplementation((operation) => operation !== "write")
    assert.strictEqual(await operations(), all - (1 << WRITE))
    const described = { groups: ["g"], includeAuthorizedOperations: true }
    const [group] = (await client.call(DescribeGroups, 5, described)).groups
    assert.strictEqual(group!.authorizedOperations & (1 << READ), 1 << READ)
  })
})
