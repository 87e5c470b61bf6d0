import { assert, describe, it } from "@effect/vitest"
import { isKafkaError } from "@tusk/protocol/KafkaError"
import { Fetch } from "@tusk/protocol/messages/Fetch"
import { IncrementalAlterConfigs } from "@tusk/protocol/messages/IncrementalAlterConfigs"
import { ListOffsets } from "@tusk/protocol/messages/ListOffsets"
import { Produce } from "@tusk/protocol/messages/Produce"
import * as RecordBatch from "@tusk/protocol/record/RecordBatch"
import { startBroker } from "./BrokerUnderTest.ts"
import { ObjectsUnderTest } from "./ObjectBroker.ts"
import { answersLater, newData } from "./Stores.ts"
import { within } from "./WireClient.ts"
import type { WireClient } from "./WireClient.ts"

const EARLIEST = -2n
const EARLIEST_LOCAL = -4n
const LATEST_TIERED = -5n
const OFFSET_OUT_OF_RANGE = 1

const produce = async (client: WireClient, count: number) => {
  for (let i = 0; i < count; i++) {
    const records = RecordBatch.encodeBatch([{ timestamp: BigInt(Date.now()), value: new Uint8Array(100) }])
    const topicData = [{ name: "t", partitionData: [{ index: 0, records }] }]
    const { responses } = await client.call(Produce, 12, { acks: -1, topicData })
    assert.strictEqual(responses[0]!.partitionResponses[0]!.errorCode, 0)
  }
}

const offsetOf = async (client: WireClient, timestamp: bigint) => {
  const topics = [{ name: "t", partitions: [{ partitionIndex: 0, timestamp }] }]
  const answer = await client.call(ListOffsets, 11, { replicaId: -1, topics })
  return Number(answer.topics[0]!.partitions[0]!.offset)
}

/** Asks until it is so. */
const until = async (client: WireClient, timestamp: bigint, offset: number) => {
  while ((await offsetOf(client, timestamp)) !== offset);
}

const fetched = async (client: WireClient, fetchOffset: bigint) => {
  const { responses } = await client.call(Fetch, 12, {
    maxWaitMs: 0,
    minBytes: 0,
    maxBytes: 1 << 20,
    topics: [{ topic: "t", partitions: [{ partition: 0, fetchOffset, partitionMaxBytes: 1 << 20 }] }]
  })
  const { errorCode, records } = responses[0]!.partitions[0]!
  const batches = RecordBatch.splitBatches(Buffer.concat(records ?? []))
  if (isKafkaError(batches)) throw new Error(batches._tag)
  return [errorCode, ...batches.map((batch) => Number(RecordBatch.baseOffset(batch)))]
}

const set = async (client: WireClient, configs: Readonly<Record<string, string>>) => {
  const changed = Object.entries(configs).map(([name, value]) => ({ name, configOperation: 0, value }))
  const resources = [{ resourceType: 2, resourceName: "t", configs: changed }]
  const { responses } = await client.call(IncrementalAlterConfigs, 1, { resources })
  assert.strictEqual(responses[0]!.errorCode, 0)
}

describe("a tiered topic", () => {
  it("is read as one log from both tiers, until it gives one of them up", async () => {
    const objects = new ObjectsUnderTest()
    const settings = { tierIntervalMs: 1, tailCacheBytes: 0 }
    await using broker = await startBroker(settings, { store: answersLater(newData()), objects: objects.store })
    await broker.createTopic("t", 1, { "remote.storage.enable": "true", "local.retention.bytes": "0" })
    const client = await broker.connect()
    await produce(client, 5)
    await within(until(client, LATEST_TIERED, 3), "all but the newest batch to move")
    assert.deepStrictEqual([await offsetOf(client, EARLIEST), await offsetOf(client, EARLIEST_LOCAL)], [0, 4])
    assert.deepStrictEqual(await fetched(client, 0n), [0, 0, 1, 2, 3, 4])
    assert.deepStrictEqual(await fetched(client, 3n), [0, 3, 4])
    assert.isAbove(objects.names.length, 0)
    await set(client, { "remote.log.copy.disable": "true", "local.retention.bytes": "-2" })
    await produce(client, 2)
    await set(client, { "remote.storage.enable": "false", "remote.log.delete.on.disable": "true" })
    await within(until(client, EARLIEST, 4), "what has moved to go")
    assert.deepStrictEqual([await offsetOf(client, EARLIEST_LOCAL), await offsetOf(client, LATEST_TIERED)], [4, -1])
    assert.deepStrictEqual(await fetched(client, 3n), [OFFSET_OUT_OF_RANGE])
    assert.deepStrictEqual(await fetched(client, 4n), [0, 4, 5, 6])
  })
})
