import type { KafkaError } from "@tusk/protocol/KafkaError"
import { Active } from "@tusk/storage/commit/Active"
import * as MemoryStore from "@tusk/storage/memory/MemoryStore"
import type { SchemaState } from "@tusk/storage/port/CommitStore"
import { Store } from "@tusk/storage/port/Store"
import { StoreUnavailable } from "@tusk/storage/port/StoreError"
import type { AcquireError, LockHeld, SchemaTooNew } from "@tusk/storage/port/StoreError"
import type { PgOptions } from "@tusk/storage/pg/options/PgOptions"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import { serveAdmin } from "./admin/AdminServer.ts"
import type { AdminAddress } from "./admin/AdminServer.ts"
import { besideAdmin } from "./admin/besideAdmin.ts"
import { makePages } from "./admin/pages.ts"
import type { Observed } from "./admin/pages.ts"
import { brokerLayer, tuning } from "./BrokerLayer.ts"
import type { BrokerParts, BrokerServices } from "./BrokerLayer.ts"
import { BrokerSettings } from "./config/BrokerSettings.ts"
import { defaultSettings, readSettings, SettingsError } from "./config/Settings.ts"
import type { NamedSettings, Settings } from "./config/Settings.ts"
import { strangeListeners } from "./config/ListenerSettings.ts"
import { objectStoreOf } from "./objects/openObjectStore.ts"
import { BrokerMetrics } from "./observe/BrokerMetrics.ts"
import { advertisedAddress, listenAt, ListenError } from "./Listening.ts"
import type { BoundListener, ListenOptions } from "./Listening.ts"
import { inArea, runtimeLevels } from "./observe/LogLines.ts"
import { ClientTelemetry } from "./telemetry/ClientTelemetry.ts"
import type { ClientMetrics } from "./telemetry/ClientTelemetry.ts"
import { loginWarnings, wrongLogins } from "./security/sasl/checkLogins.ts"
import { readListenersTls } from "./security/tls/TlsContext.ts"
import type { ListenerTls } from "./security/tls/TlsContext.ts"
import { FirstUsers, makeFirstUsers } from "./security/sasl/FirstUsers.ts"
import type { FirstUser } from "./security/sasl/FirstUsers.ts"
import { checkRoles } from "./security/sasl/RoleVerifier.ts"
import { memoryOptions, running } from "./RunningBroker.ts"
import type { StartOptions, TestBroker } from "./RunningBroker.ts"

export { ListenError } from "./Listening.ts"
export type { BoundListener, ListenOptions } from "./Listening.ts"
export type { FirstUser } from "./security/sasl/FirstUsers.ts"
export type { SecurityProtocol } from "./request/ConnectionInfo.ts"

export interface TuskOptions {
  /** By Kafka's names, `{ "num.partitions": 3 }`; all else has its default. Or as `parseSettings` has read them. */
  readonly settings: Settings | NamedSettings
  readonly listeners: ReadonlyArray<ListenOptions>
  /** If all is kept in memory: bytes of records; the oldest batches go first. */
  readonly memoryBytes?: number
  /** Where `/metrics`, `/livez` and `/readyz` are served over HTTP, from before the broker has its database; nowhere if absent. */
  readonly admin?: AdminOptions
  /** Users that are made if they are not there, for SCRAM and PLAIN. */
  readonly users?: ReadonlyArray<FirstUser>
  /** False: its sockets do not keep the process alive. Each listener is connected to once for that, at the start. */
  readonly holdsProcess?: boolean
}

export interface AdminOptions extends AdminAddress {
  /** A port that is taken is told and gone without. */
  readonly isOptional?: boolean
}

/**
 * Why a broker does not start. A setting is unknown or wrong; a port cannot be listened on; another broker serves the database;
 * a newer Tusk has made its schema; or the database cannot do it now, which its message says.
 */
export type TuskError = SettingsError | ListenError | LockHeld | SchemaTooNew | StoreUnavailable

