import { InvalidRecord, InvalidTimestamp, isKafkaError, type KafkaError, type RecordError } from "../KafkaError.ts"
import * as H from "./BatchHeader.ts"
import { attempt, attemptSteps, invalid, open, RecordCursor, STRIDE, timestampOf } from "./RecordCursor.ts"
import type { DecodeLimits } from "./RecordCursor.ts"
import { finish, type Steps } from "./Steps.ts"

/** What a topic asks of every record. */
export interface RecordRules {
  /** Each has to have a key. */
  readonly compacted: boolean
  /** Milliseconds, both inclusive; a record without a time (-1) passes. */
  readonly times?: { readonly earliest: bigint; readonly latest: bigint } | undefined
  /** Offsets may be missing within the batch, as compaction leaves it. */
  readonly gaps?: boolean | undefined
}

const NO_RULES: RecordRules = { compacted: false }

/** Refused records that an answer names at most. */
const MAX_RECORD_ERRORS = 1000

/**
 * What Kafka checks of every produced record and `validateBatch` does not: that each is well formed, that they are as many
 * as the header says, that offsets go 0, 1, 2 … and the rules of its topic. InvalidRecord; InvalidTimestamp if a time
 * breaks the rules; either names the records that break rules. Or what decompression answers. Undefined: all is well.
 *
 * @example
 * import { encodeBatch, validateRecords } from "@tusk/protocol/record/RecordBatch"
 *
 * const limits = { maxDecompressedBytes: 1 << 20 }
 * const batch = encodeBatch([{ key: Buffer.from("k") }, { key: null }])
 * validateRecords(batch, { compacted: false, limits }) // undefined
 * const error = validateRecords(batch, { compacted: true, limits })
 * error._tag // "InvalidRecord"
 * error.recordErrors.map(({ index }) => index) // [1]
 */
export const validateRecords = (
  batch: Uint8Array,
  options: RecordRules & { readonly limits: DecodeLimits }
): KafkaError | undefined => {
  const opened = attempt(() => open(batch, options.limits))
  return isKafkaError(opened) ? opened : validateDecompressed(batch, opened.bytes, options)
}

/** The same if the records were decompressed already. */
export const validateDecompressed = (
  batch: Uint8Array,
  records: Uint8Array,
  rules?: RecordRules
): KafkaError | undefined => finish(validationSteps(batch, records, rules))

/** The same in steps. */
export function* validationSteps(
  batch: Uint8Array,
  records: Uint8Array,
  rules: RecordRules | undefined
): Steps<KafkaError | undefined> {
  if (rules === undefined || (rules.gaps === true && !rules.compacted && rules.times === undefined)) {
    const walk = new Walk(records, H.recordCount(batch))
    while (walk.goOn(STRIDE)) yield walk.at
    if (walk.isSound) return undefined
  }
  // `judge` looks at every field, and tells what is wrong and where.
  return yield* attemptSteps(judge(batch, new RecordCursor(records, H.recordCount(batch)), rules ?? NO_RULES))
}

function* judge(batch: Uint8Array, cursor: RecordCursor, rules: RecordRules): Steps<KafkaError | undefined> {
  const base = H.baseTimestamp(batch)
  const errors: Array<RecordError> = []
  const last = H.lastOffsetDelta(batch)
  let mistimed = false
  let yielded = 0
  let before = -1
  const refuse = (index: number, message: string): void => {
    if (errors.length < MAX_RECORD_ERRORS) errors.push({ index, message })
  }
  for (let delta = 0; cursor.advance(); delta++) {
    cursor.skipHeaders()
    const { offsetDelta } = cursor
    const fits = rules.gaps === true ? offsetDelta > before && offsetDelta <= last : offsetDelta === delta
    if (!fits) throw invalid(`The record at index ${delta} has the offset delta ${offsetDelta}.`)
    before = offsetDelta
    if (cursor.at - yielded >= STRIDE) yield (yielded = cursor.at)
    if (rules.compacted && cursor.keySize < 0) refuse(delta, "A compacted topic takes no record without a key.")
    if (rules.times === undefined) continue
    const time = timestampOf(batch, base, cursor)
    const { earliest, latest } = rules.times
    if (time === -1n || (time >= earliest && time <= latest)) continue
    mistimed = true
    refuse(delta, `The timestamp ${time} is not within ${earliest} and ${latest}.`)
  }
  if (errors.length === 0) return undefined
  const message = `${errors.length === 1 ? "A record was" : "Some records were"} refused, and the batch with it.`
  const details = { message, recordErrors: errors }
  return mistimed ? new InvalidTimestamp(details) : new InvalidRecord(details)
}

