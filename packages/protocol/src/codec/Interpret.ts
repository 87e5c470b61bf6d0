/**
 * The codec as an interpreter of the plan: the reference that the generated code is held to, the way out if code
 * generation is forbidden, and the one that names the field when something is wrong.
 */
import { ProtocolError, protocolError } from "../ProtocolError.ts"
import { defaultOf, type FieldPlan, isDefault, leastElement, type StructPlan, type TypePlan } from "./Ir.ts"
import type { Reader, UnknownTaggedField } from "./Reader.ts"
import type { Writer } from "./Writer.ts"

/** Names and indexes from the message down to where the work is; left as it is when an error is thrown. */
type Path = Array<string | number>

const pathText = (path: Path): string =>
  path.reduce<string>(
    (text, part) => (typeof part === "number" ? `${text}[${part}]` : text === "" ? part : `${text}.${part}`),
    ""
  )

const located = (error: unknown, path: Path): unknown =>
  error instanceof ProtocolError && error.field === ""
    ? protocolError(error.reason, error.message, pathText(path))
    : error

/** Decodes by the plan. Throws `ProtocolError` with the path of the field. */
export const interpretDecode = (plan: StructPlan, reader: Reader): any => {
  const path: Path = []
  try {
    return decodeStruct(plan, reader, path)
  } catch (error) {
    throw located(error, path)
  }
}

/** Encodes by the plan. Throws `ProtocolError` with the path of the field. */
export const interpretEncode = (plan: StructPlan, writer: Writer, value: any): void => {
  const path: Path = []
  try {
    encodeStruct(plan, writer, value, path)
  } catch (error) {
    throw located(error, path)
  }
}

const decodeStruct = (plan: StructPlan, reader: Reader, path: Path): any => {
  const value: Record<string, unknown> = {}
  for (const field of plan.fields) value[field.name] = defaultOf(field)
  for (const field of plan.body) {
    path.push(field.name)
    value[field.name] = decodeField(field, reader, path)
    path.pop()
  }
  if (!plan.flexible) return value
  path.push("taggedFields")
  let unknown: Array<UnknownTaggedField> | undefined
  for (let left = reader.uvarint(); left > 0; left--) {
    const tag = reader.uvarint()
    const outer = reader.enter()
    const field = plan.tagged.find((known) => known.tag === tag)
    if (field === undefined) unknown = reader.keepUnknown(unknown, tag)
    else {
      path[path.length - 1] = field.name
      value[field.name] = decodeField(field, reader, path)
      path[path.length - 1] = "taggedFields"
    }
    reader.leave(outer)
  }
  if (unknown !== undefined) value["unknownTaggedFields"] = unknown
  path.pop()
  return value
}

const decodeField = (field: FieldPlan, reader: Reader, path: Path): unknown => {
  if (field.type.kind === "struct" && field.nullable && !reader.present()) return null
  return decodeType(field.type, reader, field.flexible, field.nullable, path)
}

const decodeType = (type: TypePlan, reader: Reader, flexible: boolean, orNull: boolean, path: Path): unknown => {
  switch (type.kind) {
    case "bool":
      return reader.int8() !== 0
    case "int8":
      return reader.int8()
    case "int16":
      return reader.int16()
    case "uint16":
      return reader.int16() & 0xffff
    case "int32":
      return reader.int32()
    case "uint32":
      return reader.int32() >>> 0
    case "int64":
      return reader.view.getBigInt64(reader.take(8))
    case "float64":
      return reader.view.getFloat64(reader.take(8))
    case "uuid":
      return reader.uuidAt(reader.take(16))
    case "string": {
      const text = flexible ? reader.compactNullableString() : reader.nullableString()
      return orNull ? text : nonNull(text)
    }
    case "bytes":
    case "records":
    case "recordChunks": {
      const bytes = flexible ? reader.compactNullableBytes() : reader.nullableBytes()
      if (bytes === null) return orNull ? null : nonNull(null)
      return type.kind === "recordChunks" ? [bytes] : bytes
    }
    case "struct":
      return decodeStruct(type.struct, reader, path)
    case "array": {
      const least = leastElement(type.of, flexible)
      const count = flexible ? reader.compactCount(least) : reader.count(least)
      if (count < 0) return orNull ? null : nonNull(null)
      const values: Array<unknown> = []
      for (let i = 0; i < count; i++) {
        path.push(i)
        values.push(decodeType(type.of, reader, flexible, false, path))
        path.pop()
      }
      return values
    }
  }
}

