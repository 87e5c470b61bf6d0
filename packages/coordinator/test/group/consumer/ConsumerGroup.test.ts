import { assert, describe, it } from "@effect/vitest"
import { fetchError, isVacant } from "../../../src/group/consumer/ConsumerGroup.ts"
import { empty, phaseOf } from "../../../src/group/consumer/ConsumerGroupState.ts"
import { flat, Play, REBALANCE_MS, SESSION_MS, terms, toOwned } from "./Play.ts"

type Beat = Exclude<ReturnType<Play["beat"]>, string>

const ok = (answer: ReturnType<Play["beat"]>): Beat => {
  if (typeof answer === "string") throw new Error(answer)
  return answer
}
const told = (answer: ReturnType<Play["beat"]>): ReadonlyArray<string> | null => {
  const { assignment } = ok(answer)
  return assignment === null ? null : flat(assignment).sort()
}

/** a and b, each with what it should have, at epoch 2. */
const two = (): Play => {
  const play = new Play()
  ok(play.beat("a", 0))
  ok(play.beat("b", 0))
  play.owning("a", 1, "t-0", "t-1", "t-2")
  play.owning("a", 1, "t-0", "t-1")
  play.owning("b", 2)
  assert.strictEqual(phaseOf(play.state), "Stable")
  return play
}

describe("joining and moving partitions", () => {
  it("the first gets all; the second what the first has given up, and only that", () => {
    const play = new Play()
    assert.strictEqual(phaseOf(play.state), "Empty")
    const first = ok(play.beat("a", 0))
    assert.strictEqual(first.memberEpoch, 1)
    assert.strictEqual(first.heartbeatIntervalMs, terms.heartbeatIntervalMs)
    assert.deepStrictEqual(told(first), ["t-0", "t-1", "t-2"])
    assert.strictEqual(phaseOf(play.state), "Stable")

    const second = play.beat("b", 0)
    assert.deepStrictEqual([ok(second).memberEpoch, told(second)], [2, []])
    assert.strictEqual(play.state.members.get("b")!.state, "UnreleasedPartitions")
    assert.strictEqual(phaseOf(play.state), "Reconciling")

    // a stays at its epoch until it has given up what it has to
    const asked = play.owning("a", 1, "t-0", "t-1", "t-2")
    assert.deepStrictEqual([ok(asked).memberEpoch, told(asked)], [1, ["t-0", "t-1"]])
    assert.strictEqual(told(play.owning("b", 2)), null)
    assert.strictEqual(told(play.beat("a", 1)), null, "who does not say what it owns owns all of it")
    assert.strictEqual(play.state.members.get("a")!.state, "UnrevokedPartitions")

    const done = ok(play.owning("a", 1, "t-0", "t-1"))
    assert.deepStrictEqual([done.memberEpoch, done.assignment], [2, null])
    assert.deepStrictEqual(told(play.owning("b", 2)), ["t-2"])
    assert.strictEqual(phaseOf(play.state), "Stable")
  })

  it("a heartbeat that changes nothing stores nothing and tells nothing; a full one is told all", () => {
    const play = two()
    const { writes } = play
    assert.strictEqual(told(play.beat("a", 2)), null)
    assert.deepStrictEqual(
      told(
        play.beat("a", 2, {
          rebalanceTimeoutMs: REBALANCE_MS,
          subscribedTopicNames: ["t"],
          topicPartitions: toOwned(["t-0", "t-1"])
        })
      ),
      ["t-0", "t-1"]
    )
    assert.strictEqual(play.writes, writes)
  })

  it("a new group is at epoch 1; a member that wants nothing brings no new one", () => {
    const play = new Play()
    play.state = empty
    assert.strictEqual(ok(play.beat("a", 0, { subscribedTopicNames: [] })).memberEpoch, 1)
    assert.strictEqual(ok(play.beat("b", 0)).memberEpoch, 2)
  })

  it("a member without an id gets one", () => {
    assert.match(ok(new Play().beat("", 0)).memberId, /^new/)
  })

  it("only what changed is stored", () => {
    const play = two()
    const before = new Map(play.storedMembers)
    play.beat("c", 0)
    assert.strictEqual(play.storedMembers.get("a"), before.get("a"))
    assert.strictEqual(play.storedMembers.get("b"), before.get("b"))
    assert.deepStrictEqual(play.storedGroup, { ...play.storedGroup!, groupEpoch: 3, assignmentEpoch: 3 })
  })

  it("GROUP_MAX_SIZE_REACHED, but not for a member that is there", () => {
    const play = two()
    play.terms = { ...terms, maxSize: 2 }
    assert.strictEqual(play.beat("c", 0), "GroupMaxSizeReached")
    assert.strictEqual(play.beat("", 0), "GroupMaxSizeReached")
    assert.strictEqual(ok(play.beat("a", 0)).memberEpoch, 2)
  })

  it("members that come together are assigned together: after the interval, or a fifth of it without another", () => {
    const play = new Play()
    play.terms = { ...terms, assignmentIntervalMs: 1000 }
    ok(play.beat("a", 0))
    assert.strictEqual(ok(play.beat("b", 0)).memberEpoch, 1)
    ok(play.beat("c", 0))
    assert.strictEqual(phaseOf(play.state), "Assigning")
    assert.deepStrictEqual([play.state.groupEpoch, play.state.assignmentEpoch], [3, 1])
    play.pass(199)
    play.owning("a", 1, "t-0", "t-1", "t-2")
    assert.strictEqual(play.state.assignmentEpoch, 1)
    play.pass(1)
    assert.deepStrictEqual(told(play.owning("a", 1, "t-0", "t-1", "t-2")), ["t-0"])
    assert.strictEqual(play.state.assignmentEpoch, 3)
    // they come one after the other, and it is no later than the interval
    for (let i = 0; i < 10; i++) {
      assert.strictEqual(play.state.assignmentEpoch, 3)
      play.pass(100)
      play.beat("c", i === 0 ? 0 : 3, { subscribedTopicNames: [`${i}`, "t"] })
    }
    assert.strictEqual(play.state.assignmentEpoch, 13)
  })
})

