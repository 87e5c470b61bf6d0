import { assert, describe, it } from "@effect/vitest"
import * as RecordBatch from "@tusk/protocol/record/RecordBatch"
import * as Schema from "effect/Schema"
import type { PartitionLog } from "../../../src/log/partitions/PartitionLog.ts"
import { confirm, propose, retract } from "../../../src/log/partitions/Proposal.ts"
import type { Verdict } from "../../../src/log/partitions/Proposal.ts"
import type { Append, Write } from "../../../src/port/Write.ts"
import { batchOf } from "../batch.ts"
import { limits, newLog } from "./newLog.ts"

const how = (leaderEpoch = 5, relaxed?: boolean) => ({ leaderEpoch, nowMs: 1000n, limits, logAppendTime: -1n, relaxed })

const offer = (log: PartitionLog, batch: Uint8Array, writes: Array<Write> = [], epoch = 5) =>
  propose(log, batch, how(epoch), writes)

/** Takes back what was proposed last. */
const takeBack = (log: PartitionLog, verdict: Verdict): void => {
  if (verdict._tag === "Appended") retract(log, verdict.batch, verdict.before)
}

describe("a partition's log", () => {
  it("gives dense offsets, patches them into the batch, and notes the first append of an epoch", () => {
    const log = newLog()
    const writes: Array<Write> = []
    const first = batchOf({ records: 3 })
    const second = batchOf({ records: 2 })
    assert.deepInclude(offer(log, first, writes), { _tag: "Appended", baseOffset: 0n, lastOffset: 2n })
    assert.deepInclude(offer(log, second, writes), { _tag: "Appended", baseOffset: 3n, lastOffset: 4n })
    assert.deepStrictEqual([RecordBatch.baseOffset(second), RecordBatch.partitionLeaderEpoch(second)], [3n, 5])
    assert.isTrue(RecordBatch.isCrcValid(second))
    assert.deepStrictEqual(
      writes.map(({ _tag }) => _tag),
      ["PutLeaderEpoch", "Append", "Append"]
    )
    assert.strictEqual(log.committed.endOffset, 0n)
    confirm(log, 1000n, limits)
    assert.strictEqual(log.committed.endOffset, 5n)
  })

  it("says of an append that it is relaxed, if it is", () => {
    const log = newLog()
    const writes: Array<Write> = []
    propose(log, batchOf(), how(5, true), writes)
    propose(log, batchOf(), how(5, false), writes)
    propose(log, batchOf(), how(), writes)
    const appends = writes.filter((write): write is Append => write._tag === "Append")
    assert.deepStrictEqual(
      appends.map(({ relaxed }) => relaxed),
      [true, undefined, undefined]
    )
  })

  it("forgets what a failed commit assumed: offset, sequence and epoch", () => {
    const log = newLog()
    const numbered = () => batchOf({ producerId: 9n, producerEpoch: 0, baseSequence: 0, records: 2 })
    takeBack(log, offer(log, numbered()))
    const writes: Array<Write> = []
    const again = offer(log, numbered(), writes)
    assert.deepInclude(again, { _tag: "Appended", baseOffset: 0n })
    assert.strictEqual(writes[0]!._tag, "PutLeaderEpoch")
    takeBack(log, again)
    confirm(log, 1000n, limits)
    assert.strictEqual(log.producers.size, 0)
  })

  it("takes back the last batch of several, and knows what came before it still", () => {
    const log = newLog()
    const numbered = (baseSequence: number) => batchOf({ producerId: 9n, producerEpoch: 0, baseSequence, records: 2 })
    offer(log, numbered(0))
    takeBack(log, offer(log, numbered(2)))
    assert.deepInclude(offer(log, numbered(4)), { _tag: "Refused" })
    assert.deepInclude(offer(log, numbered(0)), { _tag: "Duplicate", pending: true })
    assert.deepInclude(offer(log, numbered(2)), { _tag: "Appended", baseOffset: 2n })
    confirm(log, 1000n, limits)
    assert.strictEqual(log.committed.endOffset, 4n)
  })

  it("knows a duplicate of a batch in the same commit, and of a stored one", () => {
    const log = newLog()
    const numbered = () => batchOf({ producerId: 9n, producerEpoch: 0, baseSequence: 0, records: 2 })
    offer(log, numbered())
    assert.deepInclude(offer(log, numbered()), { _tag: "Duplicate", baseOffset: 0n, pending: true })
    confirm(log, 1000n, limits)
    assert.deepInclude(offer(log, numbered()), { _tag: "Duplicate", baseOffset: 0n, pending: false })
    assert.strictEqual(log.committed.endOffset, 2n)
  })

  it("stamps its own time when asked", () => {
    const log = newLog()
    const batch = batchOf({ timestamp: 1n })
    propose(log, batch, { ...how(1), logAppendTime: 777n, nowMs: 777n }, [])
    assert.strictEqual(RecordBatch.maxTimestamp(batch), 777n)
    assert.isTrue(RecordBatch.isCrcValid(batch))
  })

  it("stores its producers' state again after so many batches", () => {
    const log = newLog()
    const writes: Array<Write> = []
    for (let i = 0; i < 6; i++) {
      propose(log, batchOf(), { ...how(1), limits: { ...limits, snapshotEvery: 3 } }, writes)
      confirm(log, 0n, limits)
    }
    assert.deepStrictEqual(
      writes
        .filter(({ _tag }) => _tag === "PutProducerSnapshot")
        .map((write) => (write as { endOffset: bigint }).endOffset),
      [3n, 6n]
    )
  })

  it("forgets producers that were silent too long, and the longest silent beyond the limit", () => {
    const log = newLog()
    const few = { ...limits, maxProducers: 2, producerIdExpirationMs: 100 }
    for (const [producerId, at] of [
      [1n, 0n],
      [2n, 50n],
      [3n, 60n],
      [4n, 70n]
    ] as const) {
      propose(
        log,
        batchOf({ producerId, producerEpoch: 0, baseSequence: 0 }),
        { ...how(1), nowMs: at, limits: few },
        []
      )
      confirm(log, at, few)
    }
    assert.deepStrictEqual(Array.from(log.producers.keys()), [3n, 4n])
    propose(
      log,
      batchOf({ producerId: 5n, producerEpoch: 0, baseSequence: 0 }),
      { ...how(1), nowMs: 165n, limits: few },
      []
    )
    confirm(log, 165n, few)
    assert.deepStrictEqual(Array.from(log.producers.keys()), [4n, 5n])
  })
})

