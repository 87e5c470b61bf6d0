/** A broker on memory with settings of a test's own, and log lines that can be looked at. */
import { CreateTopics } from "@tusk/protocol/messages/CreateTopics"
import { Metadata } from "@tusk/protocol/messages/Metadata"
import { ObjectStore } from "@tusk/storage/port/ObjectStore"
import type { Store } from "@tusk/storage/port/Store"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as References from "effect/References"
import * as Scope from "effect/Scope"
import type { BrokerParts } from "../src/BrokerLayer.ts"
import { defaultSettings } from "../src/config/Settings.ts"
import type { Settings } from "../src/config/Settings.ts"
import type { TopicConfigName } from "../src/config/TopicConfigDefinitions.ts"
import { Authorizer } from "../src/request/Authorizer.ts"
import { Tusk } from "../src/Tusk.ts"
import type { ListenOptions } from "../src/Tusk.ts"
import { HeldTime } from "./HeldTime.ts"
import { objectStore, objectTopics } from "./storedBy.ts"
import { within, WireClient } from "./WireClient.ts"
import { TestClock } from "effect/testing"

export interface LogLine {
  readonly level: string
  readonly text: string
  /** Its annotations. */
  readonly fields: Readonly<Record<string, unknown>>
}

export class BrokerUnderTest implements AsyncDisposable {
  readonly port: number
  /** Of each listener. */
  readonly ports: ReadonlyArray<number>
  readonly log: ReadonlyArray<LogLine>
  readonly stop: () => Promise<void>
  /** Of a broker that is not in a test's time. */
  readonly time: HeldTime
  readonly #clients: Array<WireClient> = []

  constructor(
    ports: ReadonlyArray<number>,
    log: ReadonlyArray<LogLine>,
    stop: () => Promise<void>,
    time = new HeldTime()
  ) {
    this.port = ports[0]!
    this.ports = ports
    this.log = log
    this.stop = stop
    this.time = time
  }

  /** To its first listener, or another one. */
  async connect(listener = 0): Promise<WireClient> {
    const client = await WireClient.connect(this.ports[listener]!)
    this.#clients.push(client)
    return client
  }

  /** A new topic; tells its id. */
  async createTopic(
    name: string,
    numPartitions = 1,
    configs: { readonly [Name in TopicConfigName]?: string } = {}
  ): Promise<string> {
    return this.createTopicBy(await this.connect(), name, numPartitions, configs)
  }

  /** The same by a client of one's own, which it ends. */
  async createTopicBy(
    client: WireClient,
    name: string,
    numPartitions = 1,
    configs: { readonly [Name in TopicConfigName]?: string } = {}
  ): Promise<string> {
    const { topics } = await client.call(CreateTopics, 7, {
      topics: [
        {
          name,
          numPartitions,
          replicationFactor: 1,
          configs: Object.entries(configs).map(([name, value]) => ({ name, value }))
        }
      ]
    })
    if (topics[0]?.errorCode !== 0) throw new Error(`${name}: ${topics[0]?.errorMessage}`)
    await client[Symbol.asyncDispose]()
    return topics[0].topicId
  }

  /** Whether it serves a client that connects anew. */
  async serves(): Promise<boolean> {
    const client = await this.connect()
    const { brokers } = await client.call(Metadata, 12, { topics: [] })
    await client[Symbol.asyncDispose]()
    return brokers.length === 1
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#clients.map((client) => client[Symbol.asyncDispose]()))
    await this.stop()
  }
}

/** What the broker logs goes into the list, and not to the terminal. */
export const capturing = (log: Array<LogLine>) =>
  Logger.layer([
    Logger.make(({ fiber, logLevel, message }) => {
      const fields = fiber.getRef(References.CurrentLogAnnotations)
      log.push({ level: logLevel, text: Array.isArray(message) ? message.join(" ") : String(message), fields })
    })
  ])

interface StartOptions {
  /** The store that keeps its data, instead of memory of its own. */
  readonly store?: Layer.Layer<Store>
  /** Where it listens; else on a free port, PLAINTEXT. */
  readonly listeners?: ReadonlyArray<ListenOptions>
  /** Services in the place of the broker's own. */
  readonly parts?: Partial<BrokerParts>
  /** The app's own loggers and levels. */
  readonly around?: Layer.Layer<never>
  /** Where batches of object topics lie. */
  readonly objects?: ObjectStore
  /** Says what principals may do, in the place of the broker's own. */
  readonly authorizer?: Authorizer
}

const layerOf = (settings: Partial<Settings>, log: Array<LogLine>, started: StartOptions) => {
  const { around, authorizer, listeners, objects, parts, store } = started
  const options = {
    settings: objectTopics({ ...defaultSettings, ...settings }),
    ...(listeners === undefined ? {} : { listeners })
  }
  const layer =
    store === undefined ? Tusk.layerMemory(options, parts) : Layer.provide(Tusk.layer(options, parts), store)
  const logging = around ?? capturing(log)
  const services = authorizer === undefined ? logging : Layer.merge(logging, Layer.succeed(Authorizer, authorizer))
  const withStore = objects === undefined ? objectStore : Layer.succeed(ObjectStore, objects)
  return Layer.provide(Layer.provide(layer, services), withStore)
}

const portsOf = (context: Context.Context<Tusk>): ReadonlyArray<number> =>
  Context.get(context, Tusk).listeners.map(({ port }) => port)

export const startBroker = async (
  settings: Partial<Settings> = {},
  options: StartOptions = {}
): Promise<BrokerUnderTest> => {
  const log: Array<LogLine> = []
  const scope = Scope.makeUnsafe()
  const time = new HeldTime()
  const layer = Layer.provide(layerOf(settings, log, options), time.layer)
  const context = await Effect.runPromise(Layer.buildWithScope(layer, scope))
  let stopped: Promise<void> | undefined
  return new BrokerUnderTest(
    portsOf(context),
    log,
    () => (stopped ??= Effect.runPromise(Scope.close(scope, Exit.void))),
    time
  )
}

/** A broker for which time is what the test makes it; it stops with the test's scope. */
export const brokerInTestTime = Effect.fnUntraced(function* (
  settings: Partial<Settings> = {},
  options: StartOptions = {}
) {
  // Its clock shows some time already, as clocks do.
  yield* TestClock.adjust("1 hour")
  const log: Array<LogLine> = []
  const context = yield* Layer.build(layerOf(settings, log, options))
  const broker = new BrokerUnderTest(portsOf(context), log, () => Promise.resolve())
  yield* Effect.addFinalizer(() => Effect.promise(() => broker[Symbol.asyncDispose]()))
  return broker
})

/** Time passes, a second at a time, and the broker gets to work after each. */
export const pass = Effect.fnUntraced(function* (broker: BrokerUnderTest, seconds: number) {
  for (let i = 0; i < seconds; i++) {
    yield* TestClock.adjust("1 second")
    yield* Effect.promise(() => broker.serves())
  }
})

/** Tries to be served until it is: for what the broker has to notice by itself. */
export const servesAgain = (broker: BrokerUnderTest): Promise<void> => {
  let given = false
  const attempt = async (): Promise<void> => {
    while (!given) if (await broker.serves().catch(() => false)) return
  }
  return within(attempt(), "to be served again").finally(() => (given = true))
}
