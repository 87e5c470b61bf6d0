import { assert, describe, it } from "@effect/vitest"
import { taggedImportedTo } from "@tusk/protocol/embedded/ImportedTo"
import { AddPartitionsToTxn } from "@tusk/protocol/messages/AddPartitionsToTxn"
import { DeleteRecords } from "@tusk/protocol/messages/DeleteRecords"
import { Fetch } from "@tusk/protocol/messages/Fetch"
import { IncrementalAlterConfigs } from "@tusk/protocol/messages/IncrementalAlterConfigs"
import { InitProducerId } from "@tusk/protocol/messages/InitProducerId"
import { ListOffsets } from "@tusk/protocol/messages/ListOffsets"
import { Produce } from "@tusk/protocol/messages/Produce"
import * as RecordBatch from "@tusk/protocol/record/RecordBatch"
import type { EncodeOptions } from "@tusk/protocol/record/RecordBatch"
import { batchOf } from "../Batches.ts"
import { startBroker } from "../BrokerUnderTest.ts"
import type { BrokerUnderTest } from "../BrokerUnderTest.ts"
import { Rights } from "../security/Rights.ts"
import type { WireClient } from "../WireClient.ts"

const [NONE, REFUSED, POLICY_VIOLATION, OUT_OF_ORDER, DUPLICATE, INVALID_RECORD] = [0, 29, 44, 45, 46, 87]
const FROM = { "tusk.import": "cluster/topic" }

/** A batch whose records have these offsets, as old as can be. */
const kept = (offsets: ReadonlyArray<bigint>, options: EncodeOptions = {}) =>
  RecordBatch.encodeBatch(
    offsets.map((offset) => ({ offset, timestamp: 5n, value: Buffer.from(`${offset}`) })),
    { offsets: "kept", ...options }
  )
const filler = (from: bigint, to: bigint) => RecordBatch.encodeBatch([], { baseOffset: from, lastOffset: to - 1n })

const importing = async (client: WireClient, records: Uint8Array, behind: bigint, name = "t", version = 12) => {
  const { responses } = await client.call(Produce, version, {
    acks: -1,
    timeoutMs: 10_000,
    topicData: [{ name, partitionData: [{ index: 0, records, ...taggedImportedTo(behind) }] }]
  })
  return responses[0]!.partitionResponses[0]!
}

const producing = async (client: WireClient, name = "t", index = 0) => {
  const { responses } = await client.call(Produce, 12, {
    acks: -1,
    timeoutMs: 10_000,
    topicData: [{ name, partitionData: [{ index, records: batchOf(["a"]) }] }]
  })
  return responses[0]!.partitionResponses[0]!
}

const stored = async (client: WireClient, fetchOffset = 0n) => {
  const { responses } = await client.call(Fetch, 12, {
    maxWaitMs: 0,
    topics: [{ topic: "t", partitions: [{ partition: 0, fetchOffset, partitionMaxBytes: 1 << 24 }] }]
  })
  const { errorCode, records } = responses[0]!.partitions[0]!
  return { errorCode, batches: RecordBatch.splitBatches(Buffer.concat(records ?? [])) as ReadonlyArray<Uint8Array> }
}

const ends = async (client: WireClient) => {
  const at = async (timestamp: bigint) => {
    const partitions = [{ partitionIndex: 0, timestamp }]
    const { topics } = await client.call(ListOffsets, 5, { replicaId: -1, topics: [{ name: "t", partitions }] })
    return topics[0]!.partitions[0]!.offset
  }
  return [await at(-2n), await at(-1n)]
}

const deleteRecords = async (client: WireClient, offset: bigint) => {
  const topics = [{ name: "t", partitions: [{ partitionIndex: 0, offset }] }]
  const answer = await client.call(DeleteRecords, 2, { topics, timeoutMs: 10_000 })
  return answer.topics[0]!.partitions[0]!.errorCode
}

const finish = (client: WireClient) =>
  client.call(IncrementalAlterConfigs, 1, {
    resources: [
      { resourceType: 2, resourceName: "t", configs: [{ name: "tusk.import", configOperation: 1, value: null }] }
    ],
    validateOnly: false
  })

