import { allSettings } from "@tusk/server/config/SettingDefinitions"
import { parseArgs } from "node:util"
import { CliError } from "./CliError.ts"
import { ADMIN_VARIABLES } from "./FirstAdmin.ts"

/**
 * A flag of `tusk start`. The table is our own, over node's `parseArgs`: to import `effect/cli` takes 100 ms and more (with a
 * warm compile cache), and a broker on memory serves 330 ms after its process started.
 */
export interface FlagDefinition {
  readonly name: string
  /** Environment variable of the same meaning. */
  readonly variable: string
  /** Empty: the flag takes none, and its variable says true or false. */
  readonly argument: string
  readonly repeats: boolean
  readonly help: string
}

/** All of them, in the order of `--help`. */
export const startFlags: ReadonlyArray<FlagDefinition> = [
  {
    name: "listen",
    variable: "TUSK_LISTEN",
    argument: "[NAME://]HOST:PORT",
    repeats: true,
    help: "where to listen; port 0 takes a free one (127.0.0.1:9092)"
  },
  {
    name: "advertise",
    variable: "TUSK_ADVERTISE",
    argument: "[NAME://]HOST:PORT",
    repeats: true,
    help: "what clients are told, for the listener of that name"
  },
  {
    name: "storage",
    variable: "TUSK_STORAGE",
    argument: "KIND",
    repeats: false,
    help: "embedded, postgres or memory (postgres where a URL is given, else embedded)"
  },
  {
    name: "database-url",
    variable: "TUSK_DATABASE_URL",
    argument: "URL",
    repeats: false,
    help: "postgres://user:password@host:port/database"
  },
  {
    name: "database-url-file",
    variable: "TUSK_DATABASE_URL_FILE",
    argument: "FILE",
    repeats: false,
    help: "the URL is in this file, as Docker, Kubernetes and systemd hand out secrets"
  },
  {
    name: "schema",
    variable: "TUSK_SCHEMA",
    argument: "NAME",
    repeats: false,
    help: "where in that database this cluster lies; each schema is a cluster of its own (kafka)"
  },
  {
    name: "standby",
    variable: "TUSK_STANDBY",
    argument: "",
    repeats: false,
    help: "waits while another Tusk serves this database, and takes over when it is gone"
  },
  {
    name: "data-dir",
    variable: "TUSK_DATA_DIR",
    argument: "DIR",
    repeats: false,
    help: "where the embedded Postgres keeps its data (./tusk-data)"
  },
  {
    name: "memory-bytes",
    variable: "TUSK_MEMORY_BYTES",
    argument: "N",
    repeats: false,
    help: "records kept with --storage memory (536870912)"
  },
  {
    name: "log-level",
    variable: "TUSK_LOG_LEVEL",
    argument: "LEVEL",
    repeats: false,
    help: "debug, info, warn or error (info)"
  },
  {
    name: "log-format",
    variable: "TUSK_LOG_FORMAT",
    argument: "FORMAT",
    repeats: false,
    help: "json, logfmt or pretty (pretty on a terminal, else json)"
  },
  {
    name: "admin",
    variable: "TUSK_ADMIN",
    argument: "HOST:PORT|off",
    repeats: false,
    help: "HTTP: /metrics for Prometheus, /livez, /readyz (127.0.0.1:9644, if it is free)"
  },
  {
    name: "print-port",
    // TUSK_PRINT_PORT would be a variable of a Service of Kubernetes named tusk-print, too.
    variable: "",
    argument: "",
    repeats: false,
    help: "once it serves, the first listener's port alone on stdout; all else on stderr"
  },
  {
    name: "config",
    variable: "TUSK_CONFIG",
    argument: "FILE",
    repeats: false,
    help: "all of this, a line each, as in Kafka's server.properties"
  },
  {
    name: "set",
    variable: "",
    argument: "NAME=VALUE",
    repeats: true,
    help: "a broker setting by Kafka's name; also TUSK_NUM_PARTITIONS and the like"
  }
]

/** Kafka's own names for what is a flag here. */
const KAFKA_NAMES: ReadonlyMap<string, string> = new Map([
  ["listen", "listeners"],
  ["advertise", "advertised.listeners"]
])

