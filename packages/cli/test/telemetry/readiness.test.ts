import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import * as EmbeddedPostgres from "../../src/embedded-postgres/EmbeddedPostgres.ts"
import { temporaryFolder, TuskProcess } from "../TuskProcess.ts"

const get = async (base: string, path: string): Promise<readonly [status: number, body: string]> => {
  const response = await fetch(`${base}${path}`)
  return [response.status, await response.text()]
}

/** What a page says once it says something like it. */
const until = async (base: string, path: string, pattern: RegExp): Promise<string> => {
  while (true) {
    const [, body] = await get(base, path)
    if (pattern.test(body)) return body
    await Effect.runPromise(Effect.sleep(50))
  }
}

/** A port that nobody has now. */
const freePort = async (): Promise<number> => {
  const { createServer } = await import("node:net")
  const server = createServer().listen(0, "127.0.0.1")
  await new Promise((resolve) => server.once("listening", resolve))
  const { port } = server.address() as { readonly port: number }
  await new Promise((resolve) => server.close(resolve))
  return port
}

describe("/readyz and /metrics of brokers on one database", () => {
  it("of a broker, of one that stands by, and once the database is away", { timeout: 120_000 }, async () => {
    const folder = temporaryFolder()
    const scope = Scope.makeUnsafe()
    const server = await Effect.runPromise(Scope.provide(EmbeddedPostgres.start(folder.path), scope))
    server.own()
    const url = `postgres://${server.user}@localhost:${server.port}/${server.database}?host=${encodeURIComponent(server.socketDirectory)}`
    const brokers: Array<TuskProcess> = []
    const begin = async (...args: ReadonlyArray<string>) => {
      const port = await freePort()
      const flags = ["--storage", "postgres", "--listen", "127.0.0.1:0", "--admin", `127.0.0.1:${port}`, ...args]
      const tusk = new TuskProcess(["start", ...flags], { TUSK_DATABASE_URL: url })
      brokers.push(tusk)
      return { tusk, base: `http://127.0.0.1:${port}` }
    }
    try {
      const first = await begin()
      await first.tusk.listening()
      assert.deepEqual(await get(first.base, "/readyz"), [200, "ready\n"])
      const page = await until(first.base, "/metrics", /^tusk_postgres_table_bytes\{table="batches"\} \d+$/m)
      for (const line of [
        /^tusk_postgres_up 1$/m,
        /^tusk_postgres_wal_bytes_total [1-9]\d*$/m,
        /^tusk_postgres_dead_rows\{table="offsets"\} \d+$/m,
        /^tusk_postgres_oldest_snapshot_seconds [\d.e-]+$/m,
        /^tusk_postgres_oldest_snapshot_transactions \d+$/m,
        /^tusk_postgres_sessions [1-9]\d*$/m,
        /^tusk_postgres_max_connections 40$/m,
        /^tusk_outbox_rows 0$/m,
        /^tusk_outbox_refused_rows 0$/m,
        /^process_resident_memory_bytes [1-9]\d*$/m,
        /^nodejs_eventloop_lag_p99_seconds [\d.e-]+$/m
      ]) {
        assert.match(page, line)
      }

      const second = await begin("--standby")
      second.tusk.child.stderr!.on("data", () => {})
      const live = async (base: string) =>
        get(base, "/livez").catch(() => new Promise<undefined>((resolve) => setImmediate(() => resolve(undefined))))
      while ((await live(second.base)) === undefined);
      assert.deepEqual(await get(second.base, "/livez"), [200, "live\n"])
      const [status, why] = await get(second.base, "/readyz")
      assert.strictEqual(status, 503)
      assert.match(why, /^not ready: .*stands by.*\n$/)
      const standby = await get(second.base, "/metrics")
      assert.match(standby[1], /^tusk_serving 0$/m)
      assert.notMatch(standby[1], /^kafka_/m)

      await first.tusk.kill("SIGTERM")
      await until(second.base, "/readyz", /^ready/)
      process.kill(server.pid, "SIGQUIT")
      await until(second.base, "/readyz", /^not ready: .*(lock|database)/)
      assert.deepEqual(await get(second.base, "/livez"), [200, "live\n"])
      const away = await get(second.base, "/metrics")
      assert.match(away[1], /^tusk_serving 0$/m)
      await until(second.base, "/metrics", /^tusk_postgres_up 0$/m)
    } finally {
      for (const { child } of brokers) child.kill("SIGKILL")
      await Effect.runPromise(Scope.close(scope, Exit.void))
      folder.remove()
    }
  })
})
