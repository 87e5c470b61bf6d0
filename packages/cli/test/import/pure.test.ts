import { assert, describe, it } from "@effect/vitest"
import type { ConfigEntry } from "@tusk/client/admin/Configs"
import { Fetch } from "@tusk/protocol/messages/Fetch"
import type { FetchResponsePartitionData } from "@tusk/protocol/messages/Fetch"
import { writeMessageSet } from "@tusk/protocol/record/MessageSet"
import * as Batch from "@tusk/protocol/record/RecordBatch"
import type { DecodedRecord, EncodeOptions } from "@tusk/protocol/record/RecordBatch"
import * as Schema from "effect/Schema"
import { firstDifference } from "../../src/import/agreement.ts"
import { configsOf } from "../../src/import/configsOf.ts"
import { fetchedBatches, filledUp, fillers } from "../../src/import/fetchedBatches.ts"
import { mirrored } from "../../src/import/groupOffsets.ts"
import { namesLike } from "../../src/values/NamePatterns.ts"

const limits = { maxDecompressedBytes: 1 << 24 }
const recordsIn = (batch: Uint8Array) => Batch.decodeRecords(batch, limits) as ReadonlyArray<DecodedRecord>

const at = (offsets: ReadonlyArray<bigint>, options: EncodeOptions = {}) =>
  Batch.encodeBatch(
    offsets.map((offset) => ({ offset, timestamp: 7n, key: Buffer.from(`${offset}`), value: Buffer.from("v") })),
    { offsets: "kept", partitionLeaderEpoch: 4, ...options }
  )

const answer = (
  batches: ReadonlyArray<Uint8Array>,
  abortedTransactions: FetchResponsePartitionData["abortedTransactions"] = null
): FetchResponsePartitionData => {
  const { partitions: _none, ...rest } = { ...Fetch.response.defaults(), partitions: [] }
  return {
    ...(rest as object),
    partitionIndex: 0,
    errorCode: 0,
    highWatermark: 0n,
    lastStableOffset: 0n,
    logStartOffset: 0n,
    divergingEpoch: { epoch: -1, endOffset: -1n },
    currentLeader: { leaderId: -1, leaderEpoch: -1 },
    snapshotId: { endOffset: -1n, epoch: -1 },
    preferredReadReplica: -1,
    abortedTransactions,
    records: [Buffer.concat(batches)]
  }
}

const transactional = (producerId: bigint) => ({ producerId, producerEpoch: 0, baseSequence: 0, isTransactional: true })
const marker = (offset: bigint, producerId: bigint, committed: boolean) =>
  Batch.encodeBatch(
    [{ offset, key: Buffer.from([0, 0, 0, committed ? 1 : 0]), value: Buffer.from([0, 0, 0, 0, 0, 0]) }],
    { offsets: "kept", ...transactional(producerId), baseSequence: -1, isControl: true }
  )

const Log = Schema.Array(
  Schema.Struct({
    gap: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 3 })),
    records: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 4 })),
    kind: Schema.Literals(["plain", "committed", "aborted", "empty"])
  })
)

