import type { ConfigDefinition, ConfigType } from "./ConfigDefinition.ts"

/** A broker's config that is the default of a topic's. */
export interface Synonym {
  readonly name: string
  /** What the broker's value is multiplied by: hours and minutes are told in ms. */
  readonly factor: number
  readonly type: ConfigType
  readonly defaultValue: string | null
  readonly dynamic: boolean
}

/** A config of topics, and the broker configs that its default comes from, the first given one wins. */
export interface TopicConfigDefinition extends ConfigDefinition {
  readonly defaultValue: string
  readonly synonyms: ReadonlyArray<Synonym>
}

/** A synonym as it is written: if it is only a name, it has the topic config's type and default, and is dynamic. */
type Written = string | (Partial<Synonym> & { readonly name: string })
type NameOf<Each> = Each extends string ? Each : Each extends { readonly name: infer Name } ? Name : never

type Limits = Pick<ConfigDefinition, "min" | "max" | "oneOf" | "pattern" | "except">

/** A topic config that is kept and told, and by itself has no effect. */
export const define = <const Name extends string, const Synonyms extends ReadonlyArray<Written>>(
  name: Name,
  type: ConfigType,
  defaultValue: string,
  synonyms: Synonyms,
  documentation: string,
  limits: Limits = {}
) => ({
  name,
  type,
  defaultValue,
  documentation,
  ...limits,
  synonyms: synonyms.map((each): Synonym & { readonly name: NameOf<Synonyms[number]> } => ({
    factor: 1,
    type,
    defaultValue,
    dynamic: true,
    ...(typeof each === "string" ? {} : each),
    name: (typeof each === "string" ? each : each.name) as NameOf<Synonyms[number]>
  }))
})

/** One that the broker goes by: `read` gives what a text that was checked stands for. */
export const acts = <A, const Name extends string, const Synonyms extends ReadonlyArray<Written>>(
  read: (text: string) => A,
  name: Name,
  type: ConfigType,
  defaultValue: string,
  synonyms: Synonyms,
  documentation: string,
  limits: Limits = {}
) => ({ ...define(name, type, defaultValue, synonyms, documentation, limits), read })

/** Reads one of some words. */
export const one =
  <const Word extends string>(words: ReadonlyArray<Word>) =>
  (text: string): Word =>
    words.find((word) => word === text)!

/** Hours and minutes came first; Kafka has left no default to the ms beside them. */
export const unset = <const Name extends string>(name: Name) => ({ name, defaultValue: null })
export const minutes = <const Name extends string>(name: Name) =>
  ({ name, factor: 60_000, type: "INT", defaultValue: null, dynamic: false }) as const
export const hours = <const Name extends string>(name: Name, defaultValue: number) =>
  ({ name, factor: 3_600_000, type: "INT", defaultValue: String(defaultValue), dynamic: false }) as const
