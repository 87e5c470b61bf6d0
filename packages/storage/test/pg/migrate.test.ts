import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { NOTHING_TOLD } from "../../src/port/counters.ts"
import { connect } from "../../src/pg/connection/connect.ts"
import type { PgConnection } from "../../src/pg/connection/PgConnection.ts"
import { resolveOptions } from "../../src/pg/options/PgOptions.ts"
import { grant, grantsTo, migrateSchema, missingSteps } from "../../src/pg/schema/MigrateSchema.ts"
import { MIGRATIONS, SCHEMA_LOCK } from "../../src/pg/schema/SchemaVersion.ts"
import { append, topic } from "./Appends.ts"
import { TestDatabase } from "./TestDatabase.ts"

const database = new TestDatabase()
const OWNER = `${database.name}_owner`
const RUNNER = `${database.name} runner`
const quoted = (role: string) => `"${role}"`
const as = (user: string) => ({ user, password: "geheim" })

/** The database, a role that owns what is made in it, and one that may connect. */
const open = Effect.gen(function* () {
  yield* database.empty
  const psql = yield* database.psql()
  for (const role of [OWNER, RUNNER]) yield* psql.query(`create role ${quoted(role)} login password 'geheim'`)
  yield* Effect.addFinalizer(() => {
    const both = [OWNER, RUNNER].map(quoted).join(", ")
    return Effect.ignore(psql.query(`drop owned by ${both} cascade; drop role ${both}`))
  })
  yield* psql.query(`grant create on database ${database.name} to ${quoted(OWNER)}`)
  const owner = yield* Effect.acquireRelease(connect(resolveOptions(database.options(as(OWNER))), "owner"), (each) =>
    Effect.sync(() => each.leave())
  )
  return { psql, owner }
})

const migrate = (owner: PgConnection) => migrateSchema(owner, resolveOptions(database.options(as(OWNER))))

/** A broker as the role that owns nothing: it stores a batch and reads it. */
const serves = Effect.scoped(
  Effect.gen(function* () {
    const store = yield* database.open(as(RUNNER))
    yield* store.acquire(NOTHING_TOLD)
    yield* store.commit([topic, [append(0n)]])
    yield* store.outbox!.pass({ since: undefined, within: undefined, except: [] })
    assert.strictEqual((yield* store.loadPartitions([1]))[0]!.endOffset, 1n)
  })
)

describe("tusk migrate", () => {
  it.live("one role owns the schema, and another serves", () =>
    Effect.gen(function* () {
      const { owner, psql } = yield* open
      assert.deepStrictEqual(yield* missingSteps(owner), MIGRATIONS)
      assert.deepStrictEqual(yield* migrate(owner), MIGRATIONS)
      assert.deepStrictEqual(yield* migrate(owner), [])
      const refused = yield* Effect.flip(serves)
      assert.include((refused as Error).message, `run tusk migrate --grant-to "${RUNNER}" as that role`)
      yield* grant(owner, yield* grantsTo(owner, RUNNER))
      yield* serves
      // A later Tusk has a step more.
      const last = MIGRATIONS.at(-1)!
      yield* psql.query(`delete from kafka.migrations where migration_id = ${Number.parseInt(last, 10)}`)
      const behind = yield* Effect.flip(serves)
      assert.include((behind as Error).message, `tusk migrate --grant-to "${RUNNER}" as that role, which takes ${last}`)
    })
  )

  it.live("refuses while a broker serves, and while another takes steps", () =>
    Effect.gen(function* () {
      const { owner, psql } = yield* open
      yield* psql.query(`begin; select pg_advisory_xact_lock(${SCHEMA_LOCK[0]}, ${SCHEMA_LOCK[1]})`)
      const locked = yield* Effect.flip(migrate(owner))
      assert.include(locked.message, "another Tusk takes steps of the schema just now")
      yield* psql.query("commit")
      yield* migrate(owner)
      yield* grant(owner, yield* grantsTo(owner, RUNNER))
      const store = yield* database.open(as(RUNNER))
      yield* store.acquire(NOTHING_TOLD)
      assert.deepStrictEqual(yield* migrate(owner), [])
      const last = MIGRATIONS.at(-1)!
      yield* psql.query(`delete from kafka.migrations where migration_id = ${Number.parseInt(last, 10)}`)
      const served = yield* Effect.flip(migrate(owner))
      assert.include(served.message, "a broker serves (tusk/broker of user ")
      assert.include(served.message, `stop it, then ${last} can be taken`)
    })
  )

  it.live("gives all grants or none", () =>
    Effect.gen(function* () {
      const { owner } = yield* open
      yield* migrate(owner)
      const error = yield* Effect.flip(grant(owner, yield* grantsTo(owner, "nobody there")))
      assert.include(error.message, 'role "nobody there" does not exist')
      yield* grant(owner, yield* grantsTo(owner, RUNNER))
      yield* serves
    })
  )
})