describe("what is fetched", () => {
  it.prop("is imported as consumers see it: offsets and bytes of records, nobody's, in order", [Log], ([log]) => {
    let end = 0n
    const all: Array<Uint8Array> = []
    const aborted: Array<{ producerId: bigint; firstOffset: bigint }> = []
    const visible: Array<Uint8Array> = []
    for (const [i, { gap, kind, records }] of log.entries()) {
      const base = end + BigInt(gap)
      end = base + BigInt(Math.max(1, records))
      const offsets = Array.from({ length: Math.max(1, records) }, (_, k) => base + BigInt(k))
      const producerId = BigInt(i)
      if (kind === "empty") all.push(at([], { baseOffset: base, lastOffset: end - 1n }))
      else {
        const batch = at(offsets, kind === "plain" ? {} : transactional(producerId))
        all.push(batch)
        if (kind !== "aborted") visible.push(batch)
        else aborted.push({ producerId, firstOffset: base })
        if (kind !== "plain") all.push(marker(end++, producerId, kind === "committed"))
      }
    }
    const before = Buffer.concat(all)
    const { batches, next } = fetchedBatches(answer(all, aborted), 0n, 0n)
    assert.strictEqual(next, end)
    assert.isTrue(before.equals(Buffer.concat(all)), "the answer itself stays as it is")
    assert.strictEqual(batches.length, visible.length)
    for (const [i, batch] of batches.entries()) {
      assert.isUndefined(Batch.validateImported(batch))
      assert.strictEqual(Batch.baseOffset(batch), Batch.baseOffset(visible[i]!))
      assert.isTrue(Buffer.from(batch.subarray(61)).equals(visible[i]!.subarray(61)))
    }
    let at0 = 0n
    for (const batch of filledUp(batches, 0n)) {
      assert.strictEqual(Batch.baseOffset(batch), at0)
      at0 = Batch.lastOffset(batch) + 1n
    }
  })

  it("begins behind what is there: a batch of which a part is there does not fit", () => {
    const all = [at([0n, 1n]), at([2n, 3n])]
    assert.deepStrictEqual(fetchedBatches(answer(all), 2n, 2n).batches.map(Batch.baseOffset), [2n])
    assert.throws(() => fetchedBatches(answer(all), 3n, 3n), /offset 3 lies within the batch at 2/)
    // A log starts within a batch: all of it is taken, if nothing of it is there.
    assert.deepStrictEqual(fetchedBatches(answer(all), 3n, 0n).batches.map(Batch.baseOffset), [2n])
  })

  it("is refused if a checksum is wrong", () => {
    const damaged = at([0n])
    damaged[62]! ^= 1
    assert.throws(() => fetchedBatches(answer([damaged]), 0n, 0n), /offset 0 has a wrong checksum/)
  })

  it("of message sets becomes batches of the same records", () => {
    const records = [5n, 6n, 9n].map((offset) => ({ offset, timestamp: offset, key: null, value: Buffer.from("old") }))
    for (const magic of [0, 1] as const) {
      for (const compression of [0, 1, 2, 3]) {
        const set = writeMessageSet(records, { magic, compression })
        const { batches, next } = fetchedBatches(answer([set, at([10n])]), 6n, 6n)
        assert.strictEqual(next, 11n)
        assert.deepStrictEqual(batches.map(Batch.baseOffset), [6n, 10n])
        const made = recordsIn(batches[0]!)
        assert.deepStrictEqual(
          made.map(({ offset, timestamp }) => [offset, timestamp]),
          [6n, 9n].map((offset) => [offset, magic === 0 ? -1n : offset])
        )
        assert.strictEqual(Batch.compressionCodec(batches[0]!), compression)
      }
    }
  })

  it("leaves gaps that are filled, however large", () => {
    const made = fillers(5n, 5n + (1n << 32n) + 3n)
    assert.deepStrictEqual(made.map(Batch.baseOffset), [5n, 5n + (1n << 31n), 5n + (1n << 32n)])
    assert.strictEqual(Batch.lastOffset(made.at(-1)!), (1n << 32n) + 7n)
    assert.deepStrictEqual(fillers(5n, 5n), [])
  })
})

