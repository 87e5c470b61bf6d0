import { strangeListeners } from "@tusk/server/config/ListenerSettings"
import { parseSettings } from "@tusk/server/config/Settings"
import type { Settings } from "@tusk/server/config/Settings"
import type { AdminOptions, FirstUser, ListenOptions } from "@tusk/server/Tusk"
import * as Result from "effect/Result"
import { resolve } from "node:path"
import { parseAdmin } from "./AdminAddress.ts"
import { CliError } from "./CliError.ts"
import { readFirstAdmin, withSuperUser } from "./FirstAdmin.ts"
import { flagProperties, readGiven } from "./Given.ts"
import type { Given } from "./Given.ts"
import { kafkaListeners, LISTENERS_SETTINGS, parseListeners } from "./Listeners.ts"
import { isLogFormat } from "./log/formats.ts"
import type { LogFormat } from "./log/formats.ts"
import { readOtelOptions } from "./OtelOptions.ts"
import type { OtelOptions } from "./OtelOptions.ts"
import { readSecret } from "./Files.ts"

/** Where a broker that starts keeps its data. */
export type Storage =
  | { readonly _tag: "Embedded"; readonly dataDir: string }
  /** Without a URL libpq's variables name the server. */
  | {
      readonly _tag: "Postgres"
      readonly url: string | undefined
      readonly standby: boolean
      readonly schema?: string
    }
  | { readonly _tag: "Memory"; readonly bytes: number | undefined }

export type LogLevel = "Debug" | "Info" | "Warn" | "Error"

/** What `tusk start` does, once flags, environment and file are read and found right. */
export interface StartOptions {
  readonly settings: Settings
  readonly warnings: ReadonlyArray<string>
  readonly listeners: ReadonlyArray<ListenOptions>
  /** Made at the start if they are not there. */
  readonly users: ReadonlyArray<FirstUser>
  readonly storage: Storage
  readonly logLevel: LogLevel
  /** Where the value of a flag comes from: `--listen`, `TUSK_LISTEN`, `server.properties:3`; none for a default. */
  readonly origins: ReadonlyMap<string, string>
  /** Undefined: as fits where the lines go. */
  readonly logFormat: LogFormat | undefined
  /** Undefined: no admin pages. */
  readonly admin: AdminOptions | undefined
  /** Undefined: nothing is exported. */
  readonly otel: OtelOptions | undefined
  /** Stdout has the first listener's port, and nothing else. */
  readonly printPort: boolean
}

const LOG_LEVELS: ReadonlyMap<string, LogLevel> = new Map([
  ["debug", "Debug"],
  ["info", "Info"],
  ["warn", "Warn"],
  ["error", "Error"]
])

const EMBEDDED_TRUSTS =
  "tusk.sasl.plain.verify=postgres: the embedded Postgres lets in whoever reaches its socket, and checks no password: give a server of your own (--database-url)"

