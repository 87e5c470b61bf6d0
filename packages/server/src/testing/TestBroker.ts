import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Context from "effect/Context"
import * as Scope from "effect/Scope"
import type { NamedSettings } from "../config/Settings.ts"
import { Tusk } from "../Tusk.ts"

export interface StartOptions {
  /** 0, the default, takes a free one. */
  readonly port?: number
  /** Broker settings by Kafka's names, such as `{ "num.partitions": "3" }`. */
  readonly settings?: NamedSettings
  readonly memoryBytes?: number
}

/** A broker in this process, on memory, for tests. `await using kafka = await start()`. */
export interface TestBroker extends AsyncDisposable {
  readonly bootstrapServers: string
  readonly getBootstrapServers: () => string
  readonly host: string
  readonly port: number
  readonly stop: () => Promise<void>
}

/** Starts a broker that is ready to serve when this resolves; rejects with what is wrong with the options. */
export const start = async (options: StartOptions = {}): Promise<TestBroker> => {
  const scope = Scope.makeUnsafe()
  const layer = Tusk.layerMemory({
    settings: options.settings ?? {},
    listeners: [{ name: "PLAINTEXT", host: "127.0.0.1", port: options.port ?? 0 }],
    ...(options.memoryBytes === undefined ? {} : { memoryBytes: options.memoryBytes })
  })
  const context = await Effect.runPromise(Layer.buildWithScope(layer, scope))
  const tusk = Context.get(context, Tusk)
  let stopped: Promise<void> | undefined
  const stop = () => (stopped ??= Effect.runPromise(Scope.close(scope, Exit.void)))
  const [listener] = tusk.listeners
  return {
    bootstrapServers: tusk.bootstrapServers,
    getBootstrapServers: () => tusk.bootstrapServers,
    host: listener!.host,
    port: listener!.port,
    stop,
    [Symbol.asyncDispose]: stop
  }
}
