import * as Redacted from "effect/Redacted"
import { flagOf, listOf, numberOf } from "./ConfigDefinition.ts"
import type { ConfigDefinition } from "./ConfigDefinition.ts"

/** A setting of the broker, which Tusk acts on. */
export interface SettingDefinition extends ConfigDefinition {
  /** What a text that was checked stands for; undefined is what one without a default is, of which nothing was said. */
  readonly read: (text: string) => unknown
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
export const textLike = <const Name extends string>(
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

/** A text that nobody has to give: undefined then, as if it is empty. */
export const text = <const Name extends string>(name: Name, documentation: string) => ({
  name,
  type: "STRING" as const,
  defaultValue: null,
  documentation,
  read: (value: string): string | undefined => (value.trim() === "" ? undefined : value.trim())
})

/** As `text`, and never shown. */
export const secret = <const Name extends string>(name: Name, documentation: string) => ({
  name,
  type: "PASSWORD" as const,
  defaultValue: null,
  documentation,
  read: (value: string): Redacted.Redacted | undefined => (value === "" ? undefined : Redacted.make(value))
})

/** Some words that are not limited to those known here. */
export const list = <const Name extends string>(
  name: Name,
  defaultValue: ReadonlyArray<string>,
  documentation: string
) => ({
  name,
  type: "LIST" as const,
  defaultValue: defaultValue.join(","),
  documentation,
  read: listOf
})

/** Each listener may have a value of its own, as `listener.name.<name in lower case>.<setting>`. */
export const perListener = <Definition extends SettingDefinition>(definition: Definition) => ({
  ...definition,
  perListener: "listener" as const
})

/** Each mechanism of each listener may, too: `listener.name.<name>.<mechanism in lower case>.<setting>`. */
export const perMechanism = <Definition extends SettingDefinition>(definition: Definition) => ({
  ...definition,
  perListener: "mechanism" as const
})
