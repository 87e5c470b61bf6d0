import { assert, describe, it } from "@effect/vitest"
import { phaseOf } from "../../../src/group/consumer/ConsumerGroupState.ts"
import type { TopicPartitions } from "../../../src/group/consumer/ConsumerGroupState.ts"
import { fromClassic, isAllClassic } from "../../../src/group/consumer/FromClassic.ts"
import { Play, REBALANCE_MS, SESSION_MS, terms, toOwned } from "./Play.ts"

const all = ["t-0", "t-1", "t-2"]

/** A consumer member a with everything, at epoch 1. */
const begun = (): Play => {
  const play = new Play()
  play.beat("a", 0)
  return play
}

/** a with t-0 and t-1, the classic member b with t-2, both at epoch 2. */
const mixed = (): Play => {
  const play = begun()
  play.join("b")
  play.owning("a", 1, ...all)
  play.owning("a", 1, "t-0", "t-1")
  assert.strictEqual(play.classicBeat("b", 2), "RebalanceInProgress")
  assert.strictEqual(play.join("b").generationId, 2)
  assert.deepStrictEqual(play.sync("b", 2), ["t-2"])
  assert.strictEqual(phaseOf(play.state), "Stable")
  return play
}

describe("a classic member of a consumer group", () => {
  it("joins at once, as a follower; is told to join again when what it shall have is free", () => {
    const play = begun()
    const joined = play.join("b")
    assert.deepInclude(joined, { error: null, memberId: "b", generationId: 2, protocolName: "range" })
    assert.deepStrictEqual(play.sync("b", 2), [])
    assert.strictEqual(play.classicBeat("b", 2), "ok", "t-2 is a's still")
    mixed()
  })

  it("an eager one gives up all by joining, and gets its part; a cooperative one in two joins", () => {
    const play = new Play()
    play.join("b")
    assert.deepStrictEqual(play.sync("b", 1), all)
    play.beat("a", 0)
    assert.strictEqual(play.classicBeat("b", 1), "RebalanceInProgress")
    assert.strictEqual(play.commit("b", 1, { apiVersion: 7 }), "ok", "before it joins again")
    assert.strictEqual(play.join("b", { ownedPartitions: toOwned(all) }).generationId, 1, "has to give up t-2 first")
    assert.deepStrictEqual(play.sync("b", 1), ["t-0", "t-1"])
    assert.strictEqual(play.classicBeat("b", 1), "RebalanceInProgress")
    assert.strictEqual(play.join("b", { ownedPartitions: toOwned(["t-0", "t-1"]) }).generationId, 2)
    assert.deepStrictEqual(play.sync("b", 2), ["t-0", "t-1"])
    play.owning("a", 2)
    assert.deepStrictEqual(play.assigned(), { a: ["t-2"], b: ["t-0", "t-1"] })
  })

  it("gets an id first if it asks as today's clients do", () => {
    const play = begun()
    const told = play.join("", { requireKnownMemberId: true })
    assert.strictEqual(told.error?._tag, "MemberIdRequired")
    assert.strictEqual(play.state.members.size, 1)
    assert.isNull(play.join(told.memberId, { requireKnownMemberId: true }).error)
  })

  it("a member that was removed and still owns partitions does not get in by its old id", () => {
    const play = mixed()
    play.leave(["b", null])
    const again = play.join("b", { ownedPartitions: toOwned(["t-2"]) })
    assert.strictEqual(again.error?._tag, "UnknownMemberId")
  })

  it("is refused: other strategies, too many, past generations, strangers, other words", () => {
    const play = mixed()
    const sticky = [{ name: "sticky", metadata: new Uint8Array(0) }]
    assert.strictEqual(play.join("c", { protocols: sticky }).error?._tag, "InconsistentGroupProtocol")
    play.terms = { ...terms, maxSize: 2 }
    assert.strictEqual(play.join("c").error?._tag, "GroupMaxSizeReached")
    assert.strictEqual(play.classicBeat("b", 1), "IllegalGeneration")
    assert.strictEqual(play.sync("b", 3), "IllegalGeneration")
    assert.strictEqual(play.classicBeat("x", 2), "UnknownMemberId")
    assert.strictEqual(play.classicBeat("a", 2), "UnknownMemberId", "a speaks the consumer protocol")
    assert.strictEqual(play.commit("b", 3), "IllegalGeneration")
  })

  it("leaves, one new epoch for all that are named", () => {
    const play = mixed()
    const { groupEpoch } = play.state
    const { memberId } = play.join("", { instanceId: "i" })
    assert.strictEqual(play.state.groupEpoch, groupEpoch + 1)
    assert.deepStrictEqual(play.leave(["b", null], ["", "i"], ["x", null], ["", "x"]), [
      "ok",
      "ok",
      "UnknownMemberId",
      "UnknownMemberId"
    ])
    assert.deepStrictEqual(Array.from(play.state.members.keys()), ["a"])
    assert.isFalse(play.storedMembers.has(memberId))
    assert.strictEqual(play.state.groupEpoch, groupEpoch + 2)
    assert.deepStrictEqual(play.leave(["a", null]), ["ok"], "an administrator removes members of either protocol")
  })

  it("goes if it is silent, or does not join again or sync within its rebalance timeout", () => {
    const silent = mixed()
    silent.pass(SESSION_MS - 1)
    assert.strictEqual(silent.state.members.size, 2)
    silent.pass(1)
    assert.strictEqual(silent.state.members.size, 0)

    const slow = mixed()
    slow.join("c")
    for (let ms = 0; ms < REBALANCE_MS; ms += 1000) {
      assert.isTrue(slow.state.members.has("b"))
      slow.beat("a", 2)
      slow.classicBeat("b", 2)
      slow.pass(1000)
    }
    assert.isFalse(slow.state.members.has("b"))
  })

  it("a static one takes the place of the member that holds its instance id, with its partitions", () => {
    const play = new Play()
    play.beat("a", 0, { instanceId: "i" })
    const back = play.join("", { instanceId: "i" })
    assert.deepStrictEqual([back.error, back.generationId], [null, 1])
    assert.deepStrictEqual(play.sync(back.memberId, 1, "i"), all)
    assert.strictEqual(play.beat("a", 1, { instanceId: "i" }), "FencedInstanceId")
    assert.strictEqual(play.join("other", { instanceId: "i" }).error?._tag, "FencedInstanceId")
    assert.isTrue(isAllClassic(play.state))
  })
})

