import type { StructPlan, TypePlan } from "@tusk/protocol/codec/Ir"

/** Where an answer has error codes: in its own fields, and in those of the structs in it that have any. */
export interface ErrorPlaces {
  /** The field with its own one. */
  readonly own: string | undefined
  readonly within: ReadonlyArray<{ readonly name: string; readonly places: ErrorPlaces }>
}

/** AddPartitionsToTxn has a name of its own for it. */
const OWN: ReadonlySet<string> = new Set(["errorCode", "partitionErrorCode"])

const structOf = (type: TypePlan): StructPlan | undefined =>
  type.kind === "array" ? structOf(type.of) : type.kind === "struct" ? type.struct : undefined

/** As the newest version of an answer declares it. */
export const errorPlaces = ({ fields }: StructPlan): ErrorPlaces => {
  const within = fields.flatMap(({ name, type }) => {
    const struct = structOf(type)
    const places = struct === undefined ? undefined : errorPlaces(struct)
    return places !== undefined && (places.own !== undefined || places.within.length > 0) ? [{ name, places }] : []
  })
  return { own: fields.find(({ name }) => OWN.has(name))?.name, within }
}

/** Counts the errors in an answer by their codes; the first of them is returned, 0 for none. */
export const countErrors = ({ own, within }: ErrorPlaces, answer: object, into: Map<number, number>): number => {
  const fields = answer as Readonly<Record<string, unknown>>
  let first = 0
  if (own !== undefined) {
    const code = fields[own]
    if (typeof code === "number" && code !== 0) {
      into.set(code, (into.get(code) ?? 0) + 1)
      first = code
    }
  }
  for (const { name, places } of within) {
    const value = fields[name]
    if (Array.isArray(value)) {
      for (const each of value) first = countErrors(places, each as object, into) || first
    } else if (typeof value === "object" && value !== null) first = countErrors(places, value, into) || first
  }
  return first
}
