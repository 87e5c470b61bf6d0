/** Roles of a real Postgres, with rules of pg_hba.conf, as the users of PLAIN. */
import { assert, describe, it } from "@effect/vitest"
import { CreateAcls } from "@tusk/protocol/messages/CreateAcls"
import { Fetch } from "@tusk/protocol/messages/Fetch"
import { Metadata } from "@tusk/protocol/messages/Metadata"
import { Store } from "@tusk/storage/port/Store"
import * as MemoryStore from "@tusk/storage/memory/MemoryStore"
import * as PgStore from "@tusk/storage/pg/PgStore"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { createServer } from "node:net"
import type { AddressInfo } from "node:net"
import { PostgresServer } from "../../../../storage/test/pg/PostgresServer.ts"
import { connectSasl, plainLogin, startSaslBroker } from "./SaslBroker.ts"

const freePort = Effect.callback<number>((resume) => {
  const server = createServer()
  server.listen(0, "127.0.0.1", () => {
    const { port } = server.address() as AddressInfo
    server.close(() => resume(Effect.succeed(port)))
  })
})

const SETTINGS = {
  "sasl.enabled.mechanisms": "PLAIN",
  "tusk.sasl.plain.verify": "postgres",
  "authorizer.class.name": "tusk",
  "super.users": "User:ANONYMOUS",
  "connection.failed.authentication.delay.ms": "0",
  // So long a login waits for a broker that has lost its database.
  "tusk.authentication.timeout.ms": "1500"
}

const ROLES = `
  create role tusk superuser login password 'tusk-secret'; create role staff nologin;
  create role carol login password 'carol-secret' in role staff;
  create role dave login password 'dave-secret'; create role trusted login`

/** By Kafka's numbers: what is a member of `staff` may read the topic. */
const READ_FOR_STAFF = {
  resourceType: 2,
  resourceName: "orders",
  resourcePatternType: 3,
  principal: "Group:staff",
  host: "*",
  operation: 3,
  permissionType: 3
}

const serving = Effect.gen(function* () {
  const server = yield* PostgresServer.make
  server.port = yield* freePort
  yield* server.start
  const psql = yield* server.psql
  yield* psql.query(ROLES)
  yield* server.ruleFirst("host all trusted 127.0.0.1/32 trust", "host all all 127.0.0.1/32 scram-sha-256")
  const target = { host: "127.0.0.1", user: "tusk", password: "tusk-secret", database: "postgres" }
  return { server, store: Layer.orDie(PgStore.layer(server.options(target))) }
})

describe("roles of Postgres as the users of PLAIN", () => {
  it.live("log in by their passwords, and belong to the groups that their roles are members of", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { server, store } = yield* serving
        const broker = yield* Effect.acquireRelease(
          Effect.promise(() => startSaslBroker(SETTINGS, store)),
          (running) => Effect.promise(() => running[Symbol.asyncDispose]())
        )
        yield* Effect.promise(() => broker.createTopic("orders"))
        yield* Effect.promise(async () => {
          const admin = await broker.connect()
          const { results } = await admin.call(CreateAcls, 3, { creations: [READ_FOR_STAFF] })
          assert.strictEqual(results[0]!.errorCode, 0)
        })
        const login = (user: string, password: string) =>
          Effect.promise(async () => {
            const client = await connectSasl(broker)
            const { errorCode, errorMessage } = await plainLogin(client, user, password)
            return { client, errorCode, errorMessage }
          })
        const mayRead = (client: Awaited<ReturnType<typeof connectSasl>>) =>
          Effect.promise(async () => {
            const { topics } = await client.call(Metadata, 12, { topics: [{ name: "orders" }] })
            const partitions = [{ partition: 0, fetchOffset: 0n, partitionMaxBytes: 1000 }]
            const fetched = await client.call(Fetch, 12, {
              maxWaitMs: 0,
              minBytes: 0,
              maxBytes: 1000,
              sessionEpoch: -1,
              topics: [{ topic: "orders", partitions }]
            })
            return [topics[0]!.errorCode, fetched.responses[0]!.partitions[0]!.errorCode]
          })

        const carol = yield* login("carol", "carol-secret")
        assert.strictEqual(carol.errorCode, 0)
        assert.deepStrictEqual(yield* mayRead(carol.client), [0, 0])
        const dave = yield* login("dave", "dave-secret")
        assert.strictEqual(dave.errorCode, 0)
        assert.deepStrictEqual(yield* mayRead(dave.client), [29, 29])

        // Nobody else gets in: neither a user of the settings, nor a role that is let in without a password.
        const told = "Authentication failed: Invalid username or password"
        for (const [user, password] of [
          ["carol", "dave-secret"],
          ["alice", "alice-secret"],
          ["trusted", "x"],
          ["postgres", "x"]
        ] as const) {
          const { errorCode, errorMessage } = yield* login(user, password)
          assert.deepStrictEqual([errorCode, errorMessage], [58, told], user)
        }

        // While Postgres cannot be asked a client is told nothing, and comes again.
        yield* server.stop("SIGQUIT")
        const closed = yield* Effect.promise(async () => {
          const client = await connectSasl(broker)
          return plainLogin(client, "dave", "other").then(
            () => "answered",
            () => "closed"
          )
        })
        assert.strictEqual(closed, "closed")
      })
    )
  )

  it.live("a server that lets its own role in with any password is no start, and says which line", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { server, store } = yield* serving
        yield* server.ruleFirst("host all tusk 127.0.0.1/32 trust")
        const refused = yield* Effect.promise(() =>
          startSaslBroker(SETTINGS, store).then(
            () => "",
            (error: Error) => error.message
          )
        )
        assert.include(refused, "tusk.sasl.plain.verify=postgres: Postgres lets role tusk in")
        assert.include(refused, "line 1: host all tusk 127.0.0.1 trust")
      })
    )
  )

  it("storage without roles is no start", async () => {
    const memory = Layer.effect(
      Store,
      Effect.sync(() => MemoryStore.make(new MemoryStore.MemoryData("AAAAAAAAAAAAAAAAAAAAAQ"), { maxBytes: 1 << 20 }))
    )
    const refused = await startSaslBroker(SETTINGS, memory).then(
      () => "",
      (error: Error) => error.message
    )
    assert.include(refused, "tusk.sasl.plain.verify=postgres: storage memory has no roles of Postgres")
  })
})
