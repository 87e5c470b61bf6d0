/** Data written by each earlier version of the schema opens with this Tusk, and clients go on where they were. */
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { CreateTopics } from "@tusk/protocol/messages/CreateTopics"
import { InitProducerId } from "@tusk/protocol/messages/InitProducerId"
import { Produce } from "@tusk/protocol/messages/Produce"
import * as PgStore from "@tusk/storage/pg/PgStore"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import { readdirSync, readFileSync } from "node:fs"
import { MIGRATIONS } from "../../../storage/src/pg/schema/SchemaVersion.ts"
import { dumpSchema } from "../../../storage/test/pg/dumpSchema.ts"
import { PostgresServer } from "../../../storage/test/pg/PostgresServer.ts"
import { batchOf } from "../Batches.ts"
import { startBroker } from "../BrokerUnderTest.ts"
import { within } from "../WireClient.ts"
import type { WireClient } from "../WireClient.ts"
import { committedOf, membersOf, offsetAt, readCommitted } from "./Asking.ts"
import type { Facts, KnownRecord } from "./Facts.ts"
import { shareStart } from "./KnownGroups.ts"
import { restoring } from "./restoring.ts"

const FIXTURES = new URL("fixtures/", import.meta.url)
const names = Array.from(new Set(readdirSync(FIXTURES).map((file) => file.slice(0, 4)))).sort()
const text = (name: string, ending: string) => readFileSync(new URL(`${name}.${ending}`, FIXTURES), "utf8")

const scope = Scope.makeUnsafe()
let server: PostgresServer
beforeAll(async () => {
  server = await Effect.runPromise(Scope.provide(PostgresServer.make, scope))
  await Effect.runPromise(server.start)
  await query("create database fresh")
  await query(restoring({ steps: MIGRATIONS }, "select"), "fresh")
})
afterAll(() => Effect.runPromise(Scope.close(scope, Exit.void)))

/** Statements for a database of the server. */
const query = (sql: string, database = "postgres") =>
  Effect.runPromise(Effect.scoped(Effect.flatMap(server.session(database), (psql) => psql.query(sql))))

const schemaOf = (database: string) =>
  Effect.runPromise(Effect.scoped(Effect.flatMap(server.session(database), dumpSchema)))

const open = async (name: string) => {
  const facts: Facts = JSON.parse(text(name, "json"))
  const database = `upgrade_${name}`
  await query(`drop database if exists ${database} with (force)`)
  await query(`create database ${database}`)
  await query(restoring(facts, text(name, "sql")), database)
  const store = Layer.orDie(PgStore.layer(server.options({ database })))
  // The fixtures grow old.
  const settings = {
    offsetsRetentionMinutes: 2 ** 31 - 1,
    producerIdExpirationMs: 2 ** 31 - 1,
    logCleanerBackoffMs: 3_600_000
  }
  const broker = await startBroker(settings, { store })
  return { facts, database, broker, client: await broker.connect() }
}

const produce = async (client: WireClient, name: string, records: Uint8Array) => {
  const topicData = [{ name, partitionData: [{ index: 0, records }] }]
  const { responses } = await client.call(Produce, 8, { acks: -1, timeoutMs: 5000, topicData })
  return responses[0]!.partitionResponses[0]!
}

/** Of a compacted topic: what its readers end up with. */
const newest = (records: ReadonlyArray<KnownRecord>) =>
  Object.fromEntries(records.map(([, key, value]) => [key, value]))

describe.each(names)("data of step %s", (name) => {
  it("is read, written and owned by the same clients, under this schema", async () => {
    const { broker, client, database, facts } = await open(name)
    await using _ = broker
    const outbox = facts.outbox ?? []
    // Records of SQL are appended by the drain, at its own time.
    const drained = async () => {
      while ((await readCommitted(client, "orders", 0)).length < facts.records["orders"]![0]!.length + outbox.length);
    }
    await within(drained(), "what SQL sessions produced")

    for (const [topic, partitions] of Object.entries(facts.records)) {
      for (const [i, known] of partitions.entries()) {
        const found = await readCommitted(client, topic, i)
        if (topic === "table") assert.deepStrictEqual(newest(found), newest(known))
        else assert.deepStrictEqual(found.slice(0, known.length), known, `${topic}-${i}`)
        assert.isAtLeast(Number(await offsetAt(client, topic, i, -1n)), facts.ends[topic]![i]!)
        const more: ReadonlyArray<string | null> = topic === "orders" && i === 0 ? outbox : []
        if (topic !== "table")
          assert.deepStrictEqual<unknown>(
            found.slice(known.length).map(([, , value]) => value),
            more
          )
      }
    }

    for (const group of facts.groups) {
      const committed =
        group.type === "share"
          ? [await shareStart(client, group.groupId)]
          : await committedOf(client, group.groupId, "orders", 2)
      assert.deepStrictEqual(committed, group.committed, group.groupId)
      assert.deepStrictEqual(await membersOf(client, group.type, group.groupId), group.members, group.groupId)
    }

    const { epoch: producerEpoch, id, offset, sequence } = facts.producer
    const batch = (baseSequence: number) =>
      batchOf(["i", "j"], { producerId: BigInt(id), producerEpoch, baseSequence, timestamp: 0n })
    const again = await produce(client, "orders", batch(sequence))
    assert.deepStrictEqual([again.errorCode, Number(again.baseOffset)], [0, offset])
    assert.strictEqual((await produce(client, "orders", batch(sequence + 4))).errorCode, 45)
    const next = await produce(client, "orders", batch(sequence + 2))
    assert.strictEqual(next.errorCode, 0)
    assert.isAtLeast(Number(next.baseOffset), facts.ends["orders"]![0]!)

    const { topics } = await client.call(CreateTopics, 5, {
      topics: [{ name: "new", numPartitions: 1, replicationFactor: 1 }]
    })
    assert.strictEqual(topics[0]!.errorCode, 0)
    assert.strictEqual((await produce(client, "new", batchOf(["first"]))).baseOffset, 0n)
    assert.deepStrictEqual(await readCommitted(client, "new", 0), [[0, null, "first"]])

    assert.strictEqual(await schemaOf(database), await schemaOf("fresh"))
  })
})

describe.each(names.filter((name) => name >= "0012"))("a transaction of step %s", (name) => {
  it("that was open is ended by its producer's next instance", async () => {
    const { broker, client, facts } = await open(name)
    await using _ = broker
    const { topic, transactionalId } = facts.open!
    const ended = await client.call(InitProducerId, 1, { transactionalId, transactionTimeoutMs: 60_000 })
    assert.strictEqual(ended.errorCode, 0)
    assert.strictEqual((await produce(client, topic, batchOf(["after"]))).errorCode, 0)
    const found = await readCommitted(client, topic, 0)
    assert.deepStrictEqual(found.slice(0, -1), facts.records[topic]![0])
    assert.strictEqual(found.at(-1)![2], "after")
  })
})

describe("fixtures", () => {
  it("there is one of the step before the newest: makeFixture.ts makes it", () => {
    assert.isAtLeast(Number(names.at(-1)), MIGRATIONS.length - 1)
  })
})
