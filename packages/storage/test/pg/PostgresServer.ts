import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { execFileSync, spawn } from "node:child_process"
import type { ChildProcess } from "node:child_process"
import { appendFileSync, chownSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { postgresFolder } from "../../../cli/src/embedded-postgres/Binaries.ts"
import { serverAccount } from "../../../cli/src/embedded-postgres/ServerAccount.ts"
import { connect } from "../../src/pg/connection/connect.ts"
import type { PgConnection } from "../../src/pg/connection/PgConnection.ts"
import { resolveOptions } from "../../src/pg/options/PgOptions.ts"
import type { PgOptions } from "../../src/pg/options/PgOptions.ts"

const orThrow = <A>(value: A): Exclude<A, Error> => {
  if (value instanceof Error) throw value
  return value as Exclude<A, Error>
}

/** Postgres' programs: npm's, or those in the folder that `TUSK_TEST_POSTGRES_BIN` names. */
const programs = (): string =>
  process.env["TUSK_TEST_POSTGRES_BIN"] ?? join(orThrow(postgresFolder(orThrow(serverAccount()))), "bin")

const asAccount = () => {
  const account = orThrow(serverAccount())
  return account === undefined ? {} : { uid: account.uid, gid: account.gid }
}

/** A server of a test's own, for what no other test may be bothered with: other settings, its end, its standby. */
export class PostgresServer {
  readonly folder: string
  /** Beside those of every test's, for the next start. */
  settings: Readonly<Record<string, string>> = {}
  /** Over TCP, too, from the next start on. */
  port: number | undefined = undefined
  private process: ChildProcess | undefined

  private constructor(folder: string) {
    this.folder = folder
  }

  /** A new one, not started yet. It ends with the scope. */
  static readonly make: Effect.Effect<PostgresServer, unknown, Scope.Scope> = Effect.acquireRelease(
    Effect.sync(() => {
      const folder = mkdtempSync(join(tmpdir(), "tusk-pg-"))
      const { gid, uid } = asAccount()
      if (uid !== undefined) chownSync(folder, uid, gid)
      const data = join(folder, "data")
      execFileSync(
        join(programs(), "initdb"),
        ["--pgdata", data, "--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"],
        { cwd: folder, stdio: ["ignore", "ignore", "inherit"], ...asAccount() }
      )
      return new PostgresServer(folder)
    }),
    (server) => server.remove
  )

  /** One that follows another, which was not started yet. */
  static standbyOf(primary: PostgresServer): Effect.Effect<PostgresServer, unknown, Scope.Scope> {
    return Effect.acquireRelease(
      Effect.sync(() => {
        const folder = mkdtempSync(join(tmpdir(), "tusk-pg-"))
        const { gid, uid } = asAccount()
        if (uid !== undefined) chownSync(folder, uid, gid)
        const data = join(folder, "data")
        execFileSync("cp", ["-r", join(primary.folder, "data"), data], asAccount())
        const conninfo = `host=${primary.folder} user=postgres application_name=standby`
        appendFileSync(join(data, "postgresql.auto.conf"), `primary_conninfo = '${conninfo}'\n`)
        writeFileSync(join(data, "standby.signal"), "")
        return new PostgresServer(folder)
      }),
      (server) => server.remove
    )
  }

  options(more: Partial<PgOptions> = {}): PgOptions {
    const { folder, port } = this
    const place = port === undefined ? { host: folder } : { host: folder, port }
    return { ...place, user: "postgres", unsafeDurability: "ignore", lockWaitMs: 300, ...more }
  }

  /** Starts it, and waits until it takes connections. */
  get start(): Effect.Effect<void, unknown> {
    return Effect.callback((resume) => {
      const settings = {
        listen_addresses: this.port === undefined ? "" : "127.0.0.1",
        port: String(this.port ?? 5432),
        unix_socket_directories: this.folder,
        fsync: "off",
        shared_buffers: "16MB",
        wal_keep_size: "128MB",
        wal_receiver_status_interval: "1s",
        log_min_messages: "log",
        ...this.settings
      }
      const server = spawn(
        join(programs(), "postgres"),
        [
          "-D",
          join(this.folder, "data"),
          ...Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`])
        ],
        { cwd: this.folder, env: { ...process.env, LC_ALL: "C" }, stdio: ["ignore", "ignore", "pipe"], ...asAccount() }
      )
      this.process = server
      let log = ""
      server.stderr.on("data", (chunk: Buffer) => {
        log += chunk.toString()
        if (log.includes("ready to accept")) resume(Effect.void)
        if (log.length > 100_000) log = ""
      })
      server.once("exit", () => resume(Effect.fail(new Error(`Postgres did not start: ${log}`))))
    })
  }

  /** Ends it with a signal: SIGINT is a fast shutdown, SIGQUIT one without a checkpoint. */
  stop(signal: "SIGINT" | "SIGQUIT"): Effect.Effect<void> {
    return Effect.callback((resume) => {
      const { process: server } = this
      this.process = undefined
      if (server === undefined || server.exitCode !== null) return resume(Effect.void)
      server.once("exit", () => resume(Effect.void))
      server.kill(signal)
    })
  }

  private get remove(): Effect.Effect<void> {
    return Effect.andThen(
      this.stop("SIGQUIT"),
      Effect.sync(() => rmSync(this.folder, { recursive: true, force: true }))
    )
  }

  /** A session with one of its databases. */
  session(database: string): Effect.Effect<PgConnection, unknown, Scope.Scope> {
    return Effect.acquireRelease(
      Effect.suspend(() => connect(resolveOptions(this.options({ database, targetSessionAttrs: "any" })), "psql")),
      (connection) => Effect.sync(() => connection.leave())
    )
  }

  get psql(): Effect.Effect<PgConnection, unknown, Scope.Scope> {
    return this.session("postgres")
  }

  /** Settings that take effect at once. */
  configure(settings: Record<string, string>): Effect.Effect<void, unknown> {
    return Effect.scoped(
      Effect.flatMap(this.psql, (psql) =>
        Effect.gen(function* () {
          for (const [name, value] of Object.entries(settings))
            yield* psql.query(`alter system set ${name} = '${value}'`)
          const [loaded] = yield* psql.query("select pg_conf_load_time()")
          yield* psql.query("select pg_reload_conf()")
          while ((yield* psql.query("select pg_conf_load_time()"))[0]![0] === loaded![0]) yield* Effect.sleep(5)
        })
      )
    )
  }

  /** Over TCP it takes TLS, too, from the next start on: the files are copied, as the key has to be its own. */
  withTls(certificate: string, key: string): void {
    const { gid, uid } = asAccount()
    const own = (from: string, name: string): string => {
      const path = join(this.folder, name)
      writeFileSync(path, readFileSync(from), { mode: 0o600 })
      if (uid !== undefined) chownSync(path, uid, gid)
      return path
    }
    this.settings = {
      ...this.settings,
      ssl: "on",
      ssl_cert_file: own(certificate, "server.crt"),
      ssl_key_file: own(key, "server.key")
    }
  }

  /** From now on a role that has a password has to tell it. */
  get demandPasswords(): Effect.Effect<void, unknown> {
    return this.ruleFirst("local all guarded scram-sha-256")
  }

  /** Lines of pg_hba.conf that go before those that are there. */
  ruleFirst(...lines: ReadonlyArray<string>): Effect.Effect<void, unknown> {
    return Effect.gen({ self: this }, function* () {
      const path = join(this.folder, "data", "pg_hba.conf")
      const rules = readFileSync(path, "utf8")
      writeFileSync(path, `${lines.join("\n")}\n${rules}`)
      yield* this.configure({})
    })
  }

  get promote(): Effect.Effect<void, unknown> {
    return Effect.scoped(Effect.flatMap(this.psql, (psql) => psql.query("select pg_promote(true, 30)")))
  }
}

/** Waits for what another session or server does, by looking. */
export const until = (psql: PgConnection, condition: string): Effect.Effect<void, unknown> =>
  Effect.gen(function* () {
    while ((yield* psql.query(`select ${condition}`))[0]![0] !== "t") yield* Effect.sleep(5)
  })
