/** What happens to two topics over time, one of rows and one of objects; both are compared again and again. */
import { assert } from "@effect/vitest"
import { AddPartitionsToTxn } from "@tusk/protocol/messages/AddPartitionsToTxn"
import { DeleteTopics } from "@tusk/protocol/messages/DeleteTopics"
import { EndTxn } from "@tusk/protocol/messages/EndTxn"
import { IncrementalAlterConfigs } from "@tusk/protocol/messages/IncrementalAlterConfigs"
import { InitProducerId } from "@tusk/protocol/messages/InitProducerId"
import { ShareFetch } from "@tusk/protocol/messages/ShareFetch"
import { ShareGroupHeartbeat } from "@tusk/protocol/messages/ShareGroupHeartbeat"
import { GZIP, LZ4, SNAPPY, ZSTD } from "@tusk/protocol/record/Compression"
import type { EncodeOptions } from "@tusk/protocol/record/RecordBatch"
import { batchOf } from "../Batches.ts"
import { textOf } from "./BothStorages.ts"
import type { BothStorages, Side } from "./BothStorages.ts"

const TIMES = [-5n, 0n, 999n, 1000n, 1001n, 2500n, 5000n, 1n << 50n]
const OUT_OF_ORDER = 45
const OFFSET_OUT_OF_RANGE = 1

interface Producer {
  readonly producerId: bigint
  readonly producerEpoch: number
}

const ok = async (produced: Promise<{ readonly errorCode: number }>): Promise<void> =>
  assert.strictEqual((await produced).errorCode, 0)

const many = (count: number, text: string): ReadonlyArray<string> =>
  Array.from({ length: count }, (_, i) => `${text} ${i} ${"x".repeat(i)}`)

/** Batches of all kinds, at times that do not only rise. */
const plainBatches = async (both: BothStorages, base: bigint): Promise<void> => {
  for (const [i, compression] of [0, GZIP, SNAPPY, LZ4, ZSTD].entries()) {
    const timestamp = base + BigInt([0, 300, 100, 700, 200][i]!)
    await ok(both.produce(i % 2, batchOf(many(1 + 3 * i, "plain"), { compression, timestamp })))
  }
}

/** A producer's batches: repeated ones and such as are out of order. */
const idempotent = async (both: BothStorages, producer: Producer, first: number): Promise<void> => {
  const batch = (baseSequence: number) => batchOf(["i", "j"], { ...producer, baseSequence, timestamp: 1200n })
  const at = await both.produce(0, batch(first))
  await ok(both.produce(0, batch(first + 2)))
  assert.strictEqual((await both.produce(0, batch(first))).baseOffset, at.baseOffset)
  assert.strictEqual((await both.produce(0, batch(first + 20))).errorCode, OUT_OF_ORDER)
}

const ID = "teller"

const begun = async (both: BothStorages): Promise<Producer> => {
  const producer = await both.client.call(InitProducerId, 4, { transactionalId: ID, transactionTimeoutMs: 60_000 })
  const added = await both.client.call(AddPartitionsToTxn, 3, {
    v3AndBelowTransactionalId: ID,
    v3AndBelowProducerId: producer.producerId,
    v3AndBelowProducerEpoch: producer.producerEpoch,
    v3AndBelowTopics: both.sides.map(({ name }) => ({ name, partitions: [0, 1] }))
  })
  for (const { resultsByPartition } of added.resultsByTopicV3AndBelow) {
    for (const { partitionErrorCode } of resultsByPartition) assert.strictEqual(partitionErrorCode, 0)
  }
  return producer
}

const ended = async (both: BothStorages, { producerEpoch, producerId }: Producer, committed: boolean) => {
  const request = { transactionalId: ID, producerId, producerEpoch, committed }
  assert.strictEqual((await both.client.call(EndTxn, 4, request)).errorCode, 0)
}

