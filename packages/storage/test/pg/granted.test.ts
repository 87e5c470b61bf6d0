import * as Effect from "effect/Effect"
import { grant, grantsTo } from "../../src/pg/schema/MigrateSchema.ts"
import { storeSuite } from "../../src/testing/storeSuite.ts"
import { TestDatabase } from "./TestDatabase.ts"

const database = new TestDatabase()
const ROLE = `${database.name}_runner`

/** A broker as a role that owns nothing, and has what `tusk migrate --grant-to` gives. */
const granted = Effect.gen(function* () {
  yield* database.empty
  yield* database.install()
  const psql = yield* database.psql()
  const [there] = yield* psql.query(`select from pg_roles where rolname = '${ROLE}'`)
  if (there === undefined) yield* psql.query(`create role ${ROLE} login`)
  yield* grant(psql, yield* grantsTo(psql, ROLE))
  // The server's roles outlive a database, its grants do not.
  yield* Effect.addFinalizer(() => Effect.ignore(psql.query(`drop owned by ${ROLE}; drop role ${ROLE}`)))
})

storeSuite("postgres, as a role that owns nothing", {
  cluster: Effect.as(granted, {
    open: database.open({ user: ROLE }),
    failOver: Effect.gen(function* () {
      const psql = yield* database.psql()
      yield* psql.query("update kafka.cluster set timeline = 'another'")
    })
  })
})
