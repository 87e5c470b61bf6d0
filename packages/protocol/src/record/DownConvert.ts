import { isKafkaError, type KafkaError, MessageTooLarge, UnsupportedCompressionType } from "../KafkaError.ts"
import { compressInBackground, decompressInBackground } from "./BackgroundCompression.ts"
import * as H from "./BatchHeader.ts"
import { compress, decompress, LZ4, UNCOMPRESSED, ZSTD } from "./Compression.ts"
import { withOldChecksum } from "./Lz4.ts"
import { CRC_AT, crc32, NO_TIMESTAMP, OLD_ATTRIBUTES_AT, type OldMagic, writeOne } from "./MessageSet.ts"
import { attempt, type DecodeLimits, offsetOf, RecordCursor, timestampOf } from "./RecordCursor.ts"
import { finish, inTurns, type Steps } from "./Steps.ts"

/**
 * A batch of magic 2 as a message set, in the same codec, for clients of Fetch 0 to 3. Headers, producer and leader epoch
 * are lost; control batches become nothing. UnsupportedCompressionType for zstd, which these magics never had; else what
 * `decodeRecords` answers.
 */
export const downConvertBatch = (batch: Uint8Array, magic: OldMagic, limits: DecodeLimits): Uint8Array | KafkaError => {
  const records = openable(batch) ?? decompress(H.compressionCodec(batch), recordsOf(batch), limits)
  if (!(records instanceof Uint8Array)) return records
  const set = attempt(() => finish(messageSteps(batch, records, magic, limits)))
  if (isKafkaError(set)) return set
  return around(batch, magic, set, () => compress(H.compressionCodec(batch), set.bytes, magic))
}

/** The same while others run: codecs in threads, records a stretch at a time. */
export const downConvertInBackground = async (
  batch: Uint8Array,
  magic: OldMagic,
  limits: DecodeLimits
): Promise<Uint8Array | KafkaError> => {
  const codec = H.compressionCodec(batch)
  const records = openable(batch) ?? (await decompressInBackground(codec, recordsOf(batch), limits))
  if (!(records instanceof Uint8Array)) return records
  try {
    const set = await inTurns(messageSteps(batch, records, magic, limits))
    const packed = await compressInBackground(codec, set.bytes)
    return around(batch, magic, set, () => (magic === 0 && codec === LZ4 ? withOldChecksum(packed) : packed))
  } catch (error) {
    if (isKafkaError(error)) return error
    throw error
  }
}

const NO_BYTES = new Uint8Array(0)
const recordsOf = (batch: Uint8Array): Uint8Array => batch.subarray(H.RECORD_BATCH_OVERHEAD)

/** What stands in the place of records if there is nothing to be opened. */
const openable = (batch: Uint8Array): Uint8Array | KafkaError | undefined => {
  if (H.isControl(batch)) return NO_BYTES
  if (H.compressionCodec(batch) === ZSTD) {
    return new UnsupportedCompressionType({ message: "zstd needs Fetch version 4 or later." })
  }
  // Compaction may leave a batch without records, and then nothing was compressed.
  return H.recordCount(batch) === 0 ? NO_BYTES : undefined
}

/** Uncompressed messages, and what a message around them tells of them. */
interface Messages {
  readonly bytes: Uint8Array
  readonly lastOffset: bigint
  readonly latest: bigint
}

/** One compressed message around the others. */
const around = (batch: Uint8Array, magic: OldMagic, messages: Messages, packed: () => Uint8Array): Uint8Array => {
  const codec = H.compressionCodec(batch)
  if (codec === UNCOMPRESSED || messages.bytes.byteLength === 0) return messages.bytes
  return writeOne(magic, typeOf(batch, magic) | codec, messages.lastOffset, messages.latest, null, packed())
}

const typeOf = (batch: Uint8Array, magic: OldMagic): number =>
  magic === 1 && H.timestampType(batch) === "LogAppendTime" ? H.TIMESTAMP_TYPE_MASK : 0

/** Of a message but key and value: offset, length, CRC, magic, attributes, a time in magic 1, two lengths. */
const overhead = (magic: OldMagic): number => (magic === 0 ? 26 : 34)

