import { assert, describe, it } from "@effect/vitest"
import type { PublicationStep } from "@tusk/storage/port/Publications"
import { Pace } from "../../src/publish/Pace.ts"

const step = (state: PublicationStep["state"], bytes = 1000): PublicationStep => ({ state, rows: 1, bytes })

describe("the pace of a snapshot", () => {
  it("takes more rows while steps are quick and small, and fewer once they are not", () => {
    const pace = new Pace()
    const first = pace.most
    pace.after(step("running"), 1000, 5)
    assert.deepStrictEqual([pace.most, pace.untilMs], [2 * first, 1005])
    pace.after(step("running", 100 << 20), 2000, 5)
    assert.strictEqual(pace.most, first)
    pace.after(step("running"), 3000, 80)
    assert.deepStrictEqual([pace.most, pace.untilMs], [first / 2, 3080])
    for (let i = 0; i < 20; i++) pace.after(step("running"), 4000, 1)
    assert.isAtMost(pace.most, 10_000)
  })

  it("goes down to one row where rows are locked, rests longer each time, and tells of it once that is long", () => {
    const pace = new Pace()
    const told = [0, 100, 1000, 5000, 6000, 9000].map((nowMs) => pace.after(step("locked"), nowMs, 25))
    assert.deepStrictEqual(told, [undefined, undefined, undefined, undefined, 6000, 9000])
    assert.strictEqual(pace.most, 1)
    assert.isAbove(pace.untilMs, 9000 + 400)
    pace.after(step("running"), 10_000, 1)
    assert.strictEqual(pace.after(step("locked"), 16_000, 25), undefined)
  })

  it("rests for a minute at most after what failed", () => {
    const pace = new Pace()
    for (let i = 0; i < 20; i++) pace.failed(1000)
    assert.strictEqual(pace.untilMs, 61_000)
    assert.strictEqual(pace.most, 1)
  })
})
