import * as Redacted from "effect/Redacted"
import { userInfo } from "node:os"
import type { ConnectionOptions } from "node:tls"
import { StoreUnavailable } from "../StoreError.ts"

/** Where Postgres is and how the backend behaves there. Fields win over what the URL says. */
export interface PgOptions {
  /** `postgres://user:password@host:port/database?sslmode=…&host=/socket/directory`, as libpq reads it; one host. */
  readonly url?: string | Redacted.Redacted | undefined
  /** A name, an address, or the directory of a unix socket (begins with `/`). Default localhost. */
  readonly host?: string | undefined
  /** Default 5432. */
  readonly port?: number | undefined
  /** Default: the account of the process. */
  readonly user?: string | undefined
  readonly password?: string | Redacted.Redacted | undefined
  /** Default: the same as the user. */
  readonly database?: string | undefined
  /** `prefer` (default over TCP): TLS where the server has it. An object is given to `tls.connect`, and requires TLS. */
  readonly ssl?: boolean | "prefer" | ConnectionOptions | undefined
  /** Shown in `pg_stat_activity`. Default `tusk/broker`. */
  readonly applicationName?: string | undefined
  /** Milliseconds until a connection attempt is given up. Default 5,000. */
  readonly connectTimeoutMs?: number | undefined
  /** Longest a statement of ours may run, milliseconds. Default 60,000. */
  readonly statementTimeoutMs?: number | undefined
  /** How long a start waits for a lock whose holder may be a killed broker's last statement. Default 1,500. */
  readonly lockWaitMs?: number | undefined
  /** What to do where the server runs with fsync off. Default `warn`: one line, loudly. */
  readonly unsafeDurability?: "warn" | "refuse" | "ignore" | undefined
  /** Of our commits; `off` can lose the last moments at a crash of the server. Default `on`. */
  readonly synchronousCommit?: "on" | "remote_write" | "remote_apply" | "local" | "off" | undefined
  /** Connections for reads, beside the one for commits. Default 2. */
  readonly readConnections?: number | undefined
}

/** Options with every default filled in. */
export interface PgTarget {
  readonly host: string
  readonly port: number
  /** Of the unix socket, where there is one. */
  readonly path: string | undefined
  readonly user: string
  readonly password: Redacted.Redacted | undefined
  readonly database: string
  readonly ssl: false | ConnectionOptions
  /** Plain text will do where the server has no TLS. */
  readonly sslOptional: boolean
  readonly applicationName: string
  readonly connectTimeoutMs: number
  readonly statementTimeoutMs: number
  readonly lockWaitMs: number
  readonly unsafeDurability: "warn" | "refuse" | "ignore"
  readonly synchronousCommit: "on" | "remote_write" | "remote_apply" | "local" | "off"
  readonly readConnections: number
}

interface FromUrl {
  host?: string
  port?: number
  user?: string
  password?: string
  database?: string
  applicationName?: string
  connectTimeoutMs?: number
  ssl?: false | ConnectionOptions
  sslOptional?: boolean
}

const refuse = (message: string): never => {
  throw new StoreUnavailable({ message })
}

/** libpq's modes: only `verify-ca` and `verify-full` look at the certificate. */
const sslMode = (mode: string): { readonly ssl: false | ConnectionOptions; readonly sslOptional: boolean } => {
  switch (mode) {
    case "disable":
      return { ssl: false, sslOptional: false }
    case "allow":
    case "prefer":
      return { ssl: { rejectUnauthorized: false }, sslOptional: true }
    case "require":
    case "no-verify":
      return { ssl: { rejectUnauthorized: false }, sslOptional: false }
    case "verify-ca":
      return { ssl: { checkServerIdentity: () => undefined }, sslOptional: false }
    case "verify-full":
      return { ssl: {}, sslOptional: false }
    default:
      return refuse(`the database URL has an unknown sslmode "${mode}"`)
  }
}

const parsePort = (text: string): number => {
  const port = Number(text)
  return Number.isInteger(port) && port > 0 && port < 65536 ? port : refuse(`"${text}" is no port of a database URL`)
}

