import { assert, describe, it } from "@effect/vitest"
import { topologyFrom } from "@tusk/coordinator/group/streams/Topology"
import { counting, DELAY_MS, partitionsOf, REBALANCE_MS, SESSION_MS, StreamsPlay, tasks } from "./StreamsPlay.ts"

/** Member a has all four tasks. */
const alone = (change: ConstructorParameters<typeof StreamsPlay>[0] = {}): StreamsPlay => {
  const play = new StreamsPlay(change)
  play.join("a")
  return play
}
const epoch = (play: StreamsPlay, memberId: string): number => play.state.members.get(memberId)!.memberEpoch

describe("joining", () => {
  it("gives the first member every task at once if no delay is set, and stores it before it answers", () => {
    const play = alone()
    const answer = play.heard(1)
    assert.deepStrictEqual(partitionsOf(answer.tasks), [0, 1, 2, 3])
    assert.strictEqual(answer.memberEpoch, 2)
    assert.strictEqual(answer.heartbeatIntervalMs, 5000)
    assert.lengthOf(answer.status, 0)
    assert.strictEqual(play.phase, "Stable")
    assert.strictEqual(play.writes, 1)
    assert.strictEqual(play.storedMembers()[0]!.memberEpoch, 2)
  })

  it("waits for more members for the initial delay, then assigns to all of them", () => {
    const play = new StreamsPlay({ streamsInitialRebalanceDelayMs: DELAY_MS })
    const first = play.join("a")
    assert.deepStrictEqual(play.status(first), ["ASSIGNMENT_DELAYED"])
    assert.deepStrictEqual(partitionsOf(play.heard(first).tasks), [])
    assert.strictEqual(play.heard(first).memberEpoch, 1)
    assert.strictEqual(play.phase, "Assigning")
    play.pass(DELAY_MS - 1)
    play.join("b")
    assert.deepStrictEqual(play.status(play.heartbeat("a", 1)), ["ASSIGNMENT_DELAYED"])
    play.pass(1)
    assert.strictEqual(play.phase, "Reconciling")
    assert.deepStrictEqual(partitionsOf(play.heard(play.heartbeat("a", 1)).tasks), [0, 2])
    assert.deepStrictEqual(partitionsOf(play.heard(play.heartbeat("b", 1)).tasks), [1, 3])
    assert.strictEqual(play.phase, "Stable")
  })

  it("refuses one member more than there may be, but not one that joins again", () => {
    const play = new StreamsPlay()
    for (const id of ["a", "b", "c", "d"]) assert.strictEqual(play.outcome(play.join(id)), "ok")
    assert.strictEqual(play.outcome(play.join("e")), "GroupMaxSizeReached")
    assert.strictEqual(play.outcome(play.join("a")), "ok")
  })

  it("knows members by id and epoch", () => {
    const play = alone()
    assert.strictEqual(play.outcome(play.heartbeat("x", 2)), "UnknownMemberId")
    assert.strictEqual(play.outcome(play.heartbeat("a", 3)), "FencedMemberEpoch")
    assert.strictEqual(play.outcome(play.heartbeat("a", 1)), "FencedMemberEpoch")
    assert.strictEqual(play.outcome(play.heartbeat("a", 2)), "ok")
  })

  it("takes the former epoch from a member that lost the answer, if it has nothing it should not have", () => {
    const play = alone()
    play.join("b")
    play.heartbeat("a", 2, { owned: tasks([0, 1, 2, 3]) })
    play.heartbeat("a", 2, { owned: tasks([0, 1]) })
    const kept = partitionsOf(play.state.members.get("a")!.held)
    assert.strictEqual(epoch(play, "a"), 3)
    assert.strictEqual(play.outcome(play.heartbeat("a", 2, { owned: tasks([0, 1, 2, 3]) })), "FencedMemberEpoch")
    assert.strictEqual(play.outcome(play.heartbeat("a", 2)), "FencedMemberEpoch")
    assert.strictEqual(play.outcome(play.heartbeat("a", 2, { owned: tasks(kept) })), "ok")
  })

  it("writes nothing for a heartbeat that changes nothing, and tells no tasks again", () => {
    const play = alone()
    const { writes } = play
    for (let i = 0; i < 3; i++) assert.isNull(play.heard(play.heartbeat("a", 2)).tasks)
    assert.strictEqual(play.writes, writes)
  })
})

