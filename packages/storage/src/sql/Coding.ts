import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"

/** How values lie in records: as the JSON that a schema has for them, or as the bytes that it encodes to. */
export type Format<I> = I extends Uint8Array | null ? "json" | "bytes" : "json"

/** What a record holds of a value; null is a tombstone, and what a schema encodes to null. */
export type Bytes = Uint8Array | null

const utf8 = new TextEncoder()
const text = new TextDecoder()

export const encoding = <A, I, RD, RE>(
  schema: Schema.Codec<A, I, RD, RE>,
  format: "json" | "bytes"
): ((value: A) => Effect.Effect<Bytes, Schema.SchemaError, RE>) => {
  // `Format` lets a schema of bytes have "bytes", and no other.
  if (format === "bytes") return Schema.encodeEffect(schema as unknown as Schema.Codec<A, Bytes, RD, RE>)
  const encode = Schema.encodeEffect(Schema.toCodecJson(schema))
  return (value) => Effect.map(encode(value), (json) => (json === null ? null : utf8.encode(JSON.stringify(json))))
}

export const decoding = <A, I, RD, RE>(
  schema: Schema.Codec<A, I, RD, RE>,
  format: "json" | "bytes"
): ((bytes: Bytes) => Effect.Effect<A, Schema.SchemaError, RD>) => {
  if (format === "bytes") return Schema.decodeUnknownEffect(schema)
  const parse = Schema.decodeUnknownEffect(Schema.fromJsonString(Schema.Unknown))
  const decode = Schema.decodeUnknownEffect(Schema.toCodecJson(schema))
  return (bytes) => (bytes === null ? decode(null) : Effect.flatMap(parse(text.decode(bytes)), decode))
}
