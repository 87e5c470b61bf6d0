import { assert, describe, it } from "@effect/vitest"
import { isKafkaError } from "../../src/KafkaError.ts"
import { decompressInBackground } from "../../src/record/BackgroundCompression.ts"
import { CODEC_NAMES, decompress } from "../../src/record/Compression.ts"
import { decompressAtOnce } from "../../src/record/DecompressAtOnce.ts"
import * as RecordBatch from "../../src/record/RecordBatch.ts"
import { inTurns } from "../../src/record/Steps.ts"
import { readVectors } from "../vectors.ts"
import { random } from "../codec/Mutation.ts"
import { around, BROKEN, DOUBTFUL, recordOf } from "./BrokenBatches.ts"

const limits = { maxDecompressedBytes: 4 << 20 }
const NO_RULES = { compacted: false }
const CODECS = [0, 1, 2, 3, 4]

const recordsOf = (batch: Uint8Array) => batch.subarray(RecordBatch.RECORD_BATCH_OVERHEAD)

/** The two ways through records say the same, and so do they in steps. */
const wrongWith = (batch: Uint8Array, records: Uint8Array) => {
  const quick = RecordBatch.validateDecompressed(batch, records)
  const thorough = RecordBatch.validateDecompressed(batch, records, NO_RULES)
  assert.deepStrictEqual(quick, thorough)
  return quick
}

/** What each client does with a batch: decode every record, and look some up. */
const isReadable = (batch: Uint8Array): boolean => {
  const decoded = RecordBatch.decodeRecords(batch, limits)
  if (isKafkaError(decoded)) return false
  return decoded.length === RecordBatch.recordCount(batch) && decoded.every(({ offset }, i) => offset === BigInt(i))
}

/** Batches of all kinds that clients send, of each codec. */
const sound = (): ReadonlyArray<Uint8Array> => {
  const value = (size: number) =>
    Uint8Array.from({ length: size }, (_, i) => (i % 100 < 60 ? i >> 6 : i * 7 + (i >> 3)))
  const headers = [
    { key: "", value: null },
    { key: "header", value: value(3) },
    { key: "h".repeat(200), value: value(0) }
  ]
  const kinds = [
    [{ value: value(0) }],
    [{ key: value(1), value: null }],
    [{ key: null, value: value(70) }, { value: value(9000) }, { value: value(20), headers }],
    [
      { timestamp: 1n << 50n, value: value(1) },
      { timestamp: 5n, value: value(2) },
      { timestamp: -1n, value: null }
    ],
    [
      { timestamp: (1n << 63n) - 1n, value: null },
      { timestamp: -(1n << 63n), value: null }
    ],
    Array.from({ length: 300 }, (_, i) => ({ timestamp: BigInt(1000 + i), key: value(i % 5), value: value(i) })),
    [{ value: value(300_000) }, { value: value(40) }]
  ]
  return kinds.flatMap((kind) => CODECS.map((compression) => RecordBatch.encodeBatch(kind, { compression })))
}

