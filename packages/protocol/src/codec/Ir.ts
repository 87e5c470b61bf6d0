/** What the codecs work on: a declaration read out of its Schema, then fixed to one version. */
import * as SchemaAST from "effect/SchemaAST"
import type * as Schema from "effect/Schema"
import { FIELD, type FieldAnnotation, WORD, type Word } from "./Declare.ts"
import { ZERO_UUID } from "./Uuid.ts"

/** Versions from the first to the second, both included; `[1, 0]` holds none. */
export type Range = readonly [min: number, max: number]

/** The type of a value, in all versions. */
export type Type =
  | { readonly kind: Word }
  | { readonly kind: "array"; readonly of: Type }
  | { readonly kind: "struct"; readonly struct: StructIr }

/** A field as it was declared, in all versions. */
export interface FieldIr {
  readonly name: string
  readonly type: Type
  readonly versions: Range
  readonly nullable: Range
  readonly tagged: Range
  readonly tag: number
  readonly default: number | bigint | boolean | string | null | undefined
  readonly ignorable: boolean
  readonly alwaysOld: boolean
}

/** A struct as it was declared, in all versions. */
export interface StructIr {
  readonly name: string
  readonly fields: ReadonlyArray<FieldIr>
}

/** The type of a value in one version. */
export type TypePlan =
  | { readonly kind: Word }
  | { readonly kind: "array"; readonly of: TypePlan }
  | { readonly kind: "struct"; readonly struct: StructPlan }

/** A field in one version: in the struct's body, in its tagged section, or not on the wire at all. */
export interface FieldPlan {
  readonly name: string
  readonly type: TypePlan
  readonly place: "body" | "tagged" | "absent"
  readonly nullable: boolean
  readonly flexible: boolean
  readonly tag: number
  readonly default: FieldIr["default"]
  readonly ignorable: boolean
}

/** A struct in one version: what is on the wire, and in which order. */
export interface StructPlan {
  readonly name: string
  readonly flexible: boolean
  /** All fields, as declared. */
  readonly fields: ReadonlyArray<FieldPlan>
  readonly body: ReadonlyArray<FieldPlan>
  /** In order of their tags. */
  readonly tagged: ReadonlyArray<FieldPlan>
  /** The fewest bytes a value takes. */
  readonly least: number
}

const NONE: Range = [1, 0]
const NAME = /^[a-z][A-Za-z0-9]*$/

/** Reads a range as Kafka writes it: `3`, `0-4`, `2+`, `none`. */
export const parseRange = (text: string): Range => {
  if (text === "none") return NONE
  const parts = /^(\d+)(?:(\+)|-(\d+))?$/.exec(text)
  if (parts === null) throw new Error(`not a range of versions: ${text}`)
  const min = Number(parts[1])
  return [min, parts[2] !== undefined ? 32767 : parts[3] !== undefined ? Number(parts[3]) : min]
}

/** Whether a range holds a version. */
export const within = (range: Range, version: number): boolean => version >= range[0] && version <= range[1]

const wordOf = (ast: SchemaAST.AST): Word | undefined => SchemaAST.resolve(ast)?.[WORD] as Word | undefined

const typeOf = (ast: SchemaAST.AST): Type => {
  const word = wordOf(ast)
  if (word !== undefined) return { kind: word }
  if (SchemaAST.isUnion(ast)) return typeOf(ast.types.find((type) => !SchemaAST.isNull(type))!)
  if (SchemaAST.isArrays(ast)) return { kind: "array", of: typeOf(ast.rest[0]!) }
  if (SchemaAST.isObjects(ast)) return { kind: "struct", struct: structOf(ast) }
  throw new Error(`no wire type for ${ast._tag}`)
}

const structOf = (ast: SchemaAST.Objects): StructIr => ({
  name: String(SchemaAST.resolve(ast)?.["identifier"]),
  fields: ast.propertySignatures.flatMap((property): Array<FieldIr> => {
    const name = String(property.name)
    if (name === "unknownTaggedFields") return []
    const annotation = property.type.context?.annotations?.[FIELD] as FieldAnnotation | undefined
    if (annotation === undefined || !NAME.test(name)) throw new Error(`${name} is not declared as a field`)
    return [
      {
        name,
        type: typeOf(property.type),
        versions: parseRange(annotation.versions),
        nullable: parseRange(annotation.nullable),
        tagged: annotation.tag === undefined ? NONE : parseRange(annotation.tagged ?? annotation.versions),
        tag: annotation.tag ?? -1,
        default: annotation.default,
        ignorable: annotation.ignorable === true,
        alwaysOld: annotation.flexible === "none"
      }
    ]
  })
})

