import * as Effect from "effect/Effect"
import { make, MemoryData } from "../src/memory/MemoryStore.ts"
import { randomUuid } from "../src/Uuid.ts"
import { storeSuite } from "../src/testing/storeSuite.ts"

storeSuite("memory", {
  cluster: Effect.map(randomUuid, (clusterId) => {
    const data = new MemoryData(clusterId)
    return { open: Effect.sync(() => make(data, { maxBytes: 64 * 1024 * 1024 })) }
  })
})
