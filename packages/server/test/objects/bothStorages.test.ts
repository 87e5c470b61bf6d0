import { describe, it } from "@effect/vitest"
import * as MemoryStore from "@tusk/storage/memory/MemoryStore"
import { Store } from "@tusk/storage/port/Store"
import * as Layer from "effect/Layer"
import { startBroker } from "../BrokerUnderTest.ts"
import { newData } from "../Stores.ts"
import { BothStorages } from "./BothStorages.ts"
import { rounds } from "./story.ts"

describe("a topic of rows and one of objects", () => {
  it("answer the same, whatever is asked", async () => {
    const data = newData()
    const start = () =>
      startBroker(
        { tailCacheBytes: 0, readAheadBytes: 0 },
        { store: Layer.succeed(Store, MemoryStore.make(data, { maxBytes: 1 << 26 })) }
      )
    {
      await using broker = await start()
      await rounds(await BothStorages.create(broker))
    }
  })
})