/** One transaction over both topics, with others' records in between. */
const transaction = async (both: BothStorages, committed: boolean): Promise<void> => {
  const producer = await begun(both)
  const options: EncodeOptions = { ...producer, isTransactional: true }
  for (const partition of [0, 1]) {
    await ok(both.produce(partition, batchOf(["t"], { ...options, baseSequence: 0, timestamp: 1300n }), ID))
    await ok(both.produce(partition, batchOf(["between"], { timestamp: 1350n })))
    await ok(both.produce(partition, batchOf(["u", "v"], { ...options, baseSequence: 1, timestamp: 1400n }), ID))
  }
  await both.compare(4n, TIMES)
  await ended(both, producer, committed)
}

/** Batches that are given the broker's time. */
const logAppendTime = async (both: BothStorages): Promise<void> => {
  await both.alter({ "message.timestamp.type": "LogAppendTime" })
  for (const compression of [0, GZIP]) {
    await ok(both.produce(0, batchOf(many(5, "stamped"), { compression, timestamp: 5n })))
  }
  await both.alter({ "message.timestamp.type": "CreateTime" })
}

/** Everything that can be produced, kept in what the topic says now. */
export const write = async (both: BothStorages, producer: Producer, round: number): Promise<void> => {
  await plainBatches(both, 1000n + 10n * BigInt(round))
  await idempotent(both, producer, 4 * round)
  await transaction(both, round % 2 === 0)
  await logAppendTime(both)
}

/** What a share group is given of either topic. */
const shared = async (both: BothStorages, round: number): Promise<void> => {
  const memberId = `AAAAAAAAAAAAAAAAAAAA${String.fromCodePoint(65 + round)}Q`
  const groupOf = ({ name }: Side) => `${name}-${round}`
  const config = { name: "share.auto.offset.reset", value: "earliest", configOperation: 0 }
  for (const side of both.sides) {
    await both.client.call(IncrementalAlterConfigs, 1, {
      resources: [{ resourceType: 32, resourceName: groupOf(side), configs: [config] }]
    })
    await both.client.call(ShareGroupHeartbeat, 1, {
      ...{ groupId: groupOf(side), memberId, memberEpoch: 0, subscribedTopicNames: [side.name] }
    })
  }
  await both.ask(ShareFetch, 1, (side) => ({
    ...{ groupId: groupOf(side), memberId, shareSessionEpoch: 0, maxWaitMs: 5000, minBytes: 1 },
    ...{ maxBytes: 1 << 20, maxRecords: 500, batchSize: 500 },
    topics: [{ topicId: side.topicId, partitions: [{ partitionIndex: 0 }] }]
  }))
}

/** Rounds of all that can be written; what the second topic keeps its bytes in changes between them. */
export const rounds = async (both: BothStorages, between: () => Promise<void> = async () => {}): Promise<void> => {
  const producer = await both.client.call(InitProducerId, 4, { transactionalId: null, transactionTimeoutMs: 1000 })
  for (const [round, storage] of (["object", "row", "object"] as const).entries()) {
    await both.keepIn(storage)
    await write(both, producer, round)
    await both.compare(70n, TIMES)
    await between()
  }
  await shared(both, 0)
}

/** Records go at the beginning: in the midst of a batch, behind it, and at the end. */
export const deleting = async (both: BothStorages): Promise<void> => {
  for (const offset of [1n, 3n, 4n, 11n, 30n]) {
    await both.deleteRecords(0, offset)
    await both.compare(40n, TIMES)
  }
  const beyond = textOf(await both.deleteRecords(0, 1n << 40n))
  assert.include(beyond, `"errorCode":${OFFSET_OUT_OF_RANGE}`)
  await shared(both, 1)
  await both.deleteRecords(0, -1n)
  await both.compare(2n, TIMES)
}

export const compareAll = (both: BothStorages): Promise<void> => both.compare(70n, TIMES)

/** The topics go. */
export const dropped = async (both: BothStorages): Promise<void> => {
  await both.ask(DeleteTopics, 5, ({ name }) => ({ topicNames: [name], timeoutMs: 10_000 }))
  await both.fetch(12, 0, 0n)
}
