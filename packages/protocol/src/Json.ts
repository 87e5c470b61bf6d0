/**
 * Messages as JSON: names as in the values, `int64` a decimal string, `bytes` and `records` hex, `uuid` Kafka's text.
 * Fields that the version lacks and tagged fields at their default are left out, as on the wire.
 */
import { defaultOf, type FieldPlan, isDefault, type StructPlan, type TypePlan } from "./codec/Ir.ts"
import type { MessageCodec } from "./codec/MessageCodec.ts"
import { protocolError } from "./ProtocolError.ts"

/** What `JSON.parse` gives. */
export type Json = null | boolean | number | string | ReadonlyArray<Json> | { readonly [name: string]: Json }

const hex = (bytes: Uint8Array): string => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("hex")

/**
 * A value of the codec in one version as JSON. Unknown tagged fields have no place in it. Throws `ProtocolError`
 * (`unsupportedVersion`) for a version that is not there.
 *
 * @example
 * import { fromJson, toJson } from "@tusk/protocol/Json"
 * import { Heartbeat } from "@tusk/protocol/messages/Heartbeat"
 *
 * const value = fromJson(Heartbeat.request, 0, { groupId: "orders", generationId: 3 })
 * value.memberId // ""
 * toJson(Heartbeat.request, 0, value) // { groupId: "orders", generationId: 3, memberId: "" }
 */
export const toJson = <A>(codec: MessageCodec<A>, version: number, value: A): { readonly [name: string]: Json } =>
  structToJson(codec.plan(version), value)

const structToJson = (plan: StructPlan, value: any): { readonly [name: string]: Json } => {
  const json: Record<string, Json> = {}
  for (const field of plan.fields) {
    if (field.place === "absent" || (field.place === "tagged" && isDefault(field, value[field.name]))) continue
    json[field.name] = typeToJson(field.type, value[field.name])
  }
  return json
}

const typeToJson = (type: TypePlan, value: any): Json => {
  if (value === null) return null
  switch (type.kind) {
    case "int64":
      return String(value)
    case "bytes":
    case "records":
      return hex(value)
    case "recordChunks":
      return value.map(hex).join("")
    case "float64":
      return Number.isFinite(value) ? value : String(value)
    case "array":
      return value.map((element: unknown) => typeToJson(type.of, element))
    case "struct":
      return structToJson(type.struct, value)
    default:
      return value
  }
}

/**
 * The value that JSON describes; what is left out has its default. Throws `ProtocolError` with the reason `badFrame` for
 * JSON of another shape.
 */
export const fromJson = <A>(codec: MessageCodec<A>, version: number, json: Json): A =>
  structFromJson(codec.plan(version), json, codec.name)

const shape = (wanted: string, path: string) => protocolError("badFrame", `should be ${wanted}`, path)

const structFromJson = (plan: StructPlan, json: Json, path: string): any => {
  if (typeof json !== "object" || json === null || Array.isArray(json)) throw shape("an object", path)
  const value: Record<string, unknown> = {}
  const object = json as { readonly [name: string]: Json }
  for (const name of Object.keys(object)) {
    if (!plan.fields.some((field) => field.name === name))
      throw protocolError("badFrame", "no such field", `${path}.${name}`)
  }
  for (const field of plan.fields) {
    const given = object[field.name]
    value[field.name] = given === undefined ? defaultOf(field) : fieldFromJson(field, given, `${path}.${field.name}`)
  }
  return value
}

const fieldFromJson = (field: FieldPlan, json: Json, path: string): unknown => {
  if (json === null && !field.nullable && field.default !== null) throw shape("set", path)
  return json === null ? null : typeFromJson(field.type, json, path)
}

const fromHex = (json: Json, path: string): Uint8Array => {
  if (typeof json !== "string" || !/^([0-9a-f]{2})*$/i.test(json)) throw shape("bytes in hex", path)
  return new Uint8Array(Buffer.from(json, "hex"))
}

const typeFromJson = (type: TypePlan, json: Json, path: string): unknown => {
  switch (type.kind) {
    case "int64":
      if (typeof json !== "string" || !/^-?\d+$/.test(json)) throw shape("a decimal string", path)
      return BigInt(json)
    case "bytes":
    case "records":
      return fromHex(json, path)
    case "recordChunks":
      return [fromHex(json, path)]
    case "array":
      if (!Array.isArray(json)) throw shape("an array", path)
      return json.map((element: Json, i) => typeFromJson(type.of, element, `${path}[${i}]`))
    case "struct":
      return structFromJson(type.struct, json, path)
    case "string":
    case "uuid":
      if (typeof json !== "string") throw shape("a string", path)
      return json
    case "bool":
      if (typeof json !== "boolean") throw shape("true or false", path)
      return json
    case "float64":
      if (json === "NaN" || json === "Infinity" || json === "-Infinity") return Number(json)
      if (typeof json !== "number") throw shape("a number", path)
      return json
    default:
      if (typeof json !== "number") throw shape("a number", path)
      return json
  }
}