describe("fromClassic", () => {
  const topic = (...partitions: ReadonlyArray<number>): ReadonlyArray<TopicPartitions> => [
    { topicId: "id-t", partitions }
  ]
  const taken = (memberId: string, assigned: ReadonlyArray<TopicPartitions>) => ({
    memberId,
    instanceId: null,
    rackId: null,
    clientId: "c",
    clientHost: "/h",
    rebalanceTimeoutMs: REBALANCE_MS,
    subscribedTopicNames: ["t"],
    assigned,
    classic: { sessionTimeoutMs: SESSION_MS, protocols: [{ name: "range", metadata: new Uint8Array([1]) }] }
  })

  it("generation and assignment go on; the first consumer member makes a new epoch", () => {
    const play = new Play()
    play.begin((now) => fromClassic(7, [taken("b", topic(0, 1)), taken("c", topic(2))], play.topics(), now))
    assert.strictEqual(phaseOf(play.state), "Stable")
    assert.deepStrictEqual(Array.from(play.storedMembers.keys()), ["b", "c"])
    assert.strictEqual(play.classicBeat("b", 7), "ok")
    assert.strictEqual(play.commit("b", 7, { apiVersion: 5 }), "ok")
    assert.strictEqual(play.state.groupEpoch, 7)
    play.beat("a", 0)
    assert.strictEqual(play.state.groupEpoch, 8)
    assert.strictEqual(play.classicBeat("b", 7), "RebalanceInProgress")
  })

  it("a partition that the leader gave twice is the first one's", () => {
    const play = new Play()
    play.begin((now) => fromClassic(1, [taken("b", topic(0, 1, 2)), taken("c", topic(2))], play.topics(), now))
    assert.deepStrictEqual(play.assigned(), { b: all, c: [] })
  })
})
