import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { make, MemoryData } from "../../../src/memory/MemoryStore.ts"
import { FaultyStore } from "../../FaultyStore.ts"
import { checkCases } from "./checkCases.ts"
import { collectorCases } from "./collectorCases.ts"
import { DAY_MS, objectsUnderTest } from "./ObjectsUnderTest.ts"

const open = Effect.sync(() => make(new MemoryData("AAAAAAAAAAAAAAAAAAAAAQ"), { maxBytes: 1 << 28 }))

collectorCases("memory", open)
checkCases("memory", open)

describe("the collector beside a commit that takes long", () => {
  it.live("waits for what it brings, and removes no object that it points to", () =>
    Effect.gen(function* () {
      const faulty = new FaultyStore()
      const world = yield* objectsUnderTest(faulty.store)
      const collecting = world.collecting()
      const name = yield* world.put()
      yield* world.sweep(collecting)
      world.later(3 * DAY_MS)
      const gate = Deferred.makeUnsafe<void>()
      faulty.hold = Deferred.await(gate)
      const commit = yield* Effect.forkChild(world.committer.write(world.pointing(name)), { startImmediately: true })
      const sweep = yield* Effect.forkChild(world.sweep(collecting), { startImmediately: true })
      while (faulty.inFlight === 0) yield* Effect.yieldNow
      for (let i = 0; i < 100; i++) yield* Effect.yieldNow
      assert.isUndefined(sweep.pollUnsafe())
      assert.deepStrictEqual(world.names, [name])
      Deferred.doneUnsafe(gate, Effect.void)
      yield* Fiber.join(commit)
      yield* Fiber.join(sweep)
      assert.deepStrictEqual(world.names, [name])
    }).pipe(Effect.scoped)
  )
})
