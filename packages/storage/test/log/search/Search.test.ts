import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { FaultyStore } from "../../FaultyStore.ts"
import { batchOf } from "../batch.ts"
import { append, readAll, serving } from "../serving.ts"

describe("a search", () => {
  it.effect("finds records by time, and the one with the greatest", () =>
    serving(new FaultyStore(), ({ log, partitions }) =>
      Effect.gen(function* () {
        const [a] = yield* partitions(1)
        assert.isUndefined(yield* log.findMaxTimestamp(a!))
        for (const timestamp of [100n, 300n, 200n, 400n]) yield* append(log, a!, batchOf({ timestamp, records: 2 }))
        const at = (timestamp: bigint) => Effect.map(log.findByTimestamp(a!, timestamp), (found) => found?.offset)
        assert.deepStrictEqual(
          [yield* at(0n), yield* at(101n), yield* at(150n), yield* at(302n), yield* at(999n)],
          [0n, 1n, 2n, 6n, undefined]
        )
        assert.strictEqual((yield* log.findMaxTimestamp(a!))!.offset, 7n)
        yield* log.raiseLogStart(a!, 3n)
        assert.strictEqual(yield* at(0n), 3n)
        assert.strictEqual(yield* readAll(log, a!, 2n), "OffsetOutOfRange")
      })
    )
  )
})
