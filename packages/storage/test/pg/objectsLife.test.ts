import * as Effect from "effect/Effect"
import { checkCases } from "../log/objects/checkCases.ts"
import { collectorCases } from "../log/objects/collectorCases.ts"
import { TestDatabase } from "./TestDatabase.ts"

const database = new TestDatabase()
const open = Effect.andThen(database.empty, database.open())

collectorCases("postgres", open)
checkCases("postgres", open)
