import { assert, describe, it } from "@effect/vitest"
import { assignTasks, NOTHING_ASSIGNED } from "../../src/assignor/StickyTask.ts"
import type { TaskAssignment, TaskIds, TaskMember, TaskSource } from "../../src/assignor/StickyTask.ts"
import * as Arbitrary from "effect/Arbitrary"
import * as Schema from "effect/Schema"

type Assigned = ReadonlyMap<string, TaskAssignment>

/** "p1/m1" is member m1 of process p1. */
const members = (names: ReadonlyArray<string>, before?: Assigned): ReadonlyMap<string, TaskMember> =>
  new Map(
    names.map((name) => {
      const [processId = "", memberId = ""] = name.split("/")
      return [memberId, { processId, before: before?.get(memberId) ?? NOTHING_ASSIGNED }]
    })
  )

const flat = (ids: TaskIds): ReadonlyArray<string> =>
  Array.from(ids).flatMap(([id, partitions]) => Array.from(partitions, (partition) => `${id}_${partition}`))
const shown = (assigned: Assigned) =>
  Object.fromEntries(
    Array.from(assigned, ([id, { active, standby }]) => [id, `${flat(active).join(" ")} | ${flat(standby).join(" ")}`])
  )
const two: ReadonlyMap<string, TaskSource> = new Map([
  ["0", { tasks: 3, stateful: true }],
  ["1", { tasks: 3, stateful: false }]
])

describe("assignTasks", () => {
  it("spreads each subtopology over all members", () => {
    assert.deepStrictEqual(shown(assignTasks(members(["p1/a", "p2/b", "p3/c"]), two, 0)), {
      a: "0_0 1_0 | ",
      b: "0_1 1_1 | ",
      c: "0_2 1_2 | "
    })
  })

  it("moves to a new member only what makes it equal", () => {
    const before = assignTasks(members(["p1/a", "p2/b"]), two, 0)
    const after = assignTasks(members(["p1/a", "p2/b", "p3/c"], before), two, 0)
    for (const id of ["a", "b"]) {
      const kept = flat(after.get(id)!.active)
      assert.lengthOf(kept, 2)
      assert.includeMembers(flat(before.get(id)!.active).slice(), kept.slice())
    }
  })

  it("makes the standby of a member that went active, and never puts two copies into one process", () => {
    const names = ["p1/a", "p1/b", "p2/c", "p2/d"]
    const before = assignTasks(members(names), new Map([["0", { tasks: 4, stateful: true }]]), 1)
    for (const [id, { active, standby }] of before) {
      assert.lengthOf(flat(active), 1)
      assert.lengthOf(flat(standby), 1)
      const sister = names.find((name) => name.endsWith(id))!.slice(0, 2)
      for (const other of names.filter((name) => name.startsWith(sister))) {
        const { active: others } = before.get(other.slice(3))!
        assert.notIncludeMembers(flat(others).slice(), flat(standby).slice())
      }
    }
    const after = assignTasks(members(["p2/c", "p2/d"], before), new Map([["0", { tasks: 4, stateful: true }]]), 1)
    for (const id of ["c", "d"]) {
      assert.includeMembers(flat(after.get(id)!.active).slice(), flat(before.get(id)!.active).slice())
      assert.includeMembers(flat(after.get(id)!.active).slice(), flat(before.get(id)!.standby).slice())
      assert.lengthOf(flat(after.get(id)!.standby), 0, "one process is left: there is no place for a second copy")
    }
  })

  it("gives nothing if there are no members", () => {
    assert.strictEqual(assignTasks(new Map(), two, 1).size, 0)
  })
})

const between = (minimum: number, maximum: number) => Schema.Int.check(Schema.isBetween({ minimum, maximum }))
const World = Schema.Struct({
  /** The process of each member. */
  processes: Schema.Array(between(0, 4)).check(Schema.isMinLength(1), Schema.isMaxLength(8)),
  sources: Schema.Array(Schema.Struct({ tasks: between(1, 7), stateful: Schema.Boolean })).check(
    Schema.isMinLength(1),
    Schema.isMaxLength(4)
  ),
  standbys: between(0, 2),
  leaving: between(0, 7),
  joining: Schema.Array(between(0, 5)).check(Schema.isMaxLength(3))
})
type World = typeof World.Type
const worlds = Arbitrary.schema(World)

const check = (
  given: ReadonlyMap<string, TaskMember>,
  sources: ReadonlyMap<string, TaskSource>,
  standbys: number,
  assigned: Assigned
): void => {
  assert.sameMembers(Array.from(assigned.keys()), Array.from(given.keys()))
  const active = Array.from(assigned.values(), (member) => flat(member.active))
  const all = Array.from(sources).flatMap(([id, { tasks }]) => Array.from({ length: tasks }, (_, i) => `${id}_${i}`))
  assert.deepStrictEqual(active.flat().sort(), all.sort(), "every task once")
  const counts = active.map(({ length }) => length)
  assert.isAtMost(Math.max(...counts) - Math.min(...counts), 1, "balance")

  const processes = new Map<string, Array<string>>()
  for (const [id, { processId }] of given) {
    const { active, standby } = assigned.get(id)!
    processes.set(processId, [...(processes.get(processId) ?? []), ...flat(active), ...flat(standby)])
  }
  for (const copies of processes.values()) assert.strictEqual(new Set(copies).size, copies.length, "a copy a process")
  const copies = Array.from(assigned.values(), (member) => flat(member.standby)).flat()
  for (const [id, { stateful, tasks }] of sources) {
    const wanted = stateful ? Math.min(standbys, processes.size - 1) : 0
    for (let i = 0; i < tasks; i++) {
      assert.strictEqual(copies.filter((copy) => copy === `${id}_${i}`).length, wanted, "as many standbys as fit")
    }
  }
}

describe("assignTasks, always", () => {
  it.prop(
    "gives every task once, evenly, each copy to another process, and moves nothing without need",
    { world: worlds },
    ({ world }: { readonly world: World }) => {
      const names = world.processes.map((process, i) => `p${process}/m${i}`)
      const sources = new Map(world.sources.map((source, i) => [String(i), source]))
      const given = members(names)
      const first = assignTasks(given, sources, world.standbys)
      check(given, sources, world.standbys, first)

      const again = assignTasks(members(names, first), sources, world.standbys)
      for (const [id, { active }] of first) {
        assert.deepStrictEqual(flat(again.get(id)!.active), flat(active), "nothing changed, nothing moves")
      }

      const left = names.filter((_, i) => i !== world.leaving || names.length === 1)
      const joined = world.joining.map((process, i) => `p${process}/n${i}`)
      const later = members([...left, ...joined], first)
      const second = assignTasks(later, sources, world.standbys)
      check(later, sources, world.standbys, second)
      const tasks = Array.from(sources.values()).reduce((sum, source) => sum + source.tasks, 0)
      const share = Math.ceil(tasks / later.size)
      for (const [id, { active }] of second) {
        const before = flat(first.get(id)?.active ?? new Map())
        const kept = flat(active).filter((task) => before.includes(task)).length
        const floor = Math.floor(tasks / later.size)
        assert.isAtLeast(kept, Math.min(before.length, floor), "a member keeps its own up to its share")
        assert.isAtMost(flat(active).length, share)
      }
    },
    { arbitrary: { runs: 300 } }
  )
})
