import { assert, describe, it } from "@effect/vitest"
import { decode, encode } from "@tusk/coordinator/group/streams/StreamsGroupRecord"
import * as Result from "effect/Result"
import { StreamsPlay } from "./StreamsPlay.ts"

describe("StreamsGroupRecord", () => {
  const play = new StreamsPlay({ streamsNumStandbyReplicas: 1 })
  play.join("a", {
    rackId: "rack",
    userEndpoint: { host: "here", port: 7 },
    clientTags: [{ key: "zone", value: "one" }]
  })
  play.join("b")
  play.heartbeat("a", 2)
  const record = { savedAtMs: 17, group: play.stored.at(-1)! }

  it("gives back what was written", () => {
    assert.isAbove(record.group.members[0]!.revoking.active.size, 0, "something of each is in it")
    assert.deepStrictEqual(Result.getOrThrow(decode(encode(record))), record)
  })

  it("refuses what it does not know", () => {
    const text = encode(record)
    const wrong = [
      "",
      "[]",
      "{}",
      text.replace('"version":1', '"version":2'),
      text.replace('"phase":"Stable"', '"phase":"Half"').replace('"phase":"UnrevokedTasks"', '"phase":"Half"'),
      text.replace('"groupEpoch":', '"groupEpoch":0.5,"x":'),
      text.replace('"subtopologies":[', '"subtopologies":[null,'),
      text.replace('"active":{"0":', '"active":{"0":7,"1":'),
      text.slice(0, -1)
    ]
    for (const value of wrong) assert.isTrue(Result.isFailure(decode(value)), value.slice(0, 80))
  })
})
