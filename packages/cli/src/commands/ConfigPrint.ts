import { settingDefinitions } from "@tusk/server/config/SettingDefinitions"
import { CliError } from "../CliError.ts"
import { readStartOptions } from "../StartOptions.ts"

/** Every broker setting with its value and where it comes from. */
export const configPrint = (args: ReadonlyArray<string>): CliError | undefined => {
  const [verb, ...rest] = args
  if (verb !== "print") return new CliError({ message: "tusk config: the one verb is print" })
  const options = readStartOptions(rest, process.env)
  if (options instanceof CliError) return options
  const { given } = options.settings
  const rows = new Map<string, readonly [value: string, origin: string]>()
  for (const { defaultValue, name } of Object.values(settingDefinitions)) rows.set(name, [defaultValue, "default"])
  for (const [name, { origin, value }] of given) rows.set(name, [value, origin])
  for (const [name, [value, origin]] of Array.from(rows).sort(([a], [b]) => (a < b ? -1 : 1))) {
    process.stdout.write(`${name}=${value}  # ${origin}\n`)
  }
  for (const warning of options.warnings) process.stderr.write(`tusk: warning: ${warning}\n`)
  return undefined
}
