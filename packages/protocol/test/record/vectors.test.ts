import { assert, describe, it } from "@effect/vitest"
import { isKafkaError } from "../../src/KafkaError.ts"
import { CODEC_NAMES } from "../../src/record/Compression.ts"
import { crc32c, crc32cTable, loadNativeCrc32c } from "../../src/record/Crc32c.ts"
import { readMessage, writeMessageSet } from "../../src/record/MessageSet.ts"
import { murmur2, partitionForKey } from "../../src/record/Murmur2.ts"
import * as RecordBatch from "../../src/record/RecordBatch.ts"
import { VarintWriter } from "../../src/record/VarintWriter.ts"
import { readVectors } from "../vectors.ts"

const limits = { maxDecompressedBytes: 16 << 20 }
const bytes = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, "hex"))
const hex = (value: Uint8Array | null): string | null => (value === null ? null : Buffer.from(value).toString("hex"))

const must = <A>(value: A): Exclude<A, { readonly _tag: string }> => {
  if (isKafkaError(value)) throw new Error(`${value._tag}: ${value.message}`)
  return value as never
}

const describeBatch = (batch: Uint8Array): unknown => {
  if (RecordBatch.magic(batch) < 2) {
    const message = must(readMessage(batch, limits))
    return {
      magic: message.magic,
      codec: CODEC_NAMES[message.codec],
      sizeInBytes: RecordBatch.sizeInBytes(batch),
      baseOffset: String(message.records[0]!.offset),
      lastOffset: String(message.offset),
      timestampType: message.timestampType,
      maxTimestamp: String(message.timestamp),
      checksum: message.crc,
      records: message.records.map((record) => ({
        offset: String(record.offset),
        timestamp: String(record.timestamp),
        key: hex(record.key),
        value: hex(record.value)
      }))
    }
  }
  const baseSequence = RecordBatch.baseSequence(batch)
  const baseOffset = RecordBatch.baseOffset(batch)
  return {
    magic: 2,
    codec: CODEC_NAMES[RecordBatch.compressionCodec(batch)],
    sizeInBytes: RecordBatch.sizeInBytes(batch),
    baseOffset: String(baseOffset),
    lastOffset: String(RecordBatch.lastOffset(batch)),
    timestampType: RecordBatch.timestampType(batch),
    maxTimestamp: String(RecordBatch.maxTimestamp(batch)),
    checksum: RecordBatch.crc(batch),
    partitionLeaderEpoch: RecordBatch.partitionLeaderEpoch(batch),
    producerId: String(RecordBatch.producerId(batch)),
    producerEpoch: RecordBatch.producerEpoch(batch),
    baseSequence,
    lastSequence: RecordBatch.lastSequence(batch),
    isTransactional: RecordBatch.isTransactional(batch),
    isControl: RecordBatch.isControl(batch),
    records: must(RecordBatch.decodeRecords(batch, limits)).map((record) => ({
      offset: String(record.offset),
      timestamp: String(record.timestamp),
      sequence: baseSequence < 0 ? -1 : RecordBatch.advanceSequence(baseSequence, Number(record.offset - baseOffset)),
      key: hex(record.key),
      value: hex(record.value),
      headers: record.headers.map(({ key, value }) => ({ key, value: hex(value) })),
      // A marker's key is version and type, its value version and coordinator epoch.
      ...(RecordBatch.isControl(batch) && {
        controlType: Buffer.from(record.key!).readInt16BE(2) === 1 ? "COMMIT" : "ABORT",
        coordinatorEpoch: Buffer.from(record.value!).readInt32BE(2)
      })
    }))
  }
}

const encodeAgain = (batch: Uint8Array): Uint8Array => {
  const magic = RecordBatch.magic(batch)
  if (magic < 2) {
    const message = must(readMessage(batch, limits))
    return writeMessageSet(message.records, {
      magic: message.magic,
      compression: message.codec,
      timestampType: message.timestampType === "LogAppendTime" ? "LogAppendTime" : "CreateTime",
      logAppendTime: message.timestamp
    })
  }
  // Under LogAppendTime the records' own times are hidden; they are read with the mark taken off.
  const own = Uint8Array.from(batch)
  own[22]! &= ~RecordBatch.TIMESTAMP_TYPE_MASK
  return RecordBatch.encodeBatch(must(RecordBatch.decodeRecords(own, limits)), {
    offsets: "kept",
    compression: RecordBatch.compressionCodec(batch),
    baseOffset: RecordBatch.baseOffset(batch),
    lastOffset: RecordBatch.lastOffset(batch),
    baseTimestamp: RecordBatch.baseTimestamp(batch),
    maxTimestamp: RecordBatch.maxTimestamp(batch),
    timestampType: RecordBatch.timestampType(batch),
    partitionLeaderEpoch: RecordBatch.partitionLeaderEpoch(batch),
    producerId: RecordBatch.producerId(batch),
    producerEpoch: RecordBatch.producerEpoch(batch),
    baseSequence: RecordBatch.baseSequence(batch),
    isTransactional: RecordBatch.isTransactional(batch),
    isControl: RecordBatch.isControl(batch)
  })
}

