/** A Kafka broker in a test's own process. */
import { DEFAULT_MEMORY_BYTES, Tusk as Broker } from "@tusk/server/Tusk"
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import { brokerOn, Surroundings } from "./brokerLayer.ts"
import { Faults } from "./Faults.ts"
import { Inside } from "./Inside.ts"
import { memoryPlace } from "./Place.ts"
import type { Place } from "./Place.ts"
import { makeTopic, produce } from "./producing.ts"
import { awaitRecords, readRecords } from "./reading.ts"
import { held } from "./RealClock.ts"
import { credentialsOf, secured, seedSecurity } from "./securing.ts"
import { clientConfigs } from "./ClientConfigs.ts"
import type { SecurityPlan } from "./SecurityOptions.ts"
import { planOf, queuedBytes } from "./StartOptions.ts"
import type { Plan, StartOptions } from "./StartOptions.ts"
import type { SqlBroker, TestBroker, TimedBroker, TlsBroker } from "./TestBroker.ts"

export type { CutFault, DelayFault, ErrorFault, Fault, FaultTarget } from "./Faults.ts"
export type { ClientConfigs, ClientOptions, LoginMechanism } from "./ClientConfigs.ts"
export type { KafkaRecord } from "./KafkaRecord.ts"
export type { TestClock } from "./ManualClock.ts"
export type { Bytes, Headers, NewRecord } from "./NewRecord.ts"
export type { RecordPlace } from "./producing.ts"
export type { AwaitOptions, ReadOptions } from "./reading.ts"
export type { AclOptions, SecurityOptions, UserOptions } from "./SecurityOptions.ts"
export type { StartOptions, TopicOptions } from "./StartOptions.ts"
export type { SqlBroker, TestBroker, TestFaults, TimedBroker, TlsBroker } from "./TestBroker.ts"

/** Where the data is, by the plan; Postgres' code is loaded only if it is wanted. */
const placeOf = ({ memoryBytes, settings, storage }: Plan): Effect.Effect<Place, Error, Scope.Scope> =>
  storage === "embedded"
    ? Effect.flatMap(
        Effect.promise(() => import("./embeddedPlace.ts")),
        ({ embeddedPlace }) => embeddedPlace
      )
    : // What is to be deleted leaves with a later commit than what takes its place.
      memoryPlace((memoryBytes ?? DEFAULT_MEMORY_BYTES) + 2 * queuedBytes(settings))

const start = async (options: StartOptions = {}): Promise<any> => {
  const given = planOf(options)
  const { ca, settings } = secured(given.security)
  const plan = {
    ...given,
    settings: { ...settings, ...given.settings },
    memoryBytes: given.storage === "memory" ? (given.memoryBytes ?? DEFAULT_MEMORY_BYTES) : undefined
  }
  const credentials = credentialsOf(plan.security)
  const surroundings = new Surroundings(plan)
  const faults = new Faults()
  const scope = Scope.makeUnsafe()
  const { manual } = surroundings
  let stopped: Promise<void> | undefined
  const stop = (): Promise<void> => {
    faults.clear()
    manual?.release()
    return (stopped ??= held(() => Effect.runPromise(Scope.close(scope, Exit.void))))
  }
  const begun = Effect.gen(function* () {
    const place = yield* placeOf(plan)
    const context = yield* Layer.build(brokerOn(plan, place, faults, surroundings))
    const inside = Context.get(context, Inside)
    faults.knowTopics((topicId) => inside.topics.byId(topicId)?.name)
    yield* seedSecurity(inside, plan.security, yield* Effect.promise(() => credentials))
    const turns = new Turns()
    for (const topic of plan.topics) {
      yield* makeTopic(inside, topic)
      if (topic.records !== undefined) yield* produce(inside, topic.name, topic.records, turns.of(topic.name))
    }
    yield* place.keep
    return { inside, place, turns, tusk: Context.get(context, Broker) }
  }).pipe(Scope.provide(scope))
  try {
    const started = await held(() => Effect.runPromise(begun))
    return brokerOf({ ...started, ca, security: plan.security, faults, surroundings, stop })
  } catch (error) {
    await stop()
    throw error
  }
}

