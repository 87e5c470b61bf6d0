import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { aclAdmin } from "./AclAdmin.ts"
import { createTopic, topicMaker } from "./Admin.ts"
import { Broker } from "./Broker.ts"
import { Chance } from "./Chance.ts"
import { Client, type ClientWorld } from "./Client.ts"
import { configAdmins, CONFIGURED_TOPIC } from "./ConfigAdmins.ts"
import { operator } from "./Operator.ts"
import { ConsumerMember } from "./ConsumerMember.ts"
import { Database } from "./Database.ts"
import { EpochConsumer } from "./EpochConsumer.ts"
import { Faults } from "./Faults.ts"
import { eraser, erasureReader } from "./Erasing.ts"
import { followAll, followedTopics, keptAsRows, materialiser, rowReader, rowTroubles } from "./Following.ts"
import { GUARDED_TOPICS, History } from "./History.ts"
import { IdempotentProducer } from "./IdempotentProducer.ts"
import { awaitRows, inspector, readAll } from "./Inspector.ts"
import { keyedConfigs, keyedProducer, keyedReader, TOMBSTONES_MS } from "./Keyed.ts"
import { KeyedHistory } from "./KeyedHistory.ts"
import { lossOf } from "./loss.ts"
import { USERS } from "./limits.ts"
import { Member } from "./Member.ts"
import { BROKEN_TOPIC, idAsker, poisoner, stumbler } from "./nuisances.ts"
import type { Plant } from "./Plant.ts"
import { Principal } from "./Principal.ts"
import { quotaAdmin } from "./QuotaAdmin.ts"
import { plainProducer } from "./Producer.ts"
import { ObjectWorld } from "./ObjectWorld.ts"
import { keptInObjects, mover, objectTroubles } from "./ObjectTopics.ts"
import { SideFaults } from "./SideFaults.ts"
import type { FollowedTopic } from "./RowsHistory.ts"
import { PARTITIONS } from "./Requests.ts"
import { ShareMember } from "./ShareMember.ts"
import { committedReader } from "./CommittedReader.ts"
import { TransactionalProducer, TRANSACTIONS_PARTITIONS, TRANSACTIONS_TOPIC } from "./TransactionalProducer.ts"
import { SQL_PARTITIONS, SQL_TOPIC } from "./SqlServer.ts"
import { SqlSession, valuesOf } from "./SqlSession.ts"
import { SqlWorker } from "./SqlWorker.ts"
import { SimNetwork } from "./SimNetwork.ts"
import { makeTrouble } from "./Troubles.ts"
import { foundsTopic } from "./units.ts"
import { Standstill, World } from "./World.ts"
import { KEYED_TOPIC, TOPIC } from "./topicNames.ts"

/** What came of one run. */
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
/** All but those that clients make and delete. */
const TOPICS = [TOPIC, KEYED_TOPIC, CONFIGURED_TOPIC, BROKEN_TOPIC, TRANSACTIONS_TOPIC, SQL_TOPIC, ...GUARDED_TOPICS]
/** A topic that the run cannot go on without. */
const isNeeded = (topic: string): boolean => TOPICS.includes(topic)
/** A run goes on in peace until there were so many. */
const LEAST_REQUESTS = 300
const MAX_STEPS = 300_000
/**
 * What costs more is done in some seeds: of ten, records are kept as rows in two, and keys erased in two; of four, batches
 * lie in objects in one.
 */
const kindOf = (seed: number) => ({
  follows: seed % 5 === 0,
  erases: seed % 10 === 3 || seed % 10 === 5,
  stores: seed % 4 === 1
})
/** Makes of a seed another one, for the object store alone: other seeds are not changed by those that have one. */
const OBJECTS = 0x5eed_0b1e
/** Longer than a broker answers from memory that has not heard from its session. */
const SUPERSEDED_MS = 6000
/** How long a healed world may take to come to rest. */
const REST_MS = 90_000

