/** Two clusters in one database: clients of each find their own, and SQL produces into the one whose schema it names. */
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { Metadata } from "@tusk/protocol/messages/Metadata"
import * as PgStore from "@tusk/storage/pg/PgStore"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import { PostgresServer } from "../../storage/test/pg/PostgresServer.ts"
import { startBroker } from "./BrokerUnderTest.ts"
import { readCommitted } from "./upgrade/Asking.ts"
import { within } from "./WireClient.ts"
import type { WireClient } from "./WireClient.ts"

const scope = Scope.makeUnsafe()
let server: PostgresServer
beforeAll(async () => {
  server = await Effect.runPromise(Scope.provide(PostgresServer.make, scope))
  await Effect.runPromise(server.start)
})
afterAll(() => Effect.runPromise(Scope.close(scope, Exit.void)))

const query = (sql: string) => Effect.runPromise(Effect.scoped(Effect.flatMap(server.psql, (psql) => psql.query(sql))))
const start = (schema: string) =>
  startBroker({}, { store: Layer.orDie(PgStore.layer(server.options({ database: "postgres", schema }))) })

const values = async (client: WireClient, count: number) => {
  const read = async () => {
    while (true) {
      const found = await readCommitted(client, "orders", 0)
      if (found.length >= count) return found.map(([, , value]) => value)
    }
  }
  return within(read(), "what was produced")
}

describe("clusters in schemas of one database", () => {
  it("serve at once, and are told apart by clients and by SQL", async () => {
    await using kafka = await start("kafka")
    await using other = await start("Zweite Wahl")
    const ids = new Set<string | null>()
    for (const broker of [kafka, other]) {
      await broker.createTopic("orders")
      const client = await broker.connect()
      ids.add((await client.call(Metadata, 12, { topics: [] })).clusterId)
    }
    assert.strictEqual(ids.size, 2)
    await query(
      `select kafka.produce('orders', 'k'), "Zweite Wahl".produce('orders', 'z 1'), "Zweite Wahl".produce('orders', 'z 2')`
    )
    assert.deepStrictEqual(await values(await kafka.connect(), 1), ["k"])
    assert.deepStrictEqual(await values(await other.connect(), 2), ["z 1", "z 2"])
    // Asleep, each is woken on a channel of its own.
    await query(`select "Zweite Wahl".produce('orders', 'z 3')`)
    assert.deepStrictEqual(await values(await other.connect(), 3), ["z 1", "z 2", "z 3"])
    assert.deepStrictEqual(await values(await kafka.connect(), 1), ["k"])
  })
})
