import { assert, describe, it } from "@effect/vitest"
import { isVacant, restore } from "../../../src/group/classic/ClassicGroup.ts"
import { empty } from "../../../src/group/classic/ClassicGroupState.ts"
import { completing, config, dead, Play, preparing, protocols, REBALANCE_MS, SESSION_MS, stable } from "./Play.ts"

const states = {
  Empty: () => new Play(),
  PreparingRebalance: preparing,
  CompletingRebalance: completing,
  Stable: stable,
  Dead: dead
}
type Phase = keyof typeof states

/** Outcome of the event, phase it leads to, and whether something is stored. A row for each line of the table. */
type Cell = readonly [outcome: string, phase: Phase, stored?: boolean]
const na = (phase: Phase): Cell => ["CoordinatorNotAvailable", phase]

const table: Readonly<Record<string, { readonly does: (play: Play) => number; readonly in: Record<Phase, Cell> }>> = {
  "Join new": {
    does: (play) => play.join(""),
    in: {
      Empty: ["ok", "CompletingRebalance"],
      PreparingRebalance: ["waits", "PreparingRebalance"],
      CompletingRebalance: ["waits", "PreparingRebalance"],
      Stable: ["waits", "PreparingRebalance"],
      Dead: na("Dead")
    }
  },
  "Join new, JoinGroup 4": {
    does: (play) => play.join("", { requireKnownMemberId: true }),
    in: {
      Empty: ["MemberIdRequired", "Empty"],
      PreparingRebalance: ["MemberIdRequired", "PreparingRebalance"],
      CompletingRebalance: ["MemberIdRequired", "CompletingRebalance"],
      Stable: ["MemberIdRequired", "Stable"],
      Dead: na("Dead")
    }
  },
  "Join follower": {
    does: (play) => play.join("b"),
    in: {
      Empty: ["UnknownMemberId", "Empty"],
      PreparingRebalance: ["waits", "PreparingRebalance"],
      CompletingRebalance: ["ok", "CompletingRebalance"],
      Stable: ["ok", "Stable"],
      Dead: na("Dead")
    }
  },
  "Join leader": {
    does: (play) => play.join("a"),
    in: {
      Empty: ["UnknownMemberId", "Empty"],
      PreparingRebalance: ["waits", "PreparingRebalance"],
      CompletingRebalance: ["ok", "CompletingRebalance"],
      Stable: ["waits", "PreparingRebalance"],
      Dead: na("Dead")
    }
  },
  "Join with other strategies": {
    does: (play) => play.join("b", { protocols: protocols("range", "sticky") }),
    in: {
      Empty: ["UnknownMemberId", "Empty"],
      PreparingRebalance: ["waits", "PreparingRebalance"],
      CompletingRebalance: ["waits", "PreparingRebalance"],
      Stable: ["waits", "PreparingRebalance"],
      Dead: na("Dead")
    }
  },
  "Join of another kind": {
    does: (play) => play.join("", { protocolType: "connect" }),
    in: {
      Empty: ["ok", "CompletingRebalance"],
      PreparingRebalance: ["InconsistentGroupProtocol", "PreparingRebalance"],
      CompletingRebalance: ["InconsistentGroupProtocol", "CompletingRebalance"],
      Stable: ["InconsistentGroupProtocol", "Stable"],
      Dead: na("Dead")
    }
  },
  "Sync follower": {
    does: (play) => play.sync("b"),
    in: {
      Empty: ["UnknownMemberId", "Empty"],
      PreparingRebalance: ["RebalanceInProgress", "PreparingRebalance"],
      CompletingRebalance: ["waits", "CompletingRebalance"],
      Stable: ["ok", "Stable"],
      Dead: na("Dead")
    }
  },
  "Sync leader": {
    does: (play) => play.sync("a"),
    in: {
      Empty: ["UnknownMemberId", "Empty"],
      PreparingRebalance: ["RebalanceInProgress", "PreparingRebalance"],
      CompletingRebalance: ["ok", "Stable", true],
      Stable: ["ok", "Stable"],
      Dead: na("Dead")
    }
  },
  Heartbeat: {
    does: (play) => play.heartbeat("b"),
    in: {
      Empty: ["UnknownMemberId", "Empty"],
      PreparingRebalance: ["RebalanceInProgress", "PreparingRebalance"],
      CompletingRebalance: ["ok", "CompletingRebalance"],
      Stable: ["ok", "Stable"],
      Dead: na("Dead")
    }
  },
  "Heartbeat, old generation": {
    does: (play) => play.heartbeat("b", 1),
    in: {
      Empty: ["UnknownMemberId", "Empty"],
      PreparingRebalance: ["IllegalGeneration", "PreparingRebalance"],
      CompletingRebalance: ["IllegalGeneration", "CompletingRebalance"],
      Stable: ["IllegalGeneration", "Stable"],
      Dead: na("Dead")
    }
  },
  "Leave one": {
    does: (play) => play.leave("b"),
    in: {
      Empty: ["UnknownMemberId", "Empty"],
      PreparingRebalance: ["ok", "PreparingRebalance"],
      CompletingRebalance: ["ok", "PreparingRebalance"],
      Stable: ["ok", "PreparingRebalance"],
      Dead: na("Dead")
    }
  },
  "Leave all": {
    does: (play) => play.leave("a", "b", "a"),
    in: {
      Empty: ["UnknownMemberId,UnknownMemberId,UnknownMemberId", "Empty"],
      // c is the only one left, and waits already
      PreparingRebalance: ["ok,ok,UnknownMemberId", "CompletingRebalance"],
      CompletingRebalance: ["ok,ok,UnknownMemberId", "Empty", true],
      Stable: ["ok,ok,UnknownMemberId", "Empty", true],
      Dead: na("Dead")
    }
  },
  "Commit by a member": {
    does: (play) => play.commit("b"),
    in: {
      Empty: ["UnknownMemberId", "Empty"],
      PreparingRebalance: ["ok", "PreparingRebalance"],
      CompletingRebalance: ["RebalanceInProgress", "CompletingRebalance"],
      Stable: ["ok", "Stable"],
      Dead: na("Dead")
    }
  },
  "Commit by a simple consumer": {
    does: (play) => play.commit("", -1),
    in: {
      Empty: ["ok", "Empty"],
      PreparingRebalance: ["UnknownMemberId", "PreparingRebalance"],
      CompletingRebalance: ["UnknownMemberId", "CompletingRebalance"],
      Stable: ["UnknownMemberId", "Stable"],
      Dead: na("Dead")
    }
  },
  "Commit in a transaction, no member named": {
    does: (play) => play.commit("", -1, null, true),
    in: {
      Empty: ["ok", "Empty"],
      PreparingRebalance: ["ok", "PreparingRebalance"],
      CompletingRebalance: ["ok", "CompletingRebalance"],
      Stable: ["ok", "Stable"],
      Dead: na("Dead")
    }
  },
  "Commit, old generation": {
    does: (play) => play.commit("b", 1),
    in: {
      Empty: ["UnknownMemberId", "Empty"],
      PreparingRebalance: ["IllegalGeneration", "PreparingRebalance"],
      CompletingRebalance: ["IllegalGeneration", "CompletingRebalance"],
      Stable: ["IllegalGeneration", "Stable"],
      Dead: na("Dead")
    }
  },
  Delete: {
    does: (play) => play.delete(),
    in: {
      Empty: ["ok", "Dead"],
      PreparingRebalance: ["NonEmptyGroup", "PreparingRebalance"],
      CompletingRebalance: ["NonEmptyGroup", "CompletingRebalance"],
      Stable: ["NonEmptyGroup", "Stable"],
      Dead: ["GroupIdNotFound", "Dead"]
    }
  },
  "time until nobody is left": {
    does: (play) => {
      play.pass(1_000_000)
      return play.heartbeat("b")
    },
    in: {
      Empty: ["UnknownMemberId", "Empty"],
      PreparingRebalance: ["UnknownMemberId", "Empty", true],
      CompletingRebalance: ["UnknownMemberId", "Empty", true],
      Stable: ["UnknownMemberId", "Empty", true],
      Dead: na("Dead")
    }
  }
}

