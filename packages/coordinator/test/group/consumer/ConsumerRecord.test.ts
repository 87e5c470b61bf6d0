import { assert, describe, it } from "@effect/vitest"
import type { PersistedMember } from "../../../src/group/consumer/ConsumerGroupState.ts"
import { decodeGroup, decodeMember, encodeGroup, encodeMember } from "../../../src/group/consumer/ConsumerRecord.ts"
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

describe("ConsumerRecord", () => {
  it("reads what it wrote", () => {
    assert.deepStrictEqual(decodeMember("m", encodeMember(member)), Result.succeed(member))
    const plain = { ...member, classic: null, assigned: new Map() }
    assert.deepStrictEqual(decodeMember("m", encodeMember(plain)), Result.succeed(plain))
    const record = { group: { groupEpoch: 3, assignmentEpoch: 2, metadataHash: 2 ** 52 }, savedAtMs: 9 }
    assert.deepStrictEqual(decodeGroup(encodeGroup(record)), Result.succeed(record))
  })

  it("what it did not write is refused with a reason, never a crash", () => {
    for (const value of ["", "{", "null", "[]", "7", '{"version":2}', '{"version":1}']) {
      assert.isTrue(Result.isFailure(decodeGroup(value)), value)
      assert.isTrue(Result.isFailure(decodeMember("m", value)), value)
    }
    const good = JSON.parse(encodeMember(member)) as Record<string, unknown>
    for (const field of Object.keys(good)) {
      for (const bad of [undefined, true]) {
        assert.isTrue(Result.isFailure(decodeMember("m", JSON.stringify({ ...good, [field]: bad }))), field)
      }
    }
  })
})
