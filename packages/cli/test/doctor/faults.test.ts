import { assert, describe, it } from "@effect/vitest"
import { resolveOptions } from "@tusk/storage/pg/options/PgOptions"
import { spawn } from "node:child_process"
import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { createServer } from "node:net"
import type { AddressInfo } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { connect } from "../../../storage/src/pg/connection/connect.ts"
import { install } from "../../../storage/src/pg/schema/Migrations.ts"
import type { PgOptions } from "../../../storage/src/pg/options/PgOptions.ts"
import { PostgresServer } from "../../../storage/test/pg/PostgresServer.ts"
import { serverAccount } from "../../src/embedded-postgres/ServerAccount.ts"
import { examine, Patient } from "../../src/doctor/Check.ts"
import { diagnose } from "../../src/doctor/doctor.ts"
import type { Finding } from "../../src/doctor/Finding.ts"
import { snapshotCheck } from "../../src/doctor/sessions.ts"

const PGBOUNCER = "/usr/sbin/pgbouncer"

const freePort: Effect.Effect<number> = Effect.callback((resume) => {
  const server = createServer().listen(0, "127.0.0.1", () => {
    const { port } = server.address() as AddressInfo
    server.close(() => resume(Effect.succeed(port)))
  })
})

const openSession = (options: PgOptions, name: string) =>
  Effect.acquireRelease(connect(resolveOptions(options), name), (each) => Effect.sync(() => each.leave()))

/** A server without faults but those that a test gives it, with Tusk's schema. */
const serverWith = Effect.fnUntraced(function* (settings: Readonly<Record<string, string>>) {
  const server = yield* PostgresServer.make
  writeFileSync(join(server.folder, "data", "pg_hba.conf"), "local all all trust\n")
  server.settings = { fsync: "on", ...settings }
  yield* server.start
  const target = resolveOptions(server.options())
  yield* install(yield* openSession(server.options(), "installer"), target, connect(target, "installer"))
  return server
})

const doctorOf = (options: PgOptions) => diagnose(resolveOptions(options))

const find = (findings: ReadonlyArray<Finding>, check: string, seen: RegExp): Finding => {
  const found = findings.find((finding) => finding.check === check && seen.test(finding.seen))
  assert.isDefined(found, `${check} ${seen} among ${JSON.stringify(findings, undefined, 1)}`)
  return found!
}