describe("the table of states and events", () => {
  for (const [event, row] of Object.entries(table)) {
    for (const [from, [outcome, phase, stored]] of Object.entries(row.in)) {
      it(`${event} in ${from}: ${outcome}, ${phase}`, () => {
        const play = states[from as Phase]()
        const storedBefore = play.stored.length
        assert.strictEqual(play.state.phase, from)
        const waiter = row.does(play)
        assert.strictEqual(play.outcome(waiter), outcome)
        assert.strictEqual(play.state.phase, phase)
        assert.strictEqual(play.stored.length - storedBefore, stored === true ? 1 : 0)
      })
    }
  }
})

describe("joining", () => {
  it("gives the leader all members' metadata and the others none", () => {
    const play = new Play()
    const first = play.joined(play.join("", { newMemberId: "a" }))
    assert.deepStrictEqual([first.leader, first.generationId, first.protocolName], ["a", 1, "range"])
    const second = play.join("", { newMemberId: "b" })
    const again = play.join("a")
    assert.deepStrictEqual(play.joined(second).members, [])
    assert.deepStrictEqual(
      play.joined(again).members.map(({ memberId }) => memberId),
      ["a", "b"]
    )
    assert.strictEqual(play.joined(second).generationId, 2)
  })

  it("a member id that was given out may join once, until its session timeout", () => {
    const play = new Play()
    const given = play.join("", { requireKnownMemberId: true, newMemberId: "a" })
    assert.strictEqual(play.joined(given).memberId, "a")
    play.pass(SESSION_MS - 1)
    assert.strictEqual(play.outcome(play.join("a")), "ok")

    const late = new Play()
    late.join("", { requireKnownMemberId: true, newMemberId: "a" })
    assert.isFalse(isVacant(late.state))
    late.pass(SESSION_MS)
    assert.isTrue(isVacant(late.state))
    assert.strictEqual(late.outcome(late.join("a")), "UnknownMemberId")
  })

  it("a rebalance waits for a client that was given a member id", () => {
    const play = stable()
    play.join("", { requireKnownMemberId: true, newMemberId: "c" })
    const a = play.join("a")
    const b = play.join("b")
    assert.strictEqual(play.outcome(b), "waits")
    play.join("c")
    assert.strictEqual(play.joined(a).members.length, 3)
  })

  it("a rebalance ends when the last one it waits for does not come", () => {
    const play = stable()
    play.join("", { requireKnownMemberId: true, sessionTimeoutMs: 6000 })
    const a = play.join("a")
    play.join("b")
    play.pass(5999)
    assert.strictEqual(play.outcome(a), "waits")
    play.pass(1)
    assert.strictEqual(play.outcome(a), "ok")
  })

  it("an id given out that leaves again starts no rebalance", () => {
    const play = stable()
    play.join("", { requireKnownMemberId: true, newMemberId: "c" })
    assert.strictEqual(play.outcome(play.leave("c")), "ok")
    assert.strictEqual(play.state.phase, "Stable")
  })

  it("chooses the strategy that most members prefer among those that all have", () => {
    const play = new Play()
    play.join("", { newMemberId: "a", protocols: protocols("mine", "range", "sticky") })
    play.join("", { newMemberId: "b", protocols: protocols("sticky", "mine", "range") })
    play.join("", { newMemberId: "c", protocols: protocols("sticky", "range") })
    const a = play.join("a", { protocols: protocols("mine", "range", "sticky") })
    assert.strictEqual(play.joined(a).protocolName, "sticky")
    assert.strictEqual(play.outcome(play.join("", { protocols: protocols("mine") })), "InconsistentGroupProtocol")
  })

  it("counts a strategy named twice once", () => {
    const play = new Play()
    play.join("", { newMemberId: "a", protocols: protocols("range", "range") })
    const other = play.join("", { protocols: protocols("sticky") })
    assert.strictEqual(play.outcome(other), "InconsistentGroupProtocol")
    play.leave("a")
    assert.strictEqual(play.state.protocolCounts.size, 0)
  })

  it("a join repeated on a new connection is answered there, the old one is told to repeat", () => {
    const play = stable()
    const first = play.join("", { newMemberId: "c" })
    const second = play.join("c")
    assert.strictEqual(play.outcome(first), "RebalanceInProgress")
    play.join("a")
    play.join("b")
    assert.strictEqual(play.outcome(second), "ok")
  })

  it("refuses session timeouts out of bounds, too much metadata, and nothing to agree on", () => {
    const play = new Play()
    assert.strictEqual(play.outcome(play.join("", { sessionTimeoutMs: 5999 })), "InvalidSessionTimeout")
    assert.strictEqual(play.outcome(play.join("", { sessionTimeoutMs: 60_001 })), "InvalidSessionTimeout")
    assert.strictEqual(play.outcome(play.join("", { sessionTimeoutMs: 6000 })), "ok")
    assert.strictEqual(play.outcome(play.join("", { protocols: protocols("x".repeat(500)) })), "InvalidRequest")
    const none = new Play()
    assert.strictEqual(none.outcome(none.join("", { protocols: [] })), "InconsistentGroupProtocol")
    assert.strictEqual(none.outcome(none.join("", { protocolType: "" })), "InconsistentGroupProtocol")
  })

  it("takes no more members than group.max.size, nor more ids, nor more bytes", () => {
    const full = new Play(empty({ ...config, maxSize: 2 }))
    full.join("", { newMemberId: "a" })
    full.join("", { newMemberId: "b" })
    assert.strictEqual(full.outcome(full.join("")), "waits")
    assert.strictEqual(full.outcome(full.join("a")), "GroupMaxSizeReached")
    // a is out, the two that came first are the group
    assert.deepStrictEqual(Array.from(full.state.members.keys()).length, 2)
    assert.strictEqual(full.state.phase, "CompletingRebalance")
    assert.strictEqual(full.outcome(full.join("")), "GroupMaxSizeReached")

    const ids = new Play(empty({ ...config, maxSize: 2 }))
    const ask = () => ids.outcome(ids.join("", { requireKnownMemberId: true }))
    assert.deepStrictEqual([ask(), ask(), ask()], ["MemberIdRequired", "MemberIdRequired", "GroupMaxSizeReached"])

    const wide = new Play(empty({ ...config, groupMaxBytes: 30 }))
    assert.strictEqual(wide.outcome(wide.join("", { newMemberId: "a" })), "ok")
    assert.strictEqual(wide.outcome(wide.join("a")), "ok")
    assert.strictEqual(wide.outcome(wide.join("")), "GroupMaxSizeReached")
  })

  it("the first rebalance waits its delay, longer while members come, no longer than the rebalance timeout", () => {
    const play = new Play(empty({ ...config, initialRebalanceDelayMs: 12_000 }))
    const a = play.join("")
    play.pass(11_999)
    assert.strictEqual(play.outcome(a), "waits")
    const b = play.join("")
    play.pass(1)
    assert.strictEqual(play.outcome(a), "waits")
    const c = play.join("")
    play.pass(12_000)
    assert.strictEqual(play.outcome(a), "waits")
    play.pass(6000)
    assert.deepStrictEqual(
      [a, b, c].map((waiter) => play.outcome(waiter)),
      ["ok", "ok", "ok"]
    )
    assert.strictEqual(play.state.generationId, 1)
  })

  it("without a rebalance timeout (JoinGroup 0) the session timeout holds", () => {
    const play = stable()
    play.join("", { rebalanceTimeoutMs: -1, newMemberId: "c" })
    assert.strictEqual(play.state.members.get("c")?.rebalanceTimeoutMs, SESSION_MS)
  })
})

