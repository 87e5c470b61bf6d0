/** How rows of the coordinator are written and read: JSON of a declared form, with a version. */
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Transformation from "effect/SchemaTransformation"

export interface RowCodec<A> {
  readonly encode: (value: A) => string
  /** What `encode` wrote, or why it cannot be that: what was expected, and the path at which it is not. */
  readonly decode: (row: string) => Result.Result<A, string>
}

/** A group's own row: all that is kept of it in one place. */
export interface GroupRow<Group> {
  readonly group: Group
  /** Milliseconds since the epoch at which the group came into this state. */
  readonly savedAtMs: number
}

/**
 * The form of the row is written out, its version too, in the order in which it is stored. A longer row is not parsed.
 * `encode` is for forms of thousands of elements, which the schema would visit one by one: it gives the same in one go.
 */
export const rowCodec = <A extends { readonly version: number }, I>(
  form: Schema.Codec<A, I>,
  version: A["version"],
  maxCharacters: number,
  // Whatever a machine persists has its types: what is written is not looked at once more.
  encode: (value: A) => I = Schema.encodeSync(form, { disableChecks: true })
): RowCodec<Omit<A, "version">> => {
  const read = Schema.decodeUnknownResult(Schema.fromJsonString(form))
  return {
    encode: (value) => JSON.stringify(encode({ ...value, version } as A)),
    decode: (row) => {
      if (row.length > maxCharacters) return Result.fail(`${row.length} characters are too many`)
      return Result.mapBoth(read(row), {
        onSuccess: ({ version: _version, ...value }) => value,
        onFailure: ({ message }) => message.replaceAll(/\s*\n\s*/g, " ")
      })
    }
  }
}

/** Of a row with `savedAtMs` among its fields. */
export const groupRowCodec = <A extends { readonly version: number; readonly savedAtMs: number }, I>(
  form: Schema.Codec<A, I>,
  version: A["version"],
  maxCharacters: number
): RowCodec<GroupRow<Omit<Omit<A, "version">, "savedAtMs">>> => {
  const { decode, encode } = rowCodec(form, version, maxCharacters)
  return {
    encode: ({ group, savedAtMs }) => encode({ ...group, savedAtMs } as Omit<A, "version">),
    decode: (row) => Result.map(decode(row), ({ savedAtMs, ...group }) => ({ group, savedAtMs: savedAtMs as number }))
  }
}

/** Of a member's row, which is stored under the member's id. */
export interface MemberRowCodec<Member> {
  readonly encode: (member: Member) => string
  readonly decode: (memberId: string, row: string) => Result.Result<Member, string>
}

export const memberRowCodec = <A extends { readonly version: number }, I>(
  form: Schema.Codec<A, I>,
  version: A["version"],
  maxCharacters: number
): MemberRowCodec<Omit<A, "version"> & { readonly memberId: string }> => {
  const { decode, encode } = rowCodec(form, version, maxCharacters)
  return { encode, decode: (memberId, row) => Result.map(decode(row), (member) => ({ memberId, ...member })) }
}

/** Bytes, as base64. By Node's own: a classic group has megabytes of them. */
export const Base64: Schema.Codec<Uint8Array, string> = Schema.String.check(Schema.isBase64()).pipe(
  Schema.decodeTo(
    Schema.Uint8Array,
    Transformation.transform<Uint8Array, string>({
      decode: (text) => new Uint8Array(Buffer.from(text, "base64")),
      encode: (bytes) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64")
    })
  )
)

/** A map, as an object. Its entries' order is that of the object, numbers first. */
export const mapOf = <A, I>(
  value: Schema.Codec<A, I>
): Schema.Codec<ReadonlyMap<string, A>, Readonly<Record<string, I>>> =>
  Schema.Record(Schema.String, value).pipe(
    Schema.decodeTo(
      Schema.declare((input): input is ReadonlyMap<string, A> => input instanceof Map),
      Transformation.transform<ReadonlyMap<string, A>, Readonly<Record<string, A>>>({
        decode: (record) => new Map(Object.entries(record)),
        encode: (map) => Object.fromEntries(map)
      })
    )
  )
