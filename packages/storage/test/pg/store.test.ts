import * as Effect from "effect/Effect"
import { storeSuite } from "../../src/testing/storeSuite.ts"
import { TestDatabase } from "./TestDatabase.ts"

const database = new TestDatabase()

storeSuite("postgres", {
  cluster: Effect.as(database.empty, {
    open: database.open(),
    failOver: Effect.gen(function* () {
      // What a promoted standby finds: a timeline that is not the one it is on.
      const psql = yield* database.psql()
      yield* psql.query(
        "update kafka.cluster set timeline = to_char(to_number(timeline, '99999999') + 1, 'FM00000000')"
      )
    })
  })
})
