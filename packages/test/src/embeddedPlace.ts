import * as EmbeddedPostgres from "@tusk/cli/embedded-postgres/EmbeddedPostgres"
import { connect } from "@tusk/storage/pg/connection/connect"
import { resolveOptions } from "@tusk/storage/pg/options/PgOptions"
import * as PgStore from "@tusk/storage/pg/PgStore"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { spawn } from "node:child_process"
import { chmodSync, mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { Place } from "./Place.ts"

/** Tables that a reset leaves as they are. */
const LEFT = ["cluster", "migrations", "commits", "sql_settings"]
/** Tables of a broker that has only been seeded, and how a row comes back: its partition has a new id. */
const SEEDED = ["topics", "partitions", "batches", "configs", "leader_epochs", "producer_snapshots"].concat(
  // Who may do what, who gets in, and how much.
  ["acls", "scram_users", "quotas", "delegation_tokens"]
)

const keep = `
  drop schema if exists tusk_test cascade;
  create schema tusk_test;
  ${SEEDED.map((table) => `create table tusk_test.${table} as table kafka.${table};`).join("\n")}`

/** All that sessions hold is locked before the writer's session is ended: what comes behind it finds the new state. */
const restore = `
  begin;
  do $$
  declare
    tables text;
    base integer := (select next_partition_id from kafka.cluster)
      - (select coalesce(min(partition_id), 1) from tusk_test.partitions);
    seeded text;
  begin
    select string_agg(format('kafka.%I', relname), ', ' order by relname) into tables from pg_class
      where relnamespace = 'kafka'::regnamespace and relkind = 'r' and relname <> all ('{${LEFT.join(",")}}');
    execute 'lock table ' || tables || ' in access exclusive mode';
    perform pg_terminate_backend(pid) from pg_locks where locktype = 'advisory' and granted
      and database = (select oid from pg_database where datname = current_database()) and pid <> pg_backend_pid();
    execute 'truncate ' || tables;
    foreach seeded in array '{${SEEDED.join(",")}}'::text[] loop
      if exists (select from pg_attribute where attrelid = ('tusk_test.' || seeded)::regclass and attname = 'partition_id') then
        execute format('update tusk_test.%I set partition_id = partition_id + %s', seeded, base);
      end if;
    end loop;
  end $$;
  ${SEEDED.map((table) => `insert into kafka.${table} select * from tusk_test.${table};`).join("\n")}
  update kafka.cluster set next_partition_id =
    greatest(next_partition_id, (select max(partition_id) + 1 from tusk_test.partitions));
  commit;`

/** A new folder that the account Postgres runs as gets to: mkdtemp lets nobody else in. */
const newFolder = (): string => {
  const folder = mkdtempSync(join(tmpdir(), "tusk-test-"))
  chmodSync(folder, 0o755)
  return folder
}

/**
 * Ends the server and takes its folder away once this process is gone, however that came. Where there is no sh, a server of
 * a process that does not stop its broker stays.
 */
const afterUs = (pid: number, folder: string): Effect.Effect<() => void> =>
  Effect.sync(() => {
    if (process.platform === "win32") return () => {}
    const script =
      'cat > /dev/null; kill -QUIT "$1" && while kill -0 "$1" 2> /dev/null; do sleep 0.05; done; rm -rf "$2"'
    const child = spawn("sh", ["-c", script, "sh", String(pid), folder], {
      stdio: ["pipe", "ignore", "ignore"],
      detached: true
    })
    child.on("error", () => {})
    child.unref()
    const { stdin } = child
    ;(stdin as unknown as { unref?: () => void }).unref?.()
    return () => child.kill("SIGKILL")
  })

/** The data of a broker on a Postgres of its own. */
export const embeddedPlace: Effect.Effect<Place, Error, Scope.Scope> = Effect.gen(function* () {
  const folder = yield* Effect.acquireRelease(Effect.sync(newFolder), (made) =>
    Effect.sync(() => rmSync(made, { recursive: true, force: true }))
  )
  const server = yield* EmbeddedPostgres.start(folder)
  server.own()
  yield* Effect.acquireRelease(afterUs(server.pid, folder), (callOff) => Effect.sync(callOff))
  const { database, port, socketDirectory: host, user } = server
  const databaseUrl = `postgres://${user}@localhost:${port}/${database}?host=${encodeURIComponent(host)}`
  const run = (sql: string) =>
    Effect.acquireUseRelease(
      connect(resolveOptions({ url: databaseUrl, environment: {} }), "tusk/test"),
      (psql) => psql.query(sql),
      (psql) => Effect.sync(() => psql.leave())
    ).pipe(
      Effect.asVoid,
      Effect.mapError((cause) => new Error(`the database is not reset: ${cause.message}`, { cause }))
    )
  const place: Place = {
    store: PgStore.layer({ host, port, user, database, holdsProcess: false }),
    keep: run(keep),
    restore: run(restore),
    databaseUrl
  }
  return place
})
