import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"
import * as Scope from "effect/Scope"
import type { NamedSettings } from "./config/Settings.ts"

/** What a broker on memory starts with. */
export interface StartOptions {
  /** 0, the default, takes a free one. */
  readonly port?: number
  /** Broker settings by Kafka's names, such as `{ "num.partitions": "3" }`. */
  readonly settings?: NamedSettings
  readonly memoryBytes?: number
}

/** A broker in this process, on memory, for tests. `await using kafka = await Tusk.start()`. */
export interface TestBroker extends AsyncDisposable {
  readonly bootstrapServers: string
  readonly getBootstrapServers: () => string
  readonly host: string
  readonly port: number
  readonly stop: () => Promise<void>
}

/** What `Tusk.layerMemory` takes for these options: one listener, on this machine only. */
export const memoryOptions = ({ memoryBytes, port = 0, settings = {} }: StartOptions) => ({
  settings,
  listeners: [{ name: "PLAINTEXT", host: "127.0.0.1", port }],
  ...(memoryBytes === undefined ? {} : { memoryBytes })
})

interface Served {
  readonly bootstrapServers: string
  readonly listeners: ReadonlyArray<{ readonly host: string; readonly port: number }>
}

/** Runs a broker's layer until it is stopped; it serves when this resolves. Rejects with what is wrong with its options. */
export const running = async <I, E>(layer: Layer.Layer<I, E>, broker: Context.Key<I, Served>): Promise<TestBroker> => {
  const scope = Scope.makeUnsafe()
  // Nothing of Effect's is around it: what it counts is its own, whatever else runs in the process.
  const built = Effect.provideService(Layer.buildWithScope(layer, scope), Metric.MetricRegistry, new Map())
  const context = await Effect.runPromise(built)
  const { bootstrapServers, listeners } = Context.get(context, broker)
  let stopped: Promise<void> | undefined
  const stop = () => (stopped ??= Effect.runPromise(Scope.close(scope, Exit.void)))
  const [listener] = listeners
  return {
    bootstrapServers,
    getBootstrapServers: () => bootstrapServers,
    host: listener!.host,
    port: listener!.port,
    stop,
    [Symbol.asyncDispose]: stop
  }
}