/** Where records without a key go next. */
class Turns {
  readonly #next = new Map<string, number>()

  readonly of = (topic: string) => (): number => {
    const next = this.#next.get(topic) ?? 0
    this.#next.set(topic, next + 1)
    return next
  }

  clear(): void {
    this.#next.clear()
  }
}

interface Started {
  readonly ca: string | undefined
  readonly security: SecurityPlan
  readonly faults: Faults
  readonly inside: Inside["Service"]
  readonly place: Place
  readonly stop: () => Promise<void>
  readonly surroundings: Surroundings
  readonly turns: Turns
  readonly tusk: Broker["Service"]
}

const brokerOf = ({ ca, faults, inside, place, security, stop, surroundings, turns, tusk }: Started): TestBroker => {
  const { bootstrapServers, listeners } = tusk
  const [listener] = listeners
  const run = <A>(effect: Effect.Effect<A, Error>) => held(() => Effect.runPromise(effect))
  const { clear, cut, delay, fail } = faults
  /** The one before, if any: they go one after the other. */
  let resetting = Promise.resolve()
  const broker: TestBroker = {
    bootstrapServers,
    getBootstrapServers: () => bootstrapServers,
    host: listener!.host,
    port: listener!.port,
    client: (user, options = {}) => clientConfigs({ bootstrapServers, ca, plan: security }, user, options),
    produce: async (topic, records) => run(produce(inside, topic, records, turns.of(topic))),
    records: async (topic, options = {}) => run(readRecords(inside, topic, options)),
    awaitRecords: async (topic, count, options = {}) => run(awaitRecords(inside, topic, count, options)),
    faults: { clear, cut, delay, fail },
    reset: () => {
      const next = resetting.then(() => {
        clear()
        turns.clear()
        return run(reset(inside, place, surroundings))
      })
      resetting = next.catch(() => {})
      return next
    },
    stop,
    [Symbol.asyncDispose]: stop
  }
  const { manual } = surroundings
  return {
    ...broker,
    ...(manual === undefined
      ? {}
      : { clock: { now: manual.now, advance: (by: Duration.Input) => held(() => manual.advance(by)) } }),
    ...(ca === undefined ? {} : { ca }),
    ...(place.databaseUrl === undefined ? {} : { databaseUrl: place.databaseUrl })
  } as TestBroker
}

/** As a failover to a database that has only what was there at the start. */
const reset = ({ active, whenEpochIsNot }: Inside["Service"], { restore }: Place, surroundings: Surroundings) =>
  Effect.gen(function* () {
    const before = active.epoch()
    surroundings.isResetting = true
    yield* restore
    yield* whenEpochIsNot(before)
    yield* active.whenReigning
  }).pipe(Effect.ensuring(Effect.sync(() => void (surroundings.isResetting = false))))

/** Options of which three say what the broker has beside what all have. */
type OptionsOf<Storage, Clock, Tls> = Omit<StartOptions, "storage" | "clock" | "tls"> & {
  readonly storage?: Storage
  readonly clock?: Clock
  readonly tls?: Tls
}

type BrokerOf<Storage, Clock, Tls> = TestBroker &
  ([Storage] extends ["embedded"] ? SqlBroker : unknown) &
  ([Clock] extends ["manual"] ? TimedBroker : unknown) &
  ([Tls] extends ["self-signed"] ? TlsBroker : unknown)

interface Start {
  <
    Storage extends NonNullable<StartOptions["storage"]> = "memory",
    Clock extends NonNullable<StartOptions["clock"]> = "system",
    Tls extends StartOptions["tls"] = undefined
  >(
    options?: OptionsOf<Storage, Clock, Tls>
  ): Promise<BrokerOf<Storage, Clock, Tls>>
}

/** `await using kafka = await Tusk.start({ topics: ["orders"] })`: it serves when this resolves, and is gone with the block. */
export const Tusk: { readonly start: Start } = { start }
