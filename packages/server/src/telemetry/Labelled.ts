/**
 * OTLP, as much as it takes to say of whom metrics are. What a client pushes is a `MetricsData`, on the wire the same as an
 * `ExportMetricsServiceRequest`: a list of `ResourceMetrics` (opentelemetry-proto, metrics.proto). Two `resource` fields of
 * one message are one with the attributes of both, as protobuf merges what comes twice: so nothing is decoded.
 */

/** Both of field 1, of length and bytes: `resource_metrics` of the whole, `resource` of each. */
const FIELD_1 = 0x0a
/** `value` of an attribute. */
const FIELD_2 = 0x12

const utf8 = new TextEncoder()

const varint = (number: number): ReadonlyArray<number> => {
  const bytes: Array<number> = []
  let rest = number
  while (rest > 127) {
    bytes.push((rest & 127) | 128)
    rest >>>= 7
  }
  bytes.push(rest)
  return bytes
}

const field = (tag: number, content: Uint8Array): Uint8Array =>
  Buffer.concat([Uint8Array.from([tag, ...varint(content.byteLength)]), content])

/** A `KeyValue` with a text: key, and `AnyValue` with a `string_value`. */
const attribute = (key: string, value: string): Uint8Array =>
  field(FIELD_1, Buffer.concat([field(FIELD_1, utf8.encode(key)), field(FIELD_2, field(FIELD_1, utf8.encode(value)))]))

/** Where the number that begins at `at` ends, and what it is; undefined if it does not end, or is no length. */
const lengthAt = (bytes: Uint8Array, at: number): readonly [length: number, end: number] | undefined => {
  let length = 0
  for (let i = 0; i < 5; i++) {
    const byte = bytes[at + i]
    if (byte === undefined) return undefined
    length += (byte & 127) * 2 ** (7 * i)
    if (byte < 128) return [length, at + i + 1]
  }
  return undefined
}

/**
 * Metrics with attributes on each of their resources, copied; undefined if the bytes are no `MetricsData`, or become more
 * than `mostBytes`: the attributes may be far longer than the parts that get them.
 */
export const labelled = (
  metrics: Uint8Array,
  labels: Readonly<Record<string, string>>,
  mostBytes: number
): Uint8Array | undefined => {
  const resource = field(FIELD_1, Buffer.concat(Object.entries(labels).map(([key, value]) => attribute(key, value))))
  const parts: Array<Uint8Array> = []
  let [at, bytes] = [0, 0]
  while (at < metrics.byteLength) {
    if (metrics[at] !== FIELD_1 || bytes > mostBytes) return undefined
    const found = lengthAt(metrics, at + 1)
    if (found === undefined) return undefined
    const [length, start] = found
    at = start + length
    if (at > metrics.byteLength) return undefined
    const part = field(FIELD_1, Buffer.concat([metrics.subarray(start, at), resource]))
    bytes += part.byteLength
    parts.push(part)
  }
  return bytes > mostBytes ? undefined : Buffer.concat(parts)
}
