import * as Redacted from "effect/Redacted"
import { userInfo } from "node:os"
import type { ConnectionOptions } from "node:tls"
import { parseUrl, refuse, sslMode } from "./databaseUrl.ts"
import type { FromUrl, SessionAttrs } from "./databaseUrl.ts"

/** Where Postgres is and how the backend behaves there. Fields win over what the URL says. */
export interface PgOptions {
  /**
   * `postgres://user:password@host:port/database?sslmode=…&host=/socket/directory`, as libpq reads it. Several hosts
   * stand with commas: `postgres://a:5432,b:5432/database`.
   */
  readonly url?: string | Redacted.Redacted | undefined
  /** A name, an address, or the directory of a unix socket (begins with `/`); several with commas. Default localhost. */
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
  /** Which of the servers at these hosts will do; others are passed over. Default `read-write`. */
  readonly targetSessionAttrs?: SessionAttrs | undefined
  /** Shown in `pg_stat_activity`. Default `tusk/broker`. */
  readonly applicationName?: string | undefined
  /** Milliseconds until a connection attempt is given up. Default 5,000. */
  readonly connectTimeoutMs?: number | undefined
  /** How long a start waits for a database that is away, starting up or read-only, milliseconds. Default 0. */
  readonly startTimeoutMs?: number | undefined
  /** Longest a statement of ours may run, milliseconds; the wait for a synchronous standby is not counted. Default 60,000. */
  readonly statementTimeoutMs?: number | undefined
  /** Longest a statement of ours may wait for somebody's lock on a table, milliseconds. Default 30,000. */
  readonly lockTimeoutMs?: number | undefined
  /** How long a start waits for a lock whose holder may be a killed broker's last statement. Default 1,500. */
  readonly lockWaitMs?: number | undefined
  /** Waits for the lock of another broker without end, and takes over when that is gone. Default false. */
  readonly standby?: boolean | undefined
  /** What to do where the server runs with fsync off. Default `warn`: one line, loudly. */
  readonly unsafeDurability?: "warn" | "refuse" | "ignore" | undefined
  /** Of our commits; `off` can lose the last moments at a crash of the server. Default `on`. */
  readonly synchronousCommit?: "on" | "remote_write" | "remote_apply" | "local" | "off" | undefined
  /** Connections for reads, beside the one for commits. Default 2. */
  readonly readConnections?: number | undefined
}

/** One of the places where the database may be. */
export interface PgHost {
  readonly host: string
  readonly port: number
  /** Of the unix socket, where it is one. */
  readonly path: string | undefined
}

/** Options with every default filled in. */
export interface PgTarget {
  /** At least one, in the order in which they are tried. */
  readonly hosts: ReadonlyArray<PgHost>
  readonly user: string
  readonly password: Redacted.Redacted | undefined
  readonly database: string
  readonly ssl: false | ConnectionOptions
  /** Plain text will do where the server has no TLS. */
  readonly sslOptional: boolean
  readonly targetSessionAttrs: SessionAttrs
  readonly applicationName: string
  readonly connectTimeoutMs: number
  readonly startTimeoutMs: number
  readonly statementTimeoutMs: number
  readonly lockTimeoutMs: number
  readonly lockWaitMs: number
  readonly standby: boolean
  readonly unsafeDurability: "warn" | "refuse" | "ignore"
  readonly synchronousCommit: "on" | "remote_write" | "remote_apply" | "local" | "off"
  readonly readConnections: number
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

/** Each host with its port: one for all, or as many as there are hosts. */
const hostsOf = (options: PgOptions, url: FromUrl): ReadonlyArray<PgHost> => {
  const names = options.host?.split(",") ?? url.hosts ?? [""]
  const ports = options.port !== undefined ? [options.port] : (url.ports ?? [undefined])
  if (ports.length !== 1 && ports.length !== names.length) {
    return refuse(`the database URL names ${names.length} hosts and ${ports.length} ports`)
  }
  return names.map((name, i): PgHost => {
    const host = name.trim() === "" ? "localhost" : name.trim()
    const port = ports[ports.length === 1 ? 0 : i] ?? 5432
    return { host, port, path: host.startsWith("/") ? `${host.replace(/\/$/, "")}/.s.PGSQL.${port}` : undefined }
  })
}

/** Fills in what is missing. Throws `StoreUnavailable` with one line for a person. */
export const resolveOptions = (options: PgOptions): PgTarget => {
  const url = options.url === undefined ? {} : parseUrl(Redacted.value(redacted(options.url)))
  const user = options.user ?? url.user ?? systemUser()
  const password = options.password ?? url.password
  const given = options.ssl
  const ssl =
    given === undefined
      ? url.ssl !== undefined
        ? { ssl: url.ssl, sslOptional: url.sslOptional ?? false }
        : sslMode("prefer")
      : given === "prefer"
        ? sslMode("prefer")
        : { ssl: given === true ? {} : given, sslOptional: false }
  return {
    ...ssl,
    hosts: hostsOf(options, url),
    user,
    password: password === undefined ? undefined : redacted(password),
    database: options.database ?? url.database ?? user,
    targetSessionAttrs: options.targetSessionAttrs ?? url.targetSessionAttrs ?? "read-write",
    applicationName: options.applicationName ?? url.applicationName ?? "tusk/broker",
    connectTimeoutMs: options.connectTimeoutMs ?? url.connectTimeoutMs ?? 5000,
    startTimeoutMs: options.startTimeoutMs ?? 0,
    statementTimeoutMs: options.statementTimeoutMs ?? 60_000,
    lockTimeoutMs: options.lockTimeoutMs ?? 30_000,
    lockWaitMs: options.lockWaitMs ?? 1500,
    standby: options.standby ?? false,
    unsafeDurability: options.unsafeDurability ?? "warn",
    synchronousCommit: options.synchronousCommit ?? "on",
    readConnections: Math.min(Math.max(options.readConnections ?? 2, 1), 4)
  }
}
