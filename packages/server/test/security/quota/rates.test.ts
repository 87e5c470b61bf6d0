import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import { IdleMap } from "../../../src/security/quota/IdleMap.ts"
import { Pace } from "../../../src/security/quota/Pace.ts"
import { recorded, throttleMs } from "../../../src/security/quota/throttling.ts"
import { TokenBucket } from "../../../src/security/quota/TokenBucket.ts"
import { WindowedRate } from "../../../src/security/quota/WindowedRate.ts"

const WINDOWS = { samples: 11, sampleMs: 1000 }
const int = (minimum: number, maximum: number) => Schema.Int.check(Schema.isBetween({ minimum, maximum }))

describe("a rate over windows", () => {
  it.each([
    // As Apache Kafka 4.3.1's Rate tells it: value, then the span.
    ["at once", [[0, 1000]], 0, 100, 10_000],
    ["in the first second", [[0, 1000]], 900, 1000 / 10.9, 10_900],
    ["in the second one", [[0, 1000]], 1000, 100, 10_000],
    [
      "when all samples are full",
      [
        [0, 1000],
        [5000, 500]
      ],
      10_500,
      1500 / 10.5,
      10_500
    ],
    [
      "the oldest counts until it is eleven samples old",
      [
        [0, 1000],
        [5000, 500]
      ],
      10_999,
      1500 / 10.999,
      10_999
    ],
    [
      "then it is forgotten",
      [
        [0, 1000],
        [5000, 500]
      ],
      11_000,
      50,
      10_000
    ]
  ] as const)("%s", (_, values, atMs, perSecond, spanMs) => {
    const rate = new WindowedRate(WINDOWS)
    for (const [ms, value] of values) rate.record(value, ms)
    assert.approximately(rate.perSecond(atMs), perSecond, 1e-9)
    assert.strictEqual(rate.spanMs(atMs), spanMs)
  })

  it.prop(
    "who waits as long as is told is never above it afterwards",
    [Schema.Array(Schema.Tuple([int(1, 3000), int(1, 20_000)])), int(1, 5000)],
    ([steps, limit]) => {
      const rate = new WindowedRate(WINDOWS)
      let nowMs = 0
      for (const [waitMs, value] of steps) {
        nowMs += waitMs
        const forMs = recorded(rate, value, limit, nowMs)
        assert.isAtLeast(forMs, 0)
        // What is told is counted from the time of now; once a sample begins anew the rest is told again.
        let rounds = 0
        for (let more = forMs; more > 0; more = throttleMs(rate, limit, nowMs)) {
          nowMs += more
          assert.isBelow(rounds++, 100)
        }
        assert.isAtMost(rate.perSecond(nowMs), limit * 1.001)
      }
    }
  )

  it.prop("what is taken back was not there", [int(0, 10_000), int(0, 30_000)], ([value, atMs]) => {
    const rate = new WindowedRate(WINDOWS)
    rate.record(7, 0)
    const [before, span] = [rate.perSecond(atMs), rate.spanMs(atMs)]
    rate.record(value, atMs)
    rate.record(-value, atMs)
    assert.approximately(rate.perSecond(atMs), (before * span) / rate.spanMs(atMs), 1e-9)
  })

  it.each([2, 5, 10, 30])(
    "a client that could send %d times as much has what it may have, over ten minutes",
    (times) => {
      const rate = new WindowedRate(WINDOWS)
      const [limit, chunk] = [10_000_000, 500_000]
      let [nowMs, sent] = [0, 0]
      while (nowMs < 600_000) {
        nowMs += (chunk / (limit * times)) * 1000
        sent += chunk
        nowMs += recorded(rate, chunk, limit, nowMs)
      }
      assert.approximately(sent / (nowMs / 1000) / limit, 1, 0.05)
    }
  )
})

describe("permits", () => {
  it("come at a rate, are saved up, and may be overdrawn once", () => {
    const bucket = new TokenBucket(WINDOWS)
    assert.strictEqual(bucket.available(5, 1000), 55)
    bucket.take(60, 5, 1000)
    assert.strictEqual(bucket.waitMs(5, 1000), 1000)
    assert.strictEqual(bucket.waitMs(5, 1500), 500)
    assert.strictEqual(bucket.waitMs(5, 2000), 0)
    assert.strictEqual(bucket.available(5, 60_000), 55)
  })

  it.prop("never more than their time brings", [Schema.Array(Schema.Tuple([int(0, 2000), int(1, 30)]))], ([steps]) => {
    const bucket = new TokenBucket(WINDOWS)
    let [nowMs, taken] = [0, 0]
    for (const [waitMs, permits] of steps) {
      nowMs += waitMs
      if (bucket.waitMs(10, nowMs) > 0) continue
      // The last one may overdraw.
      assert.isAtMost(taken, 110 + nowMs / 100 + 1e-6)
      bucket.take(permits, 10, nowMs)
      taken += permits
    }
  })
})

describe("a pace", () => {
  it.prop(
    "lets so many pass, and a tenth of a second's at once",
    [int(1, 1000), Schema.Array(int(0, 500))],
    ([perSecond, waits]) => {
      const pace = new Pace(perSecond)
      let [nowMs, passed] = [0, 0]
      for (const waitMs of waits) {
        nowMs += waitMs
        while (pace.waitMs(nowMs) === 0) {
          pace.take()
          passed++
        }
        assert.isAtMost(passed, Math.max(1, perSecond / 10) + (perSecond * nowMs) / 1000 + 1e-6)
        assert.strictEqual(pace.waitMs(nowMs + pace.waitMs(nowMs)), 0)
      }
    }
  )

  it("may have no end", () => {
    const pace = new Pace(2 ** 31 - 1)
    for (let i = 0; i < 10_000; i++) pace.take()
    assert.strictEqual(pace.waitMs(0), 0)
  })
})

it("state of who is idle, or of too many, is forgotten: the longest idle first", () => {
  const made: Array<number> = []
  const map = new IdleMap(2, 1000, () => made.push(0))
  assert.deepStrictEqual(
    [map.of("a", 0), map.of("b", 1), map.of("a", 2), map.of("c", 3), map.of("a", 4)],
    [1, 2, 1, 3, 1]
  )
  assert.strictEqual(map.of("b", 5), 4)
  assert.strictEqual(map.size, 2)
  map.of("d", 2000)
  assert.strictEqual(map.size, 1)
})
