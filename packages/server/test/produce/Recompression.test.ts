import { assert, describe, it } from "@effect/vitest"
import { GZIP, SNAPPY } from "@tusk/protocol/record/Compression"
import * as RecordBatch from "@tusk/protocol/record/RecordBatch"
import { BatchCodec, inlineBatchCodec } from "@tusk/storage/log/batches/BatchCodec"
import { isKafkaError } from "@tusk/storage/log/Log"
import { OpenBatches } from "@tusk/storage/log/batches/OpenBatches"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import { BrokerSettings } from "../../src/config/BrokerSettings.ts"
import { Recompression } from "../../src/produce/Recompression.ts"
import type { Inside } from "../../src/produce/Recompression.ts"
import { defaultSettings } from "../../src/config/Settings.ts"
import { batchOf } from "../Batches.ts"

const layerOf = (codec: BatchCodec) =>
  Recompression.layer.pipe(
    Layer.provide(OpenBatches.layer),
    Layer.provide(Layer.succeed(BrokerSettings, defaultSettings)),
    Layer.provide(Layer.succeed(BatchCodec, codec))
  )

const toGzip: Inside = { rules: undefined, target: { codec: GZIP, level: 6 }, maxMessageBytes: 1 << 20 }

describe("opening batches", () => {
  it.effect("two at a time, and one that has gone keeps its turn until its work is done", () =>
    Effect.gen(function* () {
      const done = yield* Deferred.make<void>()
      let working = 0
      let most = 0
      let begun = 0
      const slow: BatchCodec = {
        ...inlineBatchCodec,
        decompress: (codec, data, limits) =>
          Effect.gen(function* () {
            begun++
            most = Math.max(most, ++working)
            yield* Deferred.await(done)
            working--
            return yield* inlineBatchCodec.decompress(codec, data, limits)
          })
      }
      const recompression = Context.get(yield* Layer.build(layerOf(slow)), Recompression)
      const open = recompression.open(batchOf(["a", "b"], { compression: SNAPPY }), toGzip)
      const asked = yield* Effect.forEach([1, 2, 3, 4, 5], () => Effect.forkChild(open, { startImmediately: true }))
      assert.deepStrictEqual([begun, working], [2, 2])
      // One that works is given up, and one that waits.
      const gone = yield* Effect.forkChild(Fiber.interrupt(asked[0]!), { startImmediately: true })
      yield* Fiber.interrupt(asked[4]!)
      assert.deepStrictEqual([begun, working], [2, 2])
      yield* Deferred.succeed(done, undefined)
      yield* Fiber.join(gone)
      for (const fiber of asked.slice(1, 4)) {
        const opened = yield* Fiber.join(fiber)
        assert.isTrue(!isKafkaError(opened) && RecordBatch.compressionCodec(opened) === 1)
      }
      assert.deepStrictEqual([begun, working, most], [4, 0, 2])
    })
  )

  it.effect("is the same in one thread", () =>
    Effect.gen(function* () {
      const recompression = Context.get(yield* Layer.build(layerOf(inlineBatchCodec)), Recompression)
      for (const from of [0, 1, 2, 3, 4]) {
        for (const codec of [0, 1, 2, 3, 4]) {
          const batch = batchOf(["a", "b"], { compression: from, timestamp: 7n })
          const opened = yield* recompression.open(batch, { ...toGzip, target: { codec } })
          assert.isTrue(!isKafkaError(opened) && RecordBatch.compressionCodec(opened) === codec)
          assert.isUndefined(RecordBatch.validateBatch(opened as Uint8Array))
        }
      }
    })
  )
})
