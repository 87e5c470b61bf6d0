/** The sockets of a broker: where it listens, and what becomes of each that connects. */
import * as NodeSocket from "@effect/platform-node-shared/NodeSocket"
import * as NodeSocketServer from "@effect/platform-node-shared/NodeSocketServer"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import type * as Socket from "effect/socket/Socket"
import * as SocketServer from "effect/socket/SocketServer"
import { connect } from "node:net"
import type { AddressInfo, Socket as NetSocket } from "node:net"
import { Connections } from "./net/Connections.ts"
import type { Listener, SecurityProtocol } from "./request/ConnectionInfo.ts"
import type { Identity } from "./request/Identity.ts"
import type { ListenerTls } from "./security/tls/TlsContext.ts"
import { tlsListener } from "./security/tls/TlsListener.ts"
import type { TlsListener } from "./security/tls/TlsListener.ts"

export interface ListenOptions {
  readonly name: string
  /** How clients speak to it: PLAINTEXT if not said. */
  readonly protocol?: SecurityProtocol
  /** An address or name to bind; "0.0.0.0" or "::" for all. */
  readonly host: string
  /** 0 takes a free one. */
  readonly port: number
  /** What clients are told; else `host`, or on a wildcard the local address they came by. Port 0: the bound port. */
  readonly advertised?: { readonly host: string; readonly port: number }
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

export interface BoundListener {
  readonly name: string
  readonly host: string
  readonly port: number
}

/** Where a broker listens. */
export interface Bound {
  readonly listeners: ReadonlyArray<BoundListener>
  /** For a client's `bootstrap.servers`. */
  readonly bootstrapServers: string
}

/** Longest wait for what is in flight when the broker stops. */
const STOP_MS = 10_000

/** How long a client may take none of what was written to a connection that has ended. */
const LINGER_MS = 2000

const WILDCARDS = new Set(["0.0.0.0", "::", "[::]"])

/**
 * Listens, and serves whoever connects, for as long as the scope lives. `secured`: the TLS of listeners that have it, by
 * name. `holdsProcess` false: the sockets do not keep the process alive.
 */
export const listenAt = Effect.fnUntraced(function* (
  listeners: ReadonlyArray<ListenOptions>,
  secured: ReadonlyMap<string, ListenerTls>,
  holdsProcess: boolean
) {
  const connections = yield* Connections
  const bound: Array<BoundListener> = []
  const acceptors: Array<Fiber.Fiber<never, SocketServer.SocketServerError>> = []
  const servers: Array<readonly [Accepting, SocketServer.SocketServer["Service"]]> = []
  for (const options of listeners) {
    const goesBy = secured.get(options.name)
    const tls = goesBy === undefined ? undefined : yield* tlsListener(goesBy)
    // "localhost" is both of its addresses, if the machine has both.
    const hosts = options.host === "localhost" ? ["127.0.0.1", "::1"] : [options.host]
    let port = options.port
    for (const host of hosts) {
      const server = yield* listen(host, port, readAhead(options)).pipe(
        Effect.catch((error) => (host === "::1" ? Effect.succeed(undefined) : Effect.fail(error)))
      )
      if (server === undefined) continue
      port = (server.address as unknown as AddressInfo).port
      servers.push([{ options, port, tls, holdsProcess }, server])
    }
    bound.push({ name: options.name, host: options.host, port })
  }
  for (const [accepting, server] of servers) {
    acceptors.push(yield* Effect.forkScoped(server.run((socket) => accept(connections, accepting, socket))))
  }
  if (!holdsProcess) {
    for (const [{ options, port }] of servers) yield* Effect.forkScoped(knock(options.host, port))
  }
  // Added last, so that it runs first: an acceptor that ends cuts its connections, their answers unsent.
  yield* Effect.addFinalizer(() => Effect.andThen(connections.stop(STOP_MS), Fiber.interruptAll(acceptors)))
  const bootstrapServers = bound.map(({ host, port }) => `${dialable(host)}:${port}`).join(",")
  return { listeners: bound, bootstrapServers } satisfies Bound
})

/** What clients are told of a listener, if that was said. */
export const advertisedAddress = (listener: ListenOptions | undefined): string | undefined => {
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

/** A socket is not read from before somebody wants to: what it says before its turn stays with the system. */
const SOCKETS = { noDelay: true, backlog: 1024, pauseOnConnect: true }

/** Bytes that a socket reads ahead of whoever takes them, and 64 KiB more at most: of a stranger little is kept. */
const readAhead = ({ protocol = "PLAINTEXT" }: ListenOptions): number => {
  if (protocol === "PLAINTEXT") return 256 * 1024
  // TLS reads by itself once it begins: until then there is a ClientHello.
  return protocol === "SASL_PLAINTEXT" ? 64 * 1024 : 16 * 1024
}

const listen = (
  host: string,
  port: number,
  highWaterMark: number
): Effect.Effect<SocketServer.SocketServer["Service"], ListenError, Scope.Scope> =>
  NodeSocketServer.make({ host, port, highWaterMark, ...SOCKETS }).pipe(
    Effect.mapError((error) => new ListenError({ host, port, cause: error.reason.cause }))
  )

/** What a socket is accepted with. */
interface Accepting {
  readonly options: ListenOptions
  readonly port: number
  readonly tls: TlsListener | undefined
  readonly holdsProcess: boolean
}

const accept = Effect.fnUntraced(function* (
  connections: Connections["Service"],
  { holdsProcess, options, port, tls }: Accepting,
  plain: Socket.Socket
) {
  const net = Option.getOrUndefined(yield* Effect.serviceOption(NodeSocket.NetSocket))
  if (net !== undefined && !holdsProcess) letGo(net)
  const clientHost = net?.remoteAddress?.replace(/^::ffff:/, "") ?? ""
  const onGone = (gone: () => void) => {
    net?.once("end", gone)
    net?.once("close", gone)
  }
  const wire: Wire = { net, identity: undefined, onGone: undefined }
  const socket = net === undefined || tls === undefined ? plain : yield* overTls(tls, net, clientHost, wire)
  const served = connections.serve(socket, {
    listener: listenerOf(options, port, net),
    clientHost,
    clientPort: net?.remotePort,
    identity: () => wire.identity,
    onGone: (gone) => {
      wire.onGone = gone
      hearGone(wire)
    },
    isClosed: () => wire.net?.destroyed === true,
    unread: () => wire.net?.readableLength ?? 0
  })
  if (net === undefined) return yield* served
  const lingering = Effect.ensuring(
    served,
    Effect.sync(() => linger(wire.net))
  )
  const look = () => void net.read(0)
  const admitted = yield* connections.admitting({ clientHost, listener: options.name, onGone, look }, lingering)
  // No fiber reads this socket, so nothing else would close it.
  if (!admitted) net.destroy()
})

/** What bytes go over: the socket, and once there is TLS, that. */
interface Wire {
  net: NetSocket | undefined
  identity: Identity | undefined
  onGone: (() => void) | undefined
}

const hearGone = ({ net, onGone }: Wire): void => {
  if (onGone === undefined) return
  net?.once("end", onGone)
  net?.once("close", onGone)
}

/** A socket of which the handshake is the opening: so it counts among the connections from its first byte on. */
const overTls = (tls: TlsListener, net: NetSocket, clientHost: string, wire: Wire): Effect.Effect<Socket.Socket> =>
  NodeSocket.fromDuplex(
    Effect.map(tls.secure(net, clientHost), ({ identity, socket }) => {
      wire.net = socket
      wire.identity = identity
      hearGone(wire)
      return socket
    })
  )

/** The socket closes once all is written, or the client takes nothing more: else it keeps memory, and the stop waiting. */
const linger = (net: NetSocket | undefined): void => {
  if (net !== undefined && !net.destroyed) net.setTimeout(LINGER_MS, () => net.destroy())
}

const listenerOf = (options: ListenOptions, port: number, net: NetSocket | undefined): Listener => {
  const { advertised, host, name, protocol = "PLAINTEXT" } = options
  if (advertised !== undefined) {
    const advertisedPort = advertised.port === 0 ? port : advertised.port
    return { name, protocol, advertisedHost: advertised.host, advertisedPort }
  }
  const local = net?.localAddress?.replace(/^::ffff:/, "")
  return { name, protocol, advertisedHost: WILDCARDS.has(host) ? (local ?? "127.0.0.1") : host, advertisedPort: port }
}
