import { createZstdCompress } from "node:zlib"
import { assert, describe, it } from "@effect/vitest"
import { isKafkaError } from "../../src/KafkaError.ts"
import { compressInBackground, decompressInBackground } from "../../src/record/BackgroundCompression.ts"
import { CODEC_NAMES, compress, decompress, GZIP, ZSTD } from "../../src/record/Compression.ts"
import { decompressAtOnce } from "../../src/record/DecompressAtOnce.ts"
import * as RecordBatch from "../../src/record/RecordBatch.ts"

const limits = { maxDecompressedBytes: 4 << 20 }
/** Neither all the same nor all different. */
const dataOf = (size: number) => Uint8Array.from({ length: size }, (_, i) => (i % 100 < 60 ? i >> 6 : i * 7 + (i >> 3)))

describe("compression in the background", () => {
  for (const codec of [0, 1, 2, 3, 4]) {
    it(`reads and writes what ${CODEC_NAMES[codec]} does at once`, async () => {
      for (const size of [0, 1, 1000, 32 * 1024, 1 << 20]) {
        const data = dataOf(size)
        const here = await compressInBackground(codec, data)
        assert.deepStrictEqual(decompress(codec, here, limits), data, `${size} bytes`)
        assert.deepStrictEqual(
          await decompressInBackground(codec, compress(codec, data), limits),
          data,
          `${size} bytes`
        )
      }
    })
  }

  it("takes levels of gzip and zstd", async () => {
    const data = dataOf(1 << 20)
    for (const [codec, low, high] of [
      [1, 1, 9],
      [4, 1, 19]
    ] as const) {
      const [quick, small] = [
        await compressInBackground(codec, data, low),
        await compressInBackground(codec, data, high)
      ]
      assert.isBelow(small.byteLength, quick.byteLength)
      assert.deepStrictEqual(decompress(codec, small, limits), data)
    }
  })

  for (const codec of [1, 2, 3, 4]) {
    it(`stops ${CODEC_NAMES[codec]} at the ceiling, and answers damage as CorruptMessage`, async () => {
      const bomb = compress(codec, new Uint8Array(16 << 20))
      const stopped = await decompressInBackground(codec, bomb, limits)
      assert.isTrue(isKafkaError(stopped) && stopped._tag === "MessageTooLarge")
      const whole = compress(codec, dataOf(5000))
      const refused = await decompressInBackground(codec, whole.subarray(0, whole.byteLength >> 1), limits)
      assert.isTrue(isKafkaError(refused) && refused._tag === "CorruptMessage")
    })
  }

  it("an unknown codec is UnsupportedCompressionType", async () => {
    const refused = await decompressInBackground(7, new Uint8Array(3), limits)
    assert.isTrue(isKafkaError(refused) && refused._tag === "UnsupportedCompressionType")
  })

  for (const codec of [1, 2, 3, 4]) {
    it(`others have their turn while ${CODEC_NAMES[codec]} works`, async () => {
      let turns = 0
      let working = true
      const count = () => {
        turns++
        if (working) setImmediate(count)
      }
      const packed = compress(codec, dataOf(8 << 20))
      setImmediate(count)
      await decompressInBackground(codec, packed, { maxDecompressedBytes: 16 << 20 })
      const reading = turns
      await compressInBackground(codec, dataOf(8 << 20))
      working = false
      // lz4 has two blocks of 4 MiB here, and none is cut.
      assert.isAbove(reading, 1, "decompressing")
      assert.isAbove(turns - reading, 1, "compressing")
    })
  }
})

describe("decompression at once", () => {
  for (const codec of [1, 2, 3, 4]) {
    it(`is for little ${CODEC_NAMES[codec]}, within what may come out`, () => {
      for (const size of [1, 1000, 16 * 1024]) {
        const packed = compress(codec, dataOf(size))
        assert.deepStrictEqual(
          Uint8Array.from(decompressAtOnce(codec, packed, 1 << 20)!),
          dataOf(size),
          `${size} bytes`
        )
        assert.isUndefined(decompressAtOnce(codec, packed, size - 1), `${size} bytes`)
        assert.isUndefined(decompressAtOnce(codec, packed.subarray(0, packed.byteLength >> 1), 1 << 20))
      }
      assert.isUndefined(decompressAtOnce(codec, compress(codec, dataOf(1 << 20)), 1 << 26))
      assert.isUndefined(decompressAtOnce(codec, compress(codec, new Uint8Array(16 << 20)), 1 << 26), "a bomb")
    })
  }

  it("is for a producer's batch of 128 KiB if a thread costs more", () => {
    for (const codec of [1, 2, 3, 4]) {
      const packed = compress(codec, dataOf(128 * 1024))
      assert.deepStrictEqual(Uint8Array.from(decompressAtOnce(codec, packed, 1 << 20)!), dataOf(128 * 1024))
    }
  })

  it("needs no size in zstd's frame, and believes none that is too large", async () => {
    for (const size of [1, 255, 256, 70_000, 128 * 1024]) {
      const stream = createZstdCompress()
      const chunks = stream.toArray()
      for (const half of [0, 1]) stream.write(dataOf(size).subarray((size * half) >> 1, (size * (half + 1)) >> 1))
      stream.end()
      const packed = Buffer.concat(await chunks)
      assert.deepStrictEqual(Uint8Array.from(decompressAtOnce(4, packed, 1 << 20)!), dataOf(size), `${size} bytes`)
    }
    const liar = Uint8Array.from(compress(ZSTD, dataOf(128 * 1024)))
    // A frame of one segment with a size of four bytes.
    assert.strictEqual(liar[4]! & 0xe0, 0xa0)
    new DataView(liar.buffer).setUint32(5, 0xffffffff, true)
    assert.isUndefined(decompressAtOnce(4, liar, 1 << 26))
  })

  it("is not deceived by a size that gzip's data claims", () => {
    const bomb = compress(GZIP, new Uint8Array(16 << 20)).slice(0, 30_000)
    for (const claimed of [1, 0xffffffff]) {
      new DataView(bomb.buffer).setUint32(bomb.byteLength - 4, claimed, true)
      assert.isUndefined(decompressAtOnce(1, bomb, 1 << 26))
    }
  })
})

describe("a batch with other records", () => {
  it("keeps all of its header but length, codec and checksum", () => {
    const record = { timestamp: 5n, key: null, value: dataOf(2000), headers: [{ key: "h", value: null }] }
    const batch = RecordBatch.encodeBatch([record, { ...record, timestamp: 9n }], {
      compression: GZIP,
      producerId: 7n,
      producerEpoch: 3,
      baseSequence: 11
    })
    const plain = decompress(GZIP, batch.subarray(RecordBatch.RECORD_BATCH_OVERHEAD), limits) as Uint8Array
    const made = RecordBatch.withRecords(batch, ZSTD, compress(ZSTD, plain))
    assert.isUndefined(RecordBatch.validateBatch(made))
    const told = (each: Uint8Array) => [
      RecordBatch.recordCount(each),
      RecordBatch.baseTimestamp(each),
      RecordBatch.maxTimestamp(each),
      RecordBatch.producerId(each),
      RecordBatch.producerEpoch(each),
      RecordBatch.baseSequence(each),
      RecordBatch.lastOffsetDelta(each)
    ]
    assert.deepStrictEqual(told(made), told(batch))
    assert.strictEqual(RecordBatch.compressionCodec(made), ZSTD)
    assert.deepStrictEqual(RecordBatch.decodeRecords(made, limits), RecordBatch.decodeRecords(batch, limits))
  })
})
