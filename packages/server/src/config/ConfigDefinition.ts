/** A config's type, as Kafka's ConfigDef names it. */
export type ConfigType = "BOOLEAN" | "STRING" | "INT" | "SHORT" | "LONG" | "DOUBLE" | "LIST" | "CLASS" | "PASSWORD"

/** The number that DescribeConfigs tells a type by (KIP-569). */
export const CONFIG_TYPE_IDS: { readonly [Type in ConfigType]: number } = {
  BOOLEAN: 1,
  STRING: 2,
  INT: 3,
  SHORT: 4,
  LONG: 5,
  DOUBLE: 6,
  LIST: 7,
  CLASS: 8,
  PASSWORD: 9
}

/** What stands in the place of a secret. */
export const HIDDEN = "[hidden]"

/** A config of a topic, a broker or a group, as everybody is told it. */
export interface ConfigDefinition {
  readonly name: string
  readonly type: ConfigType
  /** Null: none. */
  readonly defaultValue: string | null
  readonly min?: number | bigint
  readonly max?: number | bigint
  /** The values there are; for a list, of each of its elements. */
  readonly oneOf?: ReadonlyArray<string>
  /** `oneOf` in any mixture of cases. */
  readonly ignoreCase?: boolean
  /** What the value, or each element of a list, looks like, and how that is told. */
  readonly pattern?: readonly [expression: RegExp, description: string]
  /** Values within the limits that are none all the same. */
  readonly except?: ReadonlyArray<bigint>
  /** Of a broker's config: it may be changed while brokers run. */
  readonly dynamic?: boolean
  /** Of a broker's config: each listener may have its own, `listener.name.<name>.…`; with `mechanism` each mechanism of it. */
  readonly perListener?: "listener" | "mechanism"
  readonly documentation: string
}

/** A config that the broker goes by. */
export interface TypedConfig<A = unknown> extends ConfigDefinition {
  readonly defaultValue: string
  /** What a text that was checked stands for. */
  readonly read: (text: string) => A
}

const RANGES: { readonly [Type in ConfigType]?: readonly [bigint, bigint] } = {
  INT: [-(2n ** 31n), 2n ** 31n - 1n],
  SHORT: [-(2n ** 15n), 2n ** 15n - 1n],
  LONG: [-(2n ** 63n), 2n ** 63n - 1n]
}

/**
 * As much as a config's number counts for: what is more stands for no limit. Kafka has 64 bits for it, and of them a
 * `number` is exact up to 53; so is still a time so far off, counted from now. In milliseconds 142,000 years.
 */
export const MOST_NUMBER = 2 ** 52

/** The number that a value stands for; it was checked before. */
export const numberOf = (value: string): number => Math.min(Math.max(Number(value), -MOST_NUMBER), MOST_NUMBER)

/** Whether a value says true; it was checked before. */
export const flagOf = (value: string): boolean => value.trim().toLowerCase() === "true"

/** The elements of a list value: separated by commas, blanks around them dropped. */
export const listOf = (value: string): ReadonlyArray<string> =>
  value.trim() === "" ? [] : value.split(",").map((element) => element.trim())

/** A secret is not repeated. */
const invalid = ({ name, type }: ConfigDefinition, value: string, why: string): string =>
  `Invalid value ${type === "PASSWORD" ? HIDDEN : value} for configuration ${name}: ${why}`

/** What is wrong with a value, as a text for people; undefined if nothing is. */
export const checkValue = (definition: ConfigDefinition, value: string): string | undefined => {
  const { max, min, oneOf, type } = definition
  const text = value.trim()
  switch (type) {
    case "BOOLEAN":
      return /^(true|false)$/i.test(text)
        ? undefined
        : invalid(definition, value, "Expected value to be either true or false")
    case "INT":
    case "SHORT":
    case "LONG": {
      if (!/^[+-]?\d+$/.test(text)) return invalid(definition, value, `Not a number of type ${type}`)
      const [least, most] = RANGES[type]!
      if (definition.except?.includes(BigInt(text)) === true)
        return invalid(definition, value, "Not a value it can have")
      return outside(
        definition,
        value,
        BigInt(text),
        min === undefined ? least : BigInt(min),
        max === undefined ? most : BigInt(max)
      )
    }
    case "DOUBLE": {
      const number = Number(text)
      if (text === "" || !Number.isFinite(number)) return invalid(definition, value, "Not a number of type DOUBLE")
      return outside(definition, value, number, Number(min ?? -Number.MAX_VALUE), Number(max ?? Number.MAX_VALUE))
    }
    case "LIST": {
      const [expression, description] = definition.pattern ?? []
      if (expression !== undefined && !listOf(value).every((element) => expression.test(element))) {
        return invalid(definition, value, `Must be ${description}`)
      }
      const stranger = oneOf === undefined ? undefined : listOf(value).find((element) => !oneOf.includes(element))
      return stranger === undefined
        ? undefined
        : invalid(definition, value, `String must be one of: ${oneOf!.join(", ")}, not ${stranger}`)
    }
    default: {
      const [expression, description] = definition.pattern ?? []
      if (expression?.test(text) === false) return invalid(definition, value, `Must be ${description}`)
      return oneOf === undefined || oneOf.includes(definition.ignoreCase === true ? text.toLowerCase() : text)
        ? undefined
        : invalid(definition, value, `String must be one of: ${oneOf.join(", ")}`)
    }
  }
}

const outside = <N extends number | bigint>(
  definition: ConfigDefinition,
  value: string,
  number: N,
  least: N,
  most: N
): string | undefined => {
  if (number < least) return invalid(definition, value, `Value must be at least ${least}`)
  return number > most ? invalid(definition, value, `Value must be no more than ${most}`) : undefined
}