const Step = Schema.Struct({
  producer: Schema.Int.check(Schema.isBetween({ minimum: -1, maximum: 2 })),
  sequence: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 6 })),
  records: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 3 })),
  then: Schema.Literals(["more", "confirm", "takeBack", "takeAllBack"])
})

describe("any sequence of commits", () => {
  it.prop("leaves dense offsets and each producer's sequence without a gap", [Schema.Array(Step)], ([steps]) => {
    const log = newLog()
    const waiting: Array<{ readonly verdict: Verdict; readonly appends: ReadonlyArray<Append> }> = []
    const stored: Array<Append> = []
    for (const { producer, records, sequence, then } of steps) {
      const writes: Array<Write> = []
      const idempotent = { producerId: BigInt(producer), producerEpoch: 0, baseSequence: sequence }
      const verdict = offer(log, batchOf(producer < 0 ? { records } : { records, ...idempotent }), writes)
      waiting.push({ verdict, appends: writes.filter((write): write is Append => write._tag === "Append") })
      if (then === "confirm") {
        confirm(log, 0n, limits)
        for (const { appends } of waiting.splice(0)) stored.push(...appends)
      }
      const taken = then === "takeBack" ? 1 : then === "takeAllBack" ? waiting.length : 0
      for (let i = 0; i < taken; i++) takeBack(log, waiting.pop()!.verdict)
    }
    while (waiting.length > 0) takeBack(log, waiting.pop()!.verdict)
    confirm(log, 0n, limits)
    let end = 0n
    const sequences = new Map<bigint, number>()
    for (const { baseOffset, baseSequence, lastOffset, producerId } of stored) {
      assert.strictEqual(baseOffset, end)
      end = lastOffset + 1n
      if (producerId < 0n) continue
      const expected = sequences.get(producerId)
      if (expected !== undefined) assert.strictEqual(baseSequence, expected)
      sequences.set(producerId, baseSequence + Number(lastOffset - baseOffset) + 1)
    }
    assert.strictEqual(log.committed.endOffset, end)
  })
})
