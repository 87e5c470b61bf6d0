import { assert, describe, it } from "@effect/vitest"
import type { HeartbeatAnswer } from "@tusk/coordinator/group/streams/StreamsGroupState"
import * as Arbitrary from "effect/Arbitrary"
import * as Schema from "effect/Schema"
import { DELAY_MS, partitionsOf, REBALANCE_MS, SESSION_MS, StreamsPlay, tasks } from "./StreamsPlay.ts"

const CLIENTS = 5
const Action = Schema.Struct({
  kind: Schema.Literals([
    "join",
    "heartbeat",
    "heartbeat",
    "heartbeat",
    "lose",
    "clingTo",
    "leave",
    "crash",
    "pass",
    "restart",
    "grow",
    "standbys"
  ]),
  client: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: CLIENTS - 1 })),
  ms: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 20_000 }))
})
type Action = typeof Action.Type
const actions = Arbitrary.array(Arbitrary.schema(Action), { maxLength: 60 })
const options = { arbitrary: { runs: 400, size: 60 }, timeout: 60_000 }

/** What one client believes. Clients 0 and 1 are threads of one process. */
interface Client {
  readonly memberId: string
  readonly processId: string
  alive: boolean
  epoch: number
  active: ReadonlyArray<number>
  standby: ReadonlyArray<number>
}

/** Clients that follow the protocol but for what the actions make them do; a thing wrong in the group is thrown. */
class World {
  readonly play: StreamsPlay
  readonly clients: ReadonlyArray<Client>
  partitions = 4

  constructor(delayMs: number) {
    this.play = new StreamsPlay({
      streamsInitialRebalanceDelayMs: delayMs,
      streamsAssignmentIntervalMs: 1000,
      streamsMaxSize: CLIENTS
    })
    this.clients = Array.from({ length: CLIENTS }, (_, i) => ({
      memberId: `m${i}`,
      processId: `p${Math.max(i, 1)}`,
      alive: false,
      epoch: 0,
      active: [],
      standby: []
    }))
  }

  act({ client: index, kind, ms }: Action): void {
    const client = this.clients[index]!
    switch (kind) {
      case "join":
        if (!client.alive) this.join(client)
        break
      case "heartbeat":
        if (client.alive) this.beat(client)
        break
      case "lose":
        // the answer is lost: the client asks again with what it knows
        if (client.alive) this.send(client)
        break
      case "clingTo":
        // it has not got round to giving up what it must: keeps the session alive
        if (client.alive && client.epoch > 0) this.hear(client, this.play.heartbeat(client.memberId, client.epoch))
        break
      case "leave":
        if (client.alive && client.epoch > 0) this.play.leave(client.memberId)
        this.forget(client, false)
        break
      case "crash":
        this.forget(client, false)
        break
      case "pass":
        this.pass(ms)
        break
      case "restart":
        this.play.restart()
        break
      case "grow":
        this.partitions = Math.min(this.partitions + 1, 8)
        this.play.setTopics({ lines: this.partitions, counts: this.partitions })
        break
      case "standbys":
        this.play.terms = { ...this.play.terms, streamsNumStandbyReplicas: ms % 3 }
        break
    }
    this.check()
  }

  private join(client: Client): void {
    client.alive = true
    client.epoch = 0
    this.hear(client, this.send(client))
  }
  beat(client: Client): void {
    this.hear(client, this.send(client))
  }

  private send(client: Client): number {
    if (client.epoch === 0) return this.play.join(client.memberId, { processId: client.processId })
    return this.play.heartbeat(client.memberId, client.epoch, { owned: tasks(client.active, client.standby) })
  }

  private hear(client: Client, waiter: number): void {
    const outcome = this.play.outcome(waiter)
    if (outcome === "ok") return this.follow(client, this.play.heard(waiter))
    assert.include(["UnknownMemberId", "FencedMemberEpoch", "InvalidRequest"], outcome)
    // it gives everything up and joins again
    this.forget(client, true)
  }

  private follow(client: Client, answer: HeartbeatAnswer): void {
    client.epoch = answer.memberEpoch
    if (answer.tasks === null) return
    client.active = partitionsOf(answer.tasks)
    client.standby = partitionsOf(answer.tasks, "standby")
  }

