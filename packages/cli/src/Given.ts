import { nearestName } from "@tusk/server/config/Settings"
import type { SettingEntry } from "@tusk/server/config/Settings"
import { readFileSync } from "node:fs"
import { CliError } from "./CliError.ts"
import { parseFlags, propertyOf, settingsOfEnvironment, startFlags } from "./Flags.ts"
import type { FlagValues } from "./Flags.ts"
import { parseProperties } from "./Files.ts"

/** All that `tusk start` was told, wherever: nothing of it is looked at yet. */
export interface Given {
  /** By the flag's name, also what a variable or a property said. */
  readonly flags: FlagValues
  /** Where each of them comes from: `--listen`, `TUSK_LISTEN`, `server.properties:3`. */
  readonly origins: ReadonlyMap<string, string>
  /** Broker settings; later ones win. */
  readonly settings: ReadonlyArray<SettingEntry>
}

/** What one place says: flags, or properties that are flags by another name. */
type Layer = ReadonlyMap<string, { readonly values: ReadonlyArray<string>; readonly origin: string }>

const flagOfProperty = new Map(
  startFlags.flatMap((flag) => {
    const property = propertyOf(flag)
    return property === undefined ? [] : [[property, flag] as const]
  })
)

/** The properties that are flags too, for who mistypes one. */
export const flagProperties: ReadonlyArray<string> = Array.from(flagOfProperty.keys())

/** Two ways to say the same: who says the one in a place that counts more, means it instead of the other. */
const EITHER: ReadonlyArray<readonly [string, string]> = [["database-url", "database-url-file"]]

const layerOf = (flags: FlagValues, origin: (name: string) => string): Layer =>
  new Map(Array.from(flags, ([name, values]) => [name, { values, origin: origin(name) }]))

/** Later properties of a name win, as in Kafka. An empty one says nothing. */
const layerOfProperties = (entries: ReadonlyArray<SettingEntry>): Layer =>
  new Map(
    entries.flatMap(({ name, origin, value }) => {
      const flag = flagOfProperty.get(name)
      if (flag === undefined || value === "") return []
      const values = flag.repeats ? value.split(",").map((each) => each.trim()) : [value]
      return [[flag.name, { values, origin }] as const]
    })
  )

/** Flags over environment over file, by whatever name each says it. */
export const readGiven = (args: ReadonlyArray<string>, env: NodeJS.ProcessEnv): Given | CliError => {
  const flags = parseFlags(args, {})
  if (flags instanceof CliError) return flags
  const variables = parseFlags([], env)
  if (variables instanceof CliError) return variables
  const file = (flags.get("config") ?? variables.get("config"))?.[0]
  const fromFile = file === undefined ? [] : readProperties(file)
  if (fromFile instanceof CliError) return fromFile
  const fromEnvironment = settingsOfEnvironment(env)
  const fromSet = setEntries(flags.get("set") ?? [])
  if (fromSet instanceof CliError) return fromSet

  const variableOf = (name: string) => startFlags.find((flag) => flag.name === name)!.variable
  const merged = merge([
    layerOf(flags, (name) => `--${name}`),
    layerOfProperties(fromSet),
    layerOf(variables, variableOf),
    layerOfProperties(fromEnvironment),
    layerOfProperties(fromFile)
  ])
  if (merged instanceof CliError) return merged
  return {
    flags: new Map(Array.from(merged, ([name, { values }]) => [name, values])),
    origins: new Map(Array.from(merged, ([name, { origin }]) => [name, origin])),
    settings: [...fromFile, ...fromEnvironment, ...fromSet].filter(({ name }) => !flagOfProperty.has(name))
  }
}

/** The first layer that names something decides it. */
const merge = (layers: ReadonlyArray<Layer>): Layer | CliError => {
  const merged = new Map<string, { readonly values: ReadonlyArray<string>; readonly origin: string }>()
  for (const layer of layers) {
    const decided = new Set<string>()
    for (const [one, other] of EITHER) {
      const [first, second] = [layer.get(one), layer.get(other)]
      if (first !== undefined && second !== undefined) {
        return new CliError({ message: `${first.origin} and ${second.origin} are given: give one of them` })
      }
      if (merged.has(one) || merged.has(other)) decided.add(one).add(other)
    }
    for (const [name, given] of layer) if (!decided.has(name) && !merged.has(name)) merged.set(name, given)
  }
  return merged
}

/** The properties of a `--config` file. */
export const readProperties = (file: string): ReadonlyArray<SettingEntry> | CliError => {
  try {
    return parseProperties(readFileSync(file, "utf8"), file)
  } catch (error) {
    return new CliError({ message: `--config ${file}: ${(error as NodeJS.ErrnoException).code ?? String(error)}` })
  }
}

const setEntries = (texts: ReadonlyArray<string>): ReadonlyArray<SettingEntry> | CliError => {
  const entries: Array<SettingEntry> = []
  for (const text of texts) {
    const at = text.indexOf("=")
    if (at <= 0) {
      const near = nearestName(text, flagProperties)
      return new CliError({ message: `--set ${text}: not NAME=VALUE${near === undefined ? "" : `, as in ${near}=…`}` })
    }
    const name = text.slice(0, at).trim()
    entries.push({ name, value: text.slice(at + 1).trim(), origin: `--set ${name}` })
  }
  return entries
}
