import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Result from "effect/Result"
import { createTopic, topicMaker } from "./Admin.ts"
import { Broker } from "./Broker.ts"
import { Client, type ClientWorld } from "./Client.ts"
import { ConsumerMember } from "./ConsumerMember.ts"
import { Database } from "./Database.ts"
import { Faults } from "./Faults.ts"
import { History } from "./History.ts"
import { KEYED_TOPIC, keyedConfigs, keyedProducer, keyedReader, readKeyed, TOMBSTONES_MS } from "./Keyed.ts"
import { KeyedHistory } from "./KeyedHistory.ts"
import { fetchOffsets, Member } from "./Member.ts"
import type { Plant } from "./Plants.ts"
import { idempotentProducer, plainProducer } from "./Producer.ts"
import { endOffsets, fetchOnce, OFFSET_OUT_OF_RANGE, PARTITIONS, TOPIC } from "./Requests.ts"
import { ShareMember } from "./ShareMember.ts"
import { SimNetwork } from "./SimNetwork.ts"
import { Standstill, World } from "./World.ts"

export interface Outcome {
  readonly seed: number
  readonly violations: ReadonlyArray<string>
  readonly requests: number
  readonly faults: number
  readonly steps: number
  /** Simulated. */
  readonly milliseconds: number
  readonly hash: string
  /** Empty unless they were asked for. */
  readonly lines: ReadonlyArray<string>
}

const PORTS = [1, 2]
const GROUPS = ["g1", "g2"]
/** Of the consumer protocol. */
const CONSUMER_GROUP = "g3"
/** Of members that share partitions. */
const SHARE_GROUP = "g4"
const ALL_GROUPS = [...GROUPS, CONSUMER_GROUP]
/** A run goes on in peace until there were so many. */
const LEAST_REQUESTS = 300
const MAX_STEPS = 300_000
/** Longer than a broker answers from memory that has not heard from its session. */
const SUPERSEDED_MS = 6000
/** How long a healed world may take to come to rest. */
const REST_MS = 90_000

/** One run: brokers, clients and trouble, then peace, then everything is read once more. All of it follows from the seed. */
export const simulate = (seed: number, options: { readonly plant?: Plant; readonly lines?: boolean } = {}): Outcome => {
  const world = new World(seed)
  if (options.lines === true) world.events.lines = []
  const faults = new Faults(world.chance.fork())
  const network = new SimNetwork(world, faults)
  const database = new Database(world, faults)
  const history = new History()
  const brokers = PORTS.map((port) => new Broker(world, network, database, port, options.plant))
  const shared: ClientWorld = { world, network, view: world.view("clients"), database, ports: PORTS, requests: 0 }
  const run = shared.view.fork(story(world, shared, faults, network, database, brokers, history))
  let error: unknown
  try {
    world.run(() => run.pollUnsafe() !== undefined, MAX_STEPS)
    const exit = run.pollUnsafe()!
    if (exit._tag === "Failure") error = exit.cause
  } catch (thrown) {
    error = thrown
  }
  if (error instanceof Standstill) history.violate("G5", error.message)
  else if (error !== undefined) history.violate("bug", String(error instanceof Error ? error.stack : error))
  return {
    seed,
    violations: history.violations,
    requests: shared.requests,
    faults: faults.count,
    steps: world.steps,
    milliseconds: world.elapsedMs,
    hash: world.events.hash,
    lines: world.events.lines ?? []
  }
}