describe("epochs", () => {
  it("FENCED_MEMBER_EPOCH above and below; the epoch before is good for a member that owns no more than it has", () => {
    const play = two()
    assert.strictEqual(play.beat("a", 3), "FencedMemberEpoch")
    assert.strictEqual(play.beat("a", 1), "FencedMemberEpoch", "does not say what it owns")
    assert.strictEqual(play.owning("a", 1, "t-2"), "FencedMemberEpoch")
    assert.strictEqual(ok(play.owning("a", 1, "t-0")).memberEpoch, 2)
    play.beat("c", 0)
    play.owning("a", 2, "t-0", "t-1")
    play.owning("a", 2, "t-0")
    assert.strictEqual(play.owning("a", 1, "t-0"), "FencedMemberEpoch", "two epochs behind")
  })

  it("epoch 0 begins anew, with what it had", () => {
    const play = two()
    const again = play.beat("a", 0)
    assert.deepStrictEqual([ok(again).memberEpoch, told(again)], [2, ["t-0", "t-1"]])
    assert.strictEqual(play.state.groupEpoch, 2)
  })

  it("UNKNOWN_MEMBER_ID", () => {
    const play = two()
    assert.strictEqual(play.beat("x", 2), "UnknownMemberId")
    assert.strictEqual(play.beat("x", -1), "UnknownMemberId")
    assert.strictEqual(play.beat("x", 2, { instanceId: "i" }), "UnknownMemberId")
    assert.strictEqual(play.beat("x", -2, { instanceId: "i" }), "UnknownMemberId")
  })

  it("commits: the member's epoch, or an older one for partitions it has had since", () => {
    const play = two()
    const at = (partition: number) => ({ partitions: [{ topicId: "id-t", partition }] })
    assert.strictEqual(play.commit("a", 2), "ok")
    assert.strictEqual(play.commit("a", 1, at(0)), "ok", "its own since epoch 1")
    assert.strictEqual(play.commit("a", 1, at(2)), "StaleMemberEpoch", "no more its own")
    assert.strictEqual(play.commit("b", 1, at(2)), "StaleMemberEpoch", "its own since epoch 2")
    assert.strictEqual(play.commit("a", 3), "StaleMemberEpoch")
    assert.strictEqual(play.commit("x", 2), "UnknownMemberId")
    assert.strictEqual(play.commit("", -1), "UnknownMemberId", "there are members")
    assert.strictEqual(play.commit("", -1, { transactional: true }), "ok")
    assert.strictEqual(play.commit("a", 2, { apiVersion: 8 }), "UnsupportedVersion")
    assert.strictEqual(new Play().commit("", -1), "ok")
  })

  it("what is pending to be given up may still be committed", () => {
    const play = new Play()
    play.beat("a", 0)
    play.beat("b", 0)
    play.owning("a", 1, "t-0", "t-1", "t-2")
    assert.strictEqual(play.commit("a", 1, { partitions: [{ topicId: "id-t", partition: 2 }] }), "ok")
  })

  it("offsets are read by clients outside the group, and by a member at its epoch", () => {
    const { state } = two()
    assert.isNull(fetchError(state, { memberId: null, memberEpoch: -1 }))
    assert.isNull(fetchError(state, { memberId: "a", memberEpoch: 2 }))
    assert.strictEqual(fetchError(state, { memberId: "a", memberEpoch: 1 })?._tag, "StaleMemberEpoch")
    assert.strictEqual(fetchError(state, { memberId: "x", memberEpoch: 1 })?._tag, "UnknownMemberId")
    assert.strictEqual(fetchError(state, { memberId: null, memberEpoch: 1 })?._tag, "UnknownMemberId")
  })
})

