import { connect } from "@tusk/storage/pg/connection/connect"
import { resolveOptions } from "@tusk/storage/pg/options/PgOptions"
import * as Effect from "effect/Effect"
import { readFileSync } from "node:fs"
import { join } from "node:path"

/** A session of its own with the Postgres that a broker embeds. */
export interface Sql {
  /** Rows of a simple query, values as text. */
  readonly rows: (sql: string) => Promise<ReadonlyArray<ReadonlyArray<string | null>>>
  readonly close: () => Promise<void>
}

/** `dataDir` is the broker's; its Postgres has to be running. */
export const openEmbeddedSql = async (dataDir: string): Promise<Sql> => {
  const [, , , port, host] = readFileSync(join(dataDir, "postgres", "postmaster.pid"), "utf8").split("\n")
  const target = resolveOptions({ host: host ?? "", port: Number(port), user: "postgres", database: "postgres" })
  const connection = await Effect.runPromise(connect(target, "tusk/bench"))
  return {
    rows: (sql) => Effect.runPromise(connection.query(sql)),
    close: async () => void (await Effect.runPromise(connection.close("")))
  }
}
