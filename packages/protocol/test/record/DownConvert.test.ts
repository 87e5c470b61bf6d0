import { assert, describe, it } from "@effect/vitest"
import { isKafkaError } from "../../src/KafkaError.ts"
import { CODEC_NAMES, GZIP, LZ4, ZSTD } from "../../src/record/Compression.ts"
import { downConvertBatch, downConvertInBackground } from "../../src/record/DownConvert.ts"
import { readMessageSet, writeMessageSet } from "../../src/record/MessageSet.ts"
import * as RecordBatch from "../../src/record/RecordBatch.ts"

const limits = { maxDecompressedBytes: 64 << 20 }
const MAGICS = [0, 1] as const
const CODECS = [0, 1, 2, 3]
const value = (size: number) => Uint8Array.from({ length: size }, (_, i) => (i % 100 < 60 ? i >> 6 : i * 7 + (i >> 3)))
const records = [
  { offset: 100n, timestamp: 1000n, key: null, value: value(5) },
  { offset: 101n, timestamp: 3000n, key: value(200), value: null },
  // Compaction took some away.
  { offset: 107n, timestamp: 2000n, key: value(0), value: value(3 << 20), headers: [{ key: "h", value: value(3) }] },
  { offset: 108n, timestamp: -1n, key: value(3), value: value(70_000) }
]
const LOG_APPEND = { timestampType: "LogAppendTime", maxTimestamp: 9000n } as const

describe("down-conversion", () => {
  for (const compression of CODECS) {
    it(`${CODEC_NAMES[compression]}: what a message set of the same records is, at once and beside others`, async () => {
      for (const magic of MAGICS) {
        for (const options of [{}, LOG_APPEND]) {
          const batch = RecordBatch.encodeBatch(records, { compression, offsets: "kept", lastOffset: 110n, ...options })
          const decoded = RecordBatch.decodeRecords(batch, limits)
          assert.isFalse(isKafkaError(decoded))
          const written = writeMessageSet(decoded as ReadonlyArray<RecordBatch.DecodedRecord>, {
            magic,
            compression,
            timestampType: RecordBatch.timestampType(batch),
            logAppendTime: RecordBatch.maxTimestamp(batch)
          })
          const here = downConvertBatch(batch, magic, limits) as Uint8Array
          const there = (await downConvertInBackground(batch, magic, limits)) as Uint8Array
          assert.strictEqual(Buffer.compare(here, written), 0)
          const wanted = readMessageSet(written, limits)
          assert.isFalse(isKafkaError(wanted))
          assert.deepStrictEqual(readMessageSet(there, limits), wanted)
          assert.strictEqual(there[16], magic)
        }
      }
    })
  }

  it("says what is wrong, and makes nothing of nothing", async () => {
    const zstd = RecordBatch.encodeBatch(records, { compression: ZSTD, offsets: "kept" })
    const control = RecordBatch.encodeBatch(records, { isControl: true, offsets: "kept" })
    const empty = RecordBatch.encodeBatch([], { lastOffset: 9n, compression: GZIP })
    const damaged = RecordBatch.encodeBatch(records, { compression: GZIP, offsets: "kept" }).slice(0, 2000)
    const cut = RecordBatch.encodeBatch(records, { offsets: "kept" }).slice(0, 200)
    for (const [batch, wanted] of [
      [zstd, "UnsupportedCompressionType"],
      [damaged, "CorruptMessage"],
      [cut, "InvalidRecord"],
      [control, 0],
      [empty, 0]
    ] as const) {
      for (const made of [downConvertBatch(batch, 1, limits), await downConvertInBackground(batch, 1, limits)]) {
        assert.strictEqual(isKafkaError(made) ? made._tag : made.byteLength, wanted)
      }
    }
    const many = RecordBatch.encodeBatch(Array.from({ length: 20 }, () => ({ value: value(1) })))
    const few = { ...limits, maxRecords: 19 }
    for (const made of [downConvertBatch(many, 0, few), await downConvertInBackground(many, 0, few)]) {
      assert.isTrue(isKafkaError(made) && made._tag === "MessageTooLarge")
    }
  })

  it("lets others run: if a record is large, and if there are many", async () => {
    let turns = 0
    let working = true
    const count = () => {
      turns++
      if (working) setImmediate(count)
    }
    setImmediate(count)
    // Shrinks a lot, and less than a batch may.
    const large = [{ value: Uint8Array.from({ length: 48 << 20 }, (_, i) => (i < 1 << 20 ? (i * i * 7919) >> 9 : 0)) }]
    const many = Array.from({ length: 100_000 }, () => ({ value: value(40) }))
    for (const [batch, least] of [
      [RecordBatch.encodeBatch(large, { compression: GZIP }), 90],
      [RecordBatch.encodeBatch(many, { compression: LZ4 }), 10]
    ] as const) {
      turns = 0
      const made = await downConvertInBackground(batch, 1, limits)
      assert.isFalse(isKafkaError(made))
      assert.isAtLeast(turns, least)
    }
    working = false
  })
})
