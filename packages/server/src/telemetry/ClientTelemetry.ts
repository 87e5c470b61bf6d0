import { isUuid, ZERO_UUID } from "@tusk/protocol/codec/Uuid"
import {
  InvalidRecord,
  InvalidRequest,
  isKafkaError,
  TelemetryTooLarge,
  UnsupportedCompressionType
} from "@tusk/protocol/KafkaError"
import type { KafkaError } from "@tusk/protocol/KafkaError"
import type { PushTelemetryRequest } from "@tusk/protocol/messages/PushTelemetry"
import { ZSTD } from "@tusk/protocol/record/Compression"
import { BatchCodec } from "@tusk/storage/log/batches/BatchCodec"
import { Configs, METRICS_RESOURCE } from "@tusk/storage/topics/Configs"
import type { ConfigOverrides } from "@tusk/storage/topics/Configs"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { BrokerSettings } from "../config/BrokerSettings.ts"
import { subscriptionOf } from "../config/ClientMetrics.ts"
import type { ClientAttributes, Subscription } from "../config/ClientMetrics.ts"
import { monotonicMs } from "../request/monotonic.ts"
import type { RequestContext } from "../request/RequestContext.ts"
import type { ClientInstance } from "./ClientInstance.ts"
import { ClientInstances } from "./ClientInstances.ts"
import { labelled } from "./Labelled.ts"
import { ReceivedMetrics } from "./ReceivedMetrics.ts"
import type { ClientMetrics } from "./ReceivedMetrics.ts"

export type { ClientMetrics } from "./ReceivedMetrics.ts"

/** Kafka's own ids, which no client has. */
const RESERVED = new Set([ZERO_UUID, "AAAAAAAAAAAAAAAAAAAAAQ"])
/** What is kept is at most so many times what may be pushed. */
const MOST_GROWTH = 4

/** What a client is to push. */
export interface Asked {
  readonly subscriptionId: number
  readonly metrics: ReadonlyArray<string>
  readonly intervalMs: number
  /** The greatest push, in bytes. */
  readonly maxBytes: number
}

/**
 * Metrics that clients push (KIP-714): what each is asked for, and the newest that came of each, in memory and bounded. As in
 * Kafka a broker knows a client until its connection ends, and its metrics until they are old.
 */
export class ClientTelemetry extends Context.Service<
  ClientTelemetry,
  {
    readonly subscription: (clientInstanceId: string, context: RequestContext) => Effect.Effect<Asked, KafkaError>
    readonly push: (request: PushTelemetryRequest, context: RequestContext) => Effect.Effect<void, KafkaError>
    /** The newest metrics of each client, the oldest first: for whoever exports this broker's own. */
    readonly latest: () => ReadonlyArray<ClientMetrics>
    /** How much of it there is. */
    readonly held: () => { readonly clients: number; readonly bytes: number }
    /** Pushes that were taken. */
    readonly pushes: () => number
  }
>()("@tusk/server/telemetry/ClientTelemetry") {
  static readonly layer = Layer.effect(
    ClientTelemetry,
    Effect.gen(function* () {
      const configs = yield* Configs
      const codec = yield* BatchCodec
      const clock = yield* Clock.Clock
      const { telemetryMaxBytes, telemetryMaxClients, telemetryCacheBytes } = yield* BrokerSettings
      const received = new ReceivedMetrics(telemetryMaxClients, telemetryCacheBytes)
      const instances = new ClientInstances(telemetryMaxClients, subscriptionsOf(configs))
      const nowMs = () => monotonicMs(clock)
      let taken = 0

      const open = (id: string, instance: ClientInstance, { compressionType, metrics }: PushTelemetryRequest) =>
        Effect.map(
          codec.decompress(compressionType, metrics, { maxDecompressedBytes: telemetryMaxBytes }),
          (opened): KafkaError | undefined => {
            if (isKafkaError(opened)) return new InvalidRecord({ message: opened.message })
            if (opened.byteLength > telemetryMaxBytes)
              return new InvalidRecord({ message: "The metrics become too large." })
            const otlp = labelled(opened, labelsOf(instance.client), MOST_GROWTH * telemetryMaxBytes)
            if (otlp === undefined)
              return new InvalidRecord({ message: "The metrics are no OTLP, or of too many parts." })
            const metrics = { clientInstanceId: id, receivedAtMs: clock.currentTimeMillisUnsafe(), otlp }
            received.keep(metrics, instance.expiresAtMs)
            return undefined
          }
        )

      return ClientTelemetry.of({
        subscription: Effect.fnUntraced(function* (clientInstanceId: string, context: RequestContext) {
          const instance = instances.heard(clientInstanceId, context, nowMs())
          const wrong = instance.asks(nowMs())
          if (wrong !== undefined) return yield* wrong
          const { intervalMs, metrics, subscriptionId } = instance
          return { subscriptionId, metrics, intervalMs, maxBytes: telemetryMaxBytes }
        }),
        push: Effect.fnUntraced(function* (request: PushTelemetryRequest, context: RequestContext) {
          const { clientInstanceId, compressionType, metrics, subscriptionId, terminating } = request
          if (!isUuid(clientInstanceId) || RESERVED.has(clientInstanceId)) {
            return yield* new InvalidRequest({ message: "Not a client instance id." })
          }
          const instance = instances.heard(clientInstanceId, context, nowMs())
          const wrong = instance.pushes(nowMs(), subscriptionId, terminating)
          if (wrong !== undefined) return yield* wrong
          if (compressionType < 0 || compressionType > ZSTD) {
            return yield* instance.refused(new UnsupportedCompressionType())
          }
          if (metrics.byteLength > telemetryMaxBytes) return yield* instance.refused(new TelemetryTooLarge())
          const damaged = metrics.byteLength === 0 ? undefined : yield* open(clientInstanceId, instance, request)
          if (damaged !== undefined) return yield* instance.refused(damaged)
          instance.taken()
          taken++
        }),
        latest: () => received.latest(nowMs()),
        held: () => received.held,
        pushes: () => taken
      })
    })
  )
}

/** The subscriptions as they are now: the same list until one changes. */
const subscriptionsOf = (configs: Configs["Service"]): (() => ReadonlyArray<Subscription>) => {
  const made = new WeakMap<ConfigOverrides, Subscription>()
  const one = (overrides: ConfigOverrides): Subscription => {
    let subscription = made.get(overrides)
    if (subscription === undefined) made.set(overrides, (subscription = subscriptionOf(overrides)))
    return subscription
  }
  let present: ReadonlyArray<Subscription> = []
  return () => {
    const now = configs.names(METRICS_RESOURCE).map((name) => one(configs.of(METRICS_RESOURCE, name)))
    if (now.length !== present.length || now.some((subscription, at) => subscription !== present[at])) present = now
    return present
  }
}

/** Without the port, which would make a new series of each connection. */
const labelsOf = (client: ClientAttributes): Readonly<Record<string, string>> =>
  Object.fromEntries(
    Object.entries(client).flatMap(([key, value]) =>
      key === "client_source_port" || value === undefined ? [] : [[key, value]]
    )
  )
