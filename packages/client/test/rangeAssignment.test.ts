import { assert, describe, it } from "@effect/vitest"
import { rangeAssignment } from "../src/consume/rangeAssignment.ts"

describe("a member that assigns", () => {
  it("range gives each a run of every topic, the first members one more", () => {
    const members = new Map([
      ["b", ["t", "u"]],
      ["a", ["t"]]
    ])
    const assigned = rangeAssignment(members, (topic) => (topic === "t" ? 3 : 1))
    assert.deepStrictEqual(assigned.get("a"), [{ topic: "t", partitions: [0, 1] }])
    assert.deepStrictEqual(assigned.get("b"), [
      { topic: "t", partitions: [2] },
      { topic: "u", partitions: [0] }
    ])
  })
})