const withTopic = async (configs: Parameters<BrokerUnderTest["createTopic"]>[2]) => {
  const broker = await startBroker()
  await broker.createTopic("t", 1, configs)
  return { broker, client: await broker.connect() }
}

describe("a topic that is imported", () => {
  it("has its source's offsets, start and end, and the batches as they are", async () => {
    const { broker, client } = await withTopic({
      ...FROM,
      "cleanup.policy": "compact",
      "compression.type": "zstd",
      "max.message.bytes": "100",
      "message.timestamp.type": "LogAppendTime",
      "message.timestamp.before.max.ms": "1000"
    })
    await using _ = broker
    assert.strictEqual((await importing(client, filler(0n, 5000n), 0n)).errorCode, NONE)
    const one = kept([5000n, 5003n, 5009n], { lastOffset: 5011n })
    const two = kept(
      Array.from({ length: 50 }, (_, i) => 5020n + BigInt(i)),
      { timestampType: "LogAppendTime", maxTimestamp: 77n, compression: 1 }
    )
    const answer = await importing(client, one, 5000n)
    assert.deepInclude(answer, { errorCode: NONE, baseOffset: 5000n, logAppendTimeMs: -1n })
    assert.deepInclude(await importing(client, two, 5012n), { errorCode: NONE, baseOffset: 5020n })
    assert.strictEqual(await deleteRecords(client, 5000n), NONE)
    assert.strictEqual((await importing(client, filler(5070n, 5073n), 5070n)).errorCode, NONE)
    assert.deepStrictEqual(await ends(client), [5000n, 5073n])
    const { batches } = await stored(client, 5000n)
    for (const [i, sent] of [one, two].entries()) {
      const there = batches[i]!
      assert.strictEqual(RecordBatch.baseOffset(there), RecordBatch.baseOffset(sent))
      assert.isTrue(Buffer.from(there.subarray(16)).equals(sent.subarray(16)), "all but epoch and offset")
    }
    assert.deepStrictEqual((await stored(client, 5072n)).batches.map(RecordBatch.recordCount), [0])
  })

  it("tells an importer what the log has already, and takes nothing behind what it lacks", async () => {
    const { broker, client } = await withTopic(FROM)
    await using _ = broker
    const code = async (offsets: ReadonlyArray<bigint>, behind: bigint) =>
      (await importing(client, kept(offsets), behind)).errorCode
    assert.strictEqual(await code([0n, 1n], 0n), NONE)
    assert.strictEqual(await code([0n, 1n], 0n), DUPLICATE)
    assert.strictEqual(await code([1n, 2n], 1n), OUT_OF_ORDER)
    assert.strictEqual(await code([4n], 3n), OUT_OF_ORDER)
    assert.strictEqual(await code([4n], 2n), NONE)
    assert.deepStrictEqual(await ends(client), [0n, 5n])
  })

  it("takes many batches of a partition at once, up to the first that does not fit", async () => {
    const { broker, client } = await withTopic(FROM)
    await using _ = broker
    const set = Buffer.concat([kept([3n, 4n]), kept([9n]), filler(10n, 12n), kept([12n])])
    assert.deepInclude(await importing(client, set, 0n), { errorCode: NONE, baseOffset: 3n })
    assert.deepStrictEqual((await stored(client)).batches.map(RecordBatch.baseOffset), [3n, 9n, 10n, 12n])
    assert.strictEqual((await importing(client, Buffer.concat([kept([12n]), kept([13n])]), 12n)).errorCode, DUPLICATE)
    assert.deepStrictEqual(await ends(client), [0n, 14n], "what follows a repeated one")
    assert.strictEqual((await importing(client, Buffer.concat([kept([15n]), kept([14n])]), 14n)).errorCode, DUPLICATE)
    assert.deepStrictEqual(await ends(client), [0n, 16n])
  })

  it("takes nothing from anybody else: neither records nor the marker of a transaction", async () => {
    const { broker, client } = await withTopic(FROM)
    await using _ = broker
    for (const index of [0, -1]) {
      const refused = await producing(client, "t", index)
      assert.strictEqual(refused.errorCode, POLICY_VIOLATION)
      assert.include(refused.errorMessage, "tusk import --finish")
    }
    const id = { transactionalId: "x", transactionTimeoutMs: 60_000, producerId: -1n, producerEpoch: -1 }
    const { producerEpoch, producerId } = await client.call(InitProducerId, 4, id)
    const added = await client.call(AddPartitionsToTxn, 3, {
      v3AndBelowTransactionalId: "x",
      v3AndBelowProducerId: producerId,
      v3AndBelowProducerEpoch: producerEpoch,
      v3AndBelowTopics: [{ name: "t", partitions: [0] }]
    })
    assert.strictEqual(added.resultsByTopicV3AndBelow[0]!.resultsByPartition[0]!.partitionErrorCode, POLICY_VIOLATION)
    assert.deepStrictEqual(await ends(client), [0n, 0n])
  })

  it("is an ordinary one once that is over, to which nothing is imported", async () => {
    const { broker, client } = await withTopic(FROM)
    await using _ = broker
    assert.strictEqual((await importing(client, kept([7n]), 0n)).errorCode, NONE)
    await finish(client)
    assert.strictEqual((await importing(client, kept([8n]), 8n)).errorCode, POLICY_VIOLATION)
    assert.deepInclude(await producing(client), { errorCode: NONE, baseOffset: 8n })
  })

  it("takes no batch that is damaged inside, nor one that is a producer's", async () => {
    const { broker, client } = await withTopic(FROM)
    await using _ = broker
    const broken = kept([0n, 1n])
    broken[RecordBatch.RECORD_BATCH_OVERHEAD + 4] = 99
    RecordBatch.refreshCrc(broken)
    const numbered = kept([0n], { producerId: 1n, producerEpoch: 0, baseSequence: 0 })
    for (const batch of [broken, numbered, Buffer.concat([kept([0n]), numbered]), new Uint8Array(0)]) {
      assert.strictEqual((await importing(client, batch, 0n)).errorCode, INVALID_RECORD)
    }
  })

  it("keeps what is old and too much until then", async () => {
    const broker = await startBroker({ logRetentionCheckIntervalMs: 5 })
    await using _ = broker
    await broker.createTopic("t", 1, { ...FROM, "retention.ms": "1", "retention.bytes": "1" })
    await broker.createTopic("u", 1, { "retention.bytes": "0" })
    const client = await broker.connect()
    for (let i = 0n; i < 3n; i++) await importing(client, kept([i]), i)
    // Of a topic that was looked at after it, all has gone.
    await producing(client, "u")
    const partitions = [{ partitionIndex: 0, timestamp: -2n }]
    const start = async (name: string) => {
      const { topics } = await client.call(ListOffsets, 5, { replicaId: -1, topics: [{ name, partitions }] })
      return topics[0]!.partitions[0]!.offset
    }
    for (const until = Date.now() + 10_000; (await start("u")) === 0n && Date.now() < until;)
      await producing(client, "u")
    assert.deepStrictEqual(await ends(client), [0n, 3n])
    await finish(client)
    for (const until = Date.now() + 10_000; (await start("t")) === 0n && Date.now() < until;);
    assert.isAbove(Number(await start("t")), 0)
  })
})

it("an importer needs Alter of the topic beside Write", async () => {
  const rights = new Rights()
  await using broker = await startBroker({}, { authorizer: rights })
  await broker.createTopic("t", 1, FROM)
  const client = await broker.connect()
  rights.without("alter topic t")
  assert.strictEqual((await importing(client, kept([0n]), 0n)).errorCode, REFUSED)
  rights.without("write topic t")
  assert.strictEqual((await importing(client, kept([0n]), 0n)).errorCode, REFUSED)
  rights.only("alter topic t", "write topic t")
  assert.strictEqual((await importing(client, kept([0n]), 0n)).errorCode, NONE)
})
