import type { FieldPlan, StructPlan, TypePlan } from "./Ir.ts"

const typeText = (type: TypePlan): string => {
  switch (type.kind) {
    case "array":
      return `[]${typeText(type.of)}`
    case "struct":
      return type.struct.name
    case "recordChunks":
      return "records"
    default:
      return type.kind
  }
}

const structIn = (type: TypePlan): StructPlan | undefined =>
  type.kind === "array" ? structIn(type.of) : type.kind === "struct" ? type.struct : undefined

const defaultText = (field: FieldPlan): string => {
  const value = field.default
  return value === undefined ? "" : `default ${typeof value === "string" ? JSON.stringify(value) : String(value)}`
}

const lines = (plan: StructPlan, indent: string): Array<ReadonlyArray<string>> =>
  [...plan.body, ...plan.tagged].flatMap((field) => {
    const inner = structIn(field.type)
    const row = [
      indent + field.name,
      typeText(field.type) + (field.nullable ? " | null" : ""),
      [field.place === "tagged" ? `tag ${field.tag}` : "", defaultText(field)].filter((part) => part !== "").join(", ")
    ]
    return [row, ...(inner === undefined ? [] : lines(inner, `${indent}  `))]
  })

/** The fields of a message in one version as an aligned table, in the order they are on the wire. */
export const describePlan = (plan: StructPlan, version: number): string => {
  const rows = lines(plan, "  ")
  const widths = [0, 1].map((column) => Math.max(0, ...rows.map((row) => row[column]!.length)))
  const title = `${plan.name} v${version}${plan.flexible ? " (flexible)" : ""}`
  const table = rows.map((row) => `${row[0]!.padEnd(widths[0]!)}  ${row[1]!.padEnd(widths[1]!)}  ${row[2]!}`.trimEnd())
  return [title, ...table].join("\n")
}