describe("reconciliation", () => {
  it("gives a task on only when the member that had it has told that it gave it up", () => {
    const play = alone()
    const joined = play.heard(play.join("b"))
    assert.deepStrictEqual(partitionsOf(joined.tasks), [], "a has them all")
    assert.strictEqual(play.state.members.get("b")!.phase, "UnreleasedTasks")

    const told = play.heard(play.heartbeat("a", 2))
    const left = partitionsOf(told.tasks)
    assert.lengthOf(left, 2)
    assert.strictEqual(told.memberEpoch, 2, "it stays in its epoch while it gives up")
    assert.deepStrictEqual(partitionsOf(play.heard(play.heartbeat("b", 3)).tasks), [], "not yet")
    const still = play.heard(play.heartbeat("a", 2, { owned: tasks([0, 1, 2, 3]) }))
    assert.deepStrictEqual(partitionsOf(still.tasks), left, "still has them, is told again")
    assert.strictEqual(still.memberEpoch, 2)

    assert.strictEqual(play.heard(play.heartbeat("a", 2, { owned: tasks(left) })).memberEpoch, 3)
    const given = partitionsOf(play.heard(play.heartbeat("b", 3)).tasks)
    assert.deepStrictEqual([...left, ...given].sort(), [0, 1, 2, 3])
    assert.strictEqual(play.phase, "Stable")
  })

  it("tells again what a lost answer told", () => {
    const play = new StreamsPlay({ streamsInitialRebalanceDelayMs: DELAY_MS })
    play.join("a")
    play.pass(DELAY_MS)
    play.heartbeat("a", 1, { owned: tasks([]) })
    const again = play.heard(play.heartbeat("a", 1, { owned: tasks([]) }))
    assert.strictEqual(again.memberEpoch, 2)
    assert.deepStrictEqual(partitionsOf(again.tasks), [0, 1, 2, 3])
  })

  it("gives up what it does not have without asking", () => {
    const play = alone()
    play.join("b")
    assert.strictEqual(play.heard(play.heartbeat("a", 2, { owned: tasks([0, 1]) })).memberEpoch, 3)
  })

  it("keeps a task that comes back before it was given to another member", () => {
    const play = alone()
    play.join("b")
    play.heartbeat("a", 2)
    const left = partitionsOf(play.state.members.get("a")!.held)
    play.leave("b")
    const answer = play.heard(play.heartbeat("a", 2, { owned: tasks(left) }))
    assert.deepStrictEqual(partitionsOf(play.state.members.get("a")!.held), left, "still on their way out")
    play.heartbeat("a", answer.memberEpoch, { owned: tasks(left) })
    assert.deepStrictEqual(partitionsOf(play.state.members.get("a")!.held), [0, 1, 2, 3])
  })

  it("puts no two copies of a task into one process", () => {
    const play = alone({ streamsNumStandbyReplicas: 1 })
    play.join("b", { processId: "process of a" })
    play.join("c")
    for (let round = 0; round < 4; round++) {
      for (const id of ["a", "b", "c"]) {
        const { held, memberEpoch } = play.state.members.get(id)!
        play.heartbeat(id, memberEpoch, { owned: tasks(partitionsOf(held), partitionsOf(held, "standby")) })
      }
    }
    assert.strictEqual(play.phase, "Stable")
    const of = (id: string, role: "active" | "standby") => partitionsOf(play.state.members.get(id)!.held, role)
    assert.deepStrictEqual([...of("a", "active"), ...of("b", "active"), ...of("c", "active")].sort(), [0, 1, 2, 3])
    assert.deepStrictEqual(
      of("c", "standby").slice(),
      [...of("a", "active"), ...of("b", "active")].sort(),
      "c is the only other process"
    )
    assert.deepStrictEqual([...of("a", "standby"), ...of("b", "standby")].sort(), of("c", "active").slice())
  })

  it("takes a new assignment not more often than the interval says", () => {
    const play = alone({ streamsAssignmentIntervalMs: 1000 })
    assert.deepStrictEqual(play.status(play.join("b")), ["ASSIGNMENT_DELAYED"])
    assert.strictEqual(play.phase, "Assigning")
    play.pass(999)
    assert.deepStrictEqual(play.status(play.heartbeat("a", 2)), ["ASSIGNMENT_DELAYED"])
    play.pass(1)
    assert.deepStrictEqual(play.status(play.heartbeat("a", 2)), [])
    assert.strictEqual(play.phase, "Reconciling")
  })

  it("assigns anew when the number of standbys changes", () => {
    const play = alone()
    play.join("b")
    play.terms = { ...play.terms, streamsNumStandbyReplicas: 1 }
    const before = play.state.groupEpoch
    play.heartbeat("a", 2)
    assert.strictEqual(play.state.groupEpoch, before + 1)
    assert.lengthOf(partitionsOf(play.storedMembers()[1]!.target as never, "standby"), 2)
  })
})

