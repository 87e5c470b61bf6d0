import { assert, describe, it } from "@effect/vitest"
import { encodeBatch } from "@tusk/protocol/record/RecordBatch"
import * as RecordBatch from "@tusk/protocol/record/RecordBatch"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { readNewest } from "../../../src/log/follower/readNewest.ts"
import type { ReadStep } from "../../../src/log/follower/readStep.ts"

const Log = Schema.Array(
  Schema.Array(Schema.NullOr(Schema.Literals(["a", "b", "ab"]))).check(Schema.isMinLength(1), Schema.isMaxLength(4))
)
const Offset = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 12 }))

describe("readNewest", () => {
  it.effect.prop(
    "finds the last batch with a record of the key in that part, a step at a time",
    { log: Log, from: Offset, to: Offset },
    ({ from, log, to }) =>
      Effect.gen(function* () {
        let end = 0n
        const batches = log.map((keys) => {
          // Values hold the key's bytes, too: they are no keys.
          const records = keys.map((key) => ({ key: key === null ? null : Buffer.from(key), value: Buffer.from("a") }))
          const batch = encodeBatch(records, { baseOffset: end })
          end += BigInt(keys.length)
          return batch
        })
        const readStep: ReadStep = (partitionId, at, upTo) => {
          const batch = batches.find((one) => RecordBatch.lastOffset(one) >= at)
          const next = batch === undefined ? upTo : RecordBatch.lastOffset(batch) + 1n
          return Effect.succeed({ partitionId, from: at, to: next, batches: batch === undefined ? [] : [batch] })
        }
        const wanted = { partitionId: 1, key: Buffer.from("a"), from: BigInt(from), to: BigInt(to) }
        const found = yield* readNewest(readStep, wanted)
        const expected = batches.findLast((batch) => {
          const base = Number(RecordBatch.baseOffset(batch))
          return log[batches.indexOf(batch)]!.some((key, i) => key === "a" && base + i >= from && base + i < to)
        })
        assert.strictEqual(found, expected)
      })
  )
})
