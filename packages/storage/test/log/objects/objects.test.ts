import * as Effect from "effect/Effect"
import { make, MemoryData } from "../../../src/memory/MemoryStore.ts"
import { checkCases } from "./checkCases.ts"
import { collectorCases } from "./collectorCases.ts"

const open = Effect.sync(() => make(new MemoryData("AAAAAAAAAAAAAAAAAAAAAQ"), { maxBytes: 1 << 28 }))

collectorCases("memory", open)
checkCases("memory", open)
