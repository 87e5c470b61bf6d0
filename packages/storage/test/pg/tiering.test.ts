import * as Effect from "effect/Effect"
import { tieringCases } from "../log/tiering/tieringCases.ts"
import { TestDatabase } from "./TestDatabase.ts"

const database = new TestDatabase()

tieringCases("postgres", {
  cluster: Effect.as(database.empty, { open: database.open(), failOver: Effect.void })
})