/** Everything `tusk start` was told: flags over environment over file over defaults. */
export const readStartOptions = (args: ReadonlyArray<string>, env: NodeJS.ProcessEnv): StartOptions | CliError => {
  const given = readGiven(args, env)
  if (given instanceof CliError) return given
  const { flags, origins } = given
  const one = (name: string) => flags.get(name)?.[0]

  const places = parseListeners(flags.get("listen") ?? [], flags.get("advertise") ?? [], kafkaListeners(given.settings))
  if (places instanceof CliError) {
    return blamed(places, origins.get(places.message.startsWith("--advertise") ? "advertise" : "listen"))
  }

  const level = one("log-level") ?? "info"
  const logLevel = LOG_LEVELS.get(level.toLowerCase())
  if (logLevel === undefined) {
    const error = new CliError({ message: `--log-level ${level}: one of debug, info, warn, error` })
    return blamed(error, origins.get("log-level"))
  }

  const logFormat = flags.get("log-format")?.[0]
  if (logFormat !== undefined && !isLogFormat(logFormat)) {
    const error = new CliError({ message: `--log-format ${logFormat}: one of json, logfmt, pretty` })
    return blamed(error, origins.get("log-format"))
  }

  const storage = readStorage(given, env)
  if (storage instanceof CliError) return storage

  const admin = parseAdmin(flags.get("admin")?.[0])
  if (admin instanceof CliError) return blamed(admin, origins.get("admin"))
  const otel = readOtelOptions(env)
  if (otel instanceof CliError) return otel

  const firstAdmin = readFirstAdmin(env)
  if (firstAdmin instanceof CliError) return firstAdmin
  const parsed = parseSettings(withSuperUser(given.settings, firstAdmin), flagProperties)
  if (Result.isFailure(parsed)) return new CliError({ message: parsed.failure.message })
  const { settings, warnings } = parsed.success
  if (storage._tag === "Embedded" && settings.saslPlainVerify === "postgres") {
    return new CliError({ message: EMBEDDED_TRUSTS })
  }
  return {
    settings,
    warnings: [
      ...places.warnings,
      ...warnings.filter((warning) => !LISTENERS_SETTINGS.some((name) => warning.startsWith(`${name} `))),
      ...strangeListeners(
        settings,
        places.listeners.map(({ name }) => name)
      )
    ],
    listeners: places.listeners,
    users: firstAdmin === undefined ? [] : [firstAdmin],
    storage,
    logLevel,
    logFormat,
    admin,
    otel,
    printPort: flags.get("print-port")?.[0] === "true",
    origins
  }
}

/** The message, and before it the place that said so, if that was no flag. */
const blamed = ({ message }: CliError, origin: string | undefined): CliError =>
  new CliError({ message: origin === undefined || origin.startsWith("--") ? message : `${origin}: ${message}` })

const readStorage = (given: Given, env: NodeJS.ProcessEnv): Storage | CliError => {
  const one = (name: string) => given.flags.get(name)?.[0]
  const refuse = (name: string, why: string) => blamed(new CliError({ message: why }), given.origins.get(name))
  const hasUrl = one("database-url") !== undefined || one("database-url-file") !== undefined
  const kind = one("storage") ?? (hasUrl ? "postgres" : "embedded")
  const bytes = one("memory-bytes")
  const standby = one("standby") ?? "false"
  if (standby !== "true" && standby !== "false") return refuse("standby", `--standby=${standby}: true or false`)
  if (standby === "true" && kind !== "postgres") {
    return refuse("standby", `--standby: there is nobody to wait for with --storage ${kind}`)
  }
  if (bytes !== undefined && !/^[1-9]\d*$/.test(bytes)) {
    return refuse("memory-bytes", `--memory-bytes ${bytes}: not a number of bytes`)
  }
  if (one("schema") !== undefined && kind !== "postgres") {
    return refuse("schema", `--schema: a cluster of its own needs none with --storage ${kind}`)
  }
  switch (kind) {
    case "embedded":
      return { _tag: "Embedded", dataDir: resolve(one("data-dir") ?? "tusk-data") }
    case "postgres":
      return readPostgres(given, env, standby === "true")
    case "memory":
      return { _tag: "Memory", bytes: bytes === undefined ? undefined : Number(bytes) }
    default:
      return refuse("storage", `--storage ${kind}: one of embedded, postgres, memory`)
  }
}

const readPostgres = ({ flags, origins }: Given, env: NodeJS.ProcessEnv, standby: boolean): Storage | CliError => {
  const file = flags.get("database-url-file")?.[0]
  const secret = file === undefined ? undefined : readSecret(file, origins.get("database-url-file")!)
  if (secret instanceof CliError) return secret
  // Variables of other programs count only if `--storage postgres` was given.
  const url = secret ?? flags.get("database-url")?.[0] ?? env.DATABASE_URL
  if (url === undefined && env.PGHOST === undefined && env.PGDATABASE === undefined) {
    return new CliError({
      message:
        "--storage postgres: no --database-url, TUSK_DATABASE_URL, TUSK_DATABASE_URL_FILE, DATABASE_URL or PGHOST"
    })
  }
  const schema = flags.get("schema")?.[0]
  return { _tag: "Postgres", url, standby, ...(schema === undefined ? {} : { schema }) }
}
