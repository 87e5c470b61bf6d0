import { rmSync } from "node:fs"
import type { Ending } from "../../bench/Ending.ts"
import { freePort } from "../../bench/kafka/Broker.ts"
import { Broker } from "../failover/Broker.ts"
import { DATABASE, installed, Server } from "../failover/Server.ts"
import { Sql } from "../failover/Sql.ts"
import type { Report } from "../failover/Report.ts"

/** One Postgres, one broker before it, and sessions beside them. */
export interface World {
  readonly server: Server
  readonly broker: Broker
  readonly bootstrap: string
  readonly report: Report
  /** A session as an application has one. */
  readonly session: () => Promise<Sql>
}

/** Starts both, by settings of Postgres and of the broker; a string says why they cannot be had. */
export const startWorld = async (
  ending: Ending,
  report: Report,
  settings: Readonly<Record<string, string>> = {},
  ofBroker: Readonly<Record<string, string>> = {}
): Promise<World | string> => {
  const postgres = installed()
  if (typeof postgres === "string") return postgres
  ending.add(() => rmSync(postgres.root, { recursive: true, force: true }))
  const server = await Server.create(postgres, "sql", await freePort(), {
    max_connections: "120",
    // Transactions that write accounts in another order meet often.
    deadlock_timeout: "20ms",
    ...settings
  })
  ending.add(() => server.remove())
  const port = await freePort()
  const databaseUrl = `postgres://postgres@127.0.0.1:${server.port}/${DATABASE}`
  const broker = new Broker({ port, databaseUrl, settings: ofBroker })
  ending.add(() => broker.end())
  await broker.start()
  const session = async () => {
    const sql = await Sql.connect({ port: server.port, database: DATABASE, timeoutMs: 120_000 })
    ending.add(() => sql.close())
    return sql
  }
  return { server, broker, bootstrap: `127.0.0.1:${port}`, report, session }
}
