import { describe, expect, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Effect from "effect/Effect"
import { interpretDecode, interpretEncode } from "../../src/codec/Interpret.ts"
import { defaultOf, type StructPlan, type TypePlan } from "../../src/codec/Ir.ts"
import type { MessageCodec } from "../../src/codec/MessageCodec.ts"
import { Reader } from "../../src/codec/Reader.ts"
import { Writer } from "../../src/codec/Writer.ts"
import { apis } from "../../src/messages/index.ts"

const RUNS = Number(process.env["TUSK_RUNS"] ?? 20)

/** What of a generated value a version can hold: other fields at their default, no null if there is none. */
const mask = (plan: StructPlan, value: any): any => {
  const out: any = {}
  for (const field of plan.fields) {
    const given = value[field.name]
    const held = field.place !== "absent" && (given !== null || field.nullable)
    if (held) out[field.name] = maskType(field.type, given)
    else if (field.place === "absent") out[field.name] = defaultOf(field)
    else out[field.name] = maskType(field.type, defaultOf(field) ?? zero(field.type))
  }
  if (plan.flexible && value.unknownTaggedFields !== undefined) {
    out.unknownTaggedFields = value.unknownTaggedFields.map((unknown: any, i: number) => ({
      tag: 1000 + i,
      data: unknown.data
    }))
  }
  return out
}
const zero = (type: TypePlan): unknown => defaultOf({ type, default: undefined })
const maskType = (type: TypePlan, value: any): any => {
  if (value === null) return null
  switch (type.kind) {
    case "array":
      return value.map((element: unknown) => maskType(type.of, element))
    case "struct":
      return mask(type.struct, value)
    case "recordChunks":
      // Chunks come back as one piece.
      return [Buffer.concat(value)]
    default:
      return value
  }
}

/** Buffers and plain arrays of bytes, and -0 and 0, are the same on the wire. */
const plain = (value: any): any => {
  if (value instanceof Uint8Array) return Buffer.from(value).toString("hex")
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value === "object" && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, plain(inner)]))
  }
  return Object.is(value, -0) ? 0 : value
}

const check = (codec: MessageCodec<any>, version: number, generated: unknown): void => {
  const plan = codec.plan(version)
  const value = mask(plan, generated)
  const writer = new Writer()
  codec.encode(writer, version, value)
  const bytes = Buffer.concat(writer.finish())
  interpretEncode(plan, writer, value)
  expect(Buffer.concat(writer.finish()).equals(bytes)).toBe(true)
  const decoded = codec.decode(new Reader(bytes), version)
  expect(plain(decoded)).toEqual(plain(value))
  expect(plain(interpretDecode(plan, new Reader(bytes)))).toEqual(plain(value))
}

describe("decode(encode(x)) = x, generated code and interpreter alike", () => {
  for (const api of apis) {
    it.effect(
      api.name,
      () =>
        Effect.gen(function* () {
          for (const codec of [api.request, api.response]) {
            const values = yield* Arbitrary.sampleEffect(Arbitrary.schema(codec.schema), {
              count: RUNS,
              size: 4,
              seed: `${api.name} ${process.env["TUSK_SEED"] ?? 4}`
            })
            expect(values.length).toBe(RUNS)
            for (let version = codec.minVersion; version <= codec.maxVersion; version++) {
              for (const value of values) {
                try {
                  check(codec, version, value)
                } catch (error) {
                  throw new Error(`${codec.name} v${version}`, { cause: error })
                }
              }
            }
          }
        }),
      60_000
    )
  }
})
