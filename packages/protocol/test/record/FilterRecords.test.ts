import { assert, describe, it } from "@effect/vitest"
import { isKafkaError, type KafkaError } from "@tusk/protocol/KafkaError"
import * as RecordBatch from "@tusk/protocol/record/RecordBatch"
import * as Schema from "effect/Schema"

import { compress } from "../../src/record/Compression.ts"
import { finish } from "../../src/record/Steps.ts"
import { opened } from "./Opened.ts"

const LIMITS = { maxDecompressedBytes: 1 << 20 }
const utf8 = new TextEncoder()

const Shape = Schema.Struct({
  codec: Schema.Literals([0, 1, 2, 3, 4]),
  stamped: Schema.Boolean,
  records: Schema.NonEmptyArray(
    Schema.Struct({
      gap: Schema.Literals([1, 1, 3]),
      key: Schema.Literals(["a", "b", "ccc"]),
      tombstone: Schema.Boolean,
      time: Schema.Literals([0, 5, 1_000_000]),
      keep: Schema.Boolean
    })
  ).check(Schema.isMaxLength(30))
})

const batchOf = (shape: typeof Shape.Type) => {
  let offset = 99n
  const records = shape.records.map(({ gap, key, time, tombstone }, i) => {
    offset += BigInt(gap)
    return {
      offset,
      key: utf8.encode(key),
      value: tombstone ? null : utf8.encode(`value ${i}`),
      timestamp: 50_000n + BigInt(time),
      headers: i % 3 === 0 ? [{ key: "h", value: utf8.encode(String(i)) }] : []
    }
  })
  return RecordBatch.encodeBatch(records, {
    compression: shape.codec,
    offsets: "kept",
    baseOffset: 100n,
    lastOffset: offset + 2n,
    timestampType: shape.stamped ? "LogAppendTime" : "CreateTime",
    partitionLeaderEpoch: 4,
    producerId: 9n,
    producerEpoch: 2,
    baseSequence: 17
  })
}

const decoded = (batch: Uint8Array) => {
  const records = RecordBatch.decodeRecords(batch, LIMITS)
  assert.isFalse(isKafkaError(records))
  return (records as ReadonlyArray<RecordBatch.DecodedRecord>).map((record) => ({
    ...record,
    key: record.key && Buffer.from(record.key).toString(),
    value: record.value && Buffer.from(record.value).toString(),
    headers: record.headers.map(({ key, value }) => `${key}=${Buffer.from(value!).toString()}`)
  }))
}

const filterRecords = (batch: Uint8Array, options: RecordBatch.FilterOptions): RecordBatch.Filtered | KafkaError => {
  const sifted = finish(RecordBatch.filterSteps(batch, opened(batch, LIMITS), options))
  if (isKafkaError(sifted) || !("remade" in sifted)) return sifted
  const { records, remade, ...told } = sifted
  return { ...told, batch: remade(compress(RecordBatch.compressionCodec(batch), records)) }
}