describe("going", () => {
  it("leaves its tasks to the others", () => {
    const play = alone()
    play.join("b")
    assert.strictEqual(play.outcome(play.leave("a")), "ok")
    assert.strictEqual(play.outcome(play.leave("a")), "UnknownMemberId")
    const answer = play.heard(play.heartbeat("b", 3))
    assert.deepStrictEqual(partitionsOf(answer.tasks), [0, 1, 2, 3])
    assert.strictEqual(answer.memberEpoch, 4)
  })

  it("is out when it was not heard for the session timeout", () => {
    const play = alone()
    play.pass(SESSION_MS - 1)
    play.heartbeat("a", 2)
    play.pass(SESSION_MS - 1)
    assert.strictEqual(play.phase, "Stable")
    play.pass(1)
    assert.strictEqual(play.phase, "Empty")
    assert.lengthOf(play.storedMembers(), 0)
    assert.strictEqual(play.state.wakeAtMs, Infinity)
  })

  it("is out when it does not give up a task for its rebalance timeout", () => {
    const play = alone()
    play.join("b")
    play.heartbeat("a", 2)
    for (let ms = 0; ms < REBALANCE_MS - 1000; ms += 1000) {
      play.pass(1000)
      play.heartbeat("a", 2, { owned: tasks([0, 1, 2, 3]) })
      play.heartbeat("b", 3)
    }
    assert.isTrue(play.state.members.has("a"))
    play.pass(1000)
    assert.isFalse(play.state.members.has("a"))
    assert.deepStrictEqual(partitionsOf(play.heard(play.heartbeat("b", 3)).tasks), [0, 1, 2, 3])
  })

  it("takes the whole application with it if it asks for that, until all are gone", () => {
    const play = alone()
    play.join("b")
    play.leave("a", true)
    assert.deepStrictEqual(play.status(play.heartbeat("b", 3)), ["SHUTDOWN_APPLICATION"])
    play.leave("b")
    assert.deepStrictEqual(play.status(play.join("c")), [])
    assert.deepStrictEqual(play.status(play.heartbeat("c", epoch(play, "c"), { shutdownApplication: true })), [
      "SHUTDOWN_APPLICATION"
    ])
  })

  it("can be deleted once no member is left", () => {
    const play = alone()
    assert.strictEqual(play.outcome(play.delete()), "NonEmptyGroup")
    play.leave("a")
    assert.strictEqual(play.outcome(play.delete()), "ok")
    assert.isTrue(play.removed)
    assert.strictEqual(play.outcome(play.delete()), "GroupIdNotFound")
    assert.strictEqual(play.outcome(play.join("a")), "CoordinatorNotAvailable")
  })
})

describe("topology and topics", () => {
  it("gives nothing while a source topic is missing, and all of it once it is there", () => {
    const play = new StreamsPlay({}, {})
    assert.deepStrictEqual(play.status(play.join("a")), ["MISSING_SOURCE_TOPICS"])
    assert.strictEqual(play.phase, "NotReady")
    play.setTopics({ lines: 2 })
    const answer = play.heard(play.heartbeat("a", epoch(play, "a")))
    assert.deepStrictEqual(
      answer.status.map(({ name }) => name),
      ["MISSING_INTERNAL_TOPICS"]
    )
    assert.deepStrictEqual(
      answer.missingTopics.map(({ name, partitions }) => [name, partitions]),
      [["counts", 2]]
    )
    play.setTopics({ counts: 2 })
    const ready = play.heard(play.heartbeat("a", epoch(play, "a")))
    assert.deepStrictEqual(partitionsOf(ready.tasks), [0, 1])
    assert.lengthOf(ready.missingTopics, 0)
  })

  it("follows topics that get more partitions", () => {
    const play = alone()
    play.setTopics({ lines: 5 })
    assert.deepStrictEqual(play.status(play.heartbeat("a", 2, { owned: tasks([0, 1, 2, 3]) })), [
      "INCORRECTLY_PARTITIONED_TOPICS"
    ])
    assert.strictEqual(play.phase, "NotReady")
    play.setTopics({ counts: 5 })
    play.heartbeat("a", epoch(play, "a"), { owned: tasks([]) })
    play.heartbeat("a", epoch(play, "a"), { owned: tasks([]) })
    assert.deepStrictEqual(partitionsOf(play.state.members.get("a")!.held), [0, 1, 2, 3, 4])
  })

  it("does nothing if other topics change", () => {
    const play = alone()
    const { groupEpoch } = play.state
    play.setTopics({ others: 1 })
    play.heartbeat("a", 2)
    assert.strictEqual(play.state.groupEpoch, groupEpoch)
  })

  it("takes an older topology along, and refuses another one", () => {
    const play = new StreamsPlay()
    play.join("a", { topology: topologyFrom({ ...counting, epoch: 3 }) })
    assert.deepStrictEqual(play.status(play.join("b", { topology: counting })), ["STALE_TOPOLOGY"])
    assert.strictEqual(
      play.outcome(play.join("c", { topology: topologyFrom({ ...counting, epoch: 4 }) })),
      "InvalidRequest"
    )
    const circular = topologyFrom({ epoch: 0, subtopologies: [{ ...counting.subtopologies[0]!, sourceTopics: [] }] })
    const fresh = new StreamsPlay()
    assert.strictEqual(fresh.outcome(fresh.join("a", { topology: circular })), "StreamsInvalidTopology")
    assert.strictEqual(fresh.state.members.size, 0)
    assert.strictEqual(fresh.writes, 0)
  })

  it("refuses tasks that are none", () => {
    const play = alone()
    assert.strictEqual(play.outcome(play.heartbeat("a", 2, { owned: tasks([4]) })), "InvalidRequest")
    const strange = { ...tasks([]), active: new Map([["9", new Set([0])]]) }
    assert.strictEqual(play.outcome(play.heartbeat("a", 2, { owned: strange })), "InvalidRequest")
  })
})