describe("time", () => {
  it("a silent member leaves at its session timeout, not before", () => {
    const play = stable()
    play.pass(4000)
    play.heartbeat("a")
    play.pass(SESSION_MS - 4001)
    assert.isTrue(play.state.members.has("b"))
    play.pass(1)
    assert.isFalse(play.state.members.has("b"))
    assert.strictEqual(play.state.phase, "PreparingRebalance")
    assert.isTrue(play.state.members.has("a"))
  })

  it("a commit is a sign of life", () => {
    const play = stable()
    play.pass(6000)
    play.commit("a")
    play.commit("b")
    play.pass(6000)
    assert.strictEqual(play.state.phase, "Stable")
  })

  it("a heartbeat stores nothing and does not set the timer", () => {
    const play = stable()
    const { wakeAtMs } = play.state
    const stored = play.stored.length
    play.pass(1000)
    play.heartbeat("a")
    assert.strictEqual(play.state.wakeAtMs, wakeAtMs)
    assert.strictEqual(play.stored.length, stored)
  })

  it("a member that does not join again in time is out, and the leader is one that did", () => {
    const play = stable()
    const c = play.join("", { newMemberId: "c" })
    for (let i = 0; i < REBALANCE_MS / 5000 - 1; i++) {
      play.pass(5000)
      play.heartbeat("a")
      play.heartbeat("b")
    }
    const b = play.join("b")
    assert.strictEqual(play.outcome(c), "waits")
    play.pass(5000)
    assert.deepStrictEqual(Array.from(play.state.members.keys()), ["b", "c"])
    assert.strictEqual(play.joined(b).leader, "b")
    assert.strictEqual(play.joined(c).generationId, 3)
  })

  it("in a rebalance a member that waits need not heartbeat; a new member may wait for five minutes", () => {
    const play = new Play()
    play.join("", { newMemberId: "a", rebalanceTimeoutMs: 400_000 })
    play.sync("a")
    const b = play.join("", { newMemberId: "b", rebalanceTimeoutMs: 400_000 })
    for (let i = 0; i < 59; i++) {
      play.pass(5000)
      play.heartbeat("a")
    }
    assert.strictEqual(play.outcome(b), "waits")
    play.heartbeat("a")
    play.pass(5000)
    assert.strictEqual(play.outcome(b), "UnknownMemberId")

    const old = stable()
    const again = old.join("a")
    for (let i = 0; i < 5; i++) {
      old.pass(5000)
      old.heartbeat("b")
    }
    assert.strictEqual(old.outcome(again), "waits")
    old.join("b")
    assert.strictEqual(old.outcome(again), "ok")
    old.pass(SESSION_MS)
    assert.strictEqual(old.state.phase, "Empty")
  })

  it("members that never ask for their assignment are put out after the rebalance timeout", () => {
    const play = completing()
    const b = play.sync("b")
    for (let i = 0; i < REBALANCE_MS / 5000; i++) {
      assert.strictEqual(play.outcome(b), "waits")
      play.pass(5000)
      play.heartbeat("a")
    }
    assert.strictEqual(play.outcome(b), "RebalanceInProgress")
    assert.deepStrictEqual(Array.from(play.state.members.keys()), ["b"])

    const half = completing()
    half.sync("a", { a: "x", b: "y" })
    for (let i = 0; i < REBALANCE_MS / 5000; i++) {
      half.pass(5000)
      half.heartbeat("a")
      half.heartbeat("b")
    }
    assert.deepStrictEqual(Array.from(half.state.members.keys()), ["a"])
  })
})

