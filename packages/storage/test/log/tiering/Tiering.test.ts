import * as Effect from "effect/Effect"
import { make, MemoryData } from "../../../src/memory/MemoryStore.ts"
import { randomUuid } from "../../../src/port/Uuid.ts"
import { tieringCases } from "./tieringCases.ts"

tieringCases("memory", {
  cluster: Effect.map(randomUuid, (clusterId) => {
    const data = new MemoryData(clusterId)
    return { open: Effect.sync(() => make(data, { maxBytes: 1 << 26 })), failOver: Effect.void }
  })
})
