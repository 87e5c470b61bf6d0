import type { Store } from "@tusk/storage/port/Store"
import * as MemoryStore from "@tusk/storage/memory/MemoryStore"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Metric from "effect/Metric"
import * as Scope from "effect/Scope"
import type { BrokerParts } from "../../src/BrokerLayer.ts"
import { Tusk } from "../../src/Tusk.ts"
import type { AdminOptions, TuskOptions } from "../../src/Tusk.ts"
import { WireClient } from "../WireClient.ts"
import { PrometheusPage } from "./PrometheusPage.ts"

interface Options {
  readonly settings?: TuskOptions["settings"]
  readonly listeners?: TuskOptions["listeners"]
  readonly admin?: AdminOptions
  readonly store?: Layer.Layer<Store>
  readonly replaced?: Partial<BrokerParts>
}

const ANY: AdminOptions = { host: "127.0.0.1", port: 0 }

/** A broker with admin pages, and a registry of metrics of its own. */
export class AdminUnderTest implements AsyncDisposable {
  readonly tusk: Tusk["Service"]
  readonly registry: Metric.MetricRegistry
  readonly stop: () => Promise<void>

  private constructor(tusk: Tusk["Service"], registry: Metric.MetricRegistry, stop: () => Promise<void>) {
    this.tusk = tusk
    this.registry = registry
    this.stop = stop
  }

  static async start({
    admin = ANY,
    listeners,
    replaced,
    settings = {},
    store
  }: Options = {}): Promise<AdminUnderTest> {
    const scope = Scope.makeUnsafe()
    const registry: Metric.MetricRegistry = new Map()
    const layer = Tusk.layer({ settings, admin, ...(listeners === undefined ? {} : { listeners }) }, replaced)
    const built = Layer.buildWithScope(
      Layer.provide(layer, store ?? MemoryStore.layer({ maxBytes: 1 << 26 })),
      scope
    ).pipe(Effect.provideService(Metric.MetricRegistry, registry), Effect.provide(Logger.layer([])))
    const tusk = Context.get(await Effect.runPromise(built), Tusk)
    return new AdminUnderTest(tusk, registry, () => Effect.runPromise(Scope.close(scope, Exit.void)))
  }

  get base(): string {
    return `http://${this.tusk.admin!.host}:${this.tusk.admin!.port}`
  }

  async page(): Promise<PrometheusPage> {
    const response = await fetch(`${this.base}/metrics`)
    return new PrometheusPage(await response.text())
  }

  async get(path: string, init?: RequestInit): Promise<readonly [status: number, body: string]> {
    const response = await fetch(`${this.base}${path}`, init)
    return [response.status, await response.text()]
  }

  async connect(): Promise<WireClient> {
    return WireClient.connect(this.tusk.listeners[0]!.port)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }
}
