import { assert, describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { NOTHING_TOLD } from "../../src/port/counters.ts"
import { stepsToTake } from "../../src/pg/schema/SchemaSteps.ts"
import { MIGRATIONS, SCHEMA_VERSION, stepOf } from "../../src/pg/schema/SchemaVersion.ts"
import { bundleOf, writtenBundle } from "../../scripts/bundleSql.ts"
import { dumpSchema } from "./dumpSchema.ts"
import { TestDatabase } from "./TestDatabase.ts"

const database = new TestDatabase()

const taken = (names: ReadonlyArray<string>) => names.map((name) => [String(stepOf(name).id), stepOf(name).name])

describe("SQL", () => {
  it("is in the program as it is in the files; else: npm run sql", () => {
    assert.strictEqual(writtenBundle(), bundleOf())
  })
})

describe("steps of the schema", () => {
  it("are numbered without a gap", () => {
    assert.deepStrictEqual(
      MIGRATIONS.map((name) => stepOf(name).id),
      MIGRATIONS.map((_, i) => i + 1)
    )
  })

  it("are taken by name, in order, each once, also below the newest", () => {
    assert.deepStrictEqual(stepsToTake([]), MIGRATIONS)
    assert.deepStrictEqual(stepsToTake(taken(MIGRATIONS)), [])
    const without = MIGRATIONS.filter((name) => name !== "0004_function_costs" && name !== "0010_view_costs")
    assert.deepStrictEqual(stepsToTake(taken(without)), ["0004_function_costs", "0010_view_costs"])
    const later = stepsToTake([...taken(MIGRATIONS), [String(SCHEMA_VERSION + 1), "later"]])
    assert.deepInclude(later, { _tag: "SchemaTooNew", found: SCHEMA_VERSION + 1 })
    const other = stepsToTake([["4", "something_else"]])
    assert.include((other as Error).message, "a step that this program does not know: 4 something_else")
  })

  it.live("one that is missing below the newest is taken by a broker that starts, and comes to the same", () =>
    Effect.gen(function* () {
      yield* database.empty
      yield* database.install()
      const psql = yield* database.psql()
      const whole = yield* dumpSchema(psql)
      yield* psql.query("delete from kafka.migrations where migration_id = 4")
      yield* psql.query("alter function kafka.partition_bytes(integer, bigint) cost 100")
      assert.notStrictEqual(yield* dumpSchema(psql), whole)
      const store = yield* database.open()
      yield* store.acquire(NOTHING_TOLD)
      assert.strictEqual(yield* dumpSchema(psql), whole)
      assert.deepStrictEqual(
        yield* psql.query("select migration_id, name from kafka.migrations order by 1"),
        taken(MIGRATIONS)
      )
    })
  )

  it.live("come to schema.sql, and that makes the same schema", () =>
    Effect.gen(function* () {
      yield* database.empty
      yield* database.install()
      const psql = yield* database.psql()
      const text = yield* dumpSchema(psql)
      yield* Effect.promise(() => expect(text).toMatchFileSnapshot("../../schema.sql"))
      yield* psql.query("drop schema kafka cascade")
      yield* psql.query(text)
      // Postgres names a column of nulls by its type if it is told of it a second time.
      const plain = (dump: string) => dump.replaceAll(/ AS (timestamptz|int4)\b/g, "")
      assert.strictEqual(plain(yield* dumpSchema(psql)), plain(text))
    })
  )
})
