import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import { importedTo, IMPORTED_SINCE, taggedImportedTo } from "../../src/embedded/ImportedTo.ts"
import { Reader } from "../../src/codec/Reader.ts"
import { Writer } from "../../src/codec/Writer.ts"
import { Produce } from "../../src/messages/Produce.ts"
import type { ProduceRequest } from "../../src/messages/Produce.ts"
import * as RecordBatch from "../../src/record/RecordBatch.ts"
import type { EncodeOptions } from "../../src/record/RecordBatch.ts"

const limits = { maxDecompressedBytes: 1 << 20 }
const value = Buffer.from("v")
const batchOf = (options: EncodeOptions = {}, offsets = [5000n]) =>
  RecordBatch.encodeBatch(
    offsets.map((offset) => ({ offset, timestamp: 5n, value })),
    { offsets: "kept", ...options }
  )
const wrong = (batch: Uint8Array) => RecordBatch.validateImported(batch)?._tag

describe("an imported batch", () => {
  it("has any offsets, a broker's times, gaps, and perhaps no record", () => {
    assert.isUndefined(wrong(batchOf()))
    assert.isUndefined(wrong(batchOf({ timestampType: "LogAppendTime", compression: 4 })))
    assert.isUndefined(wrong(batchOf({ lastOffset: 5010n }, [5001n, 5007n])))
    assert.isUndefined(wrong(batchOf({ baseOffset: 0n, lastOffset: 4999n }, [])))
  })

  it("is nobody's, marks no transaction's end, and is whole", () => {
    assert.strictEqual(wrong(batchOf({ producerId: 1n, producerEpoch: 0, baseSequence: 0 })), "InvalidRecord")
    assert.strictEqual(wrong(batchOf({ isTransactional: true })), "InvalidRecord")
    assert.strictEqual(wrong(batchOf({ isControl: true })), "InvalidRecord")
    assert.strictEqual(wrong(batchOf({ baseOffset: -1n }, [0n])), "InvalidRecord")
    assert.strictEqual(wrong(batchOf({ baseOffset: 2n ** 63n - 1n }, [2n ** 63n - 1n])), "InvalidRecord")
    assert.strictEqual(wrong(batchOf({ lastOffset: 5000n }, [5000n, 5001n])), "InvalidRecord")
    const damaged = batchOf()
    damaged[62]! ^= 1
    assert.strictEqual(wrong(damaged), "CorruptMessage")
    assert.strictEqual(wrong(batchOf().subarray(0, 64)), "CorruptMessage")
    const unknown = batchOf()
    unknown[22]! |= 7
    RecordBatch.refreshCrc(unknown)
    assert.strictEqual(wrong(unknown), "UnsupportedCompressionType")
  })

  it("has its records in order within the offsets that it spans", () => {
    const judge = (offsets: ReadonlyArray<bigint>, gaps: boolean) =>
      RecordBatch.validateRecords(batchOf({ baseOffset: 10n, lastOffset: 20n }, [...offsets]), {
        compacted: false,
        gaps,
        limits
      })?._tag
    assert.isUndefined(judge([10n, 11n, 20n], true))
    assert.isUndefined(judge([11n], true))
    for (const offsets of [[11n, 11n], [12n, 11n], [10n, 21n], [9n]]) {
      assert.strictEqual(judge(offsets, true), "InvalidRecord", `${offsets}`)
    }
    assert.strictEqual(judge([11n], false), "InvalidRecord")
  })
})

const Offset = Schema.BigInt.check(Schema.isBetweenBigInt({ minimum: 0n, maximum: 2n ** 63n - 1n }))

describe("the mark of an imported batch", () => {
  it.prop("comes through every version that has tags", [Offset], ([offset]) => {
    for (let version = IMPORTED_SINCE; version <= Produce.maxVersion; version++) {
      const partition = { index: 0, records: batchOf(), ...taggedImportedTo(offset) }
      const topic = { name: "t", topicId: "AAAAAAAAAAAAAAAAAAAAAA", partitionData: [partition] }
      const writer = new Writer()
      const request: ProduceRequest = { transactionalId: null, acks: -1, timeoutMs: 0, topicData: [topic] }
      Produce.request.encode(writer, version, request)
      const read = Produce.request.decode(new Reader(Buffer.concat(writer.finish())), version)
      assert.strictEqual(importedTo(read.topicData[0]!.partitionData[0]!), offset)
    }
  })

  it("is no other tag, and no number below 0", () => {
    assert.isUndefined(importedTo({}))
    assert.isUndefined(importedTo({ unknownTaggedFields: [{ tag: 9001, data: new Uint8Array(8) }] }))
    assert.isUndefined(importedTo({ unknownTaggedFields: [{ tag: 10_000, data: new Uint8Array(7) }] }))
    assert.isUndefined(importedTo(taggedImportedTo(-1n)))
  })
})