describe("syncing", () => {
  it("hands out the leader's assignment, nothing to a member that it forgot, and stores it once", () => {
    const play = completing()
    const b = play.sync("b")
    const a = play.sync("a", { b: "of b", stranger: "lost" })
    assert.deepStrictEqual([play.assignment(a), play.assignment(b)], ["", "of b"])
    assert.strictEqual(play.assignment(play.sync("b")), "of b")
    assert.strictEqual(play.stored.length, 2)
    const { members, generationId, leaderId, protocolName } = play.stored[1]!
    assert.deepStrictEqual([generationId, leaderId, protocolName], [2, "a", "range"])
    assert.deepStrictEqual(
      members.map(({ memberId }) => memberId),
      ["a", "b"]
    )
  })

  it("refuses another generation, another strategy, another kind", () => {
    const play = completing()
    assert.strictEqual(play.outcome(play.sync("b", {}, { generationId: 1 })), "IllegalGeneration")
    assert.strictEqual(play.outcome(play.sync("b", {}, { protocolName: "sticky" })), "InconsistentGroupProtocol")
    assert.strictEqual(play.outcome(play.sync("b", {}, { protocolType: "connect" })), "InconsistentGroupProtocol")
    assert.strictEqual(play.outcome(play.sync("b", {}, { protocolType: "consumer", protocolName: "range" })), "waits")
    assert.strictEqual(play.outcome(play.sync("a", { a: "x".repeat(5001) })), "InvalidRequest")
    assert.strictEqual(play.state.phase, "CompletingRebalance")
  })

  it("a new member sends those that wait back to joining", () => {
    const play = completing()
    const b = play.sync("b")
    play.join("")
    assert.strictEqual(play.outcome(b), "RebalanceInProgress")
  })

  it("a member that is put out while it waits is told so", () => {
    const play = completing()
    const b = play.sync("b")
    play.leave("b")
    assert.strictEqual(play.outcome(b), "UnknownMemberId")
  })
})

