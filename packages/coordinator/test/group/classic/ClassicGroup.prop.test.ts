import { assert, describe, it } from "@effect/vitest"
import { empty } from "../../../src/group/classic/ClassicGroupState.ts"
import * as Arbitrary from "effect/Arbitrary"
import * as Schema from "effect/Schema"
import { config, Play, protocols, REBALANCE_MS, SESSION_MS } from "./Play.ts"

const CLIENTS = 6
const Action = Schema.Struct({
  kind: Schema.Literals(["join", "joinAsOld", "sync", "heartbeat", "leave", "commit", "stale", "pass", "crash"]),
  client: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: CLIENTS - 1 })),
  ms: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 15_000 })),
  strategies: Schema.Literals(["range", "range+sticky", "sticky+range"])
})
type Action = typeof Action.Type
const actions = Arbitrary.array(Arbitrary.schema(Action), { maxLength: 60 })

/** What one client believes. Clients 0 and 1 are static members. */
interface Client {
  readonly instance: string | null
  memberId: string
  generationId: number
  alive: boolean
  joinWaiter: number | null
  syncWaiter: number | null
  /** Its number among the partitions of its generation. */
  partition: string | null
}

/** Clients that follow the protocol but for what the actions make them do; a thing wrong in the group is thrown. */
class World {
  readonly play: Play
  readonly clients: ReadonlyArray<Client>
  readonly waiting = new Set<number>()
  /** Generation and partition to the one that owns it: G1. */
  readonly owners = new Map<string, string>()
  readonly protocolOf = new Map<number, string>()
  private nextId = 0

  constructor(delayMs: number) {
    this.play = new Play(empty({ ...config, initialRebalanceDelayMs: delayMs, maxSize: 4 }))
    this.clients = Array.from({ length: CLIENTS }, (_, i) => ({
      instance: i < 2 ? `instance-${i}` : null,
      memberId: "",
      generationId: -1,
      alive: false,
      joinWaiter: null,
      syncWaiter: null,
      partition: null
    }))
  }

  private asked(waiter: number): number {
    this.waiting.add(waiter)
    this.check()
    this.listen()
    return waiter
  }

  act(action: Action): void {
    const client = this.clients[action.client]!
    const { play } = this
    const generation = play.state.generationId
    switch (action.kind) {
      case "join":
        client.alive = true
        return this.join(client, action.strategies)
      case "joinAsOld":
        // the process was restarted and knows nothing of its former self
        client.alive = true
        client.memberId = ""
        return this.join(client, action.strategies)
      case "sync":
        return this.syncOf(client)
      case "heartbeat":
        return void this.asked(play.heartbeat(client.memberId, client.generationId, client.instance))
      case "leave":
        client.alive = false
        return void this.asked(play.leave([client.memberId, client.instance] as [string, string]))
      case "commit": {
        const { members, phase } = play.state
        const waiter = this.asked(play.commit(client.memberId, client.generationId, client.instance))
        if (play.outcome(waiter) !== "ok") return
        // G2
        const simple = phase === "Empty" && client.generationId < 0
        assert.isTrue(simple || (members.has(client.memberId) && client.generationId === generation))
        return
      }
      case "stale":
        if (generation < 1) return
        assert.notStrictEqual(play.outcome(this.asked(play.commit(client.memberId, generation - 1))), "ok")
        assert.notStrictEqual(play.outcome(this.asked(play.heartbeat(client.memberId, generation - 1))), "ok")
        return
      case "pass":
        play.pass(action.ms)
        this.check()
        return this.listen()
      case "crash":
        client.alive = false
        return
    }
  }

  private join(client: Client, strategies: string): void {
    client.joinWaiter = this.asked(
      this.play.join(client.memberId, {
        newMemberId: `m${this.nextId++}`,
        groupInstanceId: client.instance,
        protocols: protocols(...strategies.split("+")),
        requireKnownMemberId: true
      })
    )
    this.listen()
  }

  /** Clients hear what was answered, and learn from it. */
  private listen(): void {
    for (const client of this.clients) {
      const joined = client.joinWaiter === null ? undefined : this.play.answers.get(client.joinWaiter)
      if (joined?._tag === "Joined") {
        client.joinWaiter = null
        if (joined.error === null || joined.error._tag === "MemberIdRequired") client.memberId = joined.memberId
        if (joined.error?._tag === "UnknownMemberId" || joined.error?._tag === "FencedInstanceId") client.memberId = ""
        if (joined.error !== null) continue
        client.generationId = joined.generationId
        client.partition = null
        // G1: one strategy a generation
        const agreed = this.protocolOf.get(joined.generationId) ?? joined.protocolName!
        this.protocolOf.set(joined.generationId, agreed)
        assert.strictEqual(joined.protocolName, agreed)
      }
      const synced = client.syncWaiter === null ? undefined : this.play.answers.get(client.syncWaiter)
      if (synced === undefined) continue
      client.syncWaiter = null
      if (synced._tag !== "Synced" || synced.assignment.byteLength === 0) continue
      client.partition = new TextDecoder().decode(synced.assignment)
      const key = `${client.generationId}/${client.partition}`
      const owner = client.instance ?? client.memberId
      assert.strictEqual(this.owners.get(key) ?? owner, owner, "two owners of one partition in one generation")
      this.owners.set(key, owner)
    }
  }

