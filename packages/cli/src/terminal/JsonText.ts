const rawJson = (JSON as unknown as { readonly rawJSON?: (text: string) => unknown }).rawJSON

const replacer = (_: string, value: unknown): unknown => {
  if (typeof value !== "bigint") return value
  // Exact beyond 2^53, too, where the runtime can.
  return rawJson === undefined ? Number(value) : rawJson(String(value))
}

/** JSON for people and programs, indented; a bigint is a number. */
export const jsonText = (value: unknown): string => JSON.stringify(value, replacer, 2)

/** The same on a single line. */
export const jsonLine = (value: unknown): string => JSON.stringify(value, replacer)
