import * as Redacted from "effect/Redacted"
import { homedir, userInfo } from "node:os"
import { join } from "node:path"
import type { ConnectionOptions } from "node:tls"
import { pgDefaults } from "../../defaults.ts"
import { ofEnvironment, parseUrl, refuse } from "./databaseUrl.ts"
import { readParameters } from "./LibpqParameters.ts"
import type { Said, SessionAttrs } from "./LibpqParameters.ts"
import { findPassword, readPasswordFile } from "./passwordFile.ts"
import { DEFAULT_SCHEMA, readSchemaName } from "./SchemaName.ts"
import { tlsOf } from "./tlsOf.ts"

/** Where Postgres is and how the backend behaves there. Fields win over what the URL says, that over the environment. */
export interface PgOptions {
  /**
   * `postgres://user:password@host:port/database?sslmode=…&host=/socket/directory`, as libpq reads it. Several hosts
   * stand with commas: `postgres://a:5432,b:5432/database`.
   */
  readonly url?: string | Redacted.Redacted | undefined
  /** libpq's variables (`PGHOST`, `PGPASSWORD`, `PGSSLROOTCERT` …), for what is said nowhere else. Default: none. */
  readonly environment?: Readonly<Record<string, string | undefined>> | undefined
  /** A name, an address, or the directory of a unix socket (begins with `/`); several with commas. Default localhost. */
  readonly host?: string | undefined
  /** Default 5432. */
  readonly port?: number | undefined
  /** Default: the account of the process. */
  readonly user?: string | undefined
  readonly password?: string | Redacted.Redacted | undefined
  /** Default: the same as the user. */
  readonly database?: string | undefined
  /** Where in the database a cluster lies: each schema is a cluster of its own. Default `kafka`. */
  readonly schema?: string | undefined
  /** `prefer` (default over TCP): TLS if the server has it. An object is given to `tls.connect`, and requires TLS. */
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
  /** Longest a statement of ours may wait for another session's lock on a table, milliseconds. Default 30,000. */
  readonly lockTimeoutMs?: number | undefined
  /** How long a start waits for a lock that a killed broker's last statement may hold. Default 1,500. */
  readonly lockWaitMs?: number | undefined
  /** Waits for the lock of another broker without end, and takes over when that is gone. Default false. */
  readonly standby?: boolean | undefined
  /** What to do if the server runs with fsync off. Default `warn`: one line, loudly. */
  readonly unsafeDurability?: "warn" | "refuse" | "ignore" | undefined
  /** Of our commits; `off` can lose the last moments at a crash of the server. Default `on`. */
  readonly synchronousCommit?: "on" | "remote_write" | "remote_apply" | "local" | "off" | undefined
  /** Connections for reads, beside the one for commits. Default 2. */
  readonly readConnections?: number | undefined
  /** Connections at most that write to tables of `kafka.materialise`. Default 4. */
  readonly tableSessions?: number | undefined
  /** Batches in objects of which it is kept in memory where they lie, some 130 bytes each; 0: none. Default 65,536. */
  readonly cachedPointers?: number | undefined
  /** False: open connections do not keep the process alive. Default true. */
  readonly holdsProcess?: boolean | undefined
}

/** One of the places where the database may be. */
export interface PgHost {
  readonly host: string
  readonly port: number
  /** Of the unix socket, if it is one. */
  readonly path: string | undefined
  /** What is dialled in the place of the name's own address (`hostaddr`). */
  readonly hostaddr?: string | undefined
}

