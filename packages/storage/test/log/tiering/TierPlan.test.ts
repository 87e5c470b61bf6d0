import { assert, describe, it } from "@effect/vitest"
import { countCold } from "../../../src/log/tiering/TierPlan.ts"
import type { LocalBatch, LocalLimits, TieredLog } from "../../../src/log/tiering/TierPlan.ts"

const NEVER: LocalLimits = { localMs: -1, localBytes: -1 }

/** Ten batches of ten offsets and 100 bytes, a second apart. */
const batches = Array.from({ length: 10 }, (_, i): LocalBatch => ({
  lastOffset: BigInt(10 * i + 9),
  timestampHigh: BigInt(1000 * i),
  cumulativeBytes: BigInt(100 * (i + 1))
}))
const log: TieredLog = {
  highWatermark: 100n,
  lastStableOffset: 100n,
  logStartOffset: 0n,
  localStartOffset: 0n,
  cumulativeBytes: 1000n,
  timestampHigh: 9000n
}
const cold = (limits: Partial<LocalLimits>, nowMs = 100_000n, of: Partial<TieredLog> = {}) =>
  countCold(batches, { ...log, ...of }, { ...NEVER, ...limits }, nowMs)

describe("what of a tiered log moves", () => {
  it("is what is older than local.retention.ms", () => {
    assert.strictEqual(cold({ localMs: 5000 }, 8000n), 3)
    assert.strictEqual(cold({ localMs: 5000 }, 8001n), 4)
    assert.strictEqual(cold({ localMs: 5000 }, 1000n), 0)
  })

  it("is what is beyond local.retention.bytes", () => {
    assert.strictEqual(cold({ localBytes: 300 }), 7)
    assert.strictEqual(cold({ localBytes: 301 }), 6)
    assert.strictEqual(cold({ localBytes: 1000 }), 0)
  })

  it("is what either of them says", () => {
    assert.strictEqual(cold({ localBytes: 300, localMs: 5000 }, 8000n), 7)
    assert.strictEqual(cold({ localBytes: 900, localMs: 5000 }, 8000n), 3)
    assert.strictEqual(cold({}), 0)
  })

  it("is never the newest batch, nor what no transaction has decided", () => {
    assert.strictEqual(cold({ localBytes: 0, localMs: 0 }), 9)
    assert.strictEqual(cold({ localMs: 0 }, 100_000n, { lastStableOffset: 45n }), 4)
    assert.strictEqual(cold({ localMs: 0 }, 100_000n, { lastStableOffset: 49n }), 4)
    assert.strictEqual(cold({ localMs: 0 }, 100_000n, { lastStableOffset: 50n }), 5)
  })

  it("has no age without a time", () => {
    const timeless = batches.map((batch) => ({ ...batch, timestampHigh: -1n }))
    const without = { ...log, timestampHigh: -1n }
    assert.strictEqual(countCold(timeless, without, { localMs: 0, localBytes: -1 }, 100_000n), 0)
    assert.strictEqual(countCold(timeless, without, { localMs: 0, localBytes: 500 }, 100_000n), 5)
  })

  it("is not held up by what has no time before what has one", () => {
    const leapt = batches.map((batch, i) => (i < 2 ? { ...batch, timestampHigh: -1n } : batch))
    assert.strictEqual(countCold(leapt, log, { localMs: 5000, localBytes: -1 }, 8001n), 4)
    assert.strictEqual(countCold(leapt, log, { localMs: 5000, localBytes: -1 }, 5001n), 2)
  })
})
