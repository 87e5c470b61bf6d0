/** A broker on memory with settings of a test's own, whose log lines can be looked at. */
import { CreateTopics } from "@tusk/protocol/messages/CreateTopics"
import { Metadata } from "@tusk/protocol/messages/Metadata"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Scope from "effect/Scope"
import { defaultSettings } from "../src/Settings.ts"
import type { Settings } from "../src/Settings.ts"
import { Tusk } from "../src/Tusk.ts"
import { WireClient } from "./WireClient.ts"

export interface LogLine {
  readonly level: string
  readonly text: string
}

export class BrokerUnderTest implements AsyncDisposable {
  readonly port: number
  readonly log: ReadonlyArray<LogLine>
  readonly stop: () => Promise<void>
  readonly #clients: Array<WireClient> = []

  constructor(port: number, log: ReadonlyArray<LogLine>, stop: () => Promise<void>) {
    this.port = port
    this.log = log
    this.stop = stop
  }

  async connect(): Promise<WireClient> {
    const client = await WireClient.connect(this.port)
    this.#clients.push(client)
    return client
  }

  /** A new topic; tells its id. */
  async createTopic(name: string, numPartitions = 1, configs: Readonly<Record<string, string>> = {}): Promise<string> {
    const client = await this.connect()
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

  /** Whether it serves somebody who connects anew. */
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
    Logger.make(({ logLevel, message }) => {
      log.push({ level: logLevel, text: Array.isArray(message) ? message.join(" ") : String(message) })
    })
  ])

export const startBroker = async (settings: Partial<Settings> = {}): Promise<BrokerUnderTest> => {
  const log: Array<LogLine> = []
  const scope = Scope.makeUnsafe()
  const layer = Tusk.layerMemory({ settings: { ...defaultSettings, ...settings } }).pipe(Layer.provide(capturing(log)))
  const context = await Effect.runPromise(Layer.buildWithScope(layer, scope))
  const { listeners } = Context.get(context, Tusk)
  let stopped: Promise<void> | undefined
  return new BrokerUnderTest(
    listeners[0]!.port,
    log,
    () => (stopped ??= Effect.runPromise(Scope.close(scope, Exit.void)))
  )
}
