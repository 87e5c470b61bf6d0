import type * as Schema from "effect/Schema"
import { ProtocolError, protocolError } from "../ProtocolError.ts"
import { compile, type Compiled, mayGenerate } from "./Compile.ts"
import type { Struct } from "./Declare.ts"
import { describePlan } from "./Describe.ts"
import { interpretDecode, interpretEncode } from "./Interpret.ts"
import { defaultStruct, irOf, parseRange, planOf, type StructIr, type StructPlan, within } from "./Ir.ts"
import { Reader } from "./Reader.ts"
import { Writer } from "./Writer.ts"

/**
 * The codec of one message in all its versions, compiled one version at a time when first used. A value has all fields in
 * every version, at their default in a version that lacks them.
 *
 * @example
 * import { Reader } from "@tusk/protocol/codec/Reader"
 * import { Writer } from "@tusk/protocol/codec/Writer"
 * import { Heartbeat } from "@tusk/protocol/messages/Heartbeat"
 *
 * const codec = Heartbeat.response
 * const writer = new Writer()
 * codec.encode(writer, 1, { ...codec.defaults(), errorCode: 27 })
 * const bytes = Buffer.concat(writer.finish())
 * bytes.toString("hex") // "00000000001b"
 * codec.decode(new Reader(bytes), 1) // { throttleTimeMs: 0, errorCode: 27 }
 */
export interface MessageCodec<A> {
  /** The declaration: static type, generator of values, and everything else is derived from it. */
  readonly schema: Struct<A>
  /** Name as in Kafka's tables: `FetchRequest`. */
  readonly name: string
  /** Versions that can be read and written, from the first to the second. */
  readonly minVersion: number
  readonly maxVersion: number
  /** Appends the bytes of a value. Throws `ProtocolError`, after which the writer has to be `reset`. */
  encode(writer: Writer, version: number, value: A): void
  /** Reads to the end of the frame, which has to be the end of the message. Throws `ProtocolError`. */
  decode(reader: Reader, version: number): A
  /** As `decode`, leaving what follows: for headers. */
  decodePrefix(reader: Reader, version: number): A
  /** A value with every field at its default, new each time. */
  readonly defaults: () => A
  /** The table of fields in one version, for people. */
  describe(version: number): string
  /** Fields and their places in one version; throws `ProtocolError` for a version that is not there. */
  plan(version: number): StructPlan
}

/** Versions of a message: those it has, and those in the flexible encoding (KIP-482). */
export interface MessageVersions {
  readonly versions: string
  readonly flexible: string
}

/** Derives the codec from a declaration. Nothing is compiled, not even the declaration read, before first use. */
export const messageCodec = <A>(schema: Struct<A>, { versions, flexible }: MessageVersions): MessageCodec<A> => {
  const range = parseRange(versions)
  const flexibleRange = parseRange(flexible)
  const name = String((schema as Schema.Top).ast.annotations?.["identifier"])
  const plans: Array<StructPlan | undefined> = []
  const compiled: Array<Compiled | undefined> = []
  let ir: StructIr | undefined

  const plan = (version: number): StructPlan => {
    const known = plans[version]
    if (known !== undefined) return known
    if (!within(range, version)) throw protocolError("unsupportedVersion", `${name} has no version ${version}`)
    ir ??= irOf(schema)
    return (plans[version] = planOf(ir, version, within(flexibleRange, version)))
  }
  const functions = (version: number): Compiled => compiled[version] ?? prepare(version)
  const prepare = (version: number): Compiled => {
    const fixed = plan(version)
    return (compiled[version] = mayGenerate()
      ? compile(fixed, `${name}.v${version}`)
      : {
          encode: (writer, value) => interpretEncode(fixed, writer, value),
          decode: (reader) => interpretDecode(fixed, reader)
        })
  }
  const decodePrefix = (reader: Reader, version: number): A => {
    const { decode } = functions(version)
    const start = reader.position
    const end = reader.end
    try {
      return decode(reader)
    } catch (error) {
      if (!(error instanceof ProtocolError) || error.field !== "") throw error
      // Once more, slowly, to learn at which field.
      const again = new Reader(reader.buffer, start, reader.maxElements)
      again.end = end
      interpretDecode(plan(version), again)
      throw error
    }
  }

  return {
    schema,
    name,
    minVersion: range[0],
    maxVersion: range[1],
    encode: (writer, version, value) => {
      const { encode } = functions(version)
      try {
        encode(writer, value)
      } catch (error) {
        if (!(error instanceof ProtocolError) || error.field !== "") throw error
        interpretEncode(plan(version), new Writer(), value)
        throw error
      }
    },
    decode: (reader, version) => {
      const value = decodePrefix(reader, version)
      const left = reader.end - reader.position
      if (left > 0) throw protocolError("trailingBytes", `${left} bytes behind the end of ${name} v${version}`)
      return value
    },
    decodePrefix,
    defaults: () => defaultStruct(plan(range[1])) as A,
    describe: (version) => describePlan(plan(version), version),
    plan
  }
}
