import { assert, describe, it } from "@effect/vitest"
import { empty, isReconciledTo, phaseOf } from "../../../src/group/consumer/ConsumerGroupState.ts"
import type { PersistedMember } from "../../../src/group/consumer/ConsumerGroupState.ts"
import * as Schema from "effect/Schema"
import { flat, Play, REBALANCE_MS, SESSION_MS, terms, toOwned } from "./Play.ts"

const literals = <const L extends ReadonlyArray<string>>(...all: L) => Schema.Literals(all)
const below = (maximum: number) => Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: maximum - 1 }))

const CLIENTS = 5
const Action = Schema.Struct({
  kind: literals(
    "beat",
    "beat",
    "beat",
    "beat",
    "lost",
    "full",
    "revoke",
    "join",
    "leave",
    "away",
    "return",
    "crash",
    "wish",
    "topic",
    "pass",
    "restart",
    "notStored",
    "notTold"
  ),
  client: below(CLIENTS),
  by: below(8)
})
const Actions = Schema.Array(Action).check(Schema.isMaxLength(60))

const TOPICS = ["t", "u", "v"]
const WISHES: ReadonlyArray<{ readonly names: ReadonlyArray<string>; readonly regex: string }> = [
  { names: ["t"], regex: "" },
  { names: ["t", "u"], regex: "" },
  { names: [], regex: "[tu]" },
  { names: ["v"], regex: "u" },
  { names: [], regex: "" },
  { names: ["nowhere"], regex: "" }
]

/** A consumer, as far as the protocol sees it. */
class Client {
  readonly name: string
  readonly instance: string | null
  memberId: string
  epoch = -1
  alive = false
  wish = WISHES[0]!
  /** What it fetches from and may commit. */
  consuming = new Set<string>()
  /** What it was last told; it gives the rest up at its next chance. */
  told = new Set<string>()
  /** Speaks the classic protocol; "eager": gives all up before it joins again. */
  classic: "no" | "eager" | "cooperative" = "no"
  next: "join" | "sync" | "beat" = "join"
  private lives = 0

  constructor(index: number) {
    this.name = `c${index}`
    this.instance = index >= 3 ? `i${index}` : null
    this.memberId = this.name
  }

  /** A new process. */
  reborn(): void {
    this.lives++
    this.memberId = `${this.name}-${this.lives}`
    this.lost()
  }

  lost(): void {
    this.epoch = 0
    this.next = "join"
    this.consuming = new Set()
    this.told = new Set()
  }
}

class World {
  readonly play = new Play()
  readonly clients = Array.from({ length: CLIENTS }, (_, i) => new Client(i))

  private readonly mixed: boolean

  constructor(assignmentIntervalMs: number, mixed: boolean) {
    this.mixed = mixed
    this.play.state = this.play.beginning = empty
    this.play.terms = { ...terms, assignmentIntervalMs }
  }

  /**
   * One heartbeat; `heard`: its answer arrives. `full`: it says all there is to say. `silent`: not even what it owns, as
   * clients do while that does not change.
   */
  beat(client: Client, heard: boolean, full: boolean, silent = false): void {
    const { play } = this
    if (client.classic !== "no") return this.classicTurn(client, heard)
    const whole = client.epoch === 0 || full
    const answer = play.beat(client.memberId, client.epoch, {
      instanceId: client.instance,
      rebalanceTimeoutMs: whole ? REBALANCE_MS : -1,
      subscribedTopicNames: whole ? client.wish.names : null,
      subscribedTopicRegex: whole ? client.wish.regex : null,
      topicPartitions: silent && !whole ? null : toOwned(client.consuming)
    })
    if (!heard) return
    if (typeof answer === "string") {
      if (answer === "GroupMaxSizeReached" || answer === "UnreleasedInstanceId") client.alive = false
      else if (answer === "FencedInstanceId") client.reborn()
      client.lost()
      return
    }
    client.memberId = answer.memberId
    client.epoch = answer.memberEpoch
    if (answer.assignment === null) return
    client.told = new Set(flat(answer.assignment))
    // what is new it takes at once, what it loses it still reads for a while
    for (const partition of client.told) client.consuming.add(partition)
  }

