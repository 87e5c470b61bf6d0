import { assert, describe, it } from "@effect/vitest"
import type { PersistedMember } from "../../../src/group/consumer/ConsumerGroupState.ts"
import { groupRow, memberRow } from "../../../src/group/consumer/ConsumerRows.ts"
import * as Result from "effect/Result"

const member: PersistedMember = {
  memberId: "m",
  instanceId: "i",
  rackId: null,
  clientId: "c",
  clientHost: "/h",
  rebalanceTimeoutMs: 1,
  subscribedTopicNames: ["a", "b"],
  subscribedTopicRegex: "",
  serverAssignor: "range",
  memberEpoch: -2,
  previousMemberEpoch: 4,
  state: "UnreleasedPartitions",
  assigned: new Map([
    [
      "__proto__",
      new Map([
        [0, 3],
        [7, 4]
      ])
    ]
  ]),
  pendingRevocation: new Map(),
  classic: { sessionTimeoutMs: 5, protocols: [{ name: "x", metadata: new Uint8Array([0, 255]) }] }
}

describe("rows of consumer groups", () => {
  it("reads what it wrote", () => {
    assert.deepStrictEqual(memberRow.decode("m", memberRow.encode(member)), Result.succeed(member))
    const plain = { ...member, classic: null, assigned: new Map() }
    assert.deepStrictEqual(memberRow.decode("m", memberRow.encode(plain)), Result.succeed(plain))
    const record = { group: { groupEpoch: 3, assignmentEpoch: 2, metadataHash: 2 ** 52 }, savedAtMs: 9 }
    assert.deepStrictEqual(groupRow.decode(groupRow.encode(record)), Result.succeed(record))
  })

  it("what it did not write is refused with a reason, never a crash", () => {
    for (const value of ["", "{", "null", "[]", "7", '{"version":2}', '{"version":1}']) {
      assert.isTrue(Result.isFailure(groupRow.decode(value)), value)
      assert.isTrue(Result.isFailure(memberRow.decode("m", value)), value)
    }
    const good = JSON.parse(memberRow.encode(member)) as Record<string, unknown>
    for (const field of Object.keys(good)) {
      for (const bad of [undefined, true]) {
        assert.isTrue(Result.isFailure(memberRow.decode("m", JSON.stringify({ ...good, [field]: bad }))), field)
      }
    }
  })
})
