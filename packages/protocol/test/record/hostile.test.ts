import { assert, describe, it } from "@effect/vitest"
import { gzipSync, zstdCompressSync } from "node:zlib"
import { isKafkaError } from "../../src/KafkaError.ts"
import { compress, decompress, GZIP, LZ4, SNAPPY, ZSTD } from "../../src/record/Compression.ts"
import { downConvertBatch } from "../../src/record/DownConvert.ts"
import { readMessageSet } from "../../src/record/MessageSet.ts"
import * as RecordBatch from "../../src/record/RecordBatch.ts"
import { attempt } from "../../src/record/RecordCursor.ts"
import { finish } from "../../src/record/Steps.ts"
import { readVectors } from "../vectors.ts"
import { found, opened } from "./Opened.ts"

const ceiling = 2 << 20
const limits = { maxDecompressedBytes: ceiling, maxRecords: 10_000 }

/** A small generator with a seed, so that a failure comes again. */
const random = (seed: number) => () => {
  seed = (seed + 0x6d2b79f5) | 0
  let t = Math.imul(seed ^ (seed >>> 15), 1 | seed)
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
  return (t ^ (t >>> 14)) >>> 0
}

describe("hostile record data", () => {
  it("ends in a value or a KafkaError for 12,000 mutations", () => {
    const next = random(20261123)
    const seeds = readVectors("record-batches")
      .map((vector) => Buffer.from(vector.hex, "hex"))
      .filter((seed) => seed.byteLength < 25_000)
    let refused = 0
    for (let round = 0; round < 12_000; round++) {
      const data = Uint8Array.from(seeds[round % seeds.length]!)
      const view = new DataView(data.buffer)
      for (let i = next() % 4; i >= 0; i--) {
        const at = next() % data.length
        if (next() % 4 === 0 && at + 4 <= data.length) view.setInt32(at, [0, -1, 0x7fffffff, -0x80000000][next() % 4]!)
        else data[at] = next()
      }
      const cut = next() % 8 === 0 ? data.subarray(0, next() % data.length) : data
      const batches = RecordBatch.splitBatches(cut, { partialTail: next() % 2 === 0 ? "drop" : "refuse" })
      if (isKafkaError(batches)) {
        refused++
        continue
      }
      for (const batch of batches) {
        const invalid = RecordBatch.validateBatch(batch)
        assert.isTrue(invalid === undefined || isKafkaError(invalid))
        if (RecordBatch.magic(batch) < 2) {
          const read = readMessageSet(batch, limits)
          assert.isTrue(Array.isArray(read) || isKafkaError(read))
          continue
        }
        const decoded = RecordBatch.decodeRecords(batch, limits)
        if (isKafkaError(decoded)) refused++
        RecordBatch.validateRecords(batch, { compacted: true, limits })
        found(batch, RecordBatch.lookUpTimestamp(batch, 1700000000001n), limits)
        found(batch, RecordBatch.lookUpMaxTimestamp(batch), limits)
        const records = attempt(() => opened(batch, limits))
        if (!isKafkaError(records)) {
          finish(RecordBatch.partSteps(batch, records, (key) => key?.byteLength ?? 0))
          finish(RecordBatch.filterSteps(batch, records, { deleteHorizon: 9n, keep: ({ key }) => key !== null }))
        }
        const old = downConvertBatch(batch, round % 2 === 0 ? 0 : 1, limits)
        assert.isTrue(old instanceof Uint8Array || isKafkaError(old))
      }
    }
    assert.isAbove(refused, 4_000)
  })

  it("round-trips every codec, up to the ceiling and not beyond", () => {
    const next = random(7)
    for (const codec of [1, 2, 3, 4]) {
      for (const size of [0, 1, 100, 32768, 65536, 200_000, ceiling]) {
        const data = Uint8Array.from({ length: size }, (_, i) => (i % 100 < 60 ? i >> 6 : next()))
        const packed = compress(codec, data)
        const back = decompress(codec, packed, { maxDecompressedBytes: ceiling })
        assert.isTrue(back instanceof Uint8Array && Buffer.compare(back, data) === 0, `codec ${codec}, ${size} bytes`)
        if (size === 0) continue
        const short = decompress(codec, packed, { maxDecompressedBytes: size - 1 })
        assert.isTrue(isKafkaError(short) && short._tag === "MessageTooLarge", `codec ${codec}, ${size} bytes`)
      }
    }
  })

  it("stops a bomb of every codec at the ceiling", () => {
    const zeros = new Uint8Array(64 << 20)
    const bombs = [
      [GZIP, gzipSync(zeros)],
      [SNAPPY, compress(SNAPPY, zeros)],
      [LZ4, compress(LZ4, zeros)],
      [ZSTD, zstdCompressSync(zeros)]
    ] as const
    for (const [codec, bomb] of bombs) {
      const before = process.memoryUsage()
      const result = decompress(codec, bomb, { maxDecompressedBytes: 4 << 20 })
      const after = process.memoryUsage()
      assert.isTrue(isKafkaError(result) && result._tag === "MessageTooLarge", `codec ${codec}`)
      assert.isBelow(after.arrayBuffers - before.arrayBuffers, 24 << 20, `codec ${codec}`)
    }
  })

  it("does not trust the size that a block of snappy announces", () => {
    const lie = Uint8Array.of(0xff, 0xff, 0xff, 0x07, 0)
    const result = decompress(SNAPPY, lie, { maxDecompressedBytes: 64 << 20 })
    assert.isTrue(isKafkaError(result) && ["CorruptMessage", "MessageTooLarge"].includes(result._tag))
  })
})