/** The parts of one run. */
interface Run {
  readonly world: World
  readonly faults: Faults
  readonly network: SimNetwork
  readonly database: Database
  readonly history: History
  readonly keyed: KeyedHistory
  readonly brokers: ReadonlyArray<Broker>
  readonly shared: ClientWorld
  /** Topics whose records are kept as rows. */
  readonly followed: ReadonlyArray<FollowedTopic>
  /** Keys are erased. */
  readonly erases: boolean
  /** Undefined: there is no object store. */
  readonly objects: ObjectWorld | undefined
}

const begin = (seed: number, plant: Plant | undefined): Run => {
  const world = new World(seed)
  const faults = new Faults(world.chance.fork())
  const network = new SimNetwork(world, faults)
  const history = new History((text) => world.log(text))
  const keyed = new KeyedHistory(history, TOMBSTONES_MS)
  const { erases, follows, stores } = kindOf(seed)
  // A chance of its own: other seeds are not changed by those in which somebody follows or erases.
  const sideChance = new Chance(~seed)
  const sideFaults = erases || follows ? new SideFaults(sideChance.fork()) : undefined
  const followed = follows ? followedTopics(sideChance) : []
  history.onRow = (topic, row) => {
    if (topic === TRANSACTIONS_TOPIC) history.transactions.reads(row.value ?? "")
    else if (topic === KEYED_TOPIC) keyed.isAt({ offset: Number(row.offset), key: row.key ?? "", value: row.value })
  }
  const failoverLeap = world.chance.pick([10, 1000])
  const violate = (invariant: string, text: string) => history.violate(invariant, text)
  const objects = stores
    ? new ObjectWorld(world, new Chance(seed ^ OBJECTS), violate, (forMs) => database.troubled(forMs))
    : undefined
  const database: Database = new Database(world, faults, {
    failoverLeap,
    mayMiss: (units) => !foundsTopic(units, isNeeded) && objects?.isSettled(units) !== true,
    isBroken: (topic) => topic === BROKEN_TOPIC,
    violate,
    sideFaults,
    follows,
    erases,
    hasObjects: stores,
    stored: objects?.store.data.objects ?? new Map(),
    onCommit: (server, units) => {
      history.erasures.rewrites(server, units)
      objects?.history.commits(server, units)
    },
    onAcls: (rows) => history.rights.becomes(rows, world.nowMs),
    onReign: () => history.rights.allKnown(world.nowMs),
    onFailover: (lost) => {
      const { isAnythingLost, keys, loss } = lossOf(lost, world.nowMs)
      history.failsOver(loss, isAnythingLost)
      history.sql.ends(valuesOf(lost.rows), "unknown")
      for (const [first, last] of keys) keyed.loses(first, last, world.nowMs)
      objects?.history.takesOver(database.server)
    }
  })
  const parts = { world, network, database, objects, plant, failoverLeap, violate }
  const brokers = PORTS.map((port) => new Broker({ ...parts, port }))
  history.erasures.watch(database.servers)
  objects?.history.watch(database.servers)
  objects?.leaveBehind(database.server.data.clusterId)
  if (objects !== undefined) {
    for (const [topic, log] of [[TOPIC, history.log] as const, ...history.guarded]) {
      log.onAcknowledged = (...told) => objects.history.acknowledged(topic, ...told)
    }
  }
  const view = world.view("clients")
  const shared = { world, network, view, database, history, ports: PORTS, hasKeys: erases, requests: 0 }
  return { world, faults, network, database, history, keyed, brokers, shared, followed, erases, objects }
}