const story = (
  world: World,
  shared: ClientWorld,
  faults: Faults,
  network: SimNetwork,
  database: Database,
  brokers: ReadonlyArray<Broker>,
  history: History
): Effect.Effect<void> =>
  Effect.gen(function* () {
    const chance = world.chance.fork()
    let calm = false
    const usual = faults.rates
    faults.heal()
    for (const broker of brokers) broker.start()
    const admin = new Client(shared, "admin")
    yield* createTopic(admin, TOPIC, PARTITIONS)
    yield* createTopic(admin, KEYED_TOPIC, 1, keyedConfigs)
    const keyed = new KeyedHistory(history, TOMBSTONES_MS)
    faults.rates = usual

    const producers = [
      idempotentProducer(shared, history, "p1", chance.between(30, 60)),
      idempotentProducer(shared, history, "p2", chance.between(20, 50)),
      plainProducer(shared, history, "p3", chance.between(10, 30)),
      keyedProducer(shared, keyed, "k1", chance.between(10, 40))
    ]
    const members: Array<Member> = []
    const enter = (group: string) => {
      // Two static members a group: where there is one of that name already, the new one takes its place.
      const instanceId = chance.permille(400) ? chance.pick(["s1", "s2"]) : null
      const member = new Member(shared, history, group, `m${members.length}`, instanceId, () => calm)
      members.push(member)
      return Effect.forkChild(member.run)
    }
    for (const group of GROUPS) for (let i = chance.between(1, 2); i > 0; i--) yield* enter(group)
    const consumers: Array<ConsumerMember> = []
    const enterConsumer = () => {
      const member = new ConsumerMember(shared, history, CONSUMER_GROUP, `c${consumers.length}`, () => calm)
      consumers.push(member)
      return Effect.forkChild(member.run)
    }
    for (let i = chance.between(1, 2); i > 0; i--) yield* enterConsumer()
    for (let i = chance.between(1, 2); i > 0; i--) {
      yield* Effect.forkChild(new ShareMember(shared, history, SHARE_GROUP, `s${i}`, () => calm).run)
    }
    const inspecting = yield* Effect.forkChild(inspector(shared, history))
    const looking = yield* Effect.forkChild(keyedReader(shared, keyed))
    const making = yield* Effect.forkChild(topicMaker(shared, history))
    const producing = yield* Effect.forkChild(Effect.all(producers, { concurrency: "unbounded", discard: true }))

    // Trouble.
    const troubles = chance.between(6, 16)
    for (let i = 0; i < troubles; i++) {
      yield* Effect.sleep(chance.between(100, 3000))
      faults.count++
      const what = chance.below(10)
      if (what < 3) network.cutOne()
      else if (what < 6) {
        const broker = chance.pick(brokers)
        broker.crash(chance.between(0, 3000))
        yield* Effect.sleep(chance.between(0, 4000))
        broker.start()
      } else if (what < 8) database.endSession()
      else if (what === 8) {
        const broker = chance.pick(brokers)
        broker.stop()
        yield* Effect.sleep(chance.between(0, 4000))
        broker.start()
      } else if (consumers.length < 4 && chance.permille(500)) yield* enterConsumer()
      else if (members.length < 7) yield* enter(chance.pick(GROUPS))
    }

    // Peace.
    world.log("the world heals")
    calm = true
    faults.heal()
    const starting = yield* Effect.forkChild(
      Effect.forever(
        Effect.andThen(
          Effect.sleep(200),
          Effect.sync(() => brokers.forEach((broker) => broker.start()))
        )
      )
    )
    const settled = () => isSettled(members) && areSettled(consumers)
    const rested = yield* Effect.gen(function* () {
      while (producing.pollUnsafe() === undefined || !settled() || shared.requests < LEAST_REQUESTS)
        yield* Effect.sleep(500)
    }).pipe(Effect.timeoutOption(REST_MS))
    if (rested._tag === "None") {
      if (producing.pollUnsafe() === undefined)
        history.violate("L3", `producers are not done ${REST_MS} ms after the end of all trouble`)
      if (!settled()) history.violate("G5", `groups are not settled ${REST_MS} ms after the end of all trouble`)
    }
    yield* Fiber.interrupt(inspecting)
    yield* Fiber.interrupt(making)
    yield* Fiber.interrupt(looking)
    // Whoever has lost the lock, and nobody told, has found out by then.
    yield* Effect.sleep(SUPERSEDED_MS)
    yield* readAll(new Client(shared, "reader"), history)
    yield* readKeysAtLast(new Client(shared, "keys"), history, keyed)
    // One that was told to stop before the end of trouble is started again by then.
    yield* Fiber.interrupt(starting)
  })

