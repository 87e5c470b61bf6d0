import { assert, describe, it } from "@effect/vitest"
import { Fetch } from "@tusk/protocol/messages/Fetch"
import { Produce } from "@tusk/protocol/messages/Produce"
import { adoption } from "@tusk/storage/log/objects/adoption"
import { decodeOwner, ownerName } from "@tusk/storage/log/objects/OwnerRecord"
import { MemoryData } from "@tusk/storage/memory/MemoryStore"
import * as Effect from "effect/Effect"
import { batchOf } from "../Batches.ts"
import type { BrokerUnderTest } from "../BrokerUnderTest.ts"
import { ObjectsUnderTest, startObjectBroker } from "../ObjectBroker.ts"
import { newData } from "../Stores.ts"

const produce = async (broker: BrokerUnderTest, value: string): Promise<number> => {
  const client = await broker.connect()
  const { responses } = await client.call(Produce, 12, {
    transactionalId: null,
    acks: -1,
    timeoutMs: 10_000,
    topicData: [{ name: "o", partitionData: [{ index: 0, records: batchOf([value]) }] }]
  })
  return responses[0]!.partitionResponses[0]!.errorCode
}

/** Batches that a fetch gives, or its error. */
const fetched = async (broker: BrokerUnderTest): Promise<string> => {
  const client = await broker.connect()
  const { responses } = await client.call(Fetch, 12, {
    maxWaitMs: 0,
    minBytes: 1,
    maxBytes: 1 << 24,
    isolationLevel: 0,
    topics: [{ topic: "o", partitions: [{ partition: 0, fetchOffset: 0n, partitionMaxBytes: 1 << 24 }] }]
  })
  const { errorCode, records } = responses[0]!.partitions[0]!
  return errorCode === 0 ? `${Buffer.concat(records ?? []).length > 0}` : `error ${errorCode}`
}

const OBJECT = { "tusk.storage": "object" } as const
const RETRIABLE = new Set([5, 6, 7, 9, 56])

/** What a restore gives: the same rows in another server. */
const restored = (data: MemoryData, systemIdentifier: string): MemoryData => {
  const copy = data.copy()
  copy.systemIdentifier = systemIdentifier
  return copy
}

describe("a broker whose topics lie in objects", () => {
  it(
    "neither reads nor writes for a restored database before that adopts them; and the former one no more then",
    { timeout: 60_000 },
    async () => {
      const objects = new ObjectsUnderTest()
      const data = newData()
      const first = await startObjectBroker(objects, data)
      await first.createTopic("o", 1, OBJECT)
      assert.strictEqual(await produce(first, "a"), 0)
      assert.strictEqual(await fetched(first), "true")
      const copy = restored(data, "another")
      const names = objects.names
      const second = await startObjectBroker(objects, copy)
      try {
        assert.include([...RETRIABLE], await produce(second, "b"))
        assert.match(await fetched(second), /^error/)
        assert.deepStrictEqual(objects.names, names)
        // The first goes on as if nothing were.
        assert.strictEqual(await produce(first, "c"), 0)

        const server = { systemIdentifier: "another", timeline: copy.timeline, place: "unknown" }
        const adopting = await Effect.runPromise(
          adoption(objects.store, { clusterId: copy.clusterId, epoch: copy.epoch, server })
        )
        assert.isTrue(adopting.isAnother)
        assert.isTrue(await Effect.runPromise(adopting.adopt))
        let code = await produce(second, "b")
        while (code !== 0) code = await produce(second, "b")
        assert.strictEqual(await fetched(second), "true")
        const owner = decodeOwner(objects.data.objects.get(ownerName(copy.clusterId))!)
        assert.strictEqual(owner?.systemIdentifier, "another")
      } finally {
        await second.stop()
        await first.stop()
      }
    }
  )

  it("goes on when it is started anew on the same database", async () => {
    const objects = new ObjectsUnderTest()
    const data = newData()
    const first = await startObjectBroker(objects, data)
    await first.createTopic("o", 1, OBJECT)
    assert.strictEqual(await produce(first, "a"), 0)
    await first.stop()
    const second = await startObjectBroker(objects, data)
    assert.strictEqual(await fetched(second), "true")
    assert.strictEqual(await produce(second, "b"), 0)
    await second.stop()
  })
})
