import * as NodeSocket from "@effect/platform-node-shared/NodeSocket"
import * as NodeSocketServer from "@effect/platform-node-shared/NodeSocketServer"
import type { KafkaError } from "@tusk/protocol/KafkaError"
import { Active } from "@tusk/storage/commit/Active"
import * as MemoryStore from "@tusk/storage/memory/MemoryStore"
import type { SchemaState } from "@tusk/storage/port/CommitStore"
import { Store } from "@tusk/storage/port/Store"
import { StoreUnavailable } from "@tusk/storage/port/StoreError"
import type { AcquireError, LockHeld, SchemaTooNew } from "@tusk/storage/port/StoreError"
import type { PgOptions } from "@tusk/storage/pg/options/PgOptions"
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import type * as Socket from "effect/socket/Socket"
import * as SocketServer from "effect/socket/SocketServer"
import { connect } from "node:net"
import type { AddressInfo, Socket as NetSocket } from "node:net"
import { serveAdmin } from "./admin/AdminServer.ts"
import type { AdminAddress } from "./admin/AdminServer.ts"
import { besideAdmin } from "./admin/besideAdmin.ts"
import { makePages } from "./admin/pages.ts"
import type { Observed } from "./admin/pages.ts"
import { brokerLayer, tuning } from "./BrokerLayer.ts"
import type { BrokerParts, BrokerServices } from "./BrokerLayer.ts"
import { BrokerSettings } from "./config/BrokerSettings.ts"
import { Connections } from "./net/Connections.ts"
import type { Listener } from "./request/ConnectionInfo.ts"
import { defaultSettings, readSettings } from "./config/Settings.ts"
import type { NamedSettings, Settings, SettingsError } from "./config/Settings.ts"
import { BrokerMetrics } from "./observe/BrokerMetrics.ts"
import { inArea, runtimeLevels } from "./observe/LogLines.ts"
import { memoryOptions, running } from "./RunningBroker.ts"
import type { StartOptions, TestBroker } from "./RunningBroker.ts"

export interface ListenOptions {
  readonly name: string
  /** An address or name to bind; "0.0.0.0" or "::" for all. */
  readonly host: string
  /** 0 takes a free one. */
  readonly port: number
  /** What clients are told; else `host`, or on a wildcard the local address they came by. Port 0: the bound port. */
  readonly advertised?: { readonly host: string; readonly port: number }
}

export interface TuskOptions {
  /** By Kafka's names, `{ "num.partitions": 3 }`; all else has its default. Or as `parseSettings` has read them. */
  readonly settings: Settings | NamedSettings
  readonly listeners: ReadonlyArray<ListenOptions>
  /** If all is kept in memory: bytes of records; the oldest batches go first. */
  readonly memoryBytes?: number
  /** Where `/metrics`, `/livez` and `/readyz` are served over HTTP, from before the broker has its database; nowhere if absent. */
  readonly admin?: AdminOptions
  /** False: its sockets do not keep the process alive. Each listener is connected to once for that, at the start. */
  readonly holdsProcess?: boolean
}

export interface AdminOptions extends AdminAddress {
  /** A port that is taken is told and gone without. */
  readonly isOptional?: boolean
}