  private forget(client: Client, alive: boolean): void {
    client.alive = alive
    client.epoch = 0
    client.active = client.standby = []
  }

  /** Time passes; a member that is put out meanwhile stops by itself, for a client has the same timeouts. */
  pass(ms: number): void {
    this.play.pass(ms)
    this.noticeFenced()
  }
  private noticeFenced(): void {
    for (const client of this.clients) {
      if (client.alive && client.epoch > 0 && !this.play.state.members.has(client.memberId)) this.forget(client, true)
    }
  }

  check(): void {
    const active = this.clients.flatMap((client) => client.active)
    assert.strictEqual(new Set(active).size, active.length, "a task runs twice")
    const { members } = this.play.state
    const held = Array.from(members.values(), (member) => member.held)
    const given = held.flatMap((tasks) => partitionsOf(tasks))
    assert.strictEqual(new Set(given).size, given.length, "a task is given twice")
    const processes = new Map<string, Array<number>>()
    for (const { held, processId } of members.values()) {
      const copies = [...partitionsOf(held), ...partitionsOf(held, "standby")]
      processes.set(processId, [...(processes.get(processId) ?? []), ...copies])
    }
    for (const copies of processes.values()) assert.strictEqual(new Set(copies).size, copies.length, "two in a process")
    for (const { memberEpoch } of members.values()) assert.isAtMost(memberEpoch, this.play.state.groupEpoch)
  }

  /** All that live heartbeat until nothing changes any more. */
  settle(): void {
    for (let round = 0; round < 30; round++) {
      this.pass(1000)
      for (const client of this.clients) if (client.alive) this.beat(client)
      this.check()
    }
  }
}

const run = (delayMs: number, sequence: ReadonlyArray<Action>): World => {
  const world = new World(delayMs)
  for (const action of sequence) world.act(action)
  return world
}

describe.each([0, DELAY_MS])("any sequence of events, initial delay %i ms", (delayMs) => {
  it.prop(
    "has every task run once by members that live, as the group says",
    [actions],
    ([sequence]) => {
      const world = run(delayMs, sequence)
      // those that went without a word are out first
      const living = world.clients.filter(({ alive }) => alive)
      for (let ms = 0; ms < SESSION_MS + REBALANCE_MS; ms += 5000) {
        world.pass(5000)
        for (const client of living) world.act({ kind: "heartbeat", client: world.clients.indexOf(client), ms: 0 })
      }
      world.settle()
      assert.sameMembers(
        Array.from(world.play.state.members.keys()),
        living.map(({ memberId }) => memberId)
      )
      if (living.length === 0) return
      assert.strictEqual(world.play.phase, "Stable")
      const running = living.flatMap(({ active }) => active).sort()
      assert.deepStrictEqual(
        running,
        Array.from({ length: world.partitions }, (_, i) => i)
      )
      const counts = living.map(({ active }) => active.length)
      assert.isAtMost(Math.max(...counts) - Math.min(...counts), 1)
      const { writes } = world.play
      world.settle()
      assert.strictEqual(world.play.writes, writes, "a heartbeat that changes nothing is not stored")
    },
    options
  )

  it.prop(
    "ends with no members and no timer once none is heard",
    [actions],
    ([sequence]) => {
      const world = run(delayMs, sequence)
      world.play.pass(SESSION_MS + REBALANCE_MS)
      assert.strictEqual(world.play.phase, "Empty")
      assert.strictEqual(world.play.state.wakeAtMs, Infinity)
    },
    options
  )

  it.prop(
    "goes on after a restart as if nothing had been",
    [actions],
    ([sequence]) => {
      const world = run(delayMs, sequence)
      for (let round = 0; round < 2; round++) {
        for (const client of world.clients) if (client.alive) world.beat(client)
      }
      const { groupEpoch } = world.play.state
      world.play.restart()
      for (const client of world.clients) {
        if (!client.alive) continue
        const waiter = world.play.heartbeat(client.memberId, client.epoch, {
          owned: tasks(client.active, client.standby)
        })
        assert.strictEqual(world.play.outcome(waiter), "ok")
      }
      assert.strictEqual(world.play.state.groupEpoch, groupEpoch)
    },
    options
  )
})