/** In each group those who live have one generation, and own every partition. */
const isSettled = (members: ReadonlyArray<Member>): boolean =>
  GROUPS.every((group) => {
    const alive = members.filter(({ state }) => state.alive && state.group === group)
    const generations = new Set(alive.map(({ state }) => state.generation))
    const owned = alive.reduce((sum, { state }) => sum + state.partitions.length, 0)
    return alive.length === 0 || (generations.size === 1 && !generations.has(-1) && owned === PARTITIONS)
  })

/** Those who live own every partition, each one of them. */
const areSettled = (consumers: ReadonlyArray<ConsumerMember>): boolean => {
  const alive = consumers.filter((member) => member.alive)
  const owned = alive.flatMap((member) => member.owned)
  return (
    alive.length === 0 ||
    (alive.every((member) => member.isMember) && owned.length === PARTITIONS && new Set(owned).size === PARTITIONS)
  )
}

/** Asks for ends and committed offsets now and then: what it is told has to hold. */
const inspector = (shared: ClientWorld, history: History): Effect.Effect<void> =>
  Effect.gen(function* () {
    const client = new Client(shared, "inspector")
    while (true) {
      yield* Effect.sleep(client.chance.between(100, 900))
      const all = Array.from({ length: PARTITIONS }, (_, partition) => partition)
      if (client.chance.permille(500)) {
        yield* Effect.ignore(fetchOffsets(client, history, client.chance.pick(ALL_GROUPS), all))
        continue
      }
      const ends = yield* Effect.result(endOffsets(client))
      if (Result.isFailure(ends)) continue
      const errors = yield* Effect.result(fetchOnce(client, history, ends.success, 0))
      if (Result.isFailure(errors)) continue
      for (const [partition, errorCode] of errors.success) {
        if (errorCode === OFFSET_OUT_OF_RANGE)
          history.violate("L6", `the end of partition ${partition} may not be read`)
      }
    }
  })

const readKeysAtLast = (client: Client, history: History, keyed: KeyedHistory): Effect.Effect<void> =>
  Effect.gen(function* () {
    for (let attempt = 0; attempt < 60; attempt++) {
      const read = yield* Effect.result(readKeyed(client, keyed))
      if (Result.isSuccess(read) && read.success) return
      yield* Effect.sleep(500)
    }
    history.violate("R1", "the compacted log cannot be read, though there is no more trouble")
  })

/** The last word: every record of every partition, and every group's offsets. */
const readAll = (client: Client, history: History): Effect.Effect<void> =>
  Effect.gen(function* () {
    const all = Array.from({ length: PARTITIONS }, (_, partition) => partition)
    for (let attempt = 0; attempt < 60; attempt++) {
      yield* Effect.sleep(500)
      const ends = yield* Effect.result(endOffsets(client))
      if (Result.isFailure(ends) || ends.success.size < PARTITIONS) continue
      const positions = new Map(all.map((partition) => [partition, 0]))
      const isBehind = () => all.some((partition) => positions.get(partition)! < ends.success.get(partition)!)
      for (let i = 0; i < 20 && isBehind(); i++) {
        const before = Array.from(positions.values()).join()
        yield* Effect.ignore(fetchOnce(client, history, positions, 0))
        if (Array.from(positions.values()).join() === before) yield* Effect.sleep(100)
      }
      for (const group of ALL_GROUPS) yield* Effect.ignore(fetchOffsets(client, history, group, all))
      return history.finish(ends.success)
    }
    history.violate("L3", "the log cannot be read, though there is no more trouble")
  })