describe("static members", () => {
  const withStatic = (): Play => {
    const play = new Play()
    play.join("", { newMemberId: "a", groupInstanceId: "one" })
    play.join("", { newMemberId: "b", groupInstanceId: "two" })
    play.join("a", { groupInstanceId: "one" })
    play.sync("a", { a: "of a", b: "of b" })
    play.sync("b")
    return play
  }

  it("a follower that comes back takes its place and assignment, and no member rebalances", () => {
    const play = withStatic()
    const stored = play.stored.length
    const back = play.join("", { newMemberId: "b2", groupInstanceId: "two", requireKnownMemberId: true })
    assert.strictEqual(play.state.phase, "Stable")
    assert.deepStrictEqual([play.joined(back).memberId, play.joined(back).leader], ["b2", "a"])
    assert.isFalse(play.joined(back).skipAssignment)
    assert.strictEqual(play.assignment(play.sync("b2", {}, { groupInstanceId: "two" })), "of b")
    assert.strictEqual(play.outcome(play.heartbeat("b", 2, "two")), "FencedInstanceId")
    assert.strictEqual(play.outcome(play.heartbeat("b")), "UnknownMemberId")
    assert.strictEqual(play.outcome(play.commit("b", 2, "two")), "FencedInstanceId")
    assert.strictEqual(play.outcome(play.join("b", { groupInstanceId: "two" })), "FencedInstanceId")
    assert.strictEqual(play.outcome(play.heartbeat("b2", 2, "two")), "ok")
    assert.strictEqual(play.stored.length, stored + 1)
    assert.deepStrictEqual(
      play.stored.at(-1)?.members.map(({ memberId }) => memberId),
      ["a", "b2"]
    )
  })

  it("a leader that comes back is told to keep the assignment, or by JoinGroup 8 its old name", () => {
    const play = withStatic()
    const back = play.joined(play.join("", { newMemberId: "a2", groupInstanceId: "one" }))
    assert.isTrue(back.skipAssignment)
    assert.deepStrictEqual([back.leader, back.members.length], ["a2", 2])

    const old = withStatic()
    const answer = { newMemberId: "a2", groupInstanceId: "one", supportsSkippingAssignment: false }
    const blind = old.joined(old.join("", answer))
    assert.deepStrictEqual([blind.leader, blind.memberId, blind.members.length], ["a", "a2", 0])
    assert.isFalse(blind.skipAssignment)
    assert.strictEqual(old.assignment(old.sync("a2", {}, { groupInstanceId: "one" })), "of a")
  })

  it("one that comes back with another strategy starts a rebalance", () => {
    const play = new Play()
    const both = { protocols: protocols("range", "sticky") }
    play.join("", { newMemberId: "a", groupInstanceId: "one", ...both })
    play.sync("a", {}, { groupInstanceId: "one" })
    const back = play.join("", { newMemberId: "a2", groupInstanceId: "one", protocols: protocols("sticky", "range") })
    assert.deepStrictEqual([play.joined(back).generationId, play.joined(back).protocolName], [2, "sticky"])
  })

  it("the one it replaces is fenced while it waits", () => {
    const joining = withStatic()
    const waiting = joining.join("a", { groupInstanceId: "one" })
    const back = joining.join("", { newMemberId: "a2", groupInstanceId: "one" })
    assert.strictEqual(joining.outcome(waiting), "FencedInstanceId")
    joining.join("b", { groupInstanceId: "two" })
    assert.strictEqual(joining.outcome(back), "ok")

    const play = withStatic()
    play.join("a", { groupInstanceId: "one" })
    play.join("b", { groupInstanceId: "two" })
    const syncing = play.sync("b")
    play.join("", { newMemberId: "b2", groupInstanceId: "two" })
    assert.strictEqual(play.outcome(syncing), "FencedInstanceId")
    assert.strictEqual(play.state.phase, "PreparingRebalance")
  })

  it("stays through a rebalance it misses, until its session ends", () => {
    const play = withStatic()
    const c = play.join("", { newMemberId: "c" })
    play.join("a", { groupInstanceId: "one" })
    for (let i = 0; i < REBALANCE_MS / 5000; i++) {
      play.pass(5000)
      play.heartbeat("b", 2, "two")
    }
    assert.deepStrictEqual(Array.from(play.state.members.keys()), ["a", "b", "c"])
    assert.strictEqual(play.outcome(c), "ok")
    play.pass(SESSION_MS)
    assert.isFalse(play.state.members.has("b"))
  })

  it("leaves by its instance id alone, in one request with others", () => {
    const play = withStatic()
    const left = play.leave(["", "two"], ["", "three"], ["b", "one"], "zzz")
    assert.strictEqual(play.outcome(left), "ok,UnknownMemberId,FencedInstanceId,UnknownMemberId")
    assert.deepStrictEqual(Array.from(play.state.members.keys()), ["a"])
    assert.isFalse(play.state.staticMembers.has("two"))
  })

  it("an instance id that no member has is unknown", () => {
    const play = withStatic()
    assert.strictEqual(play.outcome(play.heartbeat("a", 2, "three")), "UnknownMemberId")
    assert.strictEqual(play.outcome(play.sync("a", {}, { groupInstanceId: "two" })), "FencedInstanceId")
  })
})