  /** What a classic consumer does next. */
  classicTurn(client: Client, heard: boolean): void {
    const { play } = this
    const { instance } = client
    if (client.next === "join") {
      if (client.classic === "eager") client.consuming = new Set()
      const { error, generationId, memberId } = play.join(client.epoch === 0 ? "" : client.memberId, {
        instanceId: instance,
        subscribedTopicNames: client.wish.names,
        ownedPartitions: toOwned(client.consuming)
      })
      if (!heard) return
      if (error !== null) {
        client.lost()
        if (error._tag === "GroupMaxSizeReached") client.alive = false
        if (error._tag === "FencedInstanceId") client.reborn()
        return
      }
      client.memberId = memberId
      client.epoch = generationId
      client.next = "sync"
      return
    }
    if (client.next === "sync") {
      const partitions = play.sync(client.memberId, client.epoch, instance)
      if (!heard) return
      if (partitions === "RebalanceInProgress") client.next = "join"
      else if (typeof partitions === "string") client.lost()
      else {
        client.told = new Set(partitions)
        for (const partition of partitions) client.consuming.add(partition)
        client.next = client.consuming.size > client.told.size ? "join" : "beat"
        this.revoke(client)
      }
      return
    }
    const answer = play.classicBeat(client.memberId, client.epoch, instance)
    if (!heard) return
    if (answer === "RebalanceInProgress") client.next = "join"
    else if (answer !== "ok") client.lost()
  }

  revoke(client: Client): void {
    client.consuming = new Set(Array.from(client.consuming).filter((partition) => client.told.has(partition)))
  }

  private speaks(by: number): Client["classic"] {
    return this.mixed ? (["no", "eager", "cooperative"] as const)[by % 3]! : "no"
  }

  act({ by, client: index, kind }: typeof Action.Type): void {
    const { play } = this
    const client = this.clients[index]!
    switch (kind) {
      case "notStored":
      case "notTold": {
        // A write that fails, or happens though its answer is lost: no member hears, and the group is loaded again.
        const undo = play.snapshot()
        if (client.alive) this.beat(client, false, by % 2 === 0)
        if (kind === "notStored") undo()
        return play.restart()
      }
      case "beat":
      case "lost":
      case "full":
        if (client.alive) this.beat(client, kind !== "lost", kind === "full", by % 3 === 0)
        return
      case "revoke":
        return this.revoke(client)
      case "join":
        if (client.alive) return
        client.alive = true
        client.classic = this.speaks(by)
        client.reborn()
        return this.beat(client, true, true)
      case "leave":
      case "away": {
        if (!client.alive || client.epoch < 1) return
        client.alive = false
        if (client.classic !== "no") {
          if (kind === "leave") play.leave([client.memberId, client.instance])
          return client.lost()
        }
        const away = kind === "away" && client.instance !== null
        play.beat(client.memberId, away ? -2 : -1, { instanceId: client.instance })
        return client.lost()
      }
      case "return":
        client.alive = true
        client.classic = this.speaks(by)
        client.reborn()
        return this.beat(client, true, true)
      case "crash":
        client.alive = false
        return
      case "wish":
        client.wish = WISHES[by % WISHES.length]!
        if (client.classic !== "no" && client.epoch > 0) client.next = "join"
        if (client.alive) this.beat(client, by % 2 === 0, true)
        return
      case "topic":
        return play.setTopic(TOPICS[by % 3]!, by)
      case "pass":
        return play.pass([1, 400, 1000, 3000, SESSION_MS, REBALANCE_MS, 700, 100][by]!)
      case "restart": {
        const { assignmentEpoch, groupEpoch } = play.state
        const wasStable = phaseOf(play.state) === "Stable"
        play.restart()
        if (!wasStable) return
        assert.strictEqual(phaseOf(play.state), "Stable", "a restart made a rebalance")
        assert.deepStrictEqual([play.state.groupEpoch, play.state.assignmentEpoch], [groupEpoch, assignmentEpoch])
        return
      }
    }
  }