describe("filterSteps", () => {
  it.prop("keeps what it is told to keep as it was, and nothing else", [Shape], ([shape]) => {
    const batch = batchOf(shape)
    const before = decoded(batch)
    const wanted = new Set(before.filter((_, i) => shape.records[i]!.keep).map(({ offset }) => offset))
    const seen: Array<string> = []
    const found = filterRecords(batch, {
      deleteHorizon: 77_000n,
      keep: ({ isTombstone, key, offset }) => {
        seen.push(`${offset} ${Buffer.from(key!).toString()} ${isTombstone}`)
        return wanted.has(offset)
      }
    })
    assert.isFalse(isKafkaError(found))
    const { batch: after, deleteHorizon, kept } = found as RecordBatch.Filtered
    assert.deepStrictEqual(
      seen,
      before.map(({ key, offset, value }) => `${offset} ${key} ${value === null}`)
    )
    const expected = before.filter(({ offset }) => wanted.has(offset))
    assert.strictEqual(kept, expected.length)
    const tombstones = expected.some(({ value }) => value === null)
    assert.strictEqual(deleteHorizon, tombstones ? 77_000n : undefined)
    if (expected.length === 0) return assert.isUndefined(after)
    assert.isTrue(RecordBatch.isCrcValid(after!))
    assert.deepStrictEqual(decoded(after!), expected)
    assert.strictEqual(RecordBatch.deleteHorizonOf(after!), tombstones ? 77_000n : undefined)
    for (const field of [
      RecordBatch.baseOffset,
      RecordBatch.lastOffset,
      RecordBatch.partitionLeaderEpoch,
      RecordBatch.producerId,
      RecordBatch.producerEpoch,
      RecordBatch.baseSequence,
      RecordBatch.lastSequence,
      RecordBatch.compressionCodec,
      RecordBatch.timestampType
    ]) {
      assert.strictEqual(field(after!), field(batch))
    }
    if (!shape.stamped) {
      const latest = expected.reduce((most, { timestamp }) => (timestamp > most ? timestamp : most), -1n)
      assert.strictEqual(RecordBatch.maxTimestamp(after!), latest)
    }
    // A second time nothing is left to do, and a horizon once set stays.
    const again = filterRecords(after!, { deleteHorizon: 99_000n, keep: () => true })
    assert.strictEqual((again as RecordBatch.Filtered).batch, after)
    assert.strictEqual((again as RecordBatch.Filtered).deleteHorizon, tombstones ? 77_000n : undefined)
  })

  it("gives back the batch itself if all of it stays", () => {
    const batch = RecordBatch.encodeBatch([{ key: utf8.encode("k"), value: utf8.encode("v") }])
    const found = filterRecords(batch, { deleteHorizon: 1n, keep: () => true })
    assert.deepStrictEqual(found, { batch, kept: 1, deleteHorizon: undefined })
  })

  it("gives no tombstone a time at which it may go, if there is none to give", () => {
    const batch = RecordBatch.encodeBatch([
      { key: utf8.encode("k"), value: null },
      { key: utf8.encode("l"), value: utf8.encode("v") }
    ])
    const found = filterRecords(batch, { deleteHorizon: undefined, keep: ({ isTombstone }) => isTombstone })
    const { batch: after } = found as RecordBatch.Filtered
    assert.isUndefined(RecordBatch.deleteHorizonOf(after!))
    assert.strictEqual(RecordBatch.baseTimestamp(after!), RecordBatch.baseTimestamp(batch))
  })

  it.prop("of an emptied batch no record is left, and where it lies and who sent it", [Shape], ([shape]) => {
    const batch = batchOf(shape)
    const empty = RecordBatch.emptied(batch)
    assert.strictEqual(empty.byteLength, RecordBatch.RECORD_BATCH_OVERHEAD)
    assert.isTrue(RecordBatch.isCrcValid(empty))
    assert.deepStrictEqual(RecordBatch.decodeRecords(empty, LIMITS), [])
    for (const field of [RecordBatch.baseOffset, RecordBatch.lastOffset, RecordBatch.lastSequence]) {
      assert.strictEqual(field(empty), field(batch))
    }
    const again = filterRecords(empty, { deleteHorizon: 1n, keep: () => true })
    assert.isUndefined((again as RecordBatch.Filtered).batch)
  })

  it("answers what is wrong with records that cannot be read", () => {
    const batch = RecordBatch.encodeBatch([{ key: utf8.encode("k"), value: utf8.encode("v") }])
    batch[RecordBatch.RECORD_BATCH_OVERHEAD] = 0x7e
    const found = filterRecords(batch, { deleteHorizon: 1n, keep: () => true })
    assert.isTrue(isKafkaError(found))
    assert.isTrue(isKafkaError(finish(RecordBatch.keySteps(batch, opened(batch, LIMITS), () => {}))!))
  })
})