/** Looks at all records, then writes a message for each into bytes of the size that they need. */
function* messageSteps(batch: Uint8Array, records: Uint8Array, magic: OldMagic, limits: DecodeLimits): Steps<Messages> {
  if (records.byteLength === 0) return { bytes: NO_BYTES, lastOffset: 0n, latest: NO_TIMESTAMP }
  const count = H.recordCount(batch)
  const most = limits.maxRecords ?? 1_000_000
  let left = most
  let size = 0
  const sizes = new RecordCursor(records, count)
  while (sizes.advance()) {
    sizes.skipHeaders()
    left -= 1 + sizes.headerCount
    if (left < 0) throw new MessageTooLarge({ message: `A batch of more than ${most} records and headers.` })
    size += overhead(magic) + Math.max(0, sizes.keySize) + Math.max(0, sizes.valueSize)
    yield sizes.at
  }
  const bytes = new Uint8Array(size)
  const baseOffset = H.baseOffset(batch)
  const baseTimestamp = H.baseTimestamp(batch)
  const put = new Putter(bytes, magic, typeOf(batch, magic), records.byteLength)
  let latest = NO_TIMESTAMP
  let first: bigint | undefined
  let offset = baseOffset
  const cursor = new RecordCursor(records, count)
  while (cursor.advance()) {
    cursor.skipHeaders()
    offset = offsetOf(baseOffset, cursor)
    first ??= offset
    const timestamp = timestampOf(batch, baseTimestamp, cursor)
    if (timestamp > latest) latest = timestamp
    // Inside a compressed message of magic 1 offsets count from the first record.
    const inner = magic === 1 && H.compressionCodec(batch) !== UNCOMPRESSED ? offset - first : offset
    yield* put.message(inner, timestamp, cursor)
  }
  return { bytes, lastOffset: offset, latest }
}

/** Bytes that are copied, or of which the checksum is made, between two yields. */
const PIECE = 1 << 20

/** Writes messages one behind the other. */
class Putter {
  readonly #bytes: Uint8Array
  readonly #view: DataView
  readonly #magic: OldMagic
  readonly #attributes: number
  #at = 0
  #done: number

  constructor(bytes: Uint8Array, magic: OldMagic, attributes: number, done: number) {
    this.#bytes = bytes
    this.#view = H.viewOf(bytes)
    this.#magic = magic
    this.#attributes = attributes
    this.#done = done
  }

  *message(offset: bigint, timestamp: bigint, record: RecordCursor): Generator<number> {
    const bytes = this.#bytes
    const view = this.#view
    const start = this.#at
    view.setBigInt64(start, offset)
    bytes[start + H.MAGIC_AT] = this.#magic
    bytes[start + OLD_ATTRIBUTES_AT] = this.#attributes
    this.#at = start + OLD_ATTRIBUTES_AT + 1
    if (this.#magic === 1) {
      view.setBigInt64(this.#at, timestamp)
      this.#at += 8
    }
    yield* this.#field(record.bytes, record.keyAt, record.keySize)
    yield* this.#field(record.bytes, record.valueAt, record.valueSize)
    const end = this.#at
    view.setInt32(start + H.LENGTH_AT, end - start - H.LOG_OVERHEAD)
    let crc = 0
    for (let at = start + H.MAGIC_AT; at < end; at += PIECE) {
      crc = crc32(bytes.subarray(at, Math.min(end, at + PIECE)), crc)
      yield this.#advance(Math.min(end - at, PIECE))
    }
    view.setUint32(start + CRC_AT, crc)
  }

  /** A length, -1 for null, and so many bytes. */
  *#field(source: Uint8Array, from: number, size: number): Generator<number> {
    this.#view.setInt32(this.#at, size)
    this.#at += 4
    for (let done = 0; done < size; done += PIECE) {
      const piece = Math.min(size - done, PIECE)
      this.#bytes.set(source.subarray(from + done, from + done + piece), this.#at)
      this.#at += piece
      yield this.#advance(piece)
    }
  }

  #advance(bytes: number): number {
    return (this.#done += bytes)
  }
}
