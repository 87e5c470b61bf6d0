import { assert, describe, it } from "@effect/vitest"
import { makeMemoryObjectStore, MemoryObjects } from "@tusk/storage/object/memory/MemoryObjectStore"
import { makeSignal } from "@tusk/storage/Signal"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { TestClock } from "effect/testing"
import { probed } from "../../src/objects/probed.ts"

describe("an object store that does not answer", () => {
  it.effect("holds up no start for long, and is written to once it has answered", () =>
    Effect.gen(function* () {
      const changed = makeSignal()
      let isThere = false
      const data = new MemoryObjects()
      const memory = makeMemoryObjectStore(data, { maxBytes: 1 << 20 })
      const probe = changed.until(() => isThere)
      const starting = yield* Effect.forkChild(probed({ ...memory, probe }), { startImmediately: true })
      yield* TestClock.adjust("9 seconds")
      assert.isUndefined(starting.pollUnsafe())
      yield* TestClock.adjust("1 seconds")
      const store = yield* Fiber.join(starting)
      const put = yield* Effect.forkChild(store.put("a", [new Uint8Array(1)]), { startImmediately: true })
      yield* Effect.yieldNow
      assert.deepStrictEqual(Array.from(data.objects.keys()), [])
      isThere = true
      changed.notify()
      yield* Fiber.join(put)
      assert.deepStrictEqual(Array.from(data.objects.keys()), ["a"])
    })
  )
})
