import { brokerConfigs } from "@tusk/server/config/BrokerConfigs"
import { HIDDEN } from "@tusk/server/config/ConfigDefinition"
import { listenerSettingName } from "@tusk/server/config/ListenerSettingName"
import { allSettings } from "@tusk/server/config/SettingDefinitions"
import { allTopicConfigs } from "@tusk/server/config/TopicConfigDefinitions"
import type { ListenOptions } from "@tusk/server/Tusk"
import { describeTarget, resolveOptions } from "@tusk/storage/pg/options/PgOptions"
import { CliError } from "../CliError.ts"
import { readStartOptions } from "../StartOptions.ts"
import type { StartOptions, Storage } from "../StartOptions.ts"

/** `tusk config print`: listeners, storage, every broker setting and every default of topics, each with its origin. */
export const configPrint = (args: ReadonlyArray<string>): CliError | undefined => {
  const [verb, ...rest] = args
  if (verb !== "print") return new CliError({ message: "tusk config: the one verb is print" })
  const options = readStartOptions(rest, process.env)
  if (options instanceof CliError) return options
  const flags = flagLines(options)
  if (flags instanceof CliError) return flags
  for (const line of [...flags, ...settingLines(options)]) process.stdout.write(`${line}\n`)
  for (const warning of options.warnings) process.stderr.write(`tusk: warning: ${warning}\n`)
  return undefined
}

const placeOf = (name: string, host: string, port: number): string =>
  `${name}://${host.includes(":") ? `[${host}]` : host}:${port}`

const advertisedOf = ({ advertised, host, name, port }: ListenOptions): string => {
  if (advertised !== undefined) return placeOf(name, advertised.host, advertised.port)
  return host === "0.0.0.0" || host === "::"
    ? `${name}://(the address a client came by):${port}`
    : placeOf(name, host, port)
}

/** Without secrets. */
const storageOf = (storage: Storage): readonly [kind: string, place: string, flag: string] => {
  switch (storage._tag) {
    case "Embedded":
      return ["embedded", `--data-dir ${storage.dataDir}`, "data-dir"]
    case "Postgres": {
      const target = resolveOptions({ url: storage.url, schema: storage.schema, environment: process.env })
      return ["postgres", `--database-url postgres://${describeTarget(target)}`, "database-url"]
    }
    case "Memory":
      return ["memory", `--memory-bytes ${storage.bytes ?? 512 * 1024 * 1024}`, "memory-bytes"]
  }
}

const flagLines = (options: StartOptions): ReadonlyArray<string> | CliError => {
  const origin = (name: string) => options.origins.get(name) ?? "default"
  let storage: ReturnType<typeof storageOf>
  try {
    storage = storageOf(options.storage)
  } catch (error) {
    return new CliError({ message: (error as Error).message })
  }
  const [kind, place, flag] = storage
  return [
    ...options.listeners.flatMap((listener) => [
      `--listen ${placeOf(listener.name, listener.host, listener.port)}  # ${origin("listen")}`,
      `--advertise ${advertisedOf(listener)}  # ${origin("advertise")}`
    ]),
    `--storage ${kind}  # ${origin("storage")}`,
    `${place}  # ${options.origins.get(`${flag}-file`) ?? origin(flag)}`,
    ...(options.storage._tag === "Postgres"
      ? [`--schema ${options.storage.schema ?? "kafka"}  # ${origin("schema")}`]
      : []),
    `--log-level ${options.logLevel.toLowerCase()}  # ${origin("log-level")}`,
    `--log-format ${options.logFormat ?? "(pretty on a terminal, else json)"}  # ${origin("log-format")}`,
    `--admin ${adminOf(options)}  # ${origin("admin")}`
  ]
}

const adminOf = ({ admin }: StartOptions): string =>
  admin === undefined ? "off" : `${admin.host.includes(":") ? `[${admin.host}]` : admin.host}:${admin.port}`

/** Also a listener's own (`listener.name.…`). */
const isSecret = (name: string): boolean =>
  (brokerConfigs().get(name) ?? listenerSettingName(name)?.definition)?.type === "PASSWORD"

/** In order of names. */
const settingLines = ({ settings: { given } }: StartOptions): ReadonlyArray<string> => {
  const rows = new Map<string, readonly [value: string, origin: string]>()
  for (const { defaultValue, synonyms } of allTopicConfigs) {
    const [first] = synonyms
    // If hours are given, the default of milliseconds does not hold.
    if (first === undefined || synonyms.some(({ name }) => given.has(name))) continue
    rows.set(first.name, [defaultValue, "default"])
  }
  for (const { defaultValue, name } of allSettings) rows.set(name, [defaultValue ?? "", "default"])
  for (const [name, { origin, value }] of given) rows.set(name, [isSecret(name) ? HIDDEN : value, origin])
  return Array.from(rows)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, [value, origin]]) => `${name}=${value}  # ${origin}`)
}
