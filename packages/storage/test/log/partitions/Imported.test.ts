import { assert, describe, it } from "@effect/vitest"
import * as RecordBatch from "@tusk/protocol/record/RecordBatch"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { IsImported } from "../../../src/log/partitions/Imported.ts"
import { isKafkaError } from "../../../src/log/Log.ts"
import { confirm, propose, retract } from "../../../src/log/partitions/Proposal.ts"
import { Fenced } from "../../../src/port/StoreError.ts"
import type { Append, Write } from "../../../src/port/Write.ts"
import { FaultyStore } from "../../FaultyStore.ts"
import { batchOf } from "../batch.ts"
import { readAll, serving } from "../serving.ts"
import { limits, newLog } from "./newLog.ts"

const at = (offset: bigint, records = 1): Uint8Array => {
  const batch = batchOf({ records })
  RecordBatch.setOffsets(batch, offset, -1)
  return batch
}

const how = (importedTo: bigint) => ({ leaderEpoch: 5, nowMs: 1000n, limits, logAppendTime: -1n, importedTo })

const tagOf = (verdict: ReturnType<typeof propose>) =>
  verdict._tag === "Refused" ? verdict.error._tag : verdict._tag === "Appended" ? verdict.baseOffset : verdict._tag

describe("an imported batch", () => {
  it("is appended at its own offset, if nothing is missing before it", () => {
    const log = newLog()
    const writes: Array<Write> = []
    const offer = (batch: Uint8Array, importedTo: bigint) => tagOf(propose(log, batch, how(importedTo), writes))
    assert.strictEqual(offer(at(5000n, 10), 0n), 5000n)
    assert.strictEqual(offer(at(5020n), 5010n), 5020n, "behind a gap that its sender knows of")
    assert.strictEqual(offer(at(5020n), 5010n), "DuplicateSequenceNumber", "once more, in the same commit")
    confirm(log, 1000n, limits)
    assert.strictEqual(log.committed.endOffset, 5021n)
    assert.deepStrictEqual(log.leaderEpochs, [{ epoch: 5, startOffset: 0n }])
    assert.strictEqual(offer(at(5000n, 10), 0n), "DuplicateSequenceNumber")
    assert.strictEqual(offer(at(5010n, 10), 5010n), "DuplicateSequenceNumber", "in the gap")
    assert.strictEqual(offer(at(5019n, 5), 5010n), "OutOfOrderSequenceNumber", "over the end")
    assert.strictEqual(offer(at(5030n), 5025n), "OutOfOrderSequenceNumber", "behind one that is not there")
    assert.strictEqual(offer(at(5030n), 5010n), 5030n, "its sender knows more of the gap than was told before")
    assert.deepStrictEqual(
      writes.filter(({ _tag }) => _tag === "PutLeaderEpoch"),
      [{ _tag: "PutLeaderEpoch", partitionId: 1, epoch: 5, startOffset: 0n }]
    )
  })
})

/** A source of batches with gaps: where each begins, and how many offsets it has. */
const Source = Schema.NonEmptyArray(
  Schema.Struct({
    gap: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 3 })),
    records: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 3 }))
  })
)
/** Which importer sends its next batch, what becomes of the commit, and whether the importer learns it. */
const Step = Schema.Struct({
  importer: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 2 })),
  stored: Schema.Boolean,
  told: Schema.Boolean,
  skips: Schema.Boolean
})

describe("any number of importers, whose answers are lost", () => {
  it.prop(
    "leave the source's batches in its order, each once, or a beginning of them",
    [Source, Schema.Array(Step)],
    ([source, steps]) => {
      let end = 0n
      const batches = source.map(({ gap, records }) => {
        const [behind, base] = [end, end + BigInt(gap)]
        end = base + BigInt(records)
        return { behind, base, records }
      })
      const log = newLog()
      const next = [0, 0, 0]
      const stored: Array<Append> = []
      for (const { importer, skips, stored: isStored, told } of steps) {
        // One that has several under way, of which the first was refused.
        const index = next[importer]! + (skips ? 1 : 0)
        const batch = batches[index]
        if (batch === undefined) continue
        const writes: Array<Write> = []
        const verdict = propose(log, at(batch.base, batch.records), how(batch.behind), writes)
        if (verdict._tag === "Appended" && !isStored) {
          retract(log, verdict.batch, verdict.before)
          continue
        }
        confirm(log, 0n, limits)
        stored.push(...writes.filter((write): write is Append => write._tag === "Append"))
        const isThere = verdict._tag === "Appended" || tagOf(verdict) === "DuplicateSequenceNumber"
        if (isThere && told && !skips) next[importer] = index + 1
      }
      const expected = batches.slice(0, stored.length).map(({ base }) => base)
      assert.deepStrictEqual(
        stored.map(({ baseOffset }) => baseOffset),
        expected
      )
    }
  )
})

describe("a log that is imported", () => {
  it.effect("is read over its gaps, and goes on in a new broker", () => {
    const store = new FaultyStore()
    const offered = [
      [at(5000n, 10), 0n],
      [at(5020n), 5010n]
    ] as const
    return Effect.gen(function* () {
      yield* serving(store, ({ log, partitions }) =>
        Effect.gen(function* () {
          const [partitionId] = yield* partitions(1)
          const requests = offered.map(([batch, importedTo]) => ({
            partitionId: partitionId!,
            batch,
            importedTo,
            stampTime: false
          }))
          yield* log.append(requests)
          assert.deepStrictEqual(yield* readAll(log, partitionId!), [5000n, 5020n])
          assert.deepStrictEqual(yield* readAll(log, partitionId!, 5010n), [5020n])
        })
      )
      yield* serving(store, ({ log, partitions }) =>
        Effect.gen(function* () {
          const [partitionId] = yield* partitions(1)
          assert.deepStrictEqual(yield* readAll(log, partitionId!), [5000n, 5020n])
          const [again] = yield* log.append([
            { partitionId: partitionId!, batch: at(5020n), importedTo: 5010n, stampTime: false }
          ])
          assert.strictEqual(isKafkaError(again!) ? again._tag : undefined, "DuplicateSequenceNumber")
          yield* log.raiseLogStart(partitionId!, 5000n)
          const [end] = yield* log.ends([partitionId!])
          assert.deepInclude(end, { logStartOffset: 5000n, highWatermark: 5021n })
        })
      )
    })
  })

  it.effect("leaps over nothing after a failover, also once it is imported no more", () => {
    const store = new FaultyStore()
    let importing = true
    const ends = ({ log, active }: Parameters<Parameters<typeof serving>[1]>[0], partitionId: number, reign: number) =>
      Effect.gen(function* () {
        yield* active.failed(new Fenced({ message: "the server is gone" }), reign)
        const [end] = yield* log.ends([partitionId])
        return end !== undefined && !isKafkaError(end) ? end.highWatermark : undefined
      })
    return serving(store, (broker) =>
      Effect.gen(function* () {
        const [partitionId] = yield* broker.partitions(1)
        const put = (offset: bigint) =>
          broker.log.append([{ partitionId: partitionId!, batch: at(offset), importedTo: offset, stampTime: false }])
        yield* put(0n)
        const standby = store.data.copy()
        standby.timeline = "00000002"
        yield* put(1n)
        store.becomes(standby)
        assert.strictEqual(yield* ends(broker, partitionId!, 1), 1n)
        yield* put(1n)
        importing = false
        assert.strictEqual(yield* ends(broker, partitionId!, 2), 2n)
      })
    ).pipe(Effect.provideService(IsImported, () => importing))
  })
})
