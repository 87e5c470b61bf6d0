import { assert, describe, it } from "@effect/vitest"
import type { CompactionPolicy } from "../../../src/log/compaction/CompactionPlan.ts"
import { Resting } from "../../../src/log/compaction/Resting.ts"

const policy: CompactionPolicy = {
  minLagMs: 0,
  maxLagMs: Infinity,
  minDirtyRatio: 0.5,
  deleteRetentionMs: 1000,
  segmentMs: 10_000,
  segmentBytes: 1000
}
const end = { highWatermark: 5n, logStartOffset: 1n }

const begun = () => {
  const resting = new Resting()
  resting.begin(1, end, policy, 0n)
  return resting
}

describe("a partition that is not due", () => {
  it("rests for a tenth of the shortest time that its records wait for", () => {
    const resting = begun()
    assert.isTrue(resting.has(1, end, policy, null, 999n))
    assert.isFalse(resting.has(1, end, policy, null, 1000n))
    assert.isFalse(resting.has(2, end, policy, null, 0n))
  })

  it("rests no longer when an end or the policy changes, or a tombstone's time has come", () => {
    const resting = begun()
    assert.isFalse(resting.has(1, { ...end, highWatermark: 6n }, policy, null, 1n))
    assert.isFalse(resting.has(1, { ...end, logStartOffset: 2n }, policy, null, 1n))
    assert.isFalse(resting.has(1, end, { ...policy }, null, 1n))
    const compaction = { cleanedOffset: 5n, cleanedBytes: 0n, deleteHorizon: 500n }
    assert.deepStrictEqual(
      [499n, 500n].map((nowMs) => resting.has(1, end, policy, compaction, nowMs)),
      [true, false]
    )
  })

  it("is forgotten once it is gone", () => {
    const resting = begun()
    resting.keepOnly((partitionId) => partitionId !== 1)
    assert.isFalse(resting.has(1, end, policy, null, 1n))
  })
})
