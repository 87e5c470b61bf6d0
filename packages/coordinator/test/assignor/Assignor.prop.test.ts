import { assert, describe, it } from "@effect/vitest"
import type { Assignment, Assignor, AssignorInput, AssignorMember } from "../../src/assignor/Assignor.ts"
import { range } from "../../src/assignor/Range.ts"
import { uniform } from "../../src/assignor/Uniform.ts"
import * as Schema from "effect/Schema"

const below = (maximum: number) => Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: maximum - 1 }))

/** Topics by their partition counts; members by the topics they want, as bits. */
const Group = Schema.Struct({
  counts: Schema.Array(below(8)).check(Schema.isMinLength(1), Schema.isMaxLength(5)),
  wants: Schema.Array(below(32)).check(Schema.isMinLength(1), Schema.isMaxLength(8))
})
const Change = Schema.Struct({ add: below(4), remove: below(4), grow: below(5), rewish: below(32) })

interface Model {
  readonly counts: ReadonlyArray<number>
  readonly wants: ReadonlyMap<string, ReadonlySet<string>>
}

const topic = (i: number): string => `t${i}`
const wanted = (bits: number, topics: number): ReadonlySet<string> =>
  new Set(Array.from({ length: topics }, (_, i) => i).flatMap((i) => ((bits >> i) & 1 ? [topic(i)] : [])))

const model = ({ counts, wants }: typeof Group.Type, same: boolean): Model => ({
  counts,
  wants: new Map(wants.map((bits, i) => [`m${i}`, wanted(same ? wants[0]! : bits, counts.length)]))
})

const input = ({ counts, wants }: Model, assigned: ReadonlyMap<string, Assignment>): AssignorInput => ({
  members: new Map(
    Array.from(wants, ([memberId, topicIds]): [string, AssignorMember] => [
      memberId,
      { instanceId: null, topicIds, assigned: assigned.get(memberId) ?? new Map() }
    ])
  ),
  partitionCount: (topicId) => counts[Number(topicId.slice(1))]!
})

const change = (before: Model, by: typeof Change.Type, same: boolean): Model => {
  const wants = new Map(before.wants)
  for (let i = 0; i < by.remove && wants.size > 1; i++) wants.delete(wants.keys().next().value!)
  const wish = same ? wants.values().next().value! : wanted(by.rewish, before.counts.length)
  for (let i = 0; i < by.add; i++) wants.set(`n${i}`, wish)
  return { wants, counts: before.counts.map((count, i) => count + (i === by.grow ? 2 : 0)) }
}

const count = (assignment: Assignment): number =>
  Array.from(assignment.values()).reduce((sum, partitions) => sum + partitions.size, 0)

/** Every partition that a member wants has one owner, which wants it; others have none. */
const checkComplete = (of: Model, target: ReadonlyMap<string, Assignment>): void => {
  assert.deepStrictEqual(new Set(target.keys()), new Set(of.wants.keys()))
  const seen = new Set<string>()
  for (const [memberId, assignment] of target) {
    for (const [topicId, partitions] of assignment) {
      assert.isTrue(of.wants.get(memberId)!.has(topicId), "a member got what it does not want")
      assert.isTrue(partitions.size > 0, "an empty entry")
      for (const partition of partitions) {
        assert.isFalse(seen.has(`${topicId}/${partition}`), "two owners")
        seen.add(`${topicId}/${partition}`)
      }
    }
  }
  let expected = 0
  of.counts.forEach((partitions, i) => {
    if (Array.from(of.wants.values()).some((topicIds) => topicIds.has(topic(i)))) expected += partitions
  })
  assert.strictEqual(seen.size, expected)
}

const spread = (target: ReadonlyMap<string, Assignment>): number => {
  const sizes = Array.from(target.values(), count)
  return Math.max(...sizes) - Math.min(...sizes)
}

/** How many partitions have another owner than before, of those that had one. */
const moved = (before: ReadonlyMap<string, Assignment>, after: ReadonlyMap<string, Assignment>): number => {
  let kept = 0
  let had = 0
  for (const [memberId, assignment] of before) {
    for (const [topicId, partitions] of assignment) {
      had += partitions.size
      for (const partition of partitions) if (after.get(memberId)?.get(topicId)?.has(partition)) kept++
    }
  }
  return had - kept
}

