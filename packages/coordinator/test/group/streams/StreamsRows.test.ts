import { assert, describe, it } from "@effect/vitest"
import { groupRow, memberRow } from "../../../src/group/streams/StreamsRows.ts"
import * as Result from "effect/Result"
import { StreamsPlay } from "./StreamsPlay.ts"

const play = new StreamsPlay({ streamsNumStandbyReplicas: 1 })
play.join("a", { rackId: "rack", userEndpoint: { host: "here", port: 7 }, clientTags: [{ key: "zone", value: "one" }] })
play.join("b")
play.heartbeat("a", 2)

describe("rows of streams groups", () => {
  it("gives back a group as it was written", () => {
    const { assignmentEpoch, groupEpoch, standbyReplicas, topicsSeen, topology, validatedTopologyEpoch } = play.state
    const group = { groupEpoch, assignmentEpoch, topology, validatedTopologyEpoch, topicsSeen, standbyReplicas }
    assert.deepStrictEqual(Result.getOrThrow(groupRow.decode(groupRow.encode({ group, savedAtMs: 17 }))), {
      group,
      savedAtMs: 17
    })
  })

  it("gives back members as they were written", () => {
    const { rebalanceDeadlineMs: _, sessionDeadlineMs: __, ...a } = play.state.members.get("a")!
    assert.isAbove(a.revoking.active.size, 0, "something of each is in it")
    assert.isAbove(a.target.standby.size, 0, "something of each is in it")
    assert.deepStrictEqual(Result.getOrThrow(memberRow.decode("a", memberRow.encode(a))), a)
    assert.deepStrictEqual(play.storedMembers()[0], a)
  })

  it("refuses what it does not know", () => {
    const group = play.groupRow!
    const wrong = [
      "",
      "[]",
      "{}",
      group.replace('"version":1', '"version":2'),
      group.replace('"groupEpoch":', '"groupEpoch":0.5,"x":'),
      group.replace('"subtopologies":[', '"subtopologies":[null,'),
      group.slice(0, -1)
    ]
    for (const value of wrong) assert.isTrue(Result.isFailure(groupRow.decode(value)), value.slice(0, 80))
    const member = play.memberRows.get("a")!
    assert.isTrue(Result.isFailure(memberRow.decode("a", member.replace('"active":{"0":', '"active":{"0":7,"1":'))))
    assert.isTrue(Result.isFailure(memberRow.decode("a", member.replace('"processId":', '"processId":1,"x":'))))
  })
})
