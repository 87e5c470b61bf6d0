/**
 * The words of a declaration. A message is an Effect Schema: the wire type is an annotation of the value, versions,
 * nullability, default and tag are annotations of the property's key. Everything else is derived from it.
 */
import * as Schema from "effect/Schema"

/** The wire types. `recordChunks` is `records` in an answer: on the wire one length and bytes, as a value a list of chunks. */
export type Word =
  | "bool"
  | "int8"
  | "int16"
  | "uint16"
  | "int32"
  | "uint32"
  | "int64"
  | "float64"
  | "uuid"
  | "string"
  | "bytes"
  | "records"
  | "recordChunks"

/** Where and how a field is on the wire. Ranges are Kafka's: `3`, `0-4`, `2+`, `none`. */
export interface FieldOptions {
  /** Number of the tagged field. */
  readonly tag?: number
  /** Versions in which the field is tagged; by default all that have it. */
  readonly tagged?: string
  /** Value if the version lacks the field or the tag is absent; by default zero, false, empty. */
  readonly default?: number | bigint | boolean | string | null
  /** Dropped silently in a version that lacks it. Otherwise writing a value other than the default is an error there. */
  readonly ignorable?: true
  /** Keeps the old encoding even in flexible versions: only the client id of a request header. */
  readonly flexible?: "none"
}

/** What stands on a property's key. */
export interface FieldAnnotation extends FieldOptions {
  readonly versions: string
  readonly nullable: string
}

/** The annotation keys; read by `Ir.ts` alone. */
export const WORD = "@tusk/protocol/word"
export const FIELD = "@tusk/protocol/field"

const word = <S extends Schema.Top>(schema: S, name: Word): S => schema.annotate({ [WORD]: name }) as S
const integer = (minimum: number, maximum: number) => Schema.Int.check(Schema.isBetween({ minimum, maximum }))

/** `boolean`; a byte, 0 or 1. */
export const bool = word(Schema.Boolean, "bool")
/** `number`, -2^7 to 2^7-1; a byte. */
export const int8 = word(integer(-128, 127), "int8")
/** `number`, -2^15 to 2^15-1; two bytes, as all integers here the highest first. */
export const int16 = word(integer(-32768, 32767), "int16")
/** `number`, 0 to 2^16-1; two bytes. */
export const uint16 = word(integer(0, 65535), "uint16")
/** `number`, -2^31 to 2^31-1; four bytes. */
export const int32 = word(integer(-2147483648, 2147483647), "int32")
/** `number`, 0 to 2^32-1; four bytes. */
export const uint32 = word(integer(0, 4294967295), "uint32")
/** `bigint`, -2^63 to 2^63-1; eight bytes. */
export const int64 = word(
  Schema.BigInt.check(Schema.isBetweenBigInt({ minimum: -(2n ** 63n), maximum: 2n ** 63n - 1n })),
  "int64"
)
/** `number`; eight bytes (IEEE 754). */
export const float64 = word(Schema.Number, "float64")
/** Kafka's text of sixteen bytes: 22 characters of base64url. */
export const uuid = word(Schema.String.check(Schema.isPattern(/^[A-Za-z0-9_-]{21}[AQgw]$/)), "uuid")
/** A lone surrogate has no UTF-8, so it is no string of the protocol. */
export const string = word(Schema.String.check(Schema.makeFilter((text) => text.isWellFormed())), "string")
/** `Uint8Array` behind its length; read as a view of the frame. */
export const bytes = word(Schema.Uint8Array, "bytes")
/** A record batch or message set, undecoded: a view of the frame. */
export const records = word(Schema.Uint8Array, "records")
/** Stored batches one behind the other; written by reference. */
export const recordChunks = word(Schema.Array(Schema.Uint8Array), "recordChunks")
/** A list of elements behind their count. */
export const array = <S extends Schema.Top>(element: S): Schema.$Array<S> => Schema.Array(element)

/** A field that is never null. */
export const field = <S extends Schema.Top>(schema: S, versions = "0+", options: FieldOptions = {}): S =>
  schema.annotateKey({ [FIELD]: { ...options, versions, nullable: "none" } }) as S

/** A field that may be null in the versions `nullable`, by default in all that have it. */
export const nullable = <S extends Schema.Top>(
  schema: S,
  versions = "0+",
  nullableVersions: string = versions,
  options: FieldOptions = {}
): Schema.NullOr<S> =>
  Schema.NullOr(schema).annotateKey({ [FIELD]: { ...options, versions, nullable: nullableVersions } })

const unknownTaggedFields = Schema.optionalKey(
  Schema.Array(Schema.Struct({ tag: uint32, data: Schema.Uint8Array })).check(
    Schema.isMinLength(1),
    Schema.isMaxLength(1000)
  )
)

/** Tagged fields this version of the declaration does not know; present only when there are some. */
export interface UnknownTags {
  readonly unknownTaggedFields?: ReadonlyArray<{ readonly tag: number; readonly data: Uint8Array }>
}

type Fields = { readonly [name: string]: Schema.Top }
type StructValue<F extends Fields> = { readonly [K in keyof F]: F[K]["Type"] } & UnknownTags

/** The schema of a struct; `A` is its plain value. */
export interface Struct<A> extends Schema.Codec<A, any> {}

/** The value that a declared struct describes: `interface Topic extends Value<typeof Topic> {}`. */
export type Value<S extends { readonly Type: unknown }> = S["Type"]

/** A message, or a struct inside one, named as Kafka names it. */
export const struct = <const F extends Fields>(name: string, fields: F): Struct<StructValue<F>> =>
  Schema.Struct({ ...fields, unknownTaggedFields }).annotate({ identifier: name }) as any
