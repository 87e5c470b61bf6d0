import { brokerLayer, tuning } from "@tusk/server/BrokerLayer"
import { BrokerSettings } from "@tusk/server/config/BrokerSettings"
import { Connections } from "@tusk/server/net/Connections"
import { BatchCodec, inlineBatchCodec } from "@tusk/storage/log/batches/BatchCodec"
import { defaultSettings } from "@tusk/server/config/Settings"
import { CommitterOptions } from "@tusk/storage/commit/Committer"
import { CompactionOptions } from "@tusk/storage/log/compaction/CompactionOptions"
import { EraseOptions } from "@tusk/storage/log/erase/EraseOptions"
import { FollowerOptions } from "@tusk/storage/log/follower/FollowerOptions"
import { LogOptions } from "@tusk/storage/log/LogOptions"
import { OpenBatchesOptions } from "@tusk/storage/log/batches/OpenBatches"
import { makeSignal, Signals } from "@tusk/storage/Signal"
import { ObjectStore } from "@tusk/storage/port/ObjectStore"
import { Store } from "@tusk/storage/port/Store"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Scope from "effect/Scope"
import type { Chance } from "./Chance.ts"
import {
  CONSUMER_SESSION_MS,
  passwordOf,
  REAUTHENTICATION_MS,
  REQUEST_TIMEOUT_MS,
  SHARE_DELIVERIES,
  SHARE_LOCK_MS,
  SHARE_SESSION_MS,
  USERS
} from "./limits.ts"
import type { Database } from "./Database.ts"
import type { ObjectWorld } from "./ObjectWorld.ts"
import type { Plant } from "./Plant.ts"
import type { SimNetwork } from "./SimNetwork.ts"
import type { View, World } from "./World.ts"

/** Where clients reach the broker on `port`: who speaks there is nobody in particular. */
const peerOf = (port: number) => ({
  listener: { name: "PLAINTEXT", protocol: "PLAINTEXT" as const, advertisedHost: "sim", advertisedPort: port },
  clientHost: "client"
})

/** Where clients log in to the broker on `port`. */
export const guardedPort = (port: number): number => port + 10

const guardedPeerOf = (port: number) => ({
  listener: { name: "SASL", protocol: "SASL_PLAINTEXT" as const, advertisedHost: "sim", advertisedPort: port },
  clientHost: "client"
})

const PASSWORDS = USERS.map((user) => `user_${user}="${passwordOf(user)}"`).join(" ")

/** Who may do what, and who gets in: all is synchronous as long as no password is wrong. */
const securitySettings = {
  authorizerClassName: "tusk",
  superUsers: "User:ANONYMOUS",
  saslEnabledMechanisms: ["PLAIN" as const],
  saslJaasConfig: Redacted.make(`org.apache.kafka.common.security.plain.PlainLoginModule required ${PASSWORDS};`),
  connectionsMaxReauthMs: REAUTHENTICATION_MS
}

const CLEANER_BACKOFF_MS = 1500

/** Longest wait of a broker that stops for what was asked of it. */
const STOP_MS = 10_000

