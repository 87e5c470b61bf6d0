/** Batches with a good header and checksum but wrong records, by what is wrong with them. */
import { compress } from "../../src/record/Compression.ts"
import * as RecordBatch from "../../src/record/RecordBatch.ts"
import { VarintWriter } from "../../src/record/VarintWriter.ts"

const utf8 = new TextEncoder()

/** A header for `count` records around any bytes, which are compressed with `codec` or, as `packed`, are so already. */
export const around = (count: number, records: Uint8Array, codec = 0, packed = false): Uint8Array => {
  const made = RecordBatch.encodeBatch([{ timestamp: BigInt(Date.now()), value: utf8.encode("v") }])
  const view = new DataView(made.buffer)
  view.setInt32(23, count - 1)
  view.setInt32(57, count)
  return RecordBatch.withRecords(made, codec, packed ? records : compress(codec, records))
}

/** What a record is made of, each as its varint says or as other bytes. */
interface Parts {
  readonly size?: number
  readonly timestamp?: ReadonlyArray<number>
  readonly delta?: number
  readonly deltaBytes?: ReadonlyArray<number>
  readonly keySize?: number
  readonly valueSize?: number
  readonly value?: string
  readonly headerCount?: number
  readonly headerKeySize?: number
  readonly headerValueSize?: number
  readonly tail?: ReadonlyArray<number>
}

/** One record with parts of it replaced. */
export const recordOf = (parts: Parts = {}): Uint8Array => {
  const body = new VarintWriter()
  const value = utf8.encode(parts.value ?? "value")
  const raw = (bytes: Iterable<number>) => {
    for (const byte of bytes) body.byte(byte)
  }
  body.byte(0)
  if (parts.timestamp === undefined) body.varint(0)
  else raw(parts.timestamp)
  if (parts.deltaBytes === undefined) body.varint(parts.delta ?? 0)
  else raw(parts.deltaBytes)
  body.varint(parts.keySize ?? -1)
  body.varint(parts.valueSize ?? value.byteLength)
  raw(value)
  const header = parts.headerKeySize !== undefined || parts.headerValueSize !== undefined
  body.varint(parts.headerCount ?? (header ? 1 : 0))
  if (header) {
    body.varint(parts.headerKeySize ?? 1)
    body.byte(104)
    body.varint(parts.headerValueSize ?? -1)
  }
  raw(parts.tail ?? [])
  const bytes = body.bytes()
  const record = new VarintWriter()
  record.varint(parts.size ?? bytes.byteLength)
  return Buffer.concat([record.bytes(), bytes])
}

const endless = (count: number): ReadonlyArray<number> => new Array<number>(count).fill(0xff)
const TWO = Buffer.concat([recordOf(), recordOf({ delta: 1 })])

/** Records that no header around them makes right: how many they claim to be, and their bytes. */
export const BROKEN: Readonly<Record<string, readonly [count: number, records: Uint8Array]>> = {
  garbage: [1, utf8.encode("this is no record at all, and has nothing of one")],
  zeros: [3, new Uint8Array(64)],
  "fewer records than it says": [3, Buffer.concat([TWO, Buffer.alloc(7)])],
  "a record less than it says": [3, TWO],
  "more records than it says": [1, TWO],
  "bytes behind the last record": [2, Buffer.concat([TWO, Buffer.alloc(3)])],
  "a record cut short": [2, TWO.subarray(0, TWO.byteLength - 2)],
  "a negative size": [1, recordOf({ size: -5 })],
  "a size beyond the batch": [1, recordOf({ size: 0x7fffffff })],
  "a size too large by one": [2, Buffer.concat([recordOf({ size: 13 }), recordOf({ delta: 1 })])],
  "a size too small": [1, recordOf({ size: 5 })],
  "a key beyond the record": [1, recordOf({ keySize: 1000 })],
  "a key of 2^31-1 bytes": [1, recordOf({ keySize: 0x7fffffff })],
  "a value beyond the record": [1, recordOf({ valueSize: 1000 })],
  "a negative number of headers": [1, recordOf({ headerCount: -1 })],
  "a header too many": [1, recordOf({ headerCount: 1 })],
  "2^31-1 headers": [1, recordOf({ headerCount: 0x7fffffff })],
  "a header without a key": [1, recordOf({ headerKeySize: -1 })],
  "a header key beyond the record": [1, recordOf({ headerKeySize: 100 })],
  "a header value beyond the record": [1, recordOf({ headerValueSize: 100 })],
  "bytes behind the headers": [1, recordOf({ tail: [1, 2, 3] })],
  "a varint of ten bytes": [1, recordOf({ deltaBytes: [...endless(9), 1] })],
  "a varlong of eleven bytes": [1, recordOf({ timestamp: [...endless(10), 1] })]
}

/** Records that Apache Kafka takes, though not every client reads them as it does. */
export const DOUBTFUL: Readonly<Record<string, readonly [count: number, records: Uint8Array]>> = {
  "an offset delta that is not the next": [2, Buffer.concat([recordOf(), recordOf({ delta: 7 })])],
  "a negative offset delta": [1, recordOf({ delta: -1 })],
  "a key of -2 bytes": [1, recordOf({ keySize: -2 })],
  "a value of -2 bytes": [1, recordOf({ valueSize: -2, value: "" })],
  "a header value of -2 bytes": [1, recordOf({ headerValueSize: -2 })],
  "a varint of more than 32 bits": [1, recordOf({ deltaBytes: [0x80, 0x80, 0x80, 0x80, 0x70] })]
}
