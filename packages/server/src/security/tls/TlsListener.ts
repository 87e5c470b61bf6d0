/** TLS on the sockets of one listener: the handshake, within limits, and who is at the other end. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Scope from "effect/Scope"
import * as Socket from "effect/socket/Socket"
import type { Socket as NetSocket } from "node:net"
import { createServer } from "node:tls"
import type { TLSSocket } from "node:tls"
import { ANONYMOUS } from "../../request/Identity.ts"
import type { Identity } from "../../request/Identity.ts"
import { monotonicMs } from "../../request/monotonic.ts"
import { oncePer } from "../../request/oncePer.ts"
import { wireClock } from "../../request/WireClock.ts"
import { subjectOf } from "./distinguishedName.ts"
import { awaitFirstBytes } from "./firstBytes.ts"
import { Handshakes } from "./Handshakes.ts"
import type { Handshake } from "./Handshakes.ts"
import { rereading } from "./rereading.ts"
import type { ListenerTls } from "./TlsContext.ts"

/** What a handshake comes to. */
export interface Secured {
  readonly socket: TLSSocket
  /** By the client's certificate, if it was asked for and shown. */
  readonly identity: Identity
}

export interface TlsListener {
  /** Makes TLS of a connection; fails, with a line in the log, if that does not come about. The socket ends with the scope. */
  readonly secure: (net: NetSocket, clientHost: string) => Effect.Effect<Secured, Socket.SocketError, Scope.Scope>
}

/** A client that fails comes again and again: each host's is told so often, in milliseconds. */
const TOLD_INTERVAL_MS = 60_000
const GIVE_WAY_INTERVAL_MS = 250

/** Both ends of a connection: what a socket and the TLS on it have in common. */
const endsOf = ({ localAddress, localPort, remoteAddress, remotePort }: NetSocket): string =>
  `${remoteAddress} ${remotePort} ${localAddress} ${localPort}`

const failure = (message: string): Socket.SocketError =>
  new Socket.SocketError({ reason: new Socket.SocketOpenError({ kind: "Unknown", cause: new Error(message) }) })

/** OpenSSL's reason, without the place in its code. */
const reasonOf = (error: NodeJS.ErrnoException, { clientAuth }: ListenerTls): string => {
  if (error.code === "ECONNRESET") {
    return clientAuth === "none"
      ? "the client went away"
      : "the client went away, or no authority of the trust store has signed its certificate"
  }
  if (error.code === "ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE") return "the client shows no certificate"
  const [, reason = error.message] =
    /^error:[0-9A-F]+:[^:]*:[^:]*:([^:]*)/i.exec(error.message.replace(/^[0-9A-F]+:/, "")) ?? []
  return reason
}

/** The identity that a certificate gives; a text says why there is none. */
const identityOf = (socket: TLSSocket, { clientAuth, mapping }: ListenerTls): Identity | string => {
  if (clientAuth === "none") return ANONYMOUS
  const certificate = socket.getPeerX509Certificate()
  if (certificate === undefined) return ANONYMOUS
  if (!socket.authorized) {
    return `the client's certificate is not trusted: ${String(socket.authorizationError)}`
  }
  const subject = subjectOf(certificate.raw)
  const name = mapping(subject)
  return name === undefined
    ? `no rule of ssl.principal.mapping.rules fits ${subject}`
    : { principal: `User:${name}`, groups: [], byToken: false }
}