  /** G1, and what is stored is what is. */
  check(): void {
    const { play } = this
    const { members, owners, staticMembers, target } = play.state
    const ownerOf = new Map<string, string>()
    for (const { assigned, memberId, pendingRevocation } of members.values()) {
      for (const partition of [...flat(assigned), ...flat(pendingRevocation)]) {
        assert.isFalse(ownerOf.has(partition), `${partition} has two owners`)
        ownerOf.set(partition, memberId)
      }
    }
    const recorded = Array.from(owners).flatMap(([topicId, of]) =>
      Array.from(of, ([partition, memberId]): [string, string] => [`${topicId.slice(3)}-${partition}`, memberId])
    )
    assert.deepStrictEqual(new Map(recorded), ownerOf)
    for (const client of this.clients) {
      const member = members.get(client.memberId)
      // a member that is away or was fenced owns nothing any more, whether it knows or not
      if (member === undefined || member.memberEpoch < 0 || client.epoch < 1) continue
      if (client.epoch !== member.memberEpoch && client.epoch !== member.previousMemberEpoch) continue
      for (const partition of client.consuming) {
        assert.strictEqual(ownerOf.get(partition), client.memberId, `${partition} is read by ${client.memberId}`)
      }
    }
    for (const [instanceId, memberId] of staticMembers) {
      assert.strictEqual(members.get(memberId)?.instanceId, instanceId)
    }
    for (const memberId of target.keys()) assert.isTrue(members.has(memberId))
    const kept = new Map<string, PersistedMember>()
    for (const { rebalanceDeadlineMs, sessionDeadlineMs, ...member } of members.values()) {
      kept.set(member.memberId, member)
      assert.isTrue(play.state.wakeAtMs <= Math.min(rebalanceDeadlineMs, sessionDeadlineMs), "the timer is late")
    }
    assert.deepStrictEqual(play.storedMembers, kept)
  }

  settle(): void {
    const { play } = this
    for (let round = 0; round < 60; round++) {
      for (const client of this.clients) {
        if (!client.alive) continue
        this.revoke(client)
        this.beat(client, true, round === 0)
        for (let more = 0; more < 2 && client.classic !== "no" && client.alive; more++) this.classicTurn(client, true)
      }
      play.pass(1000)
      this.check()
    }
  }

  run(actions: typeof Actions.Type): void {
    const told = new Map<string, number>()
    let epoch = 0
    for (const action of actions) {
      this.act(action)
      this.check()
      const { assignmentEpoch, groupEpoch, members } = this.play.state
      // an epoch that was not stored was told to no member
      if (action.kind === "notStored") told.clear()
      else assert.isTrue(groupEpoch >= epoch, "an epoch went back")
      assert.isTrue(assignmentEpoch <= groupEpoch)
      epoch = groupEpoch
      for (const { memberEpoch, memberId } of members.values()) {
        if (memberEpoch < 0) continue
        assert.isTrue(memberEpoch >= (told.get(memberId) ?? 0), "a member's epoch went back")
        assert.isTrue(memberEpoch <= assignmentEpoch)
        told.set(memberId, memberEpoch)
      }
    }
  }
}

describe.each([
  ["consumer members", 0, false],
  ["consumer members, assignments a second apart", 1000, false],
  ["consumer and classic members", 0, true],
  ["consumer and classic members, assignments a second apart", 1000, true]
] as const)("any sequence of events: %s", (_name, assignmentIntervalMs, mixed) => {
  it.prop(
    "no partition ever has two owners, epochs only grow, what is stored is what is (G1)",
    [Actions],
    ([actions]) => new World(assignmentIntervalMs, mixed).run(actions),
    { arbitrary: { runs: 2000, size: 60 }, timeout: 120_000 }
  )

  it.prop(
    "ends with all that live at one epoch, each partition that is wanted with one of them (G5)",
    [Actions],
    ([actions]) => {
      const world = new World(assignmentIntervalMs, mixed)
      world.run(actions)
      for (const client of world.clients) if (client.alive && client.epoch < 0) client.reborn()
      world.settle()
      const { play } = world
      const alive = world.clients.filter((client) => client.alive)
      assert.strictEqual(phaseOf(play.state), alive.length === 0 ? "Empty" : "Stable")
      assert.deepStrictEqual(new Set(play.state.members.keys()), new Set(alive.map(({ memberId }) => memberId)))
      const read: Array<string> = []
      const wanted = new Set<string>()
      for (const client of alive) {
        assert.isTrue(isReconciledTo(play.state.members.get(client.memberId)!, play.state.groupEpoch))
        assert.strictEqual(client.epoch, play.state.groupEpoch)
        read.push(...client.consuming)
        for (const [name, size] of play.sizes) {
          const regex = client.classic === "no" ? client.wish.regex : ""
          const wants = client.wish.names.includes(name) || new RegExp(`^(?:${regex})$`).test(name)
          for (let i = 0; wants && i < size; i++) wanted.add(`${name}-${i}`)
        }
      }
      assert.deepStrictEqual(read.sort(), Array.from(wanted).sort())
      // from here on nothing is written, and a restart changes nothing
      const { writes } = play
      const { groupEpoch } = play.state
      play.restart()
      for (const client of alive) world.beat(client, true, false)
      assert.strictEqual(play.writes, writes)
      assert.strictEqual(play.state.groupEpoch, groupEpoch)
    },
    { arbitrary: { runs: 600, size: 60 }, timeout: 120_000 }
  )
})
