import { flagOf, listOf, numberOf } from "./ConfigDefinition.ts"
import type { TypedConfig } from "./ConfigDefinition.ts"

/** A setting of the broker, which Tusk acts on. */
export interface SettingDefinition extends TypedConfig {
  /** Kafka's other name of the same setting. */
  readonly alias?: string
}

interface NumberDetails {
  readonly min?: number
  readonly max?: number
  readonly dynamic?: boolean
  readonly alias?: string
}

/** Numbers are INT, LONG or SHORT; Tusk's own are named `tusk.*`. */
export const number = <const Name extends string>(
  name: Name,
  type: "INT" | "LONG" | "SHORT",
  defaultValue: number,
  details: NumberDetails,
  documentation: string
) => ({ name, type, defaultValue: String(defaultValue), ...details, documentation, read: numberOf })

export const flag = <const Name extends string>(name: Name, defaultValue: boolean, documentation: string) => ({
  name,
  type: "BOOLEAN" as const,
  defaultValue: String(defaultValue),
  documentation,
  read: flagOf
})

/** A text that looks like `pattern`, which is a form and its name. */
export const text = <const Name extends string>(
  name: Name,
  defaultValue: string,
  pattern: readonly [expression: RegExp, description: string],
  documentation: string
) => ({ name, type: "STRING" as const, defaultValue, pattern, documentation, read: (value: string) => value.trim() })

/** One of some words; case does not matter, the typed setting has them as they are written here. */
export const word = <const Name extends string, const Word extends string>(
  name: Name,
  defaultValue: NoInfer<Word>,
  oneOf: ReadonlyArray<Word>,
  documentation: string
) => ({
  name,
  type: "STRING" as const,
  defaultValue,
  oneOf,
  ignoreCase: true,
  documentation,
  read: (text: string) => text.trim().toLowerCase() as Word
})

export const words = <const Name extends string, const Word extends string>(
  name: Name,
  defaultValue: ReadonlyArray<NoInfer<Word>>,
  oneOf: ReadonlyArray<Word>,
  documentation: string
) => ({
  name,
  type: "LIST" as const,
  defaultValue: defaultValue.join(","),
  oneOf,
  documentation,
  read: (text: string) => listOf(text) as ReadonlyArray<Word>
})
