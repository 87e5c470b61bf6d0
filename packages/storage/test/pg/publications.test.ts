import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import { readFileSync } from "node:fs"
import { NOTHING_TOLD } from "../../src/port/counters.ts"
import { TestDatabase } from "./TestDatabase.ts"

const database = new TestDatabase()

/** Warnings of a start. */
const warnings = Effect.gen(function* () {
  const lines: Array<string> = []
  const logger = Logger.make(({ message }) => void lines.push(String(message)))
  yield* Effect.scoped(Effect.flatMap(database.open(), (store) => store.acquire(NOTHING_TOLD))).pipe(
    Effect.provide(Logger.layer([logger]))
  )
  return lines.filter((line) => line.includes("publication"))
})

describe("a publication that holds the log", () => {
  it.live("is told at the start, of all tables or of this one; others are not", () =>
    Effect.gen(function* () {
      yield* database.empty
      assert.deepStrictEqual(yield* warnings, [])
      const psql = yield* database.psql()
      yield* psql.query("create table public.orders (id int primary key)")
      yield* psql.query("create publication mine for table public.orders")
      assert.deepStrictEqual(yield* warnings, [])
      for (const of of ["for all tables", "for table kafka.batches"]) {
        yield* psql.query(`create publication dbz_publication ${of}`)
        const [line, ...more] = yield* warnings
        assert.match(line!, /^ATTENTION: publication dbz_publication holds kafka\.batches.*schema\.exclude\.list=kafka/)
        assert.deepStrictEqual(more, [])
        yield* psql.query("drop publication dbz_publication")
      }
    })
  )

  it("README and docs/sql.md say what Debezium has to leave out", () => {
    for (const page of ["README.md", "docs/sql.md"]) {
      const text = readFileSync(new URL(`../../../../${page}`, import.meta.url), "utf8")
      assert.include(text, "schema.exclude.list=kafka")
    }
  })
})