describe("after a restart", () => {
  it("members go on with Heartbeat in the same generation", () => {
    const before = stable()
    const [state, outputs] = restore(config, before.stored.at(-1)!, 5_000_000)
    assert.deepStrictEqual(outputs, [{ _tag: "WakeAt", atMs: 5_000_000 + SESSION_MS }])
    const play = new Play(state)
    play.now = 5_000_000
    play.pass(SESSION_MS - 1)
    assert.strictEqual(play.outcome(play.heartbeat("a", 2)), "ok")
    assert.strictEqual(play.outcome(play.commit("b", 2)), "ok")
    assert.strictEqual(play.outcome(play.commit("b", 1)), "IllegalGeneration")
    assert.strictEqual(play.assignment(play.sync("b")), "of b")
    assert.strictEqual(play.outcome(play.join("b")), "ok")
    assert.strictEqual(play.state.phase, "Stable")
    assert.strictEqual(play.state.generationId, 2)
    play.pass(SESSION_MS)
    assert.strictEqual(play.state.phase, "Empty")
  })

  it("an empty group remembers its generation and kind", () => {
    const before = stable()
    before.leave("a", "b")
    const [state] = restore(config, before.stored.at(-1)!, 0)
    assert.deepStrictEqual([state.phase, state.generationId, state.protocolType], ["Empty", 3, "consumer"])
    assert.isFalse(isVacant(state))
    const play = new Play(state)
    assert.strictEqual(play.joined(play.join("")).generationId, 4)
  })

  it("a group larger than is allowed now rebalances, and the first to come stay", () => {
    const [state] = restore({ ...config, maxSize: 1 }, stable().stored.at(-1)!, 1000)
    assert.strictEqual(state.phase, "PreparingRebalance")
    const play = new Play(state)
    const b = play.join("b")
    assert.strictEqual(play.outcome(play.join("a")), "GroupMaxSizeReached")
    assert.strictEqual(play.outcome(b), "ok")
  })
})