/** What a flag is called in a file of properties: `--data-dir` is `tusk.data.dir`. None for those that name or are properties. */
export const propertyOf = ({ name }: FlagDefinition): string | undefined =>
  name === "config" || name === "set" ? undefined : (KAFKA_NAMES.get(name) ?? `tusk.${name.replaceAll("-", ".")}`)

/** The values that were given, by the flag's name. A flag wins over its variable. */
export type FlagValues = ReadonlyMap<string, ReadonlyArray<string>>

const variables = new Set(startFlags.map(({ variable }) => variable))

/** Variables that are read elsewhere. */
const OTHER_VARIABLES = new Set([
  ...ADMIN_VARIABLES,
  "TUSK_BOOTSTRAP_SERVER",
  "TUSK_COMMAND_CONFIG",
  "TUSK_COMPILE_CACHE",
  "TUSK_LAUNCHED",
  "TUSK_MUTATIONS",
  "TUSK_SASL_MECHANISM",
  "TUSK_SASL_PASSWORD",
  "TUSK_SASL_PASSWORD_FILE",
  "TUSK_SASL_USERNAME",
  "TUSK_SECURITY_PROTOCOL",
  "TUSK_SEED",
  "TUSK_RUNS"
])

/** Reads arguments and variables. An error: a flag that is unknown, lacks its value, or is given twice. */
export const parseFlags = (args: ReadonlyArray<string>, env: NodeJS.ProcessEnv): FlagValues | CliError => {
  const options = Object.fromEntries(
    startFlags.map(({ argument, name }) => [
      name,
      { type: argument === "" ? ("boolean" as const) : ("string" as const), multiple: true }
    ])
  )
  let given: Record<string, unknown>
  try {
    given = parseArgs({ args: [...args], options, strict: true, allowPositionals: false }).values
  } catch (error) {
    const [line] = String((error as Error).message).split(/[.\n]/)
    return new CliError({ message: `${line}; see tusk --help` })
  }
  const values = new Map<string, ReadonlyArray<string>>()
  for (const { argument, name, repeats, variable } of startFlags) {
    const flags = (given[name] as ReadonlyArray<string | boolean> | undefined)?.map(String)
    if (flags !== undefined) {
      if (flags.includes("")) return new CliError({ message: `--${name}: nothing is given, not ${argument}` })
      if (!repeats && flags.length > 1) return new CliError({ message: `--${name} is given twice` })
      values.set(name, flags)
      continue
    }
    const text = variable === "" ? undefined : env[variable]
    if (text !== undefined && text !== "")
      values.set(name, repeats ? text.split(",").map((each) => each.trim()) : [text])
  }
  return values
}

const own: ReadonlySet<string> = new Set(allSettings.map(({ name }) => name))

/**
 * Kubernetes gives every container variables for each Service of its namespace, by the Service's name. Those of a Service
 * named `tusk`, or `tusk-something`, look like ours.
 */
const OF_A_SERVICE =
  /^TUSK_(?:\w+_)?(?:SERVICE_HOST|SERVICE_PORT(?:_\w+)?|PORT_\d+_(?:TCP|UDP|SCTP)(?:_(?:PROTO|PORT|ADDR))?)$/
const PORT_OF_A_SERVICE = /^TUSK_(?:\w+_)?PORT$/

const isOfAService = (key: string, value: string): boolean =>
  OF_A_SERVICE.test(key) || (PORT_OF_A_SERVICE.test(key) && /^(?:tcp|udp|sctp):\/\//.test(value))

/** Broker settings among the environment: `TUSK_LOG_RETENTION_MS` is `log.retention.ms`. */
export const settingsOfEnvironment = (
  env: NodeJS.ProcessEnv
): ReadonlyArray<{ readonly name: string; readonly value: string; readonly origin: string }> =>
  Object.keys(env)
    .filter(
      (key) =>
        key.startsWith("TUSK_") &&
        !variables.has(key) &&
        !OTHER_VARIABLES.has(key) &&
        !isOfAService(key, env[key] ?? "")
    )
    .sort()
    .map((key) => {
      const name = key.slice("TUSK_".length).toLowerCase().replaceAll("_", ".")
      // `TUSK_X` names a setting of Tusk's own, too: the name is not said twice.
      return { name: own.has(`tusk.${name}`) ? `tusk.${name}` : name, value: env[key] ?? "", origin: key }
    })
