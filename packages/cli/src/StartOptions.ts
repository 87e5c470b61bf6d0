import { nearestName, parseSettings } from "@tusk/server/config/Settings"
import type { SettingEntry, Settings } from "@tusk/server/config/Settings"
import type { ListenOptions } from "@tusk/server/Tusk"
import * as Result from "effect/Result"
import { readFileSync } from "node:fs"
import { resolve } from "node:path"
import { CliError } from "./CliError.ts"
import { parseFlags, settingsOfEnvironment } from "./Flags.ts"
import type { FlagValues } from "./Flags.ts"
import { parseListeners } from "./Listeners.ts"
import { parseProperties } from "./Properties.ts"

/** Where a broker that starts keeps its data. */
export type Storage =
  | { readonly _tag: "Embedded"; readonly dataDir: string }
  /** Without a URL libpq's variables name the server. */
  | { readonly _tag: "Postgres"; readonly url: string | undefined; readonly standby: boolean }
  | { readonly _tag: "Memory"; readonly bytes: number | undefined }

export type LogLevel = "Debug" | "Info" | "Warn" | "Error"

/** What `tusk start` does, once flags, environment and file are read and found right. */
export interface StartOptions {
  readonly settings: Settings
  readonly warnings: ReadonlyArray<string>
  readonly listeners: ReadonlyArray<ListenOptions>
  readonly storage: Storage
  readonly logLevel: LogLevel
}

const LOG_LEVELS: ReadonlyMap<string, LogLevel> = new Map([
  ["debug", "Debug"],
  ["info", "Info"],
  ["warn", "Warn"],
  ["error", "Error"]
])

/** Everything `tusk start` was told: flags over environment over file over defaults. */
export const readStartOptions = (args: ReadonlyArray<string>, env: NodeJS.ProcessEnv): StartOptions | CliError => {
  const flags = parseFlags(args, env)
  if (flags instanceof CliError) return flags
  const one = (name: string) => flags.get(name)?.[0]

  const listeners = parseListeners(flags.get("listen") ?? [], flags.get("advertise") ?? [])
  if (listeners instanceof CliError) return listeners

  const level = one("log-level") ?? "info"
  const logLevel = LOG_LEVELS.get(level.toLowerCase())
  if (logLevel === undefined) return new CliError({ message: `--log-level ${level}: one of debug, info, warn, error` })

  const storage = readStorage(flags, env)
  if (storage instanceof CliError) return storage

  const entries = readSettings(flags, env)
  if (entries instanceof CliError) return entries
  const parsed = parseSettings(entries)
  if (Result.isFailure(parsed)) return new CliError({ message: parsed.failure.message })
  return { ...parsed.success, listeners, storage, logLevel }
}

const readStorage = (flags: FlagValues, env: NodeJS.ProcessEnv): Storage | CliError => {
  const one = (name: string) => flags.get(name)?.[0]
  const url = one("database-url")
  const kind = one("storage") ?? (url === undefined ? "embedded" : "postgres")
  const bytes = one("memory-bytes")
  const standby = one("standby") ?? "false"
  if (standby !== "true" && standby !== "false")
    return new CliError({ message: `TUSK_STANDBY=${standby}: true or false` })
  if (standby === "true" && kind !== "postgres") {
    return new CliError({ message: `--standby: there is nobody to wait for with --storage ${kind}` })
  }
  if (bytes !== undefined && !/^[1-9]\d*$/.test(bytes)) {
    return new CliError({ message: `--memory-bytes ${bytes}: not a number of bytes` })
  }
  switch (kind) {
    case "embedded":
      return { _tag: "Embedded", dataDir: resolve(one("data-dir") ?? "tusk-data") }
    case "postgres": {
      // Variables of other programs count only if `--storage postgres` was given.
      const found = url ?? env.DATABASE_URL
      if (found === undefined && env.PGHOST === undefined && env.PGDATABASE === undefined) {
        return new CliError({
          message: "--storage postgres: no --database-url, TUSK_DATABASE_URL, DATABASE_URL or PGHOST"
        })
      }
      return { _tag: "Postgres", url: found, standby: standby === "true" }
    }
    case "memory":
      return { _tag: "Memory", bytes: bytes === undefined ? undefined : Number(bytes) }
    default:
      return new CliError({ message: `--storage ${kind}: one of embedded, postgres, memory` })
  }
}

const readSettings = (flags: FlagValues, env: NodeJS.ProcessEnv): ReadonlyArray<SettingEntry> | CliError => {
  const entries: Array<SettingEntry> = []
  const file = flags.get("config")?.[0]
  if (file !== undefined) {
    let text: string
    try {
      text = readFileSync(file, "utf8")
    } catch (error) {
      return new CliError({ message: `--config ${file}: ${(error as NodeJS.ErrnoException).code ?? String(error)}` })
    }
    const properties = parseProperties(text, file)
    if (properties instanceof CliError) return properties
    entries.push(...properties)
  }
  entries.push(...settingsOfEnvironment(env))
  for (const text of flags.get("set") ?? []) {
    const at = text.indexOf("=")
    if (at <= 0) {
      const near = nearestName(text)
      return new CliError({ message: `--set ${text}: not NAME=VALUE${near === undefined ? "" : `, as in ${near}=…`}` })
    }
    entries.push({
      name: text.slice(0, at).trim(),
      value: text.slice(at + 1).trim(),
      origin: `--set ${text.slice(0, at)}`
    })
  }
  return entries
}
