import { assert, describe, it } from "@effect/vitest"
import type { FetchResponsePartitionData } from "@tusk/protocol/messages/Fetch"
import { encodeBatch } from "@tusk/protocol/record/RecordBatch"
import { writeMessageSet } from "@tusk/protocol/record/MessageSet"
import { fetchedRecords } from "../src/consume/FetchedRecords.ts"

const record = (text: string) => ({ timestamp: 1n, value: Buffer.from(text) })

const data = (baseOffset: bigint, producerId: bigint, ...texts: ReadonlyArray<string>) =>
  encodeBatch(texts.map(record), { baseOffset, producerId, producerEpoch: 0, baseSequence: 0, isTransactional: true })

/** The end of a transaction: its key is a version and 0 for an abort, 1 for a commit. */
const marker = (baseOffset: bigint, producerId: bigint, type: 0 | 1) =>
  encodeBatch([{ timestamp: 1n, key: Buffer.from([0, 0, 0, type]), value: Buffer.alloc(6) }], {
    baseOffset,
    producerId,
    producerEpoch: 0,
    isTransactional: true,
    isControl: true
  })

const partition = (
  batches: ReadonlyArray<Uint8Array>,
  aborted: FetchResponsePartitionData["abortedTransactions"] = null
): FetchResponsePartitionData => {
  const fields = { errorCode: 0, partitionIndex: 0, highWatermark: 100n, lastStableOffset: 100n, logStartOffset: 0n }
  const none = { epoch: -1, endOffset: -1n }
  return {
    ...fields,
    divergingEpoch: none,
    currentLeader: { leaderId: -1, leaderEpoch: -1 },
    snapshotId: none,
    abortedTransactions: aborted,
    preferredReadReplica: -1,
    records: batches
  }
}

const textsOf = (fetched: FetchResponsePartitionData, from = 0n) => {
  const { nextOffset, records } = fetchedRecords(fetched, from)
  return [records.map(({ value }) => Buffer.from(value!).toString()).join(""), nextOffset] as const
}

describe("what a Fetch answers", () => {
  // Producer 1 aborts, then commits; producer 2 commits in between.
  const log = [
    data(0n, 1n, "a", "b"),
    data(2n, 2n, "c"),
    marker(3n, 1n, 0),
    data(4n, 1n, "d"),
    marker(5n, 2n, 1),
    marker(6n, 1n, 1)
  ]

  it("all but markers, if nothing is listed as aborted", () => {
    assert.deepStrictEqual(textsOf(partition(log)), ["abcd", 7n])
  })

  it("without what was aborted, and only that", () => {
    assert.deepStrictEqual(textsOf(partition(log, [{ producerId: 1n, firstOffset: 0n }])), ["cd", 7n])
    const twice = [...log, data(7n, 1n, "e"), marker(8n, 1n, 0), data(9n, 1n, "f")]
    const listed = [
      { producerId: 1n, firstOffset: 7n },
      { producerId: 1n, firstOffset: 0n }
    ]
    assert.deepStrictEqual(textsOf(partition(twice, listed)), ["cdf", 10n])
  })

  it("from an offset in the middle of a batch, and beyond one cut short", () => {
    assert.deepStrictEqual(textsOf(partition(log), 1n), ["bcd", 7n])
    assert.deepStrictEqual(textsOf(partition([log[0]!, log[1]!.subarray(0, 30)])), ["ab", 2n])
    assert.deepStrictEqual(textsOf(partition([]), 5n), ["", 5n])
  })

  it("message sets of old brokers", () => {
    const set = writeMessageSet([{ ...record("old"), offset: 3n }], { magic: 1 })
    assert.deepStrictEqual(textsOf(partition([set]), 3n), ["old", 4n])
  })

  it("a checksum that is wrong is told", () => {
    const broken = Buffer.from(log[0]!)
    broken[broken.byteLength - 1]! ^= 1
    assert.throws(() => fetchedRecords(partition([broken]), 0n), /the batch at offset 0 has a wrong checksum/)
  })
})
