import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { make, MemoryData } from "../../../src/memory/MemoryStore.ts"
import { randomUuid } from "../../../src/port/Uuid.ts"
import { OutcomeUnknown, StoreUnavailable } from "../../../src/port/StoreError.ts"
import { FaultyStore } from "../../FaultyStore.ts"
import type { Fault } from "../../FaultyStore.ts"
import { batchOf } from "../batch.ts"
import { baseOffsets, TieredWorld, withTiers } from "./TieredBroker.ts"
import { tieringCases } from "./tieringCases.ts"

tieringCases("memory", {
  cluster: Effect.map(randomUuid, (clusterId) => {
    const data = new MemoryData(clusterId)
    return { open: Effect.sync(() => make(data, { maxBytes: 1 << 26 })), failOver: Effect.void }
  })
})

describe("a commit that says where batches lie now", () => {
  const unknown = new OutcomeUnknown({ message: "cut" })
  const away = new StoreUnavailable({ message: "away" })
  const faults: ReadonlyArray<readonly [string, Fault, moved: boolean]> = [
    ["is stored, which is found out later", { stored: true, error: unknown }, true],
    ["is not stored, which is found out later", { stored: false, error: unknown }, false],
    ["fails", { stored: false, error: away }, false]
  ]
  for (const [what, fault, isMoved] of faults) {
    it.live(`${what}: rows and memory agree`, () => {
      const store = new FaultyStore()
      const world = new TieredWorld()
      world.moves("t", { localBytes: 0 })
      return withTiers(
        store.store,
        world,
        Effect.fnUntraced(function* ({ append, inObjects, partitions, places, read, tiering }) {
          const [id] = yield* partitions("t")
          yield* append(id!, batchOf(), batchOf(), batchOf())
          const before = yield* read(id!)
          store.faults.push(fault)
          yield* tiering.check
          assert.deepStrictEqual(yield* inObjects(id!), [isMoved, isMoved, false])
          assert.deepStrictEqual(yield* places(id!), [0, isMoved ? 2 : 0, 3])
          yield* tiering.check
          assert.deepStrictEqual(yield* inObjects(id!), [true, true, false])
          assert.deepStrictEqual(yield* places(id!), [0, 2, 3])
          assert.deepStrictEqual(yield* read(id!), before)
          assert.deepStrictEqual(baseOffsets(before), [0, 1, 2])
        })
      )
    })
  }
})
