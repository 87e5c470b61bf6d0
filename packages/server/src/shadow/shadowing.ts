import { readBootstrap } from "@tusk/client/bootstrap"
import { makeKafkaClient } from "@tusk/client/KafkaClient"
import { nodeTransport } from "@tusk/client/NodeTransport"
import { ClientConfigError } from "@tusk/client/security/ClientConfigError"
import { securityOfFile } from "@tusk/client/security/ClientConfigFile"
import { Active } from "@tusk/storage/commit/Active"
import { Log } from "@tusk/storage/log/Log"
import { Offsets } from "@tusk/storage/offsets/Offsets"
import { Store } from "@tusk/storage/port/Store"
import { Configs } from "@tusk/storage/topics/Configs"
import { Topics } from "@tusk/storage/topics/Topics"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { BrokerSettings } from "../config/BrokerSettings.ts"
import type { Settings } from "../config/Settings.ts"
import { RequestCounts } from "../request/ServerCounts.ts"
import { clientTarget } from "./ClientTarget.ts"
import { logSource } from "./LogSource.ts"
import { memoryRows } from "./memoryRows.ts"
import { Shadow } from "./Shadow.ts"
import { topicsLike } from "./topicsLike.ts"

const AGAIN_MS = 30_000
const LOOK_MS = 500
const REQUEST_TIMEOUT_MS = 30_000
/** How long a question may be asked again; what sends records has its own patience. */
const RETRY_MS = 10_000

/** Forwards the log to another Kafka (`tusk.shadow.to`), for as long as this broker is the writer. */
export const shadowing = Layer.effectDiscard(
  Effect.gen(function* () {
    const settings = yield* BrokerSettings
    const { shadowTo } = settings
    if (shadowTo === undefined) return
    const active = yield* Active
    const store = yield* Store
    const counts = yield* RequestCounts
    const rows = store.shadow ?? memoryRows()
    const source = logSource({
      clusterId: active.clusterId,
      log: yield* Log,
      topics: yield* Topics,
      configs: yield* Configs,
      offsets: yield* Offsets
    })

    const one = Effect.gen(function* () {
      const target = clientTarget(yield* targetClient(shadowTo, settings))
      const wants = topicsLike(settings.shadowTopics)
      if (typeof wants === "string") return yield* new ClientConfigError({ message: `tusk.shadow.topics: ${wants}` })
      const shadow = new Shadow(
        { source, target, rows },
        {
          wants,
          fills: settings.shadowFiller,
          bufferBytes: settings.shadowBufferBytes,
          openBytes: settings.decompressedMaxBytes,
          mapMost: settings.shadowMapMaxEntries,
          intervalMs: settings.shadowIntervalMs
        }
      )
      counts.shadowed = shadow.lags
      return yield* Effect.raceFirst(shadow.run, isOver(active))
    }).pipe(
      Effect.ensuring(Effect.sync(() => (counts.shadowed = () => []))),
      Effect.scoped,
      Effect.catch(({ message }) =>
        Effect.andThen(Effect.logError(`nothing is forwarded: ${message}`), Effect.sleep(AGAIN_MS))
      )
    )
    yield* Effect.forkScoped(Effect.forever(Effect.andThen(active.whenReigning, one)))
  })
).pipe(Layer.provide(nodeTransport))

const targetClient = (to: string, { nodeId, shadowClientConfig }: Settings) =>
  Effect.gen(function* () {
    const bootstrap = readBootstrap(to)
    if (bootstrap === undefined) {
      return yield* new ClientConfigError({
        message: `tusk.shadow.to ${to}: not HOST:PORT, or several with commas between`
      })
    }
    const security =
      shadowClientConfig === undefined ? {} : securityOfFile(shadowClientConfig, "tusk.shadow.client.config")
    if (security instanceof ClientConfigError) return yield* security
    return yield* makeKafkaClient({
      bootstrap,
      clientId: `tusk-shadow-${nodeId}`,
      softwareVersion: "1",
      requestTimeoutMs: REQUEST_TIMEOUT_MS,
      retryMs: RETRY_MS,
      security
    })
  })

/** Returns when the reign of now is over: another one may forward then. */
const isOver = (active: Active["Service"]): Effect.Effect<void> =>
  Effect.suspend(() => {
    const reign = active.reign()
    const look = (): Effect.Effect<void> =>
      active.reign() === reign ? Effect.andThen(Effect.sleep(LOOK_MS), Effect.suspend(look)) : Effect.void
    return look()
  })