it("a step leaves the state it began with as it was", () => {
  const { state } = stable()
  const before = JSON.stringify({
    ...state,
    members: Array.from(state.members),
    counts: Array.from(state.protocolCounts)
  })
  const play = new Play(state)
  play.join("", { newMemberId: "c" })
  play.join("a", { protocols: protocols("range", "sticky") })
  play.leave("b")
  play.pass(1_000_000)
  const after = JSON.stringify({
    ...state,
    members: Array.from(state.members),
    counts: Array.from(state.protocolCounts)
  })
  assert.strictEqual(after, before)
})

it("a thousand members settle without a step growing out of hand", () => {
  const play = new Play(empty({ ...config, maxSize: 1000, groupMaxBytes: 1_000_000 }))
  const ids = Array.from({ length: 1000 }, (_, i) => `m${i}`)
  for (const id of ids) play.join("", { newMemberId: id })
  const leader = play.join("m0")
  assert.strictEqual(play.joined(leader).members.length, 1000)
  const waiters = ids.slice(1).map((id) => play.sync(id))
  play.sync("m0", Object.fromEntries(ids.map((id) => [id, id])))
  assert.deepStrictEqual(
    waiters.map((waiter) => play.assignment(waiter)),
    ids.slice(1)
  )
  for (const id of ids) play.heartbeat(id)
  assert.strictEqual(play.state.generationId, 2)
})