/** Limits so low that what they lead to happens within one run: some drawn low, some as they are. */
const tightLimits = (chance: Chance, failoverLeap: number) =>
  Layer.mergeAll(
    Layer.succeed(LogOptions, {
      tailMaxBytes: chance.pick([200, 1000, 32 << 20]),
      tailIsAll: false,
      readAheadBytes: chance.pick([0, 500, 1 << 20]),
      failoverLeap,
      snapshotEvery: chance.pick([1, 3, 10, 1000]),
      maxProducers: 10_000,
      producerIdExpirationMs: 86_400_000
    }),
    Layer.succeed(CompactionOptions, {
      enabled: true,
      backoffMs: CLEANER_BACKOFF_MS,
      maxKeyBytes: chance.pick([1, 300, 1 << 20]),
      stepBytes: chance.pick([1, 300, 1 << 20])
    }),
    Layer.succeed(OpenBatchesOptions, { maxDecompressedBytes: 1 << 20 }),
    Layer.succeed(CommitterOptions, {
      maxCommitBytes: chance.pick([1, 300, 8 << 20]),
      maxQueuedBytes: chance.pick([200, 2000, 128 << 20]),
      requestTimeoutMs: REQUEST_TIMEOUT_MS,
      slowMs: 0
    }),
    Layer.succeed(FollowerOptions, {
      lookMs: 500,
      upkeepIntervalMs: chance.pick([1000, 4000]),
      stepBytes: chance.pick([1, 300, 1 << 20]),
      openBytes: chance.pick([1, 300, 1 << 20]),
      paceMs: 20,
      tableLookMs: chance.pick([200, 2000]),
      tableSteps: chance.between(1, 3),
      tablePatienceMs: 2000
    }),
    Layer.succeed(EraseOptions, {
      bytesPerSecond: chance.pick([10_000, 1 << 30]),
      stepBytes: chance.pick([1, 300, 1 << 20]),
      sliceBytes: chance.pick([1, 1000, 1 << 20]),
      lookMs: 2000,
      waitMs: 100,
      longestWaitMs: 2000,
      outboxMs: chance.pick([0, 500, 5000])
    })
  )

export interface BrokerOptions {
  readonly world: World
  readonly network: SimNetwork
  readonly database: Database
  readonly port: number
  /** Undefined: there is no object store. */
  readonly objects: ObjectWorld | undefined
  readonly plant: Plant | undefined
  /** `tusk.failover.offset.leap` */
  readonly failoverLeap: number
  readonly violate: (invariant: string, text: string) => void
}

/** One broker process after another on the same port: the one before it crashed. */
export class Broker {
  readonly port: number
  #view: View | undefined
  #lives = 0
  #running: { readonly connections: Connections["Service"]; readonly scope: Scope.Closeable } | undefined
  readonly #options: BrokerOptions
  readonly #listeners: ReadonlyArray<
    readonly [port: number, peer: ReturnType<typeof peerOf> | ReturnType<typeof guardedPeerOf>]
  >
  readonly #tight: ReturnType<typeof tightLimits>
  readonly #tightObjects: ObjectWorld["limits"] | Layer.Layer<never>

