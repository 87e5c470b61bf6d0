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

/** Ids of those that are merged next. */
const next = (...from: ReadonlyArray<Mergeable>): ReadonlyArray<number> =>
  nextMerge(from, LIMITS).map(({ objectId }) => Number(objectId))

describe("what is merged next", () => {
  it("is nothing where nothing is worth it", () => {
    expect(next()).toEqual([])
    expect(next(object(1, 8 * MIB))).toEqual([])
    expect(next(...objects(3, 8 * MIB))).toEqual([])
    expect(next(...objects(7, KIB))).toEqual([])
  })

  it("is the oldest, once they fill an object", () => {
    expect(next(...objects(9, 8 * MIB))).toEqual([1, 2, 3, 4])
    expect(next(object(1, 20 * MIB), object(2, 30 * MIB), object(3, MIB))).toEqual([1, 2])
  })

  it("is many small ones, but not those that what is made of them would hardly outgrow", () => {
    const small = objects(240, KIB)
    expect(next(...small)).toHaveLength(240)
    expect(next(object(0, 240 * KIB), ...small)).toEqual(small.map(({ objectId }) => Number(objectId)))
  })

  it("is what is urgent, alone if need be", () => {
    expect(next(...objects(9, 8 * MIB), object(10, 40 * MIB, true), object(11, KIB, true))).toEqual([10])
    expect(next(object(1, KIB, true), object(2, KIB, true), object(3, KIB))).toEqual([1, 2])
  })
})

/** Merges until nothing is to be done; tells how many bytes were moved. */
const settle = (unmerged: Array<Mergeable>, nextId: () => number): number => {
  let moved = 0
  for (let steps = 0; steps < 1000; steps++) {
    const taken = nextMerge(unmerged, LIMITS)
    if (taken.length === 0) return moved
    for (const each of taken) unmerged.splice(unmerged.indexOf(each), 1)
    const bytes = taken.reduce((sum, each) => sum + each.bytes, 0)
    moved += bytes
    if (!isMerged({ bytes, batches: 1 }, LIMITS)) unmerged.push(object(nextId(), bytes))
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
    let id = 1
    const nextId = () => id++
    let [put, moved, most] = [0, 0, 0]
    for (let minute = 0; minute < 600; minute++) {
      for (let i = 0; i < 60; i++) unmerged.push(object(nextId(), bytes))
      put += 60 * bytes
      moved += settle(unmerged, nextId)
      most = Math.max(most, unmerged.length)
    }
    expect(moved / put).toBeLessThan(bytes >= MIB ? 1.01 : 7)
    expect(most).toBeLessThan(120)
  })
})
