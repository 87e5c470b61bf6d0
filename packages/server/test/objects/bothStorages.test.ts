import { assert, describe, it } from "@effect/vitest"
import * as MemoryStore from "@tusk/storage/memory/MemoryStore"
import { makeMemoryObjectStore, MemoryObjects } from "@tusk/storage/object/memory/MemoryObjectStore"
import { ObjectStore } from "@tusk/storage/port/ObjectStore"
import { Store } from "@tusk/storage/port/Store"
import * as Layer from "effect/Layer"
import { startBroker } from "../BrokerUnderTest.ts"
import { newData } from "../Stores.ts"
import { BothStorages } from "./BothStorages.ts"
import { compareAll, deleting, dropped, rounds } from "./story.ts"

/** What outlives a broker. */
const place = (grows: boolean) => {
  const data = newData()
  const objects = new MemoryObjects()
  const memory = makeMemoryObjectStore(objects, { maxBytes: 1 << 26 })
  const store = Layer.merge(
    Layer.succeed(Store, MemoryStore.make(data, { maxBytes: 1 << 26 })),
    Layer.succeed(ObjectStore, grows ? memory : { ...memory, grow: undefined })
  )
  return { data, objects, store }
}

describe("a topic of rows and one of objects", () => {
  it.each([
    ["with nothing in memory", 0, false],
    ["with nothing in memory, in an object that grows", 0, true],
    ["with newest batches in memory", 1 << 24, false]
  ])("answer the same, whatever is asked, %s", { timeout: 60_000 }, async (_, bytes, grows) => {
    const { data, objects, store } = place(grows)
    const start = () => startBroker({ tailCacheBytes: bytes, readAheadBytes: bytes }, { store })
    let both: BothStorages
    {
      await using broker = await start()
      both = await BothStorages.create(broker)
      await rounds(both)
    }
    assert.isAbove(objects.objects.size, grows ? 1 : 10)
    // Of another broker, which has nothing in memory.
    await using broker = await start()
    both = await both.at(broker)
    await compareAll(both)
    await deleting(both)
    await dropped(both)
    assert.isAbove(data.objects.all.length, grows ? 0 : 10)
  })
})
