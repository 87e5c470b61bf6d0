import { assert, describe, it } from "@effect/vitest"
import * as MemoryStore from "@tusk/storage/memory/MemoryStore"
import { Store } from "@tusk/storage/port/Store"
import * as Layer from "effect/Layer"
import { startBroker } from "../BrokerUnderTest.ts"
import { ObjectsUnderTest } from "../ObjectBroker.ts"
import { newData } from "../Stores.ts"
import { BothStorages } from "./BothStorages.ts"
import { compareAll, deleting, dropped, rounds } from "./story.ts"

const TIERED = { "remote.storage.enable": "true", "local.retention.bytes": "0" } as const

describe("a topic of rows and one whose old batches move away meanwhile", () => {
  it.each([
    ["with nothing in memory", 0],
    ["with newest batches in memory", 1 << 24]
  ])("answer the same, whatever is asked, %s", { timeout: 60_000 }, async (_, bytes) => {
    const data = newData()
    const objects = new ObjectsUnderTest()
    const store = Layer.succeed(Store, MemoryStore.make(data, { maxBytes: 1 << 26 }))
    const settings = { tailCacheBytes: bytes, readAheadBytes: bytes, tierIntervalMs: 3, objectMergeIntervalMs: 10 }
    const start = () => startBroker(settings, { store, objects: objects.store })
    let both: BothStorages
    {
      await using broker = await start()
      both = await BothStorages.create(broker, 2, {}, TIERED)
      await rounds(both)
      assert.deepStrictEqual(
        broker.log.filter(({ level }) => level !== "Info" && level !== "Debug"),
        []
      )
    }
    const tiered = Array.from(data.partitions.values()).filter(({ localStartOffset }) => localStartOffset > 0n)
    assert.strictEqual(tiered.length, 2)
    for (const { batches } of tiered) {
      // All but the newest one, and perhaps what came with it.
      assert.isAbove(batches.filter(({ records }) => records === undefined).length, batches.length / 2)
    }
    await using broker = await start()
    both = await both.at(broker)
    await compareAll(both)
    await deleting(both)
    await dropped(both)
  })
})