/** The fewest that any balanced assignment has to move: what is owned above the quotas, and what lost its owner. */
const fewest = (of: Model, before: ReadonlyMap<string, Assignment>): number => {
  const sizes: Array<number> = []
  let had = 0
  for (const [memberId, assignment] of before) {
    had += count(assignment)
    if (of.wants.has(memberId)) sizes.push(count(assignment))
  }
  while (sizes.length < of.wants.size) sizes.push(0)
  const wish = of.wants.values().next().value!
  const total = of.counts.reduce((sum, partitions, i) => sum + (wish.has(topic(i)) ? partitions : 0), 0)
  const least = Math.floor(total / sizes.length)
  const extra = total % sizes.length
  sizes.sort((a, b) => b - a)
  return had - sizes.reduce((kept, size, i) => kept + Math.min(size, least + (i < extra ? 1 : 0)), 0)
}

const options = { arbitrary: { runs: 2000, size: 20 }, timeout: 60_000 }

describe.each<[string, Assignor]>([
  ["range", range],
  ["uniform", uniform]
])("%s", (_name, assign) => {
  it.prop(
    "gives each partition to a member that wants it, also after a change",
    [Group, Change, Schema.Boolean],
    ([group, by, same]) => {
      const first = model(group, same)
      const before = assign(input(first, new Map()))
      checkComplete(first, before)
      const second = change(first, by, same)
      checkComplete(second, assign(input(second, before)))
    },
    options
  )
})

describe("uniform", () => {
  it.prop(
    "same topics for all: counts differ by one at most, and no partition moves that need not",
    [Group, Change, Change],
    ([group, one, two]) => {
      let now = model(group, true)
      let before = uniform(input(now, new Map()))
      assert.isTrue(spread(before) <= 1)
      for (const by of [one, two]) {
        now = change(now, by, true)
        const after = uniform(input(now, before))
        assert.isTrue(spread(after) <= 1)
        assert.strictEqual(moved(before, after), fewest(now, before))
        before = after
      }
      assert.strictEqual(moved(before, uniform(input(now, before))), 0)
    },
    options
  )

  it.prop(
    "different topics: no single move would bring two subscribers nearer, and nothing moves without a cause",
    [Group, Change],
    ([group, by]) => {
      const first = model(group, false)
      const now = change(first, by, false)
      const target = uniform(input(now, uniform(input(first, new Map()))))
      for (const [from, assignment] of target) {
        for (const topicId of assignment.keys()) {
          for (const [to, topicIds] of now.wants) {
            if (!topicIds.has(topicId)) continue
            assert.isTrue(count(assignment) - count(target.get(to)!) <= 1, `${from} has more of ${topicId} than ${to}`)
          }
        }
      }
      assert.strictEqual(moved(target, uniform(input(now, target))), 0)
    },
    options
  )
})

describe("range", () => {
  it.prop(
    "same topics for all, of one size: the same partitions of each; counts of a topic differ by one at most",
    [Schema.Array(below(9)).check(Schema.isMinLength(1), Schema.isMaxLength(8)), below(12), below(4)],
    ([members, partitions, topics]) => {
      const counts = Array.from({ length: topics + 1 }, () => partitions)
      const all = new Set(counts.map((_, i) => topic(i)))
      const target = range(input({ counts, wants: new Map(members.map((_, i) => [`m${i}`, all])) }, new Map()))
      for (const assignment of target.values()) {
        const [first] = assignment.values()
        for (const other of assignment.values()) assert.deepStrictEqual(other, first)
        assert.isTrue(assignment.size === 0 || assignment.size === counts.length)
      }
      const sizes = Array.from(target.values(), (assignment) => assignment.get("t0")?.size ?? 0)
      assert.isTrue(Math.max(...sizes) - Math.min(...sizes) <= 1)
    },
    options
  )

  it("orders static members by instance id, before dynamic ones", () => {
    const member = (instanceId: string | null): AssignorMember => ({
      instanceId,
      topicIds: new Set(["t0"]),
      assigned: new Map()
    })
    const members = new Map([
      ["a", member(null)],
      ["b", member("i2")],
      ["c", member("i1")]
    ])
    const target = range({ members, partitionCount: () => 4 })
    assert.deepStrictEqual(
      target,
      new Map([
        ["c", new Map([["t0", new Set([0, 1])]])],
        ["b", new Map([["t0", new Set([2])]])],
        ["a", new Map([["t0", new Set([3])]])]
      ])
    )
  })
})
