import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { makeMemoryObjectStore, MemoryObjects } from "../../src/object/memory/MemoryObjectStore.ts"
import { objectStoreSuite } from "../../src/testing/objectStoreSuite.ts"

const options = { maxBytes: 1 << 27 }

objectStoreSuite("memory", {
  grows: true,
  place: Effect.sync(() => {
    const data = new MemoryObjects()
    return Effect.sync(() => makeMemoryObjectStore(data, options))
  })
})

describe("a store of objects in memory", () => {
  it.effect("is full at its bound, and has room again once an object is gone", () =>
    Effect.gen(function* () {
      const store = makeMemoryObjectStore(new MemoryObjects(), { maxBytes: 100 })
      yield* store.put("a", [new Uint8Array(60)])
      const refused = yield* Effect.flip(store.put("b", [new Uint8Array(41)]))
      assert.deepInclude(refused, { _tag: "ObjectStoreUnavailable", sent: false })
      yield* store.remove("a")
      yield* store.put("b", [new Uint8Array(41)])
    })
  )
})
