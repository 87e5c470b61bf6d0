/** A setting that Tusk acts on. Numbers are INT, LONG or SHORT; Tusk's own are named `tusk.*`. */
export const number = (
  name: string,
  type: "INT" | "LONG" | "SHORT",
  defaultValue: number,
  limits: { readonly min?: number; readonly max?: number },
  documentation: string
) => ({ name, type, defaultValue: String(defaultValue), ...limits, documentation, kind: "number" }) as const

export const flag = (name: string, defaultValue: boolean, documentation: string) =>
  ({ name, type: "BOOLEAN", defaultValue: String(defaultValue), documentation, kind: "boolean" }) as const

/** One of some words; case does not matter, the typed setting has them as they are written here. */
export const word = (name: string, defaultValue: string, oneOf: ReadonlyArray<string>, documentation: string) =>
  ({ name, type: "STRING", defaultValue, oneOf, ignoreCase: true, documentation, kind: "word" }) as const

export const words = (name: string, defaultValue: string, oneOf: ReadonlyArray<string>, documentation: string) =>
  ({ name, type: "LIST", defaultValue, oneOf, documentation, kind: "words" }) as const
