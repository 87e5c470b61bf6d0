import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { OutcomeUnknown, StoreUnavailable } from "../../../src/port/StoreError.ts"
import { FaultyStore } from "../../FaultyStore.ts"
import { batchOf } from "../batch.ts"
import { append, numbered, offsets, readAll, serving } from "../serving.ts"

describe("an append", () => {
  it.effect("that fails in one partition does not fail in its neighbours", () =>
    serving(new FaultyStore(), ({ log, partitions }) =>
      Effect.gen(function* () {
        const [a] = yield* partitions(1)
        yield* append(log, a!, numbered(0))
        const results = yield* log.append([
          { partitionId: a!, batch: numbered(5), stampTime: false },
          { partitionId: 999, batch: batchOf(), stampTime: false },
          { partitionId: a!, batch: batchOf(), stampTime: false }
        ])
        assert.deepStrictEqual(offsets(results), ["OutOfOrderSequenceNumber", "UnknownTopicOrPartition", 1n])
      })
    )
  )

  it.effect("of a failed commit leaves no gap and no sequence, and is stored once when it is repeated", () => {
    const store = new FaultyStore()
    return serving(store, ({ log, partitions }) =>
      Effect.gen(function* () {
        const [a] = yield* partitions(1)
        yield* append(log, a!, numbered(0))
        store.faults.push({ stored: false, error: new StoreUnavailable({ message: "full" }) })
        assert.deepStrictEqual(offsets(yield* append(log, a!, numbered(1))), ["KafkaStorageError"])
        assert.deepStrictEqual(offsets(yield* append(log, a!, numbered(1))), [1n])
        assert.deepStrictEqual(offsets(yield* append(log, a!, numbered(1))), [1n])
        assert.deepStrictEqual(yield* readAll(log, a!), [0n, 1n])
      })
    )
  })

  for (const stored of [true, false]) {
    it.effect(
      `that loses its answer, ${stored ? "stored" : "not stored"}, ends with one copy when it is repeated`,
      () => {
        const store = new FaultyStore()
        return serving(store, ({ active, log, partitions }) =>
          Effect.gen(function* () {
            const [a] = yield* partitions(1)
            yield* append(log, a!, numbered(0))
            const epoch = active.epoch()
            store.faults.push({ stored, error: new OutcomeUnknown({ message: "cut" }) })
            // Looked up under the lock: what is stored is acknowledged.
            assert.deepStrictEqual(offsets(yield* append(log, a!, numbered(1))), [stored ? 1n : "NotLeaderOrFollower"])
            yield* active.whenServing
            assert.deepStrictEqual(offsets(yield* append(log, a!, numbered(1))), [1n])
            assert.deepStrictEqual(yield* readAll(log, a!), [0n, 1n])
            assert.strictEqual(active.epoch(), epoch + 1)
          })
        )
      }
    )
  }

  it.effect("that was stored before the store died is known when it is repeated", () => {
    const store = new FaultyStore()
    return serving(store, ({ active, log, partitions }) =>
      Effect.gen(function* () {
        const [a] = yield* partitions(1)
        yield* append(log, a!, numbered(0))
        store.after = Effect.die("a bug")
        // It is not known, and nothing says that it is not stored.
        assert.deepStrictEqual(offsets(yield* append(log, a!, numbered(1))), ["RequestTimedOut"])
        store.after = Effect.void
        yield* active.whenServing
        assert.deepStrictEqual(offsets(yield* append(log, a!, numbered(1), numbered(2))), [1n, 2n])
      })
    )
  })
})
