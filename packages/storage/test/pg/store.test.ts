import * as Effect from "effect/Effect"
import { storeSuite } from "../../src/testing/storeSuite.ts"
import { TestDatabase } from "./TestDatabase.ts"

const database = new TestDatabase()

storeSuite("postgres", { cluster: Effect.as(database.empty, { open: database.open() }) })