  constructor(options: BrokerOptions) {
    this.#options = options
    this.port = options.port
    const guarded = guardedPort(options.port)
    this.#listeners = [
      [options.port, peerOf(options.port)],
      [guarded, guardedPeerOf(guarded)]
    ]
    this.#tight = tightLimits(options.world.chance.fork(), options.failoverLeap)
    this.#tightObjects = options.objects?.limits ?? Layer.empty
  }

  get isRunning(): boolean {
    return this.#view !== undefined
  }

  start(): void {
    if (this.#view !== undefined) return
    const view = this.#options.world.view(`broker${this.port}.${++this.#lives}`)
    this.#view = view
    this.#options.world.log(`${view.name} starts`)
    view.fork(this.#run(view))
  }

  /** As by `kill -9`: no finalizer runs, and the database learns of it later. */
  crash(noticedAfterMs: number): void {
    const view = this.#view
    if (view === undefined) return
    this.#options.world.log(`${view.name} crashes`)
    this.#view = undefined
    this.#running = undefined
    view.kill()
    this.#closePorts()
    this.#options.database.abandoned(view, noticedAfterMs)
  }

  #closePorts(): void {
    for (const [port] of this.#listeners) this.#options.network.close(port)
  }

  /** As by SIGSTOP, and SIGCONT so much later. */
  standStill(forMs: number): void {
    if (this.#view !== undefined) this.#options.database.standStill(this.#view, forMs)
  }

  /** Once in a life: false if it was set before. */
  stepClock(byMs: number): boolean {
    const view = this.#view
    if (view === undefined || view.hasStepped) return false
    this.#options.world.log(`the clock of ${view.name} is set, by ${byMs} ms`)
    view.stepClock(byMs)
    return true
  }

  /** It goes by a wrong clock no longer. */
  rightClock(): void {
    if (this.#view?.hasStepped === true) this.crash(0)
  }

  /** As by SIGTERM: finishes what was asked, gives the lock back, and is gone. */
  stop(): void {
    const [view, running] = [this.#view, this.#running]
    if (view === undefined || running === undefined) return this.crash(0)
    this.#options.world.log(`${view.name} stops`)
    this.#options.database.troubled()
    this.#running = undefined
    for (const [port] of this.#listeners) this.#options.network.refuse(port)
    const gone = Effect.sync(() => {
      if (this.#view !== view) return
      this.#options.world.log(`${view.name} has stopped`)
      this.#view = undefined
      view.kill()
      // With the process all its sockets are closed, also those that it has not looked at.
      this.#closePorts()
    })
    view.fork(
      running.connections
        .stop(STOP_MS)
        .pipe(Effect.andThen(Scope.close(running.scope, Exit.void)), Effect.andThen(gone))
    )
  }

  /** Tries until the lock is free, then serves. */
  #run(view: View): Effect.Effect<void> {
    const { database, network, objects, plant, violate, world } = this.#options
    const store = database.storeOf(view)
    const objectStore = objects?.store.storeOf(view)
    const settings = {
      ...defaultSettings,
      ...securitySettings,
      logCleanerBackoffMs: CLEANER_BACKOFF_MS,
      requestTimeoutMs: REQUEST_TIMEOUT_MS,
      ...objects?.settings,
      groupMinSessionTimeoutMs: 1000,
      groupConsumerMinSessionTimeoutMs: 1000,
      groupConsumerSessionTimeoutMs: CONSUMER_SESSION_MS,
      groupShareMinSessionTimeoutMs: 1000,
      groupShareSessionTimeoutMs: SHARE_SESSION_MS,
      groupShareMinRecordLockDurationMs: 1000,
      groupShareRecordLockDurationMs: SHARE_LOCK_MS,
      groupShareDeliveryCountLimit: SHARE_DELIVERIES
    }
    const layer = brokerLayer(plant?.parts).pipe(
      Layer.provide(Layer.succeed(Store, plant?.store?.(store, database, view) ?? store)),
      Layer.provide(Layer.succeed(BrokerSettings, settings)),
      Layer.provide(Layer.succeed(Signals, plant?.signals ?? makeSignal)),
      Layer.provide(Layer.succeed(ObjectStore, objectStore && (plant?.objects?.(objectStore, view) ?? objectStore))),
      Layer.provide(this.#tight),
      Layer.provide(this.#tightObjects),
      Layer.provide(tuning(settings, undefined)),
      // Other threads are not the world's.
      Layer.provide(Layer.succeed(BatchCodec, inlineBatchCodec)),
      Layer.fresh
    )
    const logger = Logger.make(({ logLevel, message }) => {
      if (logLevel === "Debug" || logLevel === "Info") return
      const text = Array.isArray(message) ? message.map(textOf).join(" ") : textOf(message)
      world.log(`${view.name} ${logLevel} ${text}`)
      // Nothing that goes wrong here is the broker's fault, so nothing may seem to be.
      if (logLevel !== "Warn") violate("bug", `${view.name} logs ${text}`)
    })
    return Effect.gen({ self: this }, function* () {
      while (true) {
        const scope = Scope.makeUnsafe()
        const built = yield* Effect.result(Layer.buildWithScope(layer, scope))
        if (Result.isSuccess(built)) {
          world.log(`${view.name} serves`)
          const connections = Context.get(built.success, Connections)
          this.#running = { connections, scope }
          const context = Context.merge(view.services, Context.make(Logger.CurrentLoggers, new Set([logger])))
          for (const [port, peer] of this.#listeners) {
            network.listen(port, view, (socket, end) => {
              Effect.runForkWith(context)(connections.serve(socket, { ...peer, ...end }))
            })
          }
          return yield* Effect.never
        }
        yield* Scope.close(scope, Exit.void)
        yield* Effect.sleep(300)
      }
    }).pipe(Effect.provideService(Logger.CurrentLoggers, new Set([logger])))
  }
}

const textOf = (part: unknown): string =>
  typeof part === "string" ? part : part instanceof Error ? `${part.name}: ${part.message}` : String(part)