describe("interactive queries", () => {
  it("tells which member has which partitions, again when that changes", () => {
    const play = new StreamsPlay()
    const here = { host: "one", port: 1 }
    const answer = play.heard(play.join("a", { userEndpoint: here }))
    assert.strictEqual(answer.endpointEpoch, 1)
    assert.deepStrictEqual(answer.endpoints, [
      { userEndpoint: here, active: [{ topic: "lines", partitions: [0, 1, 2, 3] }], standby: [] }
    ])
    assert.isNull(play.heard(play.heartbeat("a", 2, { endpointEpoch: 1 })).endpoints)
    const second = play.heard(play.join("b", { userEndpoint: { host: "two", port: 2 } }))
    assert.strictEqual(second.endpointEpoch, 2)
    assert.lengthOf(second.endpoints ?? [], 2)
    assert.lengthOf(play.heard(play.heartbeat("a", 2, { endpointEpoch: 1 })).endpoints ?? [], 2)
  })
})

describe("commits", () => {
  it("are fenced by the member's epoch, or by that of the task", () => {
    const play = alone()
    assert.strictEqual(play.outcome(play.commit("a", 2)), "ok")
    assert.strictEqual(play.outcome(play.commit("a", 3)), "StaleMemberEpoch")
    assert.strictEqual(play.outcome(play.commit("x", 2)), "UnknownMemberId")
    assert.strictEqual(play.outcome(play.commit("", -1)), "UnknownMemberId")
    assert.strictEqual(play.outcome(play.commit("", -1, [], { transactional: true })), "ok")
    assert.strictEqual(play.outcome(play.commit("a", 2, [], { apiVersion: 8 })), "UnsupportedVersion")

    play.join("b")
    play.heartbeat("a", 2)
    const left = partitionsOf(play.state.members.get("a")!.held)
    play.heartbeat("a", 2, { owned: tasks(left) })
    assert.strictEqual(epoch(play, "a"), 3)
    assert.strictEqual(play.outcome(play.commit("a", 2, [3])), "StaleMemberEpoch", "of what is not its")
    assert.strictEqual(play.outcome(play.commit("a", 2, left)), "ok", "it has had them since epoch 2")
    assert.strictEqual(play.outcome(play.commit("a", 1, left)), "StaleMemberEpoch")
    assert.strictEqual(play.outcome(play.commit("a", 2, [0, 1, 2, 3])), "StaleMemberEpoch", "others are not its")
    play.leave("a")
    play.leave("b")
    assert.strictEqual(play.outcome(play.commit("", -1)), "ok", "nobody is left to be disturbed")
  })
})

describe("a restart", () => {
  it("is noticed by no member", () => {
    const play = alone()
    play.join("b")
    play.heartbeat("a", 2)
    play.restart()
    assert.strictEqual(play.phase, "Reconciling")
    const left = partitionsOf(play.state.members.get("a")!.held)
    const { groupEpoch } = play.state
    assert.strictEqual(play.heard(play.heartbeat("a", 2, { owned: tasks(left) })).memberEpoch, 3)
    assert.lengthOf(partitionsOf(play.heard(play.heartbeat("b", 3)).tasks), 2)
    assert.strictEqual(play.state.groupEpoch, groupEpoch)
    assert.strictEqual(play.phase, "Stable")
    const { writes } = play
    play.restart()
    assert.isNull(play.heard(play.heartbeat("a", 3)).tasks)
    assert.strictEqual(play.writes, writes)
  })

  it("counts sessions and revocations anew", () => {
    const play = alone()
    play.join("b")
    play.heartbeat("a", 2)
    play.pass(SESSION_MS - 1)
    play.restart()
    play.pass(SESSION_MS - 1)
    assert.strictEqual(play.state.members.size, 2)
    play.pass(1)
    assert.strictEqual(play.phase, "Empty")
  })
})