/** A port that cannot be listened on. */
export class ListenError extends Data.TaggedError("ListenError")<{
  readonly host: string
  readonly port: number
  readonly cause: unknown
}> {
  override get message(): string {
    const code = (this.cause as { readonly code?: string } | undefined)?.code
    const why = code === "EADDRINUSE" ? "the port is taken" : code === "EACCES" ? "not allowed" : String(this.cause)
    return `cannot listen on ${this.host}:${this.port}: ${why}`
  }
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

export interface BoundListener {
  readonly name: string
  readonly host: string
  readonly port: number
}

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
    const broker = (settings: Settings, observed: Observed) =>
      Layer.effect(Tusk, inArea("net")(serve({ listeners, holdsProcess, observed }))).pipe(
        Layer.merge(beside),
        Layer.provide(brokerLayer(replaced)),
        Layer.provide(Layer.succeed(BrokerSettings, settings)),
        Layer.provide(tuning(settings, options.memoryBytes)),
        // Two brokers in one process must not share the services they are made of, which are one value for all of them.
        Layer.fresh
      )
    return Layer.effectContext(
      Effect.gen(function* () {
        const { settings, warnings } = yield* Effect.fromResult(readSettings(options.settings))
        for (const warning of warnings) yield* Effect.logWarning(warning)
        const observed: Observed = { metrics: undefined }
        const built = Layer.buildWithScope(broker(settings, observed), yield* Effect.scope)
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

/** Longest wait for what is in flight when the broker stops. */
const STOP_MS = 10_000

/** How long a client may take none of what was written to a connection that has ended. */
const LINGER_MS = 2000

const WILDCARDS = new Set(["0.0.0.0", "::", "[::]"])

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
  readonly holdsProcess: boolean
  readonly observed: Observed
}

const serve = Effect.fnUntraced(function* ({ holdsProcess, listeners, observed }: Serving) {
  const connections = yield* Connections
  const metrics = yield* BrokerMetrics
  const { cluster, clusterId } = yield* Active
  const bound: Array<BoundListener> = []
  const acceptors: Array<Fiber.Fiber<never, SocketServer.SocketServerError>> = []
  const servers: Array<readonly [ListenOptions, SocketServer.SocketServer["Service"], number]> = []
  for (const options of listeners) {
    // "localhost" is both of its addresses, if the machine has both.
    const hosts = options.host === "localhost" ? ["127.0.0.1", "::1"] : [options.host]
    let port = options.port
    for (const host of hosts) {
      const server = yield* listen(host, port).pipe(
        Effect.catch((error) => (host === "::1" ? Effect.succeed(undefined) : Effect.fail(error)))
      )
      if (server === undefined) continue
      port = (server.address as unknown as AddressInfo).port
      servers.push([options, server, port])
    }
    bound.push({ name: options.name, host: options.host, port })
  }
  for (const [options, server, port] of servers) {
    acceptors.push(
      yield* Effect.forkScoped(server.run((socket) => accept(connections, options, port, socket, holdsProcess)))
    )
  }
  if (!holdsProcess) for (const [{ host }, , port] of servers) yield* Effect.forkScoped(knock(host, port))
  // Added last, so that it runs first: an acceptor that ends cuts its connections, their answers unsent.
  yield* Effect.addFinalizer(() => Effect.andThen(connections.stop(STOP_MS), Fiber.interruptAll(acceptors)))
  const bootstrapServers = bound.map(({ host, port }) => `${dialable(host)}:${port}`).join(",")
  metrics.listensAt(advertisedAddress(listeners[0]) ?? bootstrapServers.split(",")[0]!)
  observed.metrics = metrics
  yield* Effect.addFinalizer(() =>
    Effect.sync(() => {
      observed.metrics = undefined
    })
  )
  return Tusk.of({
    listeners: bound,
    bootstrapServers,
    clusterId,
    epoch: cluster.epoch,
    schema: cluster.schema,
    admin: undefined,
    refreshMetrics: metrics.refresh
  })
})

const advertisedAddress = (listener: ListenOptions | undefined): string | undefined => {
  const advertised = listener?.advertised
  return advertised === undefined || advertised.port === 0 ? undefined : `${advertised.host}:${advertised.port}`
}

/** Connects once: the first socket that is accepted is the way to the server, which is not to hold the process either. */
const knock = (host: string, port: number): Effect.Effect<void> =>
  Effect.callback((resume) => {
    const known = WILDCARDS.has(host) ? "127.0.0.1" : host
    const socket = connect({ host: known, port })
    // The broker ends it: by then it has been accepted.
    socket.once("close", () => resume(Effect.void))
    socket.once("connect", () => socket.end())
    socket.once("error", () => {})
    socket.resume()
  })

const letGo = (net: NetSocket): void => {
  net.unref()
  const { server } = net as { readonly server?: { readonly unref: () => void } }
  server?.unref()
}

/** An address that a client on this machine can connect to. */
const dialable = (host: string): string =>
  WILDCARDS.has(host) ? "127.0.0.1" : host.includes(":") && !host.startsWith("[") ? `[${host}]` : host

const listen = (
  host: string,
  port: number
): Effect.Effect<SocketServer.SocketServer["Service"], ListenError, Scope.Scope> =>
  NodeSocketServer.make({ host, port, noDelay: true, highWaterMark: 256 * 1024, backlog: 1024 }).pipe(
    Effect.mapError((error) => new ListenError({ host, port, cause: error.reason.cause }))
  )

const accept = Effect.fnUntraced(function* (
  connections: Connections["Service"],
  options: ListenOptions,
  port: number,
  socket: Socket.Socket,
  holdsProcess: boolean
) {
  const net = Option.getOrUndefined(yield* Effect.serviceOption(NodeSocket.NetSocket))
  if (net !== undefined && !holdsProcess) letGo(net)
  const clientHost = net?.remoteAddress?.replace(/^::ffff:/, "") ?? ""
  if (net !== undefined && !connections.admits(clientHost)) {
    // No fiber reads this socket, so nothing else would close it.
    net.destroy()
    return
  }
  const served = connections.serve(socket, {
    listener: listenerOf(options, port, net),
    clientHost,
    clientPort: net?.remotePort,
    onGone: (gone) => {
      net?.once("end", gone)
      net?.once("close", gone)
    },
    isClosed: () => net?.destroyed === true
  })
  yield* net === undefined ? served : Effect.ensuring(served, linger(net))
})

/** The socket closes once all is written, or the client takes nothing more: else it keeps memory, and the stop waiting. */
const linger = (net: NetSocket): Effect.Effect<void> =>
  Effect.sync(() => {
    if (!net.destroyed) net.setTimeout(LINGER_MS, () => net.destroy())
  })

const listenerOf = (options: ListenOptions, port: number, net: NetSocket | undefined): Listener => {
  const { advertised, host, name } = options
  if (advertised !== undefined) {
    return { name, advertisedHost: advertised.host, advertisedPort: advertised.port === 0 ? port : advertised.port }
  }
  const local = net?.localAddress?.replace(/^::ffff:/, "")
  return { name, advertisedHost: WILDCARDS.has(host) ? (local ?? "127.0.0.1") : host, advertisedPort: port }
}