/** One run: brokers, clients and trouble, then peace, then everything is read once more. All of it follows from the seed. */
export const simulate = (seed: number, options: { readonly plant?: Plant; readonly lines?: boolean } = {}): Outcome => {
  const run = begin(seed, options.plant)
  const { faults, history, shared, world } = run
  if (options.lines === true) world.events.lines = []
  const told = shared.view.fork(story(run))
  let error: unknown
  try {
    world.run(() => told.pollUnsafe() !== undefined, MAX_STEPS)
    const exit = told.pollUnsafe()!
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

const story = (run: Run): Effect.Effect<void> =>
  Effect.gen(function* () {
    const { brokers, database, faults, followed, history, keyed, objects, shared, world } = run
    const chance = world.chance.fork()
    let calm = false
    const isCalm = () => calm
    const usual = faults.rates
    faults.heal()
    for (const broker of brokers) broker.start()
    yield* makeTopics(new Client(shared, "admin"), run)
    faults.rates = usual

    const members: Array<Member> = []
    const enter = (group: string) => {
      // Two static members a group: if there is one of that name already, the new one takes its place.
      const instanceId = chance.permille(400) ? chance.pick(["s1", "s2"]) : null
      const member = new Member(shared, history, group, `m${members.length}`, instanceId, isCalm)
      members.push(member)
      return Effect.forkChild(member.run)
    }
    for (const group of GROUPS) for (let i = chance.between(1, 2); i > 0; i--) yield* enter(group)
    const consumers: Array<ConsumerMember> = []
    const enterConsumer = () => {
      const member = new ConsumerMember(shared, history, CONSUMER_GROUP, `c${consumers.length}`, isCalm)
      consumers.push(member)
      return Effect.forkChild(member.run)
    }
    for (let i = chance.between(1, 2); i > 0; i--) yield* enterConsumer()
    for (let i = chance.between(1, 2); i > 0; i--) {
      yield* Effect.forkChild(new ShareMember(shared, history, SHARE_GROUP, `s${i}`, isCalm).run)
    }
    const beside = yield* Effect.forkChild(restless(run, isCalm))
    const producing = yield* Effect.forkChild(produce(run, chance))

    const enterOne = Effect.suspend(() => {
      if (consumers.length < 4 && chance.permille(500)) return Effect.asVoid(enterConsumer())
      return members.length < 7 ? Effect.asVoid(enter(chance.pick(GROUPS))) : Effect.void
    })
    yield* makeTrouble({ ...run, chance, enter: enterOne }, chance.between(6, 16))

    world.log("the world heals")
    calm = true
    faults.heal()
    database.heal()
    objects?.store.heal()
    for (const broker of brokers) broker.rightClock()
    const starting = yield* Effect.forkChild(startAll(brokers))
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
    yield* Fiber.interrupt(beside)
    if (followed.length > 0) yield* followAll(shared, followed)
    // A broker that has lost the lock without being told has found out by then.
    yield* Effect.sleep(SUPERSEDED_MS)
    // Followers come to the end without being started anew.
    yield* awaitRows(shared, history, followed)
    if (objects !== undefined) yield* objects.collected(database)
    // What is in memory is gone: what was told has to be in the database.
    for (const broker of brokers) broker.crash(0)
    yield* readAll({ shared, history, keyed, groups: ALL_GROUPS, followed })
    // One that was told to stop before the end of trouble is started again by then.
    yield* Fiber.interrupt(starting)
  })

const makeTopics = (admin: Client, { followed, objects }: Run): Effect.Effect<void> =>
  Effect.gen(function* () {
    const configsOf = (topic: string) => ({
      ...(followed.some(({ name }) => name === topic) && keptAsRows),
      ...(objects?.topics.includes(topic) && keptInObjects)
    })
    yield* createTopic(admin, TOPIC, PARTITIONS, configsOf(TOPIC))
    yield* createTopic(admin, KEYED_TOPIC, 1, { ...keyedConfigs, ...configsOf(KEYED_TOPIC) })
    yield* createTopic(admin, CONFIGURED_TOPIC, 1)
    yield* createTopic(admin, BROKEN_TOPIC, 1)
    yield* createTopic(admin, TRANSACTIONS_TOPIC, TRANSACTIONS_PARTITIONS, configsOf(TRANSACTIONS_TOPIC))
    yield* createTopic(admin, SQL_TOPIC, SQL_PARTITIONS)
    for (const topic of GUARDED_TOPICS) yield* createTopic(admin, topic, 1, configsOf(topic))
  })

/** Clients that come to an end. */
const produce = ({ history, keyed, shared }: Run, chance: World["chance"]): Effect.Effect<void> =>
  Effect.all(
    [
      new IdempotentProducer(shared, history, "p1", chance.between(30, 60)).run,
      new IdempotentProducer(shared, history, "p2", chance.between(20, 50)).run,
      plainProducer(shared, history, "p3", chance.between(10, 30)),
      keyedProducer(shared, keyed, "k1", chance.between(10, 40)),
      new SqlSession(shared, history, "q1", chance.between(5, 15)).run,
      new SqlSession(shared, history, "q2", chance.between(5, 15)).run,
      new TransactionalProducer(shared, history, "x1", "x1a", chance.between(5, 20)).run,
      new TransactionalProducer(shared, history, "x1", "x1b", chance.between(1, 8)).run,
      new TransactionalProducer(shared, history, "x2", "x2a", chance.between(5, 20)).run
    ],
    { concurrency: "unbounded", discard: true }
  )

/** Clients that go on for as long as they are let. */
const restless = (
  { database, erases, followed, history, keyed, objects, shared }: Run,
  isCalm: () => boolean
): Effect.Effect<void> =>
  Effect.all(
    [
      inspector(shared, history, ALL_GROUPS),
      keyedReader(shared, keyed),
      topicMaker(shared, history, { ...(followed.length > 0 && keptAsRows), ...(objects && keptInObjects) }),
      configAdmins(shared, history),
      operator(shared),
      aclAdmin(shared, history),
      quotaAdmin(shared, isCalm),
      ...USERS.map((user) => new Principal(shared, history, user).run),
      poisoner(shared, history),
      stumbler(shared, history),
      idAsker(shared, history),
      new EpochConsumer(shared, history, "e1").run,
      new SqlWorker(shared, "w1").run,
      new SqlWorker(shared, "w2").run,
      committedReader(shared, history),
      ...(followed.length > 0
        ? [rowReader(shared, history, followed), rowTroubles(shared, followed, isCalm), materialiser(shared, isCalm)]
        : []),
      ...(objects === undefined
        ? []
        : [
            mover(shared, isCalm),
            objectTroubles(objects.store, objects.chance, isCalm),
            objects.adopter(database, isCalm)
          ]),
      ...(erases ? [eraser(shared, isCalm), erasureReader(shared, history)] : [])
    ],
    { concurrency: "unbounded", discard: true }
  )

const startAll = (brokers: ReadonlyArray<Broker>): Effect.Effect<void> =>
  Effect.forever(
    Effect.andThen(
      Effect.sleep(200),
      Effect.sync(() => brokers.forEach((broker) => broker.start()))
    )
  )

/** In each group the members alive have one generation, and own every partition. */
const isSettled = (members: ReadonlyArray<Member>): boolean =>
  GROUPS.every((group) => {
    const alive = members.filter(({ state }) => state.alive && state.group === group)
    const generations = new Set(alive.map(({ state }) => state.generation))
    const owned = alive.reduce((sum, { state }) => sum + state.partitions.length, 0)
    return alive.length === 0 || (generations.size === 1 && !generations.has(-1) && owned === PARTITIONS)
  })

/** The consumers alive own every partition, each of which has one owner. */
const areSettled = (consumers: ReadonlyArray<ConsumerMember>): boolean => {
  const alive = consumers.filter((member) => member.alive)
  const owned = alive.flatMap((member) => member.owned)
  return (
    alive.length === 0 ||
    (alive.every((member) => member.isMember) && owned.length === PARTITIONS && new Set(owned).size === PARTITIONS)
  )
}
