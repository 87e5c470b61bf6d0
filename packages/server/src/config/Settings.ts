import * as Data from "effect/Data"
import * as Result from "effect/Result"
import { brokerConfigs } from "./BrokerConfigs.ts"
import type { BrokerConfig, BrokerConfigName } from "./BrokerConfigs.ts"
import { checkGroupSettings } from "./checkGroupSettings.ts"
import { checkValue } from "./ConfigDefinition.ts"
import { isOfAnotherKafka } from "./OtherKafkaConfigs.ts"
import { canonicalName, LISTENER_PREFIX, listenerSettingName, splitListenerName } from "./ListenerSettingName.ts"
import { nearest } from "@tusk/protocol/nearest"
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

const valueOf = (read: SettingDefinition["read"], text: string | null): unknown =>
  text === null ? undefined : read(text)

const build = (given: ReadonlyMap<string, SettingEntry>): Settings => {
  const typed = Object.fromEntries(
    Object.entries<SettingDefinition>(settingDefinitions).map(([key, { defaultValue, name, read }]) => [
      key,
      valueOf(read, given.get(name)?.value ?? defaultValue)
    ])
  )
  return { ...(typed as SettingValues), given }
}

/** What a broker has of which nothing was said. */
export const defaultSettings: Settings = build(new Map())

/** Settings by Kafka's names: `{ "num.partitions": 3 }`. */
export type NamedSettings = {
  readonly [Name in BrokerConfigName | `listener.name.${string}`]?: string | number | boolean
}

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

/** The definition that a name has, and the name that it goes by; also of a listener's own (`listener.name.…`). */
const find = (text: string): { readonly name: string; readonly definition: BrokerConfig } | undefined => {
  const name = settingAliases.get(text) ?? text
  const definition = brokerConfigs().get(name)
  if (definition !== undefined) return { name, definition }
  const ofListener = listenerSettingName(text)
  return ofListener === undefined ? undefined : { name: canonicalName(ofListener), definition: ofListener.definition }
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
    const found = find(entry.name)
    if (found === undefined) {
      const [, name = entry.name] = splitListenerName(entry.name) ?? []
      if (isOfAnotherKafka(name)) {
        idle.add(entry.name)
        continue
      }
      const near = nearestName(name, others)
      const hint = near === undefined ? "" : `; did you mean ${entry.name.slice(0, -name.length)}${near}?`
      return Result.fail(
        new SettingsError({ message: `${entry.origin}: unknown setting ${shownName(entry.name)}${hint}` })
      )
    }
    const { definition, name } = found
    const wrong = checkValue({ ...definition, name }, entry.value)
    if (wrong !== undefined) return Result.fail(new SettingsError({ message: `${entry.origin}: ${wrong}` }))
    if (definition.idle) idle.add(name)
    if (name.startsWith(LISTENER_PREFIX) && !definition.idle && definition.perListener === undefined) {
      return Result.fail(
        new SettingsError({ message: `${entry.origin}: ${definition.name} is one for all listeners, not ${name}` })
      )
    }
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

/** Letters and digits, in parts: a line of a key that was not joined to the one before has another form. */
const NAME = /^[a-z][a-z0-9]{0,19}(?:[._-]\w{1,60})*$/

/** The name of a setting that is none, for people. A line of a file that is the rest of a secret is not told. */
const shownName = (name: string): string => (NAME.test(name) ? name : "(of another form than names have)")

/** The known name that takes the fewest edits, if they are few; of those as near, a setting. */
export const nearestName = (name: string, others: ReadonlyArray<string> = []): string | undefined =>
  nearest(name, [
    ...others,
    ...allSettings.map((setting) => setting.name),
    ...settingAliases.keys(),
    ...brokerConfigs().keys()
  ])