/** Reads a declaration; throws an `Error` for one that has no wire form, which is a mistake in the declaration. */
export const irOf = (schema: Schema.Top): StructIr => {
  const type = typeOf(schema.ast)
  if (type.kind !== "struct") throw new Error("a message is a struct")
  return type.struct
}

/** Bytes of the types that always have the same size; 0 for the others. */
export const fixedSize = (type: TypePlan): number => {
  switch (type.kind) {
    case "bool":
    case "int8":
      return 1
    case "int16":
    case "uint16":
      return 2
    case "int32":
    case "uint32":
      return 4
    case "int64":
    case "float64":
      return 8
    case "uuid":
      return 16
    default:
      return 0
  }
}

const leastOf = (type: TypePlan, flexible: boolean, orNull: boolean): number => {
  const fixed = fixedSize(type)
  if (fixed > 0) return fixed
  if (type.kind === "struct") return orNull ? 1 : type.struct.least
  return flexible ? 1 : type.kind === "string" ? 2 : 4
}

/** The fewest bytes of an array's element, at least one so that every count is bounded by the bytes left. */
export const leastElement = (type: TypePlan, flexible: boolean): number => Math.max(1, leastOf(type, flexible, false))

const planType = (type: Type, version: number, flexible: boolean): TypePlan => {
  if (type.kind === "array") return { kind: "array", of: planType(type.of, version, flexible) }
  if (type.kind === "struct") return { kind: "struct", struct: planOf(type.struct, version, flexible) }
  return type
}

/** Fixes a declaration to one version. */
export const planOf = (ir: StructIr, version: number, flexible: boolean): StructPlan => {
  const fields = ir.fields.map((field): FieldPlan => {
    const tagged = flexible && within(field.tagged, version)
    return {
      name: field.name,
      type: planType(field.type, version, flexible),
      place: tagged ? "tagged" : within(field.versions, version) ? "body" : "absent",
      nullable: within(field.nullable, version),
      flexible: flexible && !field.alwaysOld,
      tag: field.tag,
      default: field.default,
      ignorable: field.ignorable
    }
  })
  const body = fields.filter((field) => field.place === "body")
  return {
    name: ir.name,
    flexible,
    fields,
    body,
    tagged: fields.filter((field) => field.place === "tagged").sort((a, b) => a.tag - b.tag),
    least: body.reduce((sum, f) => sum + leastOf(f.type, f.flexible, f.nullable), flexible ? 1 : 0)
  }
}

const EMPTY = new Uint8Array(0)

/** The value of a field that is not set: always a new object or array, so that it may be handed out. */
export const defaultOf = (field: { readonly type: TypePlan; readonly default: FieldIr["default"] }): unknown => {
  if (field.default !== undefined) return field.default
  switch (field.type.kind) {
    case "array":
    case "recordChunks":
      return []
    case "struct":
      return defaultStruct(field.type.struct)
    case "bool":
      return false
    case "string":
      return ""
    case "int64":
      return 0n
    case "uuid":
      return ZERO_UUID
    case "bytes":
    case "records":
      return EMPTY
    default:
      return 0
  }
}

/** A struct with every field at its default. */
export const defaultStruct = (plan: StructPlan): Record<string, unknown> => {
  const value: Record<string, unknown> = {}
  for (const field of plan.fields) value[field.name] = defaultOf(field)
  return value
}

/** Whether a field has its default value; a struct is compared field by field. */
export const isDefault = (
  field: { readonly type: TypePlan; readonly default: FieldIr["default"] },
  value: any
): boolean => {
  if (field.default !== undefined) return value === field.default
  switch (field.type.kind) {
    case "array":
    case "recordChunks":
    case "bytes":
    case "records":
      return value !== null && value.length === 0
    case "struct":
      return (
        value !== null &&
        value.unknownTaggedFields === undefined &&
        field.type.struct.fields.every((inner) => isDefault(inner, value[inner.name]))
      )
    default:
      return value === defaultOf(field)
  }
}
