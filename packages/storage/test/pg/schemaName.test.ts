import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { inSchema, readSchemaName } from "../../src/pg/options/SchemaName.ts"
import * as bundle from "../../src/pg/sql/bundle.ts"
import { makeSqlRoles } from "../../src/pg/schema/SqlRoles.ts"
import { NOTHING_TOLD } from "../../src/port/counters.ts"
import { storeSuite } from "../../src/testing/storeSuite.ts"
import { append, topic } from "./Appends.ts"
import { dumpSchema } from "./dumpSchema.ts"
import { TestDatabase } from "./TestDatabase.ts"

const STRANGE = "Größe of-my select"

describe("the name of a schema", () => {
  it("is told why it will not do", () => {
    for (const name of ["kafka", "orders_eu", "Größe", "a b-c", "select", "x".repeat(63)]) {
      assert.strictEqual(readSchemaName(name), name)
    }
    for (const name of [
      "",
      " a",
      "a ",
      "a  b",
      "a.b",
      'a"b',
      "a'b",
      "a$b",
      "a%b",
      "a\\b",
      "a\nb",
      "pg_toast",
      "PG_x"
    ]) {
      assert.throws(() => readSchemaName(name), /will not do/)
    }
    assert.throws(() => readSchemaName("é".repeat(32)), /more than 63 bytes/)
    assert.throws(() => readSchemaName("information_schema"), /Postgres' own/)
  })

  it("changes nothing if it is the default, and takes the place of it everywhere else", () => {
    const texts = Object.values(bundle).flatMap((each) => Object.values(each as Readonly<Record<string, string>>))
    for (const text of texts) {
      assert.strictEqual(inSchema("kafka")(text), text)
      const left = inSchema("other")(text).match(/.{0,20}\b(kafka\b(?!-)|kafka_outbox\b|1416983403).{0,20}/g)
      assert.isNull(left)
    }
  })

  it("is a part of names, a name, or neither", () => {
    const sql = inSchema("o o")
    assert.strictEqual(sql("select * from kafka.topics t"), 'select * from "o o".topics t')
    assert.strictEqual(sql("nspname = 'kafka'"), "nspname = 'o o'")
    assert.strictEqual(sql("'kafka'::regnamespace"), "'\"o o\"'::regnamespace")
    assert.strictEqual(sql("to_regclass('kafka.topics')"), "to_regclass('\"o o\".topics')")
    assert.strictEqual(sql('to "kafka.app", "my ""kafka.app"'), 'to "kafka.app", "my ""kafka.app"')
    assert.strictEqual(
      sql("org.apache.kafka.x, kafka-topics, kafka_producer"),
      "org.apache.kafka.x, kafka-topics, kafka_producer"
    )
    assert.notStrictEqual(sql("listen kafka_outbox"), inSchema("p p")("listen kafka_outbox"))
  })
})

const database = new TestDatabase()
const open = (schema?: string) => database.open({ schema })

describe("clusters in schemas of one database", () => {
  it.live("serve at once, each with its own lock, ids and records", () =>
    Effect.gen(function* () {
      yield* database.empty
      const psql = yield* database.psql()
      const stores = yield* Effect.forEach([undefined, "other", STRANGE], open)
      const states = yield* Effect.forEach(stores, (store) => store.acquire(NOTHING_TOLD))
      assert.strictEqual(new Set(states.map(({ clusterId }) => clusterId)).size, 3)
      for (const [i, store] of stores.entries()) {
        yield* store.commit([topic, Array.from({ length: i + 1 }, (_, at) => append(BigInt(at)))])
        yield* store.ping
        yield* store.heartbeat
      }
      for (const [i, store] of stores.entries()) {
        assert.strictEqual((yield* store.loadPartitions([1]))[0]!.endOffset, BigInt(i + 1))
      }
      // Each lock is a cluster's own, and held.
      for (const schema of ["kafka", "other", `"${STRANGE}"`]) {
        assert.deepStrictEqual(yield* psql.query(`select count(*) from ${schema}.active_broker`), [["1"]])
      }
      const second = yield* Effect.flip(Effect.flatMap(open("other"), (store) => store.acquire(NOTHING_TOLD)))
      assert.strictEqual((second as { readonly _tag: string })._tag, "LockHeld")
    })
  )

  it.live("drain what was produced by their own kafka.produce", () =>
    Effect.gen(function* () {
      yield* database.empty
      const psql = yield* database.psql()
      const [one, other] = yield* Effect.forEach(["one", STRANGE], open)
      for (const store of [one!, other!]) {
        yield* store.acquire(NOTHING_TOLD)
        yield* store.commit([topic])
      }
      const everything = { since: undefined, within: undefined, except: [] }
      yield* psql.query(`select "${STRANGE}".produce('t', 'x')`)
      assert.strictEqual((yield* other!.outbox!.pass(everything)).rows.length, 1)
      assert.strictEqual((yield* one!.outbox!.pass(everything)).rows.length, 0)
    })
  )

  it.live("come to the same schema, but for its name", () =>
    Effect.gen(function* () {
      yield* database.empty
      yield* database.install()
      yield* database.install(undefined, { schema: "other" })
      const psql = yield* database.psql()
      const whole = yield* dumpSchema(psql)
      yield* psql.query("drop schema kafka cascade; alter schema other rename to kafka")
      const lock = /\b1416983403\b|\bkafka_outbox_\d+\b/g
      const renamed = (yield* dumpSchema(psql))
        .replaceAll('"other".', "kafka.")
        .replaceAll('schema "other"', "schema kafka")
      const number = /kafka_outbox_(\d+)/.exec(renamed)![1]!
      const plain = renamed
        .replaceAll(`kafka_outbox_${number}`, "kafka_outbox")
        .replaceAll(`kafka_security_${number}`, "kafka_security")
        .replaceAll(`kafka_erasures_${number}`, "kafka_erasures")
        .replaceAll(number, "1416983403")
      assert.strictEqual(plain.replaceAll("'\"other\"'::regnamespace", "'kafka'::regnamespace"), whole)
      assert.match(whole, lock)
    })
  )

  it.live("have group roles of their own", () =>
    Effect.gen(function* () {
      yield* database.empty
      const schema = `${database.name} s`
      yield* database.install(undefined, { schema })
      const psql = yield* database.psql(database.name, { schema })
      const roles = ["producer", "consumer", "admin"].map((kind) => `"${schema}_${kind}"`)
      yield* Effect.addFinalizer(() =>
        Effect.ignore(psql.query(`drop owned by ${roles.join()}; drop role ${roles.join()}`))
      )
      const { refused, statements } = yield* makeSqlRoles(psql)
      assert.isUndefined(refused)
      assert.include(statements, `grant select on all tables in schema "${schema}" to ${roles[2]}`)
      assert.deepStrictEqual(yield* psql.query("select count(*) from kafka.acls"), [["7"]])
    })
  )
})

storeSuite("postgres, in a schema of another name", {
  cluster: Effect.as(database.empty, {
    open: open(STRANGE),
    failOver: Effect.gen(function* () {
      const psql = yield* database.psql()
      yield* psql.query(`update "${STRANGE}".cluster set timeline = 'another'`)
    })
  })
})
