import { start } from "@tusk/cli/embedded-postgres/EmbeddedPostgres"
import { resolveOptions } from "@tusk/storage/pg/options/PgOptions"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import { chmodSync, mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

/** A Postgres as Tusk embeds it, without a broker: in a new folder that goes with it. */
export interface BenchPostgres {
  readonly options: { readonly host: string; readonly port: number; readonly user: string; readonly database: string }
  readonly target: ReturnType<typeof resolveOptions>
  /** Process id of the postmaster. */
  readonly pid: number
  readonly stop: () => Promise<void>
}

export const startPostgres = async (): Promise<BenchPostgres> => {
  const dataDir = mkdtempSync(join(tmpdir(), "tusk-bench-pg-"))
  // As root, Postgres runs as another account, which has to get here.
  chmodSync(dataDir, 0o755)
  const scope = await Effect.runPromise(Scope.make())
  const stop = async () => {
    await Effect.runPromise(Scope.close(scope, Exit.void))
    rmSync(dataDir, { recursive: true, force: true })
  }
  const server = await Effect.runPromise(Scope.provide(start(dataDir), scope)).catch(async (error: unknown) => {
    await stop()
    throw error
  })
  const options = {
    host: server.socketDirectory,
    port: server.port,
    user: server.user,
    database: server.database
  }
  return {
    options,
    target: resolveOptions(options),
    pid: server.pid,
    stop
  }
}