describe("tusk doctor on a real Postgres", () => {
  it.live(
    "finds nothing wrong where nothing is",
    () =>
      Effect.gen(function* () {
        const server = yield* serverWith({})
        const findings = yield* doctorOf(server.options())
        assert.deepStrictEqual(
          findings.filter(({ severity }) => severity !== "info"),
          []
        )
        find(findings, "commit", /^a commit takes [\d.]+ ms/)
        find(findings, "lock", /^nobody holds/)
      }).pipe(Effect.scoped),
    60_000
  )

  it.live(
    "names each fault of its settings, tables and sessions",
    () =>
      Effect.gen(function* () {
        const server = yield* serverWith({
          fsync: "off",
          full_page_writes: "off",
          autovacuum: "off",
          max_wal_size: "64MB",
          max_prepared_transactions: "4",
          max_connections: "14",
          wal_level: "logical"
        })
        const psql = yield* server.psql
        yield* psql.query(
          "alter table kafka.batches set (autovacuum_enabled = off); alter table kafka.offsets set unlogged"
        )
        yield* psql.query(
          "alter role postgres set statement_timeout = '5s'; alter role postgres set synchronous_commit = off"
        )
        yield* psql.query("create publication everything for all tables")
        yield* psql.query("select pg_create_physical_replication_slot('forgotten')")
        yield* psql.query("select kafka.allow('User:*', 'read', '*')")
        yield* psql.query(
          "insert into kafka.outbox_refused (id, reason, partition_id, timestamp) values (1, 'gone', 1, 0)"
        )
        yield* psql.query(
          `insert into kafka.topics (topic_id, name) values ('t', 'orders');
          insert into kafka.partitions (partition_id, topic_id, partition_index) values (1, 't', 0);
          select kafka.materialise('orders', 'public.latest');
          insert into kafka.materialised_troubles (follower_id, partition_id, stands_since, error)
            select follower_id, 1, now() - interval '5 min', 'locked' from kafka.materialised_tables`
        )
        const findings = yield* doctorOf(server.options())
        assert.strictEqual(find(findings, "materialised", /public.latest stands since .*locked/).severity, "warning")
        assert.strictEqual(find(findings, "durability", /^fsync is off/).severity, "error")
        assert.strictEqual(find(findings, "durability", /^full_page_writes is off/).severity, "error")
        assert.strictEqual(find(findings, "durability", /^synchronous_commit is off/).severity, "warning")
        assert.strictEqual(find(findings, "autovacuum", /^autovacuum is off/).severity, "error")
        assert.strictEqual(find(findings, "tables", /^autovacuum is off for kafka.batches/).severity, "error")
        assert.strictEqual(find(findings, "tables", /^kafka.offsets is unlogged/).severity, "error")
        assert.strictEqual(find(findings, "wal", /^max_wal_size is 64 MB/).severity, "warning")
        assert.strictEqual(find(findings, "connections", /max_connections \(14\)/).severity, "warning")
        assert.strictEqual(find(findings, "timeouts", /^statement_timeout is 5 s/).severity, "info")
        assert.strictEqual(find(findings, "publications", /everything holds kafka.batches/).severity, "warning")
        assert.strictEqual(find(findings, "slots", /forgotten/).severity, "info")
        assert.strictEqual(find(findings, "acls", /^1 rules/).severity, "info")
        assert.strictEqual(find(findings, "outbox", /^1 records of kafka.produce were refused/).severity, "warning")
      }).pipe(Effect.scoped),
    60_000
  )

  it.live(
    "names users, tokens and roles that are not as they should be",
    () =>
      Effect.gen(function* () {
        const server = yield* serverWith({})
        const psql = yield* server.psql
        const secrets = (findings: ReadonlyArray<Finding>) => findings.filter(({ check }) => check === "secrets")
        yield* psql.query("create role serving login; create role reports login; create role dumps login")
        yield* psql.query("grant usage on schema kafka to serving, reports; grant pg_read_all_data to dumps")
        yield* psql.query("grant select, insert, update, delete on all tables in schema kafka to serving")
        const key = String.raw`decode('00', 'hex'), decode('00', 'hex'), decode('00', 'hex')`
        yield* psql.query(
          `insert into kafka.scram_users (user_name, mechanism, iterations, salt, stored_key, server_key)
             values ('ann', 'SCRAM-SHA-256', 4096, ${key})`
        )
        yield* psql.query(
          "select kafka.allow('User:ann', 'read', 'orders'), kafka.allow('User:serving', 'read', 'orders')"
        )
        const fine = yield* doctorOf(server.options())
        assert.deepStrictEqual(
          fine.filter(({ check }) => check === "secrets" || check === "acls"),
          []
        )
        yield* psql.query("grant select (user_name, stored_key) on kafka.scram_users to reports")
        yield* psql.query(
          `insert into kafka.scram_users (user_name, mechanism, iterations, salt, stored_key, server_key)
             values ('weak', 'SCRAM-SHA-256', 1000, ${key}), ('slow', 'SCRAM-SHA-512', 20000, ${key})`
        )
        yield* psql.query(
          `insert into kafka.delegation_tokens values ('t', decode('00', 'hex'), 'User:ann', 'User:ann', '[]', 1, 2, 2)`
        )
        yield* psql.query("select kafka.allow('User:nobody', 'read', 'orders')")
        yield* psql.query(
          "insert into kafka.acls select resource_type, resource_name, pattern_type, 'Group:gone', host, operation, permission_type from kafka.acls where principal = 'User:nobody'"
        )
        const findings = yield* doctorOf(server.options())
        assert.strictEqual(find(findings, "secrets", /can be read by reports$/).severity, "error")
        assert.strictEqual(find(findings, "secrets", /iterations: slow, weak$/).severity, "warning")
        assert.strictEqual(find(findings, "secrets", /^1 delegation tokens expired/).severity, "info")
        assert.strictEqual(find(findings, "acls", /users that are no roles.*: User:nobody$/).severity, "info")
        assert.strictEqual(find(findings, "acls", /groups that are no roles: Group:gone$/).severity, "warning")
        yield* psql.query("grant select on kafka.delegation_tokens to public")
        find(secrets(yield* doctorOf(server.options())), "secrets", /can be read by public$/)
      }).pipe(Effect.scoped),
    60_000
  )

  it.live(
    "is told by a role without rights what it lacks, and changes nothing",
    () =>
      Effect.gen(function* () {
        const server = yield* serverWith({})
        const psql = yield* server.psql
        yield* psql.query("create role poor login")
        const findings = yield* doctorOf(server.options({ user: "poor", database: "postgres" }))
        assert.strictEqual(find(findings, "rights", /may not use the schema kafka/).severity, "error")
        const lacking = find(findings, "rights", /may not read and write aborted_transactions, .* more$/)
        assert.include(lacking.remedy, 'to "poor"')
        assert.strictEqual(find(findings, "hba", /^could not look: .*permission denied/).severity, "info")
        find(findings, "schema", /^could not look/)
      }).pipe(Effect.scoped),
    60_000
  )

  it.live(
    "names a transaction that is open, to a role that may see it",
    () =>
      Effect.gen(function* () {
        const server = yield* serverWith({})
        const idle = yield* openSession(server.options(), "forgetful")
        yield* idle.query("begin; select 1")
        const target = resolveOptions(server.options())
        const patient = new Patient(target, yield* openSession(server.options(), "doctor"))
        const [open] = yield* examine(patient, snapshotCheck(0))
        assert.match(
          open!.seen,
          /^forgetful of postgres, process \d+ is in a transaction since 0 s \(idle in transaction/
        )
        const visible = yield* openSession(server.options(), "visible")
        yield* visible.query("create role poor login")
        const poor = new Patient(
          target,
          yield* openSession(server.options({ user: "poor", database: "postgres" }), "poor")
        )
        const [hidden] = yield* examine(poor, snapshotCheck(0))
        assert.match(hidden!.seen, /^could not look: this role may not see \d+ sessions/)
      }).pipe(Effect.scoped),
    60_000
  )

  it.live(
    "names pg_hba rules that trust whoever comes over TCP",
    () =>
      Effect.gen(function* () {
        const server = yield* PostgresServer.make
        const hba = join(server.folder, "data", "pg_hba.conf")
        writeFileSync(hba, "local all all trust\nhost all all 10.0.0.0/8 trust\nhost all all 127.0.0.1/32 trust\n")
        yield* server.start
        const findings = yield* doctorOf(server.options())
        assert.strictEqual(find(findings, "hba", /from 10\.0\.0\.0/).severity, "error")
        assert.strictEqual(find(findings, "hba", /of its own machine \(line 3\)/).severity, "warning")
        assert.strictEqual(find(findings, "schema", /^there is no schema kafka yet/).severity, "info")
      }).pipe(Effect.scoped),
    60_000
  )

  it.live(
    "says where no session can be had",
    () =>
      Effect.gen(function* () {
        const findings = yield* doctorOf({ host: "127.0.0.1", port: 1, user: "nobody" })
        assert.lengthOf(findings, 1)
        assert.strictEqual(find(findings, "connect", /127\.0\.0\.1:1/).severity, "error")
      }),
    30_000
  )

  it.live.skipIf(!existsSync(PGBOUNCER))(
    "knows pgbouncer in transaction mode from one in session mode",
    () =>
      Effect.gen(function* () {
        const server = yield* serverWith({})
        for (const mode of ["transaction", "session"] as const) {
          const port = yield* pgbouncer(server, mode)
          const findings = yield* doctorOf({
            host: "127.0.0.1",
            port,
            user: "postgres",
            database: "postgres",
            ssl: false
          })
          const { severity } = find(findings, "pooler", new RegExp(`in ${mode} mode`))
          assert.strictEqual(severity, mode === "transaction" ? "error" : "info")
        }
      }).pipe(Effect.scoped),
    60_000
  )
})

/** Debian's pgbouncer in front of a server; the port it listens on. */
const pgbouncer = (
  server: PostgresServer,
  mode: "transaction" | "session"
): Effect.Effect<number, unknown, Scope.Scope> =>
  Effect.gen(function* () {
    const port = yield* freePort
    const folder = mkdtempSync(join(tmpdir(), "tusk-bouncer-"))
    // It has to come into the server's folder.
    const account = serverAccount()
    if (account instanceof Error) return yield* Effect.fail(account)
    const as = account === undefined ? {} : { uid: account.uid, gid: account.gid }
    const config = join(folder, "pgbouncer.ini")
    const lines = [
      "[databases]",
      `* = host=${server.folder} port=5432`,
      "[pgbouncer]",
      "listen_addr = 127.0.0.1",
      `listen_port = ${port}`,
      "unix_socket_dir =",
      "auth_type = any",
      `pool_mode = ${mode}`,
      "ignore_startup_parameters = extra_float_digits,options"
    ]
    // With auth_type any the server is asked as the user that the database line forces.
    lines[1] += " user=postgres"
    writeFileSync(config, `${lines.join("\n")}\n`)
    chmodSync(folder, 0o755)
    yield* Effect.acquireRelease(
      Effect.callback<ReturnType<typeof spawn>, Error>((resume) => {
        const child = spawn(PGBOUNCER, [config], {
          stdio: ["ignore", "ignore", "pipe"],
          ...as
        })
        let said = ""
        child.stderr.on("data", (chunk: Buffer) => {
          said += chunk.toString()
          if (said.includes("process up")) resume(Effect.succeed(child))
        })
        child.once("exit", () => resume(Effect.fail(new Error(`pgbouncer did not start: ${said}`))))
      }),
      (child) =>
        Effect.sync(() => {
          child.kill("SIGINT")
          rmSync(folder, { recursive: true, force: true })
        })
    )
    return port
  })