/**
 * The way through sound records, which nearly all are: nothing is allocated and no field is kept. Says no of some that
 * are sound (a field of 128 MiB or more), and yes of none that is not.
 *
 * Lengths are zigzag varints: an even one is twice the length, 1 is null, any other odd one is wrong. Reads may go
 * beyond a record or the batch, as a varint cut short never ends well and each record has to end where its size says.
 */
class Walk {
  readonly #bytes: Uint8Array
  readonly #count: number
  #index = 0
  at = 0
  isSound = false

  constructor(records: Uint8Array, count: number) {
    this.#bytes = records
    this.#count = count
  }

  /** Goes on by about so many bytes; false when there is no more to be done. */
  goOn(by: number): boolean {
    const bytes = this.#bytes
    const end = bytes.byteLength
    const count = this.#count
    const until = this.at + by
    let at = this.at
    let index = this.#index
    while (index < count && at < until) {
      let varint = readVarint(bytes, at)
      let zigzag = varint >>> 3
      at += varint & 7
      const next = at + (zigzag >>> 1)
      if ((zigzag & 1) !== 0 || next > end) return false
      // Behind the attributes, which have no use yet, the time: one byte if it is that of the first record.
      at++
      at = bytes[at]! < 128 ? at + 1 : behindVarlong(bytes, at)
      varint = readVarint(bytes, at)
      if (varint >>> 3 !== 2 * index) return false
      at += varint & 7
      varint = readVarint(bytes, at)
      zigzag = varint >>> 3
      at += varint & 7
      if ((zigzag & 1) === 0) at += zigzag >>> 1
      else if (zigzag !== 1) return false
      varint = readVarint(bytes, at)
      zigzag = varint >>> 3
      at += varint & 7
      if ((zigzag & 1) === 0) at += zigzag >>> 1
      else if (zigzag !== 1) return false
      varint = readVarint(bytes, at)
      zigzag = varint >>> 3
      at += varint & 7
      if (zigzag !== 0) at = behindHeaders(bytes, at, zigzag, next)
      if (at !== next) return false
      index++
    }
    this.at = at
    this.#index = index
    if (index < count) return true
    this.isSound = at === end
    return false
  }
}

/** Nowhere that a record may end. */
const ASTRAY = -1

/** Where the headers end, `zigzag` / 2 of them; ASTRAY if they do not. */
const behindHeaders = (bytes: Uint8Array, from: number, zigzag: number, next: number): number => {
  if ((zigzag & 1) !== 0) return ASTRAY
  let at = from
  for (let left = zigzag >>> 1; left > 0; left--) {
    const key = readVarint(bytes, at)
    if (((key >>> 3) & 1) !== 0) return ASTRAY
    at += (key & 7) + (key >>> 4)
    // Checked for each, so that no number of headers that is not there is counted down.
    if (at >= next) return ASTRAY
    const value = readVarint(bytes, at)
    const size = value >>> 3
    at += value & 7
    if ((size & 1) === 0) at += size >>> 1
    else if (size !== 1) return ASTRAY
  }
  return at
}

/**
 * A varint as it is written, before zigzag, times 8, plus the bytes it takes; -1, which is odd and no length, if it is
 * none or one of 2^28 or more.
 */
const readVarint = (bytes: Uint8Array, at: number): number => {
  const first = bytes[at]!
  if (first < 128) return (first << 3) | 1
  const second = bytes[at + 1]!
  if (second < 128) return (((second << 7) | (first & 127)) << 3) | 2
  return readLonger(bytes, at)
}

const readLonger = (bytes: Uint8Array, at: number): number => {
  const low = (bytes[at]! & 127) | ((bytes[at + 1]! & 127) << 7)
  const third = bytes[at + 2]!
  if (third < 128) return ((low | (third << 14)) << 3) | 3
  const fourth = bytes[at + 3]!
  // The bit above would be the sign of what is answered.
  return fourth < 128 ? (low | ((third & 127) << 14) | (fourth << 21)) * 8 + 4 : -1
}

/** Where a varlong ends; ASTRAY if it has more than 64 bits. */
const behindVarlong = (bytes: Uint8Array, from: number): number => {
  for (let at = from; at < from + 9; at++) {
    const byte = bytes[at]!
    if (byte < 128) return at + 1
    if (byte === undefined) return ASTRAY
  }
  return bytes[from + 9]! <= 1 ? from + 10 : ASTRAY
}
