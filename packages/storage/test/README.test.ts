import { expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { layer } from "@tusk/storage/memory/MemoryStore"
import { Store } from "@tusk/storage/port/Store"
import { Write } from "@tusk/storage/port/Write"

it.effect("the README's example", () =>
  Effect.gen(function* () {
    const program = Effect.gen(function* () {
      const store = yield* Store
      const cluster = yield* store.acquire({ epoch: 0, nextProducerId: 0n, nextPartitionId: 0 })
      yield* store.commit([[Write.PutTopic({ topicId: "AAAAAAAAAAAAAAAAAAAAAA", name: "orders" })]])
      return cluster.epoch
    }).pipe(Effect.scoped, Effect.provide(layer({ maxBytes: 64 * 1024 * 1024 })))
    expect(yield* program).toBe(1)
  })
)