/** Handshakes, for as long as the scope lives; its files are read again when they change. */
export const tlsListener = Effect.fnUntraced(function* (tls: ListenerTls) {
  const clock = yield* wireClock
  const nowMs = () => monotonicMs(clock)
  const fork = Effect.runForkWith(yield* Effect.context<never>())
  const handshakes = new Handshakes(tls.maxHandshakes, nowMs)
  const isNews = oncePer(TOLD_INTERVAL_MS)
  const under = new Map<string, (result: Exit.Exit<Secured, Socket.SocketError>) => void>()

  const refuse = (host: string, why: string): Exit.Exit<never, Socket.SocketError> => {
    const line = Effect.logWithLevel(isNews(host, nowMs()) ? "Warn" : "Debug")(`no TLS: ${why}`)
    fork(Effect.annotateLogs(line, { client: host, listener: tls.listener }))
    return Exit.fail(failure(why))
  }

  const server = createServer({ ...tls.context, ...tls.server, handshakeTimeout: tls.handshakeTimeoutMs })
  server.on("secureConnection", (socket) => {
    socket.pause()
    socket.on("error", () => {})
    const done = under.get(endsOf(socket))
    const identity = identityOf(socket, tls)
    if (typeof identity !== "string" && done !== undefined) return done(Exit.succeed({ socket, identity }))
    done?.(refuse(hostOf(socket), typeof identity === "string" ? identity : "nobody waits for it"))
    socket.destroy()
  })
  server.on("tlsClientError", (error, socket) => {
    under.get(endsOf(socket))?.(refuse(hostOf(socket), reasonOf(error, tls)))
    socket.destroy()
  })
  yield* rereading(tls, (context) => server.setSecureContext(context))
  yield* Effect.sync(() => handshakes.giveWay()).pipe(
    Effect.delay(GIVE_WAY_INTERVAL_MS),
    Effect.forever,
    Effect.provideService(Clock.Clock, clock),
    Effect.forkScoped
  )

  const handshake = (net: NetSocket, host: string) =>
    Effect.callback<Secured, Socket.SocketError>((resume) => {
      const ends = endsOf(net)
      const end = (result: Exit.Exit<Secured, Socket.SocketError>) => {
        cleanUp()
        if (Exit.isFailure(result)) drop()
        resume(result)
      }
      // OpenSSL may be at work on this socket, and calls us from within.
      const drop = () => (began ? setImmediate(() => net.destroy()) : net.destroy())
      const gone = () =>
        end(
          began
            ? refuse(host, reasonOf({ code: "ECONNRESET" } as NodeJS.ErrnoException, tls))
            : Exit.fail(failure("gone"))
        )
      let began = false
      const mine: Handshake = {
        host,
        begin: () => {
          began = true
          stopLooking()
          under.set(ends, end)
          net.off("end", gone)
          server.emit("connection", net)
        },
        giveUp: () => end(refuse(host, "the handshake takes long, and others wait (tusk.tls.max.handshakes)"))
      }
      const cleanUp = () => {
        stopLooking()
        net.off("close", gone)
        net.off("end", gone)
        under.delete(ends)
        handshakes.leave(mine)
      }
      net.on("close", gone)
      net.on("end", gone)
      const stopLooking = awaitFirstBytes(net, (first) => {
        if (first.isTls) return handshakes.enter(mine)
        end(
          refuse(host, `this looks like ${first.looksLike}, and the port takes TLS (security.protocol=${tls.protocol})`)
        )
      })
      return Effect.sync(() => {
        cleanUp()
        drop()
      })
    })

  const secure: TlsListener["secure"] = (net, host) =>
    Effect.acquireRelease(
      handshake(net, host).pipe(
        Effect.timeoutOrElse({
          duration: tls.handshakeTimeoutMs,
          orElse: () =>
            Effect.suspend(() =>
              refuse(host, `no handshake in ${tls.handshakeTimeoutMs} ms (tusk.tls.handshake.timeout.ms)`)
            )
        }),
        Effect.provideService(Clock.Clock, clock)
      ),
      ({ socket }) =>
        Effect.sync(() => {
          if (!socket.closed) socket.destroySoon()
        }),
      { interruptible: true }
    )
  return { secure } satisfies TlsListener
})

const hostOf = ({ remoteAddress }: NetSocket): string => remoteAddress?.replace(/^::ffff:/, "") ?? ""
