import { describe, expect, it } from "@effect/vitest"
import { Reigns } from "../src/Reigns.ts"

describe("a broker that may answer as if it were the writer", () => {
  it("is behind another for at most 5 s after its last proof was asked for", () => {
    const reigns = new Reigns()
    const reign = reigns.begins("a", 10, 0)
    expect(reigns.mayBeBehind("a", 9999)).toBe(false)
    reign.proven(4000)
    reign.proven(3000)
    reign.ends(5000)
    const behind = [4999, 5000, 9000, 9001].map((sentMs) => reigns.mayBeBehind("a", sentMs))
    expect(behind).toEqual([false, true, true, false])
    expect(reigns.mayBeBehind("a", 4000, 6000)).toBe(true)
    expect(reigns.mayBeBehind("nobody", 0)).toBe(true)
  })

  it("is none that was told", () => {
    const reigns = new Reigns()
    const reign = reigns.begins("a", 0, 0)
    reign.ends(1000)
    reign.told(2000)
    reign.told(3000)
    expect([reigns.mayBeBehind("a", 2000), reigns.mayBeBehind("a", 2001)]).toEqual([true, false])
    reigns.begins("a", 4000, 4000)
    expect([reigns.mayBeBehind("a", 1500), reigns.mayBeBehind("a", 5000)]).toEqual([true, false])
    expect([reigns.isWriter("a", 4001), reigns.isWriter("a", 4000)]).toEqual([true, false])
  })

  it("is none without a proof, whether there is another one or not", () => {
    const reigns = new Reigns()
    reigns.begins("a", 0, 0).proven(1000)
    expect([reigns.isUnproven("a", 6000), reigns.isUnproven("a", 6001)]).toEqual([undefined, 5001])
    expect(reigns.isUnproven("nobody", 9999)).toBeUndefined()
  })
})