describe("records of a produced batch", () => {
  it("are taken if they are sound, of each codec", () => {
    for (const batch of sound()) {
      const records = decompress(RecordBatch.compressionCodec(batch), recordsOf(batch), limits) as Uint8Array
      assert.isUndefined(wrongWith(batch, records))
      assert.isUndefined(RecordBatch.validateRecords(batch, { ...NO_RULES, limits }))
    }
  })

  it("that Kafka 4.3.1 wrote are taken", () => {
    let taken = 0
    for (const { hex } of readVectors("record-batches")) {
      const batch = Buffer.from(hex, "hex")
      if (RecordBatch.magic(batch) !== 2 || RecordBatch.validateBatch(batch) !== undefined) continue
      assert.isUndefined(RecordBatch.validateRecords(batch, { ...NO_RULES, limits }))
      taken++
    }
    assert.isAbove(taken, 20)
  })

  for (const [what, [count, records]] of Object.entries({ ...BROKEN, ...DOUBTFUL })) {
    it(`${what}: InvalidRecord, whatever they are compressed with`, () => {
      for (const codec of CODECS) {
        const batch = around(count, records, codec)
        const wrong = RecordBatch.validateRecords(batch, { ...NO_RULES, limits })
        assert.strictEqual(wrong?._tag, "InvalidRecord", CODEC_NAMES[codec])
        assert.strictEqual(wrongWith(batch, records)?._tag, "InvalidRecord")
      }
    })
  }

  it("of 2^31-1 no list is made, nor are they counted down", () => {
    const headers = Buffer.concat([recordOf({ headerCount: 0x7fffffff }), Buffer.alloc(100_000)])
    const before = performance.now()
    for (const [count, records] of [
      [0x7fffffff, recordOf()],
      [0x7fffffff, new Uint8Array(1 << 20)],
      [1, headers]
    ] as const) {
      assert.strictEqual(wrongWith(around(count, records), records)?._tag, "InvalidRecord")
    }
    assert.isBelow(performance.now() - before, 1000)
  })

  it("of sizes about each varint's last byte are taken, and of one less refused", () => {
    for (const size of [0, 1, 30, 62, 63, 64, 65, 8190, 8191, 8192, 1 << 20, (1 << 20) + 1]) {
      const batch = RecordBatch.encodeBatch([{ key: new Uint8Array(size), value: new Uint8Array(size) }])
      assert.isUndefined(wrongWith(batch, recordsOf(batch)), `${size}`)
      assert.isDefined(wrongWith(batch, recordsOf(batch).subarray(0, -1)), `${size}`)
    }
  })

  it("mutated anywhere: refused, or read by every reader", () => {
    const below = random(20261127)
    const seeds = sound().map((batch) => [
      batch,
      decompress(RecordBatch.compressionCodec(batch), recordsOf(batch), limits)
    ])
    let refused = 0
    let taken = 0
    for (let round = 0; round < 20_000; round++) {
      const [batch, records] = seeds[below(seeds.length)] as [Uint8Array, Uint8Array]
      const at = below(Math.min(records.byteLength, 4000))
      const changed = Uint8Array.from(records)
      for (let i = below(3); i >= 0; i--)
        changed[Math.min(records.byteLength - 1, at + i)] = BYTES[below(BYTES.length)]!
      const cut = below(6) === 0 ? changed.subarray(0, below(changed.byteLength + 1)) : changed
      const made = around(RecordBatch.recordCount(batch) + (below(20) === 0 ? 1 : 0), cut)
      if (wrongWith(made, cut) === undefined) {
        taken++
        assert.isTrue(isReadable(made), `round ${round}`)
      } else {
        refused++
      }
    }
    assert.isAbove(refused, 4000)
    assert.isAbove(taken, 1000)
  })

  it("mutated in their compressed bytes: refused, or read by every reader; in threads as at once", async () => {
    const below = random(7)
    const seeds = sound().filter((batch) => RecordBatch.compressionCodec(batch) > 0)
    let refused = 0
    for (let round = 0; round < 3000; round++) {
      const batch = Uint8Array.from(seeds[below(seeds.length)]!)
      const records = recordsOf(batch)
      for (let i = below(3); i >= 0; i--) records[below(Math.min(records.byteLength, 400))] = below(256)
      RecordBatch.refreshCrc(batch)
      const codec = RecordBatch.compressionCodec(batch)
      const here = decompress(codec, records, limits)
      const there = await decompressInBackground(codec, records, limits)
      const atOnce = decompressAtOnce(codec, records, limits.maxDecompressedBytes)
      if (isKafkaError(here)) {
        refused++
        assert.isUndefined(atOnce, `round ${round}, codec ${codec}`)
        assert.isTrue(isKafkaError(there) && there._tag === here._tag, `round ${round}, codec ${codec}`)
        continue
      }
      assert.isTrue(!isKafkaError(there) && Buffer.compare(here, there) === 0, `round ${round}, codec ${codec}`)
      if (atOnce !== undefined) assert.strictEqual(Buffer.compare(here, atOnce), 0, `round ${round}, codec ${codec}`)
      if (wrongWith(batch, here) === undefined) assert.isTrue(isReadable(batch), `round ${round}`)
    }
    assert.isAbove(refused, 500)
  })

  it("let others run if there are many", async () => {
    const records = Buffer.concat(Array.from({ length: 200_000 }, (_, delta) => recordOf({ delta })))
    const batch = around(200_000, records)
    let turns = 0
    let working = true
    const count = () => {
      turns++
      if (working) setImmediate(count)
    }
    setImmediate(count)
    for (const rules of [undefined, NO_RULES]) {
      turns = 0
      assert.isUndefined(await inTurns(RecordBatch.validationSteps(batch, records, rules)))
      assert.isAtLeast(turns, Math.floor(records.byteLength / (1 << 19)))
    }
    working = false
  })
})

/** What is found in varints, and at their ends. */
const BYTES = [0, 1, 2, 3, 6, 7, 8, 14, 16, 63, 64, 127, 128, 129, 192, 254, 255]
