import { describe, expect, it } from "vitest"
import { Suspects } from "../../../src/log/merging/Suspects.ts"

const HOUR_MS = 3_600_000

describe("objects one of which may be why a merge failed", () => {
  it("are looked at one by one; one that could not be read rests for an hour", () => {
    const suspects = new Suspects()
    suspects.add([1n, 2n, 3n])
    expect(suspects.next).toBe(3n)
    suspects.looked(true, 0)
    suspects.looked(false, 10)
    suspects.looked(true, 20)
    expect(suspects.next).toBeUndefined()
    expect([1n, 2n, 3n].map((objectId) => suspects.isResting(objectId, HOUR_MS))).toEqual([false, true, false])
    expect(suspects.isResting(2n, HOUR_MS + 10)).toBe(false)
    // Not again before it fails once more.
    expect(suspects.isResting(2n, 0)).toBe(false)
  })

  it("are forgotten by a take-over", () => {
    const suspects = new Suspects()
    suspects.add([1n, 2n])
    suspects.looked(false, 0)
    suspects.clear()
    expect([suspects.next, suspects.isResting(2n, 1)]).toEqual([undefined, false])
  })
})