describe("leaving", () => {
  it("what it owned is free at once", () => {
    const play = two()
    const left = ok(play.beat("a", -1))
    assert.deepStrictEqual([left.memberId, left.memberEpoch, left.assignment], ["a", -1, null])
    assert.strictEqual(phaseOf(play.state), "Assigning")
    assert.deepStrictEqual(told(play.owning("b", 2, "t-2")), ["t-0", "t-1", "t-2"])
    assert.strictEqual(play.delete(), "NonEmptyGroup")
    play.beat("b", -1)
    assert.strictEqual(phaseOf(play.state), "Empty")
    assert.isFalse(isVacant(play.state))
    assert.strictEqual(play.delete(), "ok")
    assert.strictEqual(phaseOf(play.state), "Dead")
    assert.isNull(play.storedGroup)
    assert.strictEqual(play.delete(), "GroupIdNotFound")
    assert.strictEqual(play.beat("a", 0), "CoordinatorNotAvailable")
  })

  it("a silent member goes after the session timeout, not before; heartbeats put it off (G3)", () => {
    const play = two()
    play.pass(SESSION_MS - 1)
    assert.strictEqual(play.state.members.size, 2)
    play.beat("b", 2)
    play.pass(1)
    assert.deepStrictEqual(Array.from(play.state.members.keys()), ["b"])
    assert.strictEqual(play.state.groupEpoch, 3)
    assert.strictEqual(play.beat("a", 2), "UnknownMemberId")
  })

  it("a member that does not give up in time what it has to, goes after the rebalance timeout", () => {
    const play = new Play()
    const owning = ["t-0", "t-1", "t-2"]
    play.beat("a", 0)
    play.beat("b", 0)
    play.owning("a", 1, ...owning)
    for (let ms = 1000; ms < REBALANCE_MS; ms += 1000) {
      play.pass(1000)
      ok(play.owning("a", 1, ...owning))
      ok(play.beat("b", 2))
    }
    assert.strictEqual(play.state.members.size, 2)
    play.pass(1000)
    assert.deepStrictEqual(Array.from(play.state.members.keys()), ["b"])
    assert.deepStrictEqual(told(play.owning("b", 2)), owning)
  })
})

describe("static members", () => {
  const instance = { instanceId: "i" }
  const staticTwo = (): Play => {
    const play = new Play()
    ok(play.beat("a", 0, instance))
    ok(play.beat("b", 0))
    play.beat("a", 1, { ...instance, topicPartitions: toOwned(["t-0", "t-1"]) })
    play.beat("b", 2)
    assert.strictEqual(phaseOf(play.state), "Stable")
    return play
  }

  it("away and back under another id: the same partitions, no new epoch", () => {
    const play = staticTwo()
    const left = ok(play.beat("a", -2, instance))
    assert.deepStrictEqual([left.memberId, left.memberEpoch], ["a", -2])
    assert.deepStrictEqual(play.assigned()["a"], ["t-0", "t-1"])
    assert.strictEqual(phaseOf(play.state), "Reconciling")
    const back = play.beat("a2", 0, instance)
    assert.deepStrictEqual([ok(back).memberEpoch, told(back)], [2, ["t-0", "t-1"]])
    assert.strictEqual(play.state.groupEpoch, 2)
    assert.strictEqual(phaseOf(play.state), "Stable")
    assert.strictEqual(play.beat("a", 2, instance), "FencedInstanceId")
    assert.deepStrictEqual(Array.from(play.storedMembers.keys()).sort(), ["a2", "b"])
    // what the one before it consumed, whichever its epoch was
    assert.strictEqual(play.commit("a2", 1, { partitions: [{ topicId: "id-t", partition: 0 }] }), "ok")
  })

  it("UNRELEASED_INSTANCE_ID while the other is there; its own first heartbeat may come twice", () => {
    const play = staticTwo()
    assert.strictEqual(play.beat("other", 0, instance), "UnreleasedInstanceId")
    assert.strictEqual(ok(play.beat("a", 0, instance)).memberEpoch, 2)
    assert.strictEqual(play.state.groupEpoch, 2)
    assert.strictEqual(play.beat("other", 2, instance), "FencedInstanceId")
    assert.strictEqual(play.beat("other", -1, instance), "FencedInstanceId")
  })

  it("a member that stays away longer than its session goes; -1 goes at once", () => {
    const play = staticTwo()
    play.beat("a", -2, instance)
    play.pass(SESSION_MS - 1)
    play.beat("b", 2)
    assert.strictEqual(play.state.members.size, 2)
    play.pass(1)
    assert.strictEqual(play.state.members.size, 1)
    ok(play.beat("a", 0, instance))
    ok(play.beat("a", -1, instance))
    assert.strictEqual(play.state.staticMembers.size, 0)
  })
})

