import * as Data from "effect/Data"
import * as Result from "effect/Result"
import { brokerConfigs } from "./BrokerConfigs.ts"
import type { BrokerConfigName } from "./BrokerConfigs.ts"
import { checkGroupSettings } from "./checkGroupSettings.ts"
import { checkValue } from "./ConfigDefinition.ts"
import { isOfAnotherKafka } from "./OtherKafkaConfigs.ts"
import { nearest } from "./nearest.ts"
import { allSettings, settingAliases, settingDefinitions } from "./SettingDefinitions.ts"
import type { SettingValues } from "./SettingDefinitions.ts"
import type { SettingDefinition } from "./SettingKinds.ts"

/** One setting as it was given. */
export interface SettingEntry {
  readonly name: string
  readonly value: string
  /** Where it comes from, for people: "--set", "TUSK_NUM_PARTITIONS", "server.properties:3". */
  readonly origin: string
}

/** Every setting of the broker, by a typed name; and what was given, by Kafka's name. */
export interface Settings extends SettingValues {
  readonly given: ReadonlyMap<string, SettingEntry>
}

/** A setting that cannot be used; `message` is one line. */
export class SettingsError extends Data.TaggedError("SettingsError")<{ readonly message: string }> {}

export interface ParsedSettings {
  readonly settings: Settings
  /** For names that are Kafka's and mean nothing here. */
  readonly warnings: ReadonlyArray<string>
}

const build = (given: ReadonlyMap<string, SettingEntry>): Settings => {
  const typed = Object.fromEntries(
    Object.entries<SettingDefinition>(settingDefinitions).map(([key, { defaultValue, name, read }]) => [
      key,
      read(given.get(name)?.value ?? defaultValue)
    ])
  )
  return { ...(typed as SettingValues), given }
}

/** What a broker has of which nothing was said. */
export const defaultSettings: Settings = build(new Map())

/** Settings by Kafka's names: `{ "num.partitions": 3 }`. */
export type NamedSettings = { readonly [Name in BrokerConfigName]?: string | number | boolean }

const isParsed = (settings: Settings | NamedSettings): settings is Settings =>
  "given" in settings && settings.given instanceof Map

/** Settings given by name, read; those that were read already stay as they are. */
export const readSettings = (
  settings: Settings | NamedSettings | undefined
): Result.Result<ParsedSettings, SettingsError> => {
  if (settings === undefined) return Result.succeed({ settings: defaultSettings, warnings: [] })
  if (isParsed(settings)) return Result.succeed({ settings, warnings: [] })
  return parseSettings(
    Object.entries(settings).map(([name, value]) => ({ name, value: String(value), origin: "settings" }))
  )
}

/**
 * Later entries win. Fails on the first unknown name, and on the first value that does not fit. `others` are names that are
 * read elsewhere: who mistypes one is told it.
 */
export const parseSettings = (
  entries: ReadonlyArray<SettingEntry>,
  others: ReadonlyArray<string> = []
): Result.Result<ParsedSettings, SettingsError> => {
  const given = new Map<string, SettingEntry>()
  const idle = new Set<string>()
  for (const entry of entries) {
    const name = settingAliases.get(entry.name) ?? entry.name
    const definition = brokerConfigs().get(name)
    if (definition === undefined) {
      if (isOfAnotherKafka(name)) {
        idle.add(name)
        continue
      }
      const near = nearestName(entry.name, others)
      const hint = near === undefined ? "" : `; did you mean ${near}?`
      return Result.fail(new SettingsError({ message: `${entry.origin}: unknown setting ${entry.name}${hint}` }))
    }
    const wrong = checkValue(definition, entry.value)
    if (wrong !== undefined) return Result.fail(new SettingsError({ message: `${entry.origin}: ${wrong}` }))
    if (definition.idle) idle.add(name)
    given.set(name, { ...entry, name })
  }
  const settings = build(given)
  const wrong = checkGroupSettings(settings)
  if (wrong !== undefined) return Result.fail(new SettingsError({ message: wrong }))
  return Result.succeed({
    settings,
    warnings: Array.from(idle, (name) => `${name} is a setting of Kafka's that has no effect on Tusk`)
  })
}

/** The known name that takes the fewest edits, if they are few; of those as near, a setting. */
export const nearestName = (name: string, others: ReadonlyArray<string> = []): string | undefined =>
  nearest(name, [
    ...others,
    ...allSettings.map((setting) => setting.name),
    ...settingAliases.keys(),
    ...brokerConfigs().keys()
  ])