describe("golden record data of Kafka 4.3.1", () => {
  it("reads all of it, and writes the same bytes if no compressor decides", () => {
    let read = 0
    let written = 0
    for (const vector of readVectors("record-batches")) {
      const data = bytes(vector.hex)
      const batches = must(RecordBatch.splitBatches(data))
      assert.deepStrictEqual(batches.map(describeBatch), vector.batches, vector.name)
      read++
      for (const batch of batches) {
        if (RecordBatch.magic(batch) === 2) assert.isTrue(RecordBatch.isCrcValid(batch), vector.name)
        const again = encodeAgain(batch)
        if (vector.decodeOnly) {
          assert.deepStrictEqual((describeBatch(again) as any).records, (describeBatch(batch) as any).records)
        } else {
          assert.strictEqual(hex(again), hex(batch), vector.name)
        }
      }
      if (!vector.decodeOnly) written++
    }
    console.log(`record-batches: ${read} read, ${written} written byte for byte`)
    assert.deepStrictEqual([read, written], [58, 16])
  })

  it("refuses every broken batch that Kafka's reader refuses", () => {
    const seen = readVectors("record-batches-bad").map((vector) => {
      const batches = RecordBatch.splitBatches(bytes(vector.hex))
      const error = isKafkaError(batches) ? batches : RecordBatch.validateBatch(batches[0]!)
      const decoded =
        isKafkaError(batches) || error !== undefined ? undefined : RecordBatch.decodeRecords(batches[0]!, limits)
      return [vector.name, (error ?? (decoded as any))._tag]
    })
    assert.deepStrictEqual(seen, [
      ["crc of the records flipped", "CorruptMessage"],
      ["length shorter than the header", "CorruptMessage"],
      ["length beyond the data", "InvalidRecord"],
      ["magic 3", "CorruptMessage"],
      ["record count too high", "InvalidRecord"],
      ["record count negative", "InvalidRecord"],
      ["truncated in the middle", "InvalidRecord"]
    ])
    console.log(`record-batches-bad: ${seen.length} refused`)
  })

  it("hashes every key as the Java producer", () => {
    let keys = 0
    let partitions = 0
    for (const { keyHex, murmur2: expected, partition } of readVectors("murmur2")) {
      const key = bytes(keyHex)
      assert.strictEqual(murmur2(key), expected, keyHex)
      for (const [n, picked] of Object.entries(partition)) {
        assert.strictEqual(partitionForKey(key, Number(n)), picked)
        partitions++
      }
      keys++
    }
    console.log(`murmur2: ${keys} keys, ${partitions} partitions`)
    assert.deepStrictEqual([keys, partitions], [277, 1939])
  })

  it("has the CRC-32C and signed varints of the primitives", () => {
    const native = loadNativeCrc32c()
    assert.isDefined(native)
    const counts = { crc32c: 0, varint: 0, varlong: 0 }
    for (const { type, value, hex: expected } of readVectors("primitives")) {
      if (type === "crc32c") {
        for (const crc of [crc32c, crc32cTable, native!]) assert.strictEqual(crc(bytes(expected)), Number(value))
      } else if (type === "varint" || type === "varlong") {
        const writer = new VarintWriter()
        if (type === "varint") writer.varint(Number(value))
        else writer.varlong(BigInt(value))
        assert.strictEqual(hex(writer.bytes()), expected)
      } else {
        continue
      }
      counts[type as keyof typeof counts]++
    }
    console.log("primitives:", counts)
    assert.deepStrictEqual(counts, { crc32c: 12, varint: 24, varlong: 12 })
  })

  it("gives native and table CRC-32C alike at every length and alignment", () => {
    const data = Uint8Array.from({ length: 300 }, (_, i) => (i * 167 + 13) & 255)
    for (let start = 0; start < 9; start++) {
      for (let end = start; end <= data.length; end++) {
        const part = data.subarray(start, end)
        assert.strictEqual(crc32cTable(part), crc32c(part))
      }
    }
  })
})