const parseUrl = (raw: string): FromUrl => {
  let url: URL
  try {
    // A URL with a user but no host is good for libpq and none for the standard's parser.
    url = new URL(raw.replace(/^(postgres(?:ql)?:\/\/[^/?#]*@)(?=[/?#]|$)/, "$1localhost"))
  } catch {
    return refuse("the database URL cannot be read: it looks like postgres://user:password@host:5432/database")
  }
  if (url.protocol !== "postgres:" && url.protocol !== "postgresql:") {
    return refuse(`the database URL begins with ${url.protocol}// instead of postgres://`)
  }
  const found: FromUrl = {}
  try {
    if (url.hostname !== "") found.host = decodeURIComponent(url.hostname.replace(/^\[(.*)\]$/, "$1"))
    if (url.port !== "") found.port = parsePort(url.port)
    if (url.username !== "") found.user = decodeURIComponent(url.username)
    if (url.password !== "") found.password = decodeURIComponent(url.password)
    const database = decodeURIComponent(url.pathname.replace(/^\//, ""))
    if (database !== "") found.database = database
  } catch (error) {
    if (error instanceof StoreUnavailable) throw error
    return refuse("the database URL holds a % that is no escape")
  }
  for (const [key, value] of url.searchParams) {
    if (value === "") continue
    if (key === "host") found.host = value
    else if (key === "port") found.port = parsePort(value)
    else if (key === "user") found.user = value
    else if (key === "password") found.password = value
    else if (key === "dbname") found.database = value
    else if (key === "application_name") found.applicationName = value
    else if (key === "connect_timeout" && Number(value) > 0) found.connectTimeoutMs = Number(value) * 1000
    else if (key === "sslmode") Object.assign(found, sslMode(value))
  }
  if (found.host?.includes(",")) refuse("the database URL names several hosts: Tusk takes one")
  return found
}

const systemUser = (): string => {
  try {
    return userInfo().username
  } catch {
    return "postgres"
  }
}

const redacted = (value: string | Redacted.Redacted): Redacted.Redacted =>
  typeof value === "string" ? Redacted.make(value) : value

/** Fills in what is missing. Throws `StoreUnavailable` with one line for a person. */
export const resolveOptions = (options: PgOptions): PgTarget => {
  const url = options.url === undefined ? {} : parseUrl(Redacted.value(redacted(options.url)))
  const host = options.host ?? url.host ?? "localhost"
  const port = options.port ?? url.port ?? 5432
  const path = host.startsWith("/") ? `${host.replace(/\/$/, "")}/.s.PGSQL.${port}` : undefined
  const user = options.user ?? url.user ?? systemUser()
  const password = options.password ?? url.password
  const given = options.ssl
  const ssl =
    given === undefined
      ? url.ssl !== undefined
        ? { ssl: url.ssl, sslOptional: url.sslOptional ?? false }
        : sslMode(path === undefined ? "prefer" : "disable")
      : given === "prefer"
        ? sslMode("prefer")
        : { ssl: given === true ? {} : given, sslOptional: false }
  return {
    host,
    port,
    path,
    user,
    password: password === undefined ? undefined : redacted(password),
    database: options.database ?? url.database ?? user,
    // As libpq: there is no TLS over a unix socket unless asked for by name.
    ssl: path !== undefined && ssl.sslOptional ? false : ssl.ssl,
    sslOptional: ssl.sslOptional,
    applicationName: options.applicationName ?? url.applicationName ?? "tusk/broker",
    connectTimeoutMs: options.connectTimeoutMs ?? url.connectTimeoutMs ?? 5000,
    statementTimeoutMs: options.statementTimeoutMs ?? 60_000,
    lockWaitMs: options.lockWaitMs ?? 1500,
    unsafeDurability: options.unsafeDurability ?? "warn",
    synchronousCommit: options.synchronousCommit ?? "on",
    readConnections: Math.min(Math.max(options.readConnections ?? 2, 1), 4)
  }
}
