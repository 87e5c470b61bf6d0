/** What is decoded of a request is bounded by its bytes, and by a total. */
import { assert, describe, it } from "@effect/vitest"
import { readSubscription } from "@tusk/coordinator/group/classic/SubscribedTopics"
import { MAX_ELEMENTS } from "@tusk/protocol/codec/Reader"
import { OffsetFetch } from "@tusk/protocol/messages/OffsetFetch"
import { startBroker } from "./BrokerUnderTest.ts"
import { requestFrame, within } from "./WireClient.ts"

const uvarint = (value: number): Buffer => {
  const bytes: Array<number> = []
  for (; value > 127; value = Math.floor(value / 128)) bytes.push((value & 127) | 128)
  return Buffer.from([...bytes, value])
}

/** OffsetFetch 8 of a group with so many topics that have no name and no partition: three bytes each. */
const offsetFetchOf = (topics: number): Buffer => {
  const small = requestFrame(OffsetFetch, 8, { groups: [{ groupId: "g", topics: [] }] })
  const at = small.lastIndexOf(Buffer.from([2, 0x67])) + 2
  assert.strictEqual(small[at], 1, "an array of none")
  const topic = Buffer.from([1, 1, 0])
  const body = [small.subarray(4, at), uvarint(topics + 1), Buffer.alloc(3 * topics, topic), small.subarray(at + 1)]
  const frame = Buffer.concat(body)
  const length = Buffer.alloc(4)
  length.writeInt32BE(frame.byteLength)
  return Buffer.concat([length, frame])
}

describe("a request of very many elements", () => {
  it("closes its connection with a line, at little cost, and others are served", async () => {
    await using broker = await startBroker()
    for (const topics of [MAX_ELEMENTS, 3_000_000, 30_000_000]) {
      const client = await broker.connect()
      const before = process.memoryUsage().heapUsed
      client.sendBytes(offsetFetchOf(topics))
      await within(client.closed, "the end")
      assert.deepStrictEqual(client.frames, [])
      assert.isBelow(process.memoryUsage().heapUsed - before, 100 << 20)
    }
    assert.deepStrictEqual(
      broker.log.map(({ level }) => level),
      ["Warn", "Warn", "Warn"]
    )
    for (const { text } of broker.log) assert.match(text, /OffsetFetch 8: groups\[0\]\.topics: .*elements/)
    assert.isTrue(await broker.serves())
  })

  it("of as many as a client may need is answered", async () => {
    await using broker = await startBroker()
    const client = await broker.connect()
    client.sendBytes(offsetFetchOf(100_000))
    assert.isAbove((await client.frame()).byteLength, 300_000)
  })

  it("nor is a subscription of very many topics read, which a member sends as bytes", () => {
    const subscriptionTo = (count: number) => {
      const metadata = Buffer.alloc(6 + 2 * count + 4)
      metadata.writeInt32BE(count, 2)
      return readSubscription(metadata)
    }
    assert.lengthOf(subscriptionTo(100_000)!, 100_000)
    assert.isNull(subscriptionTo(100_001))
  })
})
