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
import { planOf, queuedBytes } from "./StartOptions.ts"
import type { Plan, StartOptions } from "./StartOptions.ts"
import type { SqlBroker, TestBroker, TimedBroker } from "./TestBroker.ts"

export type { CutFault, DelayFault, ErrorFault, Fault, FaultTarget } from "./Faults.ts"
export type { KafkaRecord } from "./KafkaRecord.ts"
export type { TestClock } from "./ManualClock.ts"
export type { Bytes, Headers, NewRecord } from "./NewRecord.ts"
export type { RecordPlace } from "./producing.ts"
export type { AwaitOptions, ReadOptions } from "./reading.ts"
export type { StartOptions, TopicOptions } from "./StartOptions.ts"
export type { SqlBroker, TestBroker, TestFaults, TimedBroker } from "./TestBroker.ts"

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
  const plan = given.storage === "memory" ? { ...given, memoryBytes: given.memoryBytes ?? DEFAULT_MEMORY_BYTES } : given
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
    return brokerOf({ ...started, faults, surroundings, stop })
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
  readonly faults: Faults
  readonly inside: Inside["Service"]
  readonly place: Place
  readonly stop: () => Promise<void>
  readonly surroundings: Surroundings
  readonly turns: Turns
  readonly tusk: Broker["Service"]
}

const brokerOf = ({ faults, inside, place, stop, surroundings, turns, tusk }: Started): TestBroker => {
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

interface Start {
  (options: StartOptions & { readonly storage: "embedded"; readonly clock: "manual" }): Promise<SqlBroker & TimedBroker>
  (options: StartOptions & { readonly storage: "embedded" }): Promise<SqlBroker>
  (options: StartOptions & { readonly clock: "manual" }): Promise<TimedBroker>
  (options?: StartOptions): Promise<TestBroker>
}

/** `await using kafka = await Tusk.start({ topics: ["orders"] })`: it serves when this resolves, and is gone with the block. */
export const Tusk: { readonly start: Start } = { start }