describe("subscriptions and topics", () => {
  it("another subscription is a new epoch; a topic not wanted any more is given up at once", () => {
    const play = two()
    play.setTopic("u", 2)
    play.beat("a", 2)
    assert.strictEqual(play.state.groupEpoch, 2, "nobody wants it")
    const answer = play.beat("a", 2, { subscribedTopicNames: ["u"], topicPartitions: toOwned(["t-0", "t-1"]) })
    assert.deepStrictEqual([ok(answer).memberEpoch, told(answer)], [2, []])
    assert.deepStrictEqual(told(play.owning("a", 2)), ["u-0", "u-1"])
    assert.deepStrictEqual(told(play.owning("b", 2, "t-2")), ["t-0", "t-1", "t-2"])
  })

  it("given up at once even while the next assignment waits", () => {
    const play = two()
    play.terms = { ...terms, assignmentIntervalMs: 5000 }
    const answer = play.beat("a", 2, { subscribedTopicNames: [], topicPartitions: toOwned(["t-0", "t-1"]) })
    assert.deepStrictEqual([ok(answer).memberEpoch, told(answer)], [2, []])
    assert.strictEqual(phaseOf(play.state), "Assigning")
  })

  it("a topic grows, goes, comes: a new epoch at the next heartbeat of any member", () => {
    const play = two()
    play.setTopic("t", 4)
    play.beat("a", 2)
    assert.strictEqual(play.state.groupEpoch, 3)
    assert.deepStrictEqual(told(play.owning("b", 2, "t-2")), ["t-2", "t-3"])
    play.setTopic("t", 0)
    assert.deepStrictEqual(told(play.owning("a", 3, "t-0", "t-1")), [])
    assert.strictEqual(play.state.groupEpoch, 4)
  })

  it("by regular expression, and by names besides; topics made later too", () => {
    const play = new Play()
    play.setTopic("u1", 1)
    const first = play.beat("a", 0, { subscribedTopicNames: ["t"], subscribedTopicRegex: "u.*" })
    assert.deepStrictEqual(told(first), ["t-0", "t-1", "t-2", "u1-0"])
    play.setTopic("u2", 1)
    assert.deepStrictEqual(told(play.owning("a", 1)), ["t-0", "t-1", "t-2", "u1-0", "u2-0"])
    assert.deepStrictEqual(play.state.resolved.get("u.*"), ["u1", "u2"])
    const none = { subscribedTopicRegex: "", subscribedTopicNames: [], topicPartitions: [] }
    assert.deepStrictEqual(told(play.beat("a", 2, none)), [])
    assert.strictEqual(play.state.resolved.size, 0)
  })

  it("the assignor that most ask for; the group's first if none asks", () => {
    const play = new Play()
    play.setTopic("u", 3)
    const both = { subscribedTopicNames: ["t", "u"], serverAssignor: "range" }
    ok(play.beat("a", 0, both))
    ok(play.beat("b", 0, both))
    assert.deepStrictEqual(told(play.owning("a", 1, "t-0", "t-1", "t-2", "u-0", "u-1", "u-2")), [
      "t-0",
      "t-1",
      "u-0",
      "u-1"
    ])
  })
})

describe("restart", () => {
  it("a stable group goes on as it was: same epochs, nothing told, nothing stored", () => {
    const play = two()
    const { writes } = play
    play.restart()
    assert.strictEqual(told(play.beat("a", 2)), null)
    assert.strictEqual(told(play.beat("b", 2)), null)
    assert.strictEqual(play.writes, writes)
    play.pass(SESSION_MS)
    assert.strictEqual(phaseOf(play.state), "Empty")
  })

  it("topics that changed meanwhile are noticed", () => {
    const play = two()
    play.restart()
    play.setTopic("t", 5)
    play.beat("a", 2)
    assert.strictEqual(play.state.groupEpoch, 3)
  })

  it("in a rebalance: one more epoch, stored before any member is told; none gets what another has", () => {
    const play = new Play()
    play.beat("a", 0)
    play.beat("b", 0)
    play.owning("a", 1, "t-0", "t-1", "t-2")
    play.restart()
    assert.strictEqual(play.state.groupEpoch, 3)
    assert.deepStrictEqual(told(play.owning("b", 2)), null)
    assert.strictEqual(play.storedGroup!.groupEpoch, 3)
    assert.strictEqual(ok(play.owning("a", 1, "t-0", "t-1")).memberEpoch, 3)
    assert.deepStrictEqual(told(play.owning("b", 3)), ["t-2"])
    assert.strictEqual(phaseOf(play.state), "Stable")
  })
})
