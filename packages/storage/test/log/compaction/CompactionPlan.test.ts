import { assert, describe, it } from "@effect/vitest"
import { countCleanable, dirtyBytes, isDue, mayBeDue } from "../../../src/log/compaction/CompactionPlan.ts"
import type { CompactedLog, CompactionPolicy } from "../../../src/log/compaction/CompactionPlan.ts"

const policy = (change: Partial<CompactionPolicy> = {}): CompactionPolicy => ({
  minLagMs: 0,
  maxLagMs: 1e15,
  minDirtyRatio: 0.5,
  deleteRetentionMs: 1000,
  segmentMs: 500,
  segmentBytes: 300,
  ...change
})

/** Batches of 100 bytes and 10 offsets, at these times. */
const batches = (...times: ReadonlyArray<number>) => {
  let high = -1n
  return times.map((time, i) => {
    if (BigInt(time) > high) high = BigInt(time)
    const maxTimestamp = BigInt(time)
    const cumulativeBytes = BigInt(100 * (i + 1))
    return {
      baseOffset: BigInt(10 * i),
      lastOffset: BigInt(10 * i + 9),
      maxTimestamp,
      timestampHigh: high,
      cumulativeBytes,
      bytes: 100,
      inObject: false
    }
  })
}

const logOf = (count: number, change: Partial<CompactedLog> = {}): CompactedLog => ({
  highWatermark: BigInt(10 * count),
  lastStableOffset: BigInt(10 * count),
  cumulativeBytes: BigInt(100 * count),
  sizeBytes: BigInt(100 * count),
  compaction: null,
  ...change
})

const count = (times: ReadonlyArray<number>, nowMs: bigint, change: Partial<CompactionPolicy> = {}) =>
  countCleanable(batches(...times), logOf(times.length), policy(change), nowMs)

describe("what may be compacted", () => {
  it("is what is old or far from the end, and never the newest batch", () => {
    // 300 bytes at the end are as Kafka's active segment, until they are 500 ms old.
    assert.strictEqual(count([0, 1, 2, 3, 4], 100n), 2)
    assert.strictEqual(count([0, 1, 2, 3, 4], 502n), 3)
    assert.strictEqual(count([0, 1, 2, 3, 4], 10_000n), 4)
    assert.strictEqual(count([0, 1, 2, 3, 4], 100n, { segmentBytes: 0 }), 4)
    assert.strictEqual(count([5], 10_000n), 0)
    assert.strictEqual(count([], 10_000n), 0)
  })

  it("is not what is younger than min.compaction.lag.ms, and goes on from max.compaction.lag.ms", () => {
    assert.strictEqual(count([0, 1, 50, 3, 4], 100n, { minLagMs: 60, segmentBytes: 0 }), 2)
    assert.strictEqual(count([0, 1, 2, 3, 4], 53n, { maxLagMs: 50 }), 4)
  })

  it("is, of records without a time, what is far from the end", () => {
    assert.strictEqual(count([-1, -1, -1, -1, -1], 10_000n), 2)
  })

  it("ends before what is not acknowledged yet", () => {
    const log = logOf(5, { highWatermark: 30n })
    assert.strictEqual(countCleanable(batches(0, 0, 0, 0, 0), log, policy(), 10_000n), 2)
  })
})

describe("whether compaction is due", () => {
  const cleanable = (bytes: bigint, firstTimestamp = 0n) => ({ bytes, end: 0n, firstTimestamp })
  const compacted = (cleanedBytes: bigint, deleteHorizon = -1n, sizeBytes = 600n) =>
    logOf(10, { sizeBytes, compaction: { cleanedOffset: 1n, cleanedBytes, deleteHorizon } })

  it("by the share of what is new", () => {
    assert.isTrue(isDue(cleanable(1n), logOf(10), policy(), 0n))
    assert.isFalse(isDue(cleanable(0n), logOf(10), policy(), 0n))
    // 1,000 bytes were appended, 700 of them are clean, and compaction has left 300 of those.
    assert.strictEqual(dirtyBytes(compacted(700n)), 300n)
    assert.isFalse(isDue(cleanable(300n), compacted(700n), policy(), 0n))
    assert.isTrue(isDue(cleanable(301n), compacted(700n), policy(), 0n))
    assert.isTrue(isDue(cleanable(1n), compacted(700n), policy({ minDirtyRatio: 0 }), 0n))
  })

  it("by the age of the first new record", () => {
    assert.isFalse(isDue(cleanable(1n, 10n), compacted(900n), policy({ maxLagMs: 100 }), 109n))
    assert.isTrue(isDue(cleanable(1n, 10n), compacted(900n), policy({ maxLagMs: 100 }), 110n))
  })

  it("by tombstones that are due", () => {
    assert.isFalse(isDue(cleanable(0n), compacted(1000n, 50n), policy(), 49n))
    assert.isTrue(isDue(cleanable(0n), compacted(1000n, 50n), policy(), 50n))
  })

  it("is not asked of the store if it cannot be", () => {
    assert.isFalse(mayBeDue(compacted(1000n), policy(), 1n << 40n))
    assert.isFalse(mayBeDue(compacted(800n), policy(), 1n << 40n))
    assert.isTrue(mayBeDue(compacted(800n), policy({ maxLagMs: 5 }), 1n << 40n))
    assert.isTrue(mayBeDue(compacted(600n), policy(), 0n))
    assert.isTrue(mayBeDue(compacted(1000n, 7n), policy(), 7n))
    assert.isFalse(mayBeDue(logOf(0), policy(), 1n << 40n))
  })

  it("counts nothing as new that retention has deleted", () => {
    assert.strictEqual(dirtyBytes(compacted(100n, -1n, 200n)), 200n)
  })
})