/** Options with every default filled in. */
export interface PgTarget {
  /** At least one, in the order in which they are tried. */
  readonly hosts: ReadonlyArray<PgHost>
  readonly user: string
  readonly password: Redacted.Redacted | undefined
  /** A password file as it was read, if no password was given: it has one for each place. */
  readonly passwordFile: Redacted.Redacted | undefined
  readonly database: string
  readonly schema: string
  /** Settings of other people for our sessions, `-c name=value`. */
  readonly options: string | undefined
  readonly ssl: false | ConnectionOptions
  /** Plain text will do if the server has no TLS. */
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
  readonly tableSessions: number
  readonly cachedPointers: number
  readonly holdsProcess: boolean
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
const hostsOf = (options: PgOptions, said: Said): ReadonlyArray<PgHost> => {
  const addresses = options.host === undefined ? said.addresses : undefined
  const names = options.host?.split(",") ?? said.hosts ?? addresses ?? [""]
  const ports = options.port !== undefined ? [options.port] : (said.ports ?? [undefined])
  if (ports.length !== 1 && ports.length !== names.length) {
    return refuse(`the database URL names ${names.length} hosts and ${ports.length} ports`)
  }
  if (addresses !== undefined && addresses.length !== names.length) {
    return refuse(`the database URL names ${names.length} hosts and ${addresses.length} addresses (hostaddr)`)
  }
  return names.map((name, i): PgHost => {
    const host = name.trim() === "" ? "localhost" : name.trim()
    const port = ports[ports.length === 1 ? 0 : i] ?? 5432
    const hostaddr = addresses?.[i]?.trim()
    if (hostaddr !== undefined && hostaddr !== "") return { host, port, path: undefined, hostaddr }
    return { host, port, path: host.startsWith("/") ? `${host.replace(/\/$/, "")}/.s.PGSQL.${port}` : undefined }
  })
}

const home = (): string | undefined => {
  try {
    return homedir()
  } catch {
    return undefined
  }
}

/** libpq's own: in the home of the account. */
const passwordFileOf = (passfile: string | undefined, at: string | undefined): Redacted.Redacted | undefined => {
  const file = passfile ?? (at === undefined ? undefined : join(at, ".pgpass"))
  const text = file === undefined ? undefined : readPasswordFile(file, passfile !== undefined)
  return text === undefined ? undefined : Redacted.make(text)
}

/** The password for one of the target's places. */
export const passwordFor = (target: PgTarget, { host, port }: PgHost): string | undefined => {
  const { database, password, passwordFile, user } = target
  if (password !== undefined) return Redacted.value(password)
  return passwordFile === undefined
    ? undefined
    : findPassword(Redacted.value(passwordFile), { host, port, database, user })
}

/** Where a target is, for people: nothing that is secret. */
export const describeTarget = ({ database, hosts, user }: PgTarget): string => {
  const places = hosts.map(({ host, port }) => (host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`))
  return `${user}@${places.join(",")}/${database}`
}

/** Fills in what is missing. Throws `StoreUnavailable` with one line for a person. */
export const resolveOptions = (options: PgOptions): PgTarget => {
  const parameters = new Map([
    ...ofEnvironment(options.environment ?? {}),
    ...(options.url === undefined ? [] : parseUrl(Redacted.value(redacted(options.url))))
  ])
  const said = readParameters(parameters)
  const at = home()
  const user = options.user ?? said.user ?? systemUser()
  const password = options.password ?? said.password
  const given = options.ssl
  const ssl =
    given === undefined || given === "prefer"
      ? tlsOf(given === undefined ? parameters : new Map([["sslmode", "prefer"]]), at)
      : { ssl: given === true ? {} : given, sslOptional: false }
  return {
    ...ssl,
    hosts: hostsOf(options, said),
    user,
    password: password === undefined ? undefined : redacted(password),
    passwordFile: password === undefined ? passwordFileOf(said.passfile, at) : undefined,
    database: options.database ?? said.database ?? user,
    schema: readSchemaName(options.schema ?? DEFAULT_SCHEMA),
    options: said.options,
    targetSessionAttrs: options.targetSessionAttrs ?? said.targetSessionAttrs ?? "read-write",
    applicationName: options.applicationName ?? said.applicationName ?? "tusk/broker",
    connectTimeoutMs: options.connectTimeoutMs ?? said.connectTimeoutMs ?? 5000,
    startTimeoutMs: options.startTimeoutMs ?? 0,
    statementTimeoutMs: options.statementTimeoutMs ?? pgDefaults.statementTimeoutMs,
    lockTimeoutMs: options.lockTimeoutMs ?? pgDefaults.lockTimeoutMs,
    lockWaitMs: options.lockWaitMs ?? 1500,
    standby: options.standby ?? false,
    unsafeDurability: options.unsafeDurability ?? "warn",
    synchronousCommit: options.synchronousCommit ?? "on",
    holdsProcess: options.holdsProcess ?? true,
    readConnections: Math.min(Math.max(options.readConnections ?? 2, 1), 4),
    tableSessions: Math.max(options.tableSessions ?? pgDefaults.tableSessions, 1),
    cachedPointers: options.cachedPointers ?? pgDefaults.cachedPointers
  }
}
