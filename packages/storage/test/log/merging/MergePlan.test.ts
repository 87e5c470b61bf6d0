import { describe, expect, it } from "vitest"
import { isMerged, nextMerge } from "../../../src/log/merging/MergePlan.ts"
import type { Mergeable } from "../../../src/log/merging/MergePlan.ts"

const KIB = 1024
const MIB = KIB * KIB
const LIMITS = { bytes: 32 * MIB, batches: 50_000 }

const object = (objectId: number, bytes: number, isUrgent = false): Mergeable => ({
  objectId: BigInt(objectId),
  bytes,
  isUrgent
})
const objects = (count: number, bytes: number): ReadonlyArray<Mergeable> =>
  Array.from({ length: count }, (_, i) => object(i + 1, bytes))

describe("what is merged next", () => {
  it("is nothing where nothing is worth it", () => {
    expect(nextMerge([], LIMITS)).toEqual({ _tag: "Rest" })
    expect(nextMerge(objects(1, 8 * MIB), LIMITS)).toEqual({ _tag: "Rest" })
    expect(nextMerge(objects(3, 8 * MIB), LIMITS)).toEqual({ _tag: "Rest" })
    expect(nextMerge(objects(7, KIB), LIMITS)).toEqual({ _tag: "Rest" })
  })

  it("is the oldest, once they fill an object", () => {
    expect(nextMerge(objects(9, 8 * MIB), LIMITS)).toEqual({ _tag: "Merge", objectIds: [1n, 2n, 3n, 4n] })
    const uneven = [object(1, 20 * MIB), object(2, 30 * MIB), object(3, MIB)]
    expect(nextMerge(uneven, LIMITS)).toEqual({ _tag: "Merge", objectIds: [1n, 2n] })
  })

  it("is many small ones, but not those that what is made of them would hardly outgrow", () => {
    expect(nextMerge(objects(240, KIB), LIMITS)).toMatchObject({ objectIds: { length: 240 } })
    const beside = [object(0, 240 * KIB), ...objects(240, KIB)]
    expect(nextMerge(beside, LIMITS)).toMatchObject({ objectIds: objects(240, KIB).map(({ objectId }) => objectId) })
  })

  it("is what is urgent, alone if need be", () => {
    const some = [...objects(9, 8 * MIB), object(10, 40 * MIB, true), object(11, KIB, true)]
    expect(nextMerge(some, LIMITS)).toEqual({ _tag: "Merge", objectIds: [10n] })
    expect(nextMerge([object(1, KIB, true)], LIMITS)).toEqual({ _tag: "Merge", objectIds: [1n] })
  })

  it("leaves large ones as they are", () => {
    expect(nextMerge([object(1, 64 * MIB), object(2, KIB)], LIMITS)).toEqual({ _tag: "Leave", objectIds: [1n] })
  })
})

/** Carries steps out until nothing is to be done; tells how many bytes were moved. */
const settle = (unmerged: Array<Mergeable>, next: { id: number }): number => {
  let moved = 0
  for (let steps = 0; steps < 1000; steps++) {
    const step = nextMerge(unmerged, LIMITS)
    if (step._tag === "Rest") return moved
    const taken = unmerged.filter(({ objectId }) => step.objectIds.includes(objectId))
    for (const each of taken) unmerged.splice(unmerged.indexOf(each), 1)
    if (step._tag === "Leave") continue
    const bytes = taken.reduce((sum, each) => sum + each.bytes, 0)
    moved += bytes
    if (!isMerged({ bytes, batches: 1 }, LIMITS)) unmerged.push(object(next.id++, bytes))
  }
  throw new Error("goes on for ever")
}

describe("over time", () => {
  it.each([
    ["a trickle", 100],
    ["some", 100 * KIB],
    ["full objects", 8 * MIB]
  ])("%s: each byte is moved a few times, and few objects are left", (_, bytes) => {
    const unmerged: Array<Mergeable> = []
    const next = { id: 1 }
    let [put, moved, most] = [0, 0, 0]
    for (let minute = 0; minute < 600; minute++) {
      for (let i = 0; i < 60; i++) {
        unmerged.push(object(next.id++, bytes))
        put += bytes
      }
      moved += settle(unmerged, next)
      most = Math.max(most, unmerged.length)
    }
    expect(moved / put).toBeLessThan(bytes >= MIB ? 1.01 : 7)
    expect(most).toBeLessThan(120)
  })
})