/** What a start may come to, as one of the few that a person can match. */
const asTuskError = (error: TuskError | AcquireError | KafkaError): TuskError => {
  switch (error._tag) {
    case "SettingsError":
    case "ListenError":
    case "LockHeld":
    case "SchemaTooNew":
    case "StoreUnavailable":
      return error
    default:
      return new StoreUnavailable({ message: error.message ?? error._tag, cause: error })
  }
}

const namesOf = (listeners: ReadonlyArray<ListenOptions>) => listeners.map(({ name }) => name)

const DEFAULT_LISTENERS: ReadonlyArray<ListenOptions> = [{ name: "PLAINTEXT", host: "127.0.0.1", port: 0 }]

/** A running broker. It serves as long as its layer lives; the layer's end is a graceful stop. */
export class Tusk extends Context.Service<
  Tusk,
  {
    readonly listeners: ReadonlyArray<BoundListener>
    /** For a client's `bootstrap.servers`. */
    readonly bootstrapServers: string
    readonly clusterId: string
    /** Of its first reign: the leader epoch. */
    readonly epoch: number
    /** The schema of its database, and the steps that its start took; undefined without one. */
    readonly schema: SchemaState | undefined
    /** Where the admin pages are, if they are. */
    readonly admin: AdminAddress | undefined
    /**
     * Looks at topics, groups and the database, for whoever takes a snapshot of Effect's metrics next: without it a snapshot
     * tells of them as of the one before.
     */
    readonly refreshMetrics: Effect.Effect<void>
    /** The newest metrics that each client has pushed (KIP-714), the oldest first; a copy. */
    readonly clientMetrics: () => ReadonlyArray<ClientMetrics>
  }
>()("@tusk/server/Tusk") {
  /**
   * A broker on whatever store is given. Without options: a free port of 127.0.0.1, Kafka's defaults. `replaced` are
   * services of a test's own. One value is one broker, wherever it is provided; two calls are two.
   */
  static readonly layer = (
    options: Partial<TuskOptions> = {},
    replaced: Partial<BrokerParts> = {}
  ): Layer.Layer<Tusk, TuskError, Store> => Tusk.layerWith(Layer.empty, options, replaced)

  /** The same, and services beside it that are made of the broker's own: for one that looks inside. */
  static readonly layerWith = <Beside>(
    beside: Layer.Layer<Beside, never, BrokerServices>,
    options: Partial<TuskOptions> = {},
    replaced: Partial<BrokerParts> = {}
  ): Layer.Layer<Tusk | Beside, TuskError, Store> => {
    const { holdsProcess = true, listeners = DEFAULT_LISTENERS } = options
    const broker = (settings: Settings, secured: Serving["secured"], observed: Observed) =>
      Layer.effect(Tusk, inArea("net")(serve({ listeners, secured, holdsProcess, observed }))).pipe(
        Layer.merge(beside),
        Layer.provide(brokerLayer(replaced)),
        Layer.provide(objectStoreOf(settings)),
        Layer.provide(Layer.succeed(BrokerSettings, settings)),
        Layer.provide(tuning(settings, options.memoryBytes)),
        Layer.provide(Layer.succeed(FirstUsers, options.users ?? [])),
        // Two brokers in one process must not share the services they are made of, which are one value for all of them.
        Layer.fresh
      )
    return Layer.effectContext(
      Effect.gen(function* () {
        const { settings, warnings } = yield* Effect.fromResult(readSettings(options.settings))
        // Who has parsed them was told.
        const strange = settings === options.settings ? [] : strangeListeners(settings, namesOf(listeners))
        const wrong = wrongLogins(settings)
        if (wrong !== undefined) return yield* new SettingsError({ message: wrong })
        for (const warning of [...warnings, ...strange, ...loginWarnings(settings, listeners)])
          yield* Effect.logWarning(warning)
        const secured = yield* Effect.fromResult(readListenersTls(settings, listeners))
        const observed: Observed = { metrics: undefined }
        const built = Layer.buildWithScope(broker(settings, secured, observed), yield* Effect.scope)
        if (options.admin === undefined) return yield* built
        const [context, admin] = yield* besideAdmin(built, beginAdmin(options.admin, observed))
        return Context.add(context, Tusk, Tusk.of({ ...Context.get(context, Tusk), admin }))
      }).pipe(Effect.mapError(asTuskError), inArea("start"))
    ).pipe(Layer.provide(runtimeLevels()))
  }

  /** A broker on memory in this process, for tests: `await using kafka = await Tusk.start()`. */
  static readonly start = async (options: StartOptions = {}): Promise<TestBroker> =>
    running(Tusk.layerMemory(memoryOptions(options)), Tusk)

  /** A broker that keeps everything in this process' memory. */
  static readonly layerMemory = (options: Partial<TuskOptions> = {}, replaced: Partial<BrokerParts> = {}) => {
    const memoryBytes = options.memoryBytes ?? DEFAULT_MEMORY_BYTES
    return Layer.provide(
      Tusk.layer({ ...options, memoryBytes }, replaced),
      // What is to be deleted leaves with a later commit than what takes its place.
      MemoryStore.layer({ maxBytes: memoryBytes + 2 * queuedBytes(options.settings) })
    )
  }

  /** A broker on a Postgres database. */
  static readonly layerPg = (options: Partial<TuskOptions> & { readonly pg: PgOptions }) =>
    Layer.provide(Tusk.layer(options), pgStore(options.pg)).pipe(Layer.provide(runtimeLevels()))
}

