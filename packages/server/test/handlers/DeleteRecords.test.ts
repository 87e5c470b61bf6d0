import { assert, describe, it } from "@effect/vitest"
import { DeleteRecords } from "@tusk/protocol/messages/DeleteRecords"
import { ListOffsets } from "@tusk/protocol/messages/ListOffsets"
import { Produce } from "@tusk/protocol/messages/Produce"
import * as RecordBatch from "@tusk/protocol/record/RecordBatch"
import { startBroker } from "../BrokerUnderTest.ts"

describe("DeleteRecords", () => {
  it("moves the start up to the high watermark, and not beyond", async () => {
    await using broker = await startBroker()
    const client = await broker.connect()
    await broker.createTopic("t")
    const record = { timestamp: BigInt(Date.now()), value: new Uint8Array(1) }
    const partitionData = [{ index: 0, records: RecordBatch.encodeBatch([record, record, record]) }]
    await client.call(Produce, 12, { acks: -1, topicData: [{ name: "t", partitionData }] })
    const remove = async (version: number, offset: bigint, partitionIndex = 0) => {
      const topics = [{ name: "t", partitions: [{ partitionIndex, offset }] }]
      const answer = await client.call(DeleteRecords, version, { topics, timeoutMs: 1000 })
      const { errorCode, lowWatermark } = answer.topics[0]!.partitions[0]!
      return [errorCode, Number(lowWatermark)]
    }
    assert.deepStrictEqual(await remove(0, 2n), [0, 2])
    // A start never goes back.
    assert.deepStrictEqual(await remove(1, 1n), [0, 2])
    const partitions = [{ partitionIndex: 0, timestamp: -2n }]
    const earliest = await client.call(ListOffsets, 10, { replicaId: -1, topics: [{ name: "t", partitions }] })
    assert.strictEqual(earliest.topics[0]!.partitions[0]!.offset, 2n)
    assert.deepStrictEqual(await remove(2, 4n), [1, -1])
    assert.deepStrictEqual(await remove(2, -2n), [1, -1])
    assert.deepStrictEqual(await remove(2, 0n, 7), [3, -1])
    assert.deepStrictEqual(await remove(2, -1n), [0, 3])
  })

  it("refuses topics that are only compacted", async () => {
    await using broker = await startBroker()
    const client = await broker.connect()
    const codes: Array<number> = []
    for (const [name, policy] of Object.entries({ a: "compact", b: "compact,delete" })) {
      await broker.createTopic(name, 1, { "cleanup.policy": policy })
      const topics = [{ name, partitions: [{ partitionIndex: 0, offset: -1n }] }]
      const answer = await client.call(DeleteRecords, 2, { topics, timeoutMs: 1000 })
      codes.push(answer.topics[0]!.partitions[0]!.errorCode)
    }
    assert.deepStrictEqual(codes, [44, 0])
  })
})