  /** Of the machine itself: every count agrees with what is counted, every waiter is answered or waits. */
  check(): void {
    const { state } = this.play
    const held = new Set<number>()
    const counts = new Map<string, number>()
    let joining = 0
    let earliest = Math.min(state.joinDeadlineMs, state.syncDeadlineMs, ...state.pendingMembers.values())
    for (const member of state.members.values()) {
      if (member.joinWaiter !== null) joining++
      for (const waiter of [member.joinWaiter, member.syncWaiter]) if (waiter !== null) held.add(waiter)
      for (const { name } of member.protocols) counts.set(name, (counts.get(name) ?? 0) + 1)
      earliest = Math.min(earliest, member.sessionDeadlineMs)
      assert.isTrue(member.sessionDeadlineMs < Infinity || member.joinWaiter !== null || member.syncWaiter !== null)
      if (member.groupInstanceId !== null) {
        assert.strictEqual(state.staticMembers.get(member.groupInstanceId), member.memberId)
      }
    }
    assert.strictEqual(state.joining, joining)
    assert.deepStrictEqual(new Map(state.protocolCounts), counts)
    assert.isTrue(state.wakeAtMs <= earliest, "the timer is set later than a deadline")
    for (const memberId of state.pendingSync) assert.isTrue(state.members.has(memberId))
    assert.strictEqual(state.members.size === 0, state.leaderId === null)
    assert.isTrue(state.leaderId === null || state.members.has(state.leaderId))
    if (state.phase === "Empty") assert.strictEqual(state.members.size, 0)
    if (state.phase === "Stable" || state.phase === "CompletingRebalance") assert.isTrue(state.members.size > 0)
    // each waiter was answered, once (Play throws at the second), or waits in the group
    for (const waiter of this.waiting) {
      assert.strictEqual(this.play.answers.has(waiter), !held.has(waiter), `waiter ${waiter} is lost`)
      if (this.play.answers.has(waiter)) this.waiting.delete(waiter)
    }
  }

  /** One round of what well-behaved clients do. */
  private live(client: Client): void {
    if (!client.alive || client.joinWaiter !== null || client.syncWaiter !== null) return
    const { play } = this
    if (client.memberId === "" || client.generationId < 0) return this.join(client, "range")
    if (client.partition === null) return this.syncOf(client)
    const waiter = this.asked(play.heartbeat(client.memberId, client.generationId, client.instance))
    const outcome = play.outcome(waiter)
    if (outcome === "ok") return
    if (outcome === "UnknownMemberId" || outcome === "FencedInstanceId") client.memberId = ""
    client.generationId = -1
    client.partition = null
  }

  private syncOf(client: Client): void {
    const { play } = this
    const assignments: Record<string, string> = {}
    let i = 0
    for (const memberId of play.state.members.keys()) assignments[memberId] = `p${i++}`
    client.syncWaiter = play.sync(client.memberId, assignments, {
      generationId: client.generationId,
      groupInstanceId: client.instance
    })
    const outcome = play.outcome(this.asked(client.syncWaiter))
    if (client.partition === null && client.syncWaiter === null && outcome !== "waits") client.generationId = -1
  }

  /** Every client alive behaves for longer than any timeout. */
  settle(): void {
    for (let round = 0; round < 120; round++) {
      for (const client of this.clients) this.live(client)
      this.play.pass(1000)
      this.check()
      this.listen()
    }
  }
}

const run = (delayMs: number, sequence: ReadonlyArray<Action>): World => {
  const world = new World(delayMs)
  let generation = 0
  for (const action of sequence) {
    world.act(action)
    assert.isTrue(world.play.state.generationId >= generation, "the generation went back")
    generation = world.play.state.generationId
  }
  return world
}

const options = { arbitrary: { runs: 2000, size: 60 }, timeout: 60_000 }

describe.each([0, 3000])("any sequence of events, initial delay %i ms", (delayMs) => {
  it.prop(
    "keeps its counts, answers each waiter once, and leaves none waiting once time passes",
    [actions],
    ([sequence]) => {
      const world = run(delayMs, sequence)
      world.play.pass(config.newMemberJoinTimeoutMs + 2 * (REBALANCE_MS + SESSION_MS))
      world.check()
      assert.strictEqual(world.waiting.size, 0, "somebody waits for ever")
      assert.strictEqual(world.play.state.phase, "Empty")
      assert.strictEqual(world.play.state.wakeAtMs, Infinity)
    },
    options
  )

  it.prop(
    "ends with all that live in one generation, each partition with one owner (G1, G5)",
    [actions],
    ([sequence]) => {
      const world = run(delayMs, sequence)
      // at most group.max.size of them
      world.clients.forEach((client, i) => {
        client.alive &&= i < 4
        client.joinWaiter = client.syncWaiter = null
        client.memberId = ""
        client.generationId = -1
        client.partition = null
      })
      world.settle()
      const { state } = world.play
      const alive = world.clients.filter((client) => client.alive)
      assert.strictEqual(state.phase, alive.length === 0 ? "Empty" : "Stable")
      assert.strictEqual(state.members.size, alive.length)
      assert.deepStrictEqual(new Set(alive.map((client) => client.generationId)).size, Math.min(alive.length, 1))
      assert.strictEqual(new Set(alive.map((client) => client.partition)).size, alive.length)
      for (const client of alive) {
        assert.strictEqual(client.generationId, state.generationId)
        assert.isTrue(state.members.has(client.memberId))
      }
    },
    { ...options, arbitrary: { runs: 500, size: 60 } }
  )
})