describe("whether logs agree", () => {
  it("is a matter of records at the same offsets", () => {
    const mine = at([4n, 5n, 6n])
    assert.isUndefined(firstDifference(mine, [at([4n, 5n, 6n], { partitionLeaderEpoch: 9 })], 0n, false))
    assert.isUndefined(firstDifference(mine, [at([4n]), at([5n, 6n, 7n])], 0n, false), "in other batches")
    assert.strictEqual(firstDifference(mine, [at([4n, 6n])], 0n, false), 5n)
    assert.isUndefined(firstDifference(mine, [at([4n, 6n])], 0n, true), "compacted there since")
    assert.isUndefined(firstDifference(mine, [at([6n])], 6n, false), "deleted there since")
    assert.strictEqual(firstDifference(mine, [], 0n, false), 4n)
    const other = Batch.encodeBatch([{ offset: 5n, timestamp: 7n, value: Buffer.from("other") }], { offsets: "kept" })
    assert.strictEqual(firstDifference(mine, [other], 0n, true), 5n)
    assert.strictEqual(firstDifference(fillers(4n, 7n)[0]!, [at([6n])], 0n, false), 6n, "nothing was to be there")
    assert.isUndefined(firstDifference(fillers(4n, 7n)[0]!, [at([7n])], 0n, false))
  })
})

describe("offsets of groups", () => {
  const of = (offset: bigint, partition = 0) => ({ topic: "t", partition, offset })
  const ends = new Map([["0 t", 10n]])
  const none = new Map<string, bigint>()

  it("come as far as the records do, and take nobody back who has moved", () => {
    assert.deepStrictEqual(mirrored([of(5n)], [], ends, none).commit, [of(5n)])
    assert.deepInclude(mirrored([of(11n)], [], ends, none), { commit: [], pending: 1 })
    assert.deepStrictEqual(mirrored([of(5n, 1)], [], ends, none), { commit: [], pending: 0, ahead: 0 })
    assert.deepStrictEqual(mirrored([of(5n)], [of(5n)], ends, none).commit, [])
    assert.deepStrictEqual(mirrored([of(5n)], [of(3n)], ends, none).commit, [of(5n)])
    assert.deepInclude(mirrored([of(5n)], [of(8n)], ends, none), { commit: [], ahead: 1 })
    // It was reset at the source, and what stands here came from there.
    assert.deepStrictEqual(mirrored([of(5n)], [of(8n)], ends, new Map([["0 t", 8n]])).commit, [of(5n)])
  })
})

describe("configs", () => {
  const entry = (name: string, value: string | null, source = "DYNAMIC_TOPIC_CONFIG"): ConfigEntry => ({
    name,
    value,
    source,
    isReadOnly: false,
    isSensitive: false
  })

  it("are those of the topic, and those of its brokers that decide what is kept", () => {
    const { left, set } = configsOf(
      [
        entry("retention.ms", "5", "STATIC_BROKER_CONFIG"),
        entry("flush.ms", "7", "STATIC_BROKER_CONFIG"),
        entry("segment.bytes", "9"),
        entry("cleanup.policy", "delete", "DEFAULT_CONFIG"),
        entry("tusk.import", "x/y"),
        entry("vendor.tier", "1"),
        entry("leader.replication.throttled.replicas", "*")
      ],
      [
        entry("retention.ms", "6", "DEFAULT_CONFIG"),
        entry("flush.ms", "8", "DEFAULT_CONFIG"),
        entry("segment.bytes", "10", "DEFAULT_CONFIG"),
        entry("cleanup.policy", "delete", "DEFAULT_CONFIG"),
        entry("tusk.import", "a/b")
      ]
    )
    assert.deepStrictEqual(
      [...set],
      [
        ["retention.ms", "5"],
        ["segment.bytes", "9"]
      ]
    )
    assert.deepStrictEqual(left, ["vendor.tier"])
  })
})

it("a pattern is a regular expression for a whole name; several have commas between", () => {
  const matches = namesLike(["orders.*,a.c", "pay"], "--topics") as (name: string) => boolean
  assert.deepStrictEqual(["orders.new", "orders", "new.orders", "abc", "abcd", "pay", "payments"].map(matches), [
    true,
    true,
    false,
    true,
    false,
    true,
    false
  ])
  assert.isTrue((namesLike([], "--topics") as (name: string) => boolean)("any"))
  assert.include(namesLike(["("], "--topics"), { _tag: "UsageError" })
})
