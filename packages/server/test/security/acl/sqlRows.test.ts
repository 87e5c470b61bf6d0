/** Kafka and SQL share the rows of `kafka.acls`. */
import { assert, describe, it } from "@effect/vitest"
import { CreateAcls } from "@tusk/protocol/messages/CreateAcls"
import { DescribeCluster } from "@tusk/protocol/messages/DescribeCluster"
import * as PgStore from "@tusk/storage/pg/PgStore"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { PostgresServer } from "../../../../storage/test/pg/PostgresServer.ts"
import { startBroker } from "../../BrokerUnderTest.ts"
import { within } from "../../WireClient.ts"

const [CREATE, DESCRIBE] = [1 << 5, 1 << 8]

describe("rows of kafka.acls", () => {
  it("hold for clients of Kafka, whoever wrote them, and for SQL", () =>
    Effect.gen(function* () {
      const server = yield* PostgresServer.make
      yield* server.start
      const store = Layer.orDie(PgStore.layer(server.options({ database: "postgres" })))
      const broker = yield* Effect.acquireRelease(
        Effect.promise(() => startBroker({ authorizerClassName: "tusk" }, { store })),
        (running) => Effect.promise(() => running[Symbol.asyncDispose]())
      )
      const client = yield* Effect.promise(() => broker.connect())
      const psql = yield* server.session("postgres")
      const request = { includeClusterAuthorizedOperations: true }
      /** A change in SQL reaches the broker a moment later. */
      const until = (bits: number) =>
        Effect.promise(() =>
          within(
            (async () => {
              while ((await client.call(DescribeCluster, 1, request)).clusterAuthorizedOperations !== bits);
            })(),
            `operations ${bits}`
          )
        )
      const sql = (verb: string, operation: string) =>
        psql.query(`select kafka.${verb}('User:ANONYMOUS', '${operation}', 'kafka-cluster', 'cluster')`)
      yield* until(0)
      yield* sql("allow", "describe")
      yield* until(DESCRIBE)
      yield* sql("allow", "create")
      yield* until(DESCRIBE | CREATE)
      yield* sql("deny", "create")
      yield* until(DESCRIBE)
      yield* sql("revoke", "describe")
      yield* until(0)
      yield* sql("allow", "alter")
      yield* until(DESCRIBE | (1 << 7))
      const creation = {
        resourceType: 2,
        resourceName: "orders",
        resourcePatternType: 4,
        principal: "User:app",
        host: "*",
        operation: 4,
        permissionType: 3
      }
      yield* Effect.promise(() => client.call(CreateAcls, 3, { creations: [creation] }))
      const rows = yield* psql.query("select s.allowed from kafka.acls_say('app', 'WRITE', 'TOPIC', 'orders-eu') s")
      assert.deepStrictEqual(rows, [["t"]])
    }).pipe(Effect.scoped, Effect.runPromise))
})