/** The store of a database; its code is loaded only here. What it logs from when it takes the lock on is of its area. */
const pgStore = (options: PgOptions) =>
  Layer.unwrap(
    Effect.map(
      Effect.promise(() => import("@tusk/storage/pg/PgStore")),
      (PgStore) =>
        Layer.effect(
          Store,
          Effect.map(Store, (store) => Store.of({ ...store, acquire: (told) => inArea("pg")(store.acquire(told)) }))
        ).pipe(Layer.provide(PgStore.layer(options)))
    )
  )

/** Of settings that cannot be read the broker tells. */
const queuedBytes = (settings: TuskOptions["settings"] | undefined): number =>
  Result.getOrElse(readSettings(settings), () => ({ settings: defaultSettings })).settings.commitQueueMaxBytes

export const DEFAULT_MEMORY_BYTES = 512 * 1024 * 1024

const beginAdmin = (
  { host, isOptional = false, port }: AdminOptions,
  observed: Observed
): Effect.Effect<AdminAddress | undefined, ListenError, Scope.Scope> =>
  makePages(observed).pipe(
    Effect.flatMap((pages) => serveAdmin({ host, port }, pages)),
    Effect.mapError((cause) => new ListenError({ host, port, cause })),
    Effect.catch((error) =>
      isOptional
        ? Effect.as(Effect.logWarning(`no metrics and health pages are served: ${error.message} (--admin)`), undefined)
        : Effect.fail(error)
    )
  )

interface Serving {
  readonly listeners: ReadonlyArray<ListenOptions>
  readonly secured: ReadonlyMap<string, ListenerTls>
  readonly holdsProcess: boolean
  readonly observed: Observed
}

const serve = Effect.fnUntraced(function* ({ holdsProcess, listeners, observed, secured }: Serving) {
  const metrics = yield* BrokerMetrics
  const telemetry = yield* ClientTelemetry
  const { cluster, clusterId } = yield* Active
  yield* checkRoles
  yield* inArea("security")(makeFirstUsers)
  const bound = yield* listenAt(listeners, secured, holdsProcess)
  metrics.listensAt(advertisedAddress(listeners[0]) ?? bound.bootstrapServers.split(",")[0]!)
  observed.metrics = metrics
  yield* Effect.addFinalizer(() =>
    Effect.sync(() => {
      observed.metrics = undefined
    })
  )
  return Tusk.of({
    ...bound,
    clusterId,
    epoch: cluster.epoch,
    schema: cluster.schema,
    admin: undefined,
    refreshMetrics: metrics.refresh,
    clientMetrics: telemetry.latest
  })
})
