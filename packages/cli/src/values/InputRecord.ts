/** Lines as records, for `tusk produce`. Pure. */
import type { ProducedRecord } from "@tusk/client/produce/BatchBuilder"
import { bytesOf } from "./Encoding.ts"
import type { Encoding } from "./Encoding.ts"

/** A record to produce, and the partition that it names. */
export type InputRecord = ProducedRecord & { readonly partition?: number }

type Headers = ProducedRecord["headers"]

/** What lines are. */
export interface LineFormat {
  /** What stands between key and value; undefined: there is no key. */
  readonly keySeparator: Uint8Array | undefined
  /** Whether headers stand first, `NAME:VALUE,NAME:VALUE`, and a tab behind them. */
  readonly headersFirst: boolean
  /** A key or value that is null. */
  readonly nullMarker: Uint8Array | undefined
  /** Of every record. */
  readonly headers: Headers
}

const TAB = 9
const NO_HEADERS: Headers = []

const isSame = (bytes: Uint8Array, marker: Uint8Array | undefined): boolean =>
  marker !== undefined && bytes.byteLength === marker.byteLength && Buffer.compare(bytes, marker) === 0

/** `NAME:VALUE,NAME:VALUE`, or what is wrong with it. A header without a colon has no value. */
export const parseHeaders = (text: string): Headers | string => {
  if (text === "") return NO_HEADERS
  const headers: Array<Headers[number]> = []
  for (const part of text.split(",")) {
    const at = part.indexOf(":")
    const key = at === -1 ? part : part.slice(0, at)
    if (key === "") return `a header without a name: ${part}`
    headers.push({ key, value: at === -1 ? null : Buffer.from(part.slice(at + 1)) })
  }
  return headers
}

/** A line as a record, or what is wrong with it. `timestamp`: of the record, in milliseconds since 1970. */
export const recordOfLine = (line: Uint8Array, format: LineFormat, timestamp: number): InputRecord | string => {
  let rest = line
  let headers = format.headers
  if (format.headersFirst) {
    const tab = line.indexOf(TAB)
    if (tab === -1) return "no tab behind the headers"
    const parsed = parseHeaders(Buffer.from(line.subarray(0, tab)).toString())
    if (typeof parsed === "string") return parsed
    headers = [...headers, ...parsed]
    rest = line.subarray(tab + 1)
  }
  if (format.keySeparator === undefined) {
    return { key: null, value: isSame(rest, format.nullMarker) ? null : rest, headers, timestamp }
  }
  const at = Buffer.from(rest.buffer, rest.byteOffset, rest.byteLength).indexOf(format.keySeparator)
  if (at === -1) return `no key separator ${Buffer.from(format.keySeparator).toString()}`
  const key = rest.subarray(0, at)
  const value = rest.subarray(at + format.keySeparator.byteLength)
  return {
    key: isSame(key, format.nullMarker) ? null : key,
    value: isSame(value, format.nullMarker) ? null : value,
    headers,
    timestamp
  }
}

const bytesField = (value: unknown, name: string, encoding: Encoding): Uint8Array | null | string => {
  if (value === null || value === undefined) return null
  if (typeof value !== "string") return `${name} is not a text`
  return bytesOf(value, encoding) ?? `${name} is no ${encoding}`
}

const headersField = (value: unknown, encoding: Encoding): Headers | string => {
  if (value === undefined || value === null) return NO_HEADERS
  if (!Array.isArray(value)) return "headers is not a list"
  const headers: Array<Headers[number]> = []
  for (const each of value as ReadonlyArray<unknown>) {
    const { key, value: text } = (typeof each === "object" && each !== null ? each : {}) as Record<string, unknown>
    if (typeof key !== "string") return "a header without a key"
    const bytes = bytesField(text, `the header ${key}`, encoding)
    if (typeof bytes === "string") return bytes
    headers.push({ key, value: bytes })
  }
  return headers
}

/**
 * A line of JSON as a record, or what is wrong with it: `key`, `value`, `headers` (a list of `key` and `value`), `partition`,
 * `timestamp`, as `tusk consume --output json` prints them; anything else in it does not matter.
 */
export const recordOfJson = (line: Uint8Array, encoding: Encoding, now: number): InputRecord | string => {
  let parsed: unknown
  try {
    parsed = JSON.parse(Buffer.from(line).toString())
  } catch (error) {
    return `no JSON: ${(error as Error).message}`
  }
  if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed)) return "not an object"
  const { headers: list, key: k, partition, timestamp, value: v } = parsed as Record<string, unknown>
  const key = bytesField(k, "key", encoding)
  if (typeof key === "string") return key
  const value = bytesField(v, "value", encoding)
  if (typeof value === "string") return value
  const headers = headersField(list, encoding)
  if (typeof headers === "string") return headers
  const time = timestamp ?? now
  if (!Number.isSafeInteger(time)) return "timestamp is not a number of milliseconds"
  const record = { key, value, headers, timestamp: time as number }
  if (partition === undefined || partition === null) return record
  if (!Number.isInteger(partition) || (partition as number) < 0) return "partition is not a number"
  return { ...record, partition: partition as number }
}