const nonNull = <A>(value: A | null): A => {
  if (value === null) throw protocolError("unexpectedNull", "null in a field that cannot be null")
  return value
}

const encodeStruct = (plan: StructPlan, writer: Writer, value: any, path: Path): void => {
  for (const field of plan.fields) {
    if (field.place === "absent" && !field.ignorable && !isDefault(field, value[field.name])) {
      path.push(field.name)
      throw protocolError("fieldNotInVersion", "set, but not a field of this version")
    }
  }
  if (!plan.flexible && value.unknownTaggedFields !== undefined) {
    throw protocolError("fieldNotInVersion", "tagged fields, which this version has not")
  }
  for (const field of plan.body) {
    path.push(field.name)
    encodeField(field, writer, value[field.name], path)
    path.pop()
  }
  if (!plan.flexible) return
  const set = plan.tagged.filter((field) => !isDefault(field, value[field.name]))
  const unknown: ReadonlyArray<UnknownTaggedField> = value.unknownTaggedFields ?? []
  writer.uvarint(set.length + unknown.length)
  let after = -1
  for (const field of set) {
    path.push(field.name)
    writer.unknownTags(unknown, after, field.tag)
    encodeField(field, writer.nested(), value[field.name], path)
    writer.appendTagged(field.tag)
    after = field.tag
    path.pop()
  }
  writer.unknownTags(unknown, after, Infinity)
}

const encodeField = (field: FieldPlan, writer: Writer, value: any, path: Path): void => {
  if (field.type.kind === "struct" && field.nullable) {
    writer.int8(value === null ? -1 : 1)
    if (value === null) return
  }
  encodeType(field.type, writer, field.flexible, field.nullable, value, path)
}

/** Answers the number if it is an integer of the range, else throws. */
const checked = (value: number, least: number, most: number): number => {
  if (value >= least && value <= most && Number.isInteger(value)) return value
  throw protocolError("outOfRange", `${value} is not an integer from ${least} to ${most}`)
}

/** Answers the bigint if it fits in 64 bits, else throws: `setBigInt64` would wrap it. */
export const checkedInt64 = (value: bigint): bigint => {
  if (BigInt.asIntN(64, value) === value) return value
  throw protocolError("outOfRange", `${value} does not fit in 64 bits`)
}

const encodeType = (
  type: TypePlan,
  writer: Writer,
  flexible: boolean,
  orNull: boolean,
  value: any,
  path: Path
): void => {
  if (value === null && !orNull) throw protocolError("unexpectedNull", "null in a field that cannot be null")
  switch (type.kind) {
    case "bool":
      return writer.int8(value ? 1 : 0)
    case "int8":
      return writer.int8(checked(value, -128, 127))
    case "int16":
      return writer.int16(checked(value, -32768, 32767))
    case "uint16":
      return writer.int16(checked(value, 0, 65535))
    case "int32":
      return writer.int32(checked(value, -2147483648, 2147483647))
    case "uint32":
      return writer.int32(checked(value, 0, 4294967295))
    case "int64": {
      const at = writer.take(8)
      return writer.view.setBigInt64(at, checkedInt64(value))
    }
    case "float64": {
      const at = writer.take(8)
      return writer.view.setFloat64(at, value)
    }
    case "uuid":
      return writer.uuidAt(writer.take(16), value)
    case "string":
      return flexible ? writer.compactNullableString(value) : writer.nullableString(value)
    case "bytes":
    case "records":
      return flexible ? writer.compactNullableBytes(value) : writer.nullableBytes(value)
    case "recordChunks":
      if (value !== null) return writer.recordChunks(value, flexible)
      return flexible ? writer.uvarint(0) : writer.int32(-1)
    case "struct":
      return encodeStruct(type.struct, writer, value, path)
    case "array": {
      const count = value === null ? -1 : value.length
      if (flexible) writer.uvarint(count + 1)
      else writer.int32(count)
      for (let i = 0; i < count; i++) {
        path.push(i)
        encodeType(type.of, writer, flexible, false, value[i], path)
        path.pop()
      }
    }
  }
}
