/** TLS on the sockets of one listener: the handshake, within limits, and who is at the other end. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Scope from "effect/Scope"
import * as Socket from "effect/socket/Socket"
import type { Socket as NetSocket } from "node:net"
import { createSecureContext } from "node:tls"
import type { SecureContext, SecureContextOptions, TLSSocket } from "node:tls"
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
import { acceptTls, distrustOf, sendAlert } from "./serverSocket.ts"
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

/** Sessions of a listener are its own: OpenSSL wants a name for them, where it asks for certificates. */
const SESSIONS = "tusk"

const failure = (message: string): Socket.SocketError =>
  new Socket.SocketError({ reason: new Socket.SocketOpenError({ kind: "Unknown", cause: new Error(message) }) })

const [GONE, UNSHOWN] = ["the client went away", "the client shows no certificate"]

/** OpenSSL's reason, without the place in its code. */
const reasonOf = (error: { readonly code?: string; readonly message?: string }): string => {
  if (error.code === "ECONNRESET") return GONE
  if (error.code === "ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE") return UNSHOWN
  const { message = "" } = error
  return /:error:[0-9A-F]+:[^:]*:[^:]*:([^:]+)/i.exec(message)?.[1] ?? message
}

/** The identity that a certificate gives; a text says why there is none. */
const identityOf = (socket: TLSSocket, { clientAuth, mapping }: ListenerTls): Identity | string => {
  if (clientAuth === "none") return ANONYMOUS
  const certificate = socket.getPeerX509Certificate()
  if (certificate === undefined) return clientAuth === "required" ? UNSHOWN : ANONYMOUS
  const distrust = distrustOf(socket)
  if (distrust !== undefined) return `the client's certificate is not trusted: ${distrust}`
  const subject = subjectOf(certificate.raw)
  const name = mapping(subject)
  return name === undefined
    ? `no rule of ssl.principal.mapping.rules fits ${subject}`
    : { principal: `User:${name}`, groups: [], byToken: false }
}

type Outcome = Exit.Exit<Secured, Socket.SocketError>

/** What the handshakes of a listener share. */
interface Parts {
  readonly tls: ListenerTls
  /** As the files are now. */
  readonly context: () => SecureContext
  readonly handshakes: Handshakes
  /** Tells why there is no TLS. */
  readonly refuse: (host: string, why: string) => Exit.Exit<never, Socket.SocketError>
}

/** Told in the log, as a warning once in a while for each host. */
const refusing = ({ listener }: ListenerTls, nowMs: () => number, fork: (line: Effect.Effect<void>) => void) => {
  const isNews = oncePer(TOLD_INTERVAL_MS)
  return (host: string, why: string): Exit.Exit<never, Socket.SocketError> => {
    const line = Effect.logWithLevel(isNews(host, nowMs()) ? "Warn" : "Debug")(`no TLS: ${why}`)
    fork(Effect.annotateLogs(line, { client: host, listener }))
    return Exit.fail(failure(why))
  }
}

const handshakeOn = (net: NetSocket, host: string, parts: Parts): Effect.Effect<Secured, Socket.SocketError> => {
  const { context, handshakes, refuse, tls } = parts
  return Effect.callback<Secured, Socket.SocketError>((resume) => {
    let [began, isOver] = [false, false]
    let stopLooking = (): void => {}
    // OpenSSL may be at work on this socket, and calls us from within.
    const drop = () => (began ? setImmediate(() => net.destroy()) : net.destroy())
    const end = (outcome: Outcome) => {
      cleanUp()
      if (Exit.isFailure(outcome)) drop()
      resume(outcome)
    }
    const gone = () => end(began ? refuse(host, GONE) : Exit.fail(failure(GONE)))
    const judge = (socket: TLSSocket) => {
      if (isOver) return
      const identity = identityOf(socket, tls)
      if (typeof identity !== "string") return end(Exit.succeed({ socket, identity }))
      cleanUp()
      const refused = Effect.andThen(Effect.sleep(tls.refusalMs), refuse(host, identity))
      setImmediate(() => {
        if (!net.destroyed) sendAlert(socket)
        resume(Effect.ensuring(refused, Effect.sync(drop)))
      })
    }
    const mine: Handshake = {
      host,
      begin: () => {
        began = true
        net.off("end", gone)
        const { clientAuth } = tls
        const asked = { requestCert: clientAuth !== "none", requireCert: clientAuth === "required" }
        acceptTls(net, { context: context(), ...asked }, judge, (error) => {
          if (!isOver) end(refuse(host, reasonOf(error)))
        })
      },
      giveUp: () => end(refuse(host, "the handshake takes long, and others wait (tusk.tls.max.handshakes)"))
    }
    const cleanUp = () => {
      isOver = true
      stopLooking()
      net.off("close", gone)
      net.off("end", gone)
      handshakes.leave(mine)
    }
    net.on("close", gone)
    net.on("end", gone)
    stopLooking = awaitFirstBytes(net, (first) => {
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
}

/** Handshakes, for as long as the scope lives; the files are read again when they change. */
export const tlsListener = Effect.fnUntraced(function* (tls: ListenerTls) {
  const clock = yield* wireClock
  const nowMs = () => monotonicMs(clock)
  const fork = Effect.runForkWith(yield* Effect.context<never>())
  const handshakes = new Handshakes(tls.maxHandshakes, nowMs)
  const contextOf = (options: SecureContextOptions) => createSecureContext({ ...options, sessionIdContext: SESSIONS })
  let context = contextOf(tls.context)
  const refuse = refusing(tls, nowMs, fork)
  const parts: Parts = { tls, context: () => context, handshakes, refuse }
  yield* rereading(tls, (options) => {
    context = contextOf(options)
  })
  yield* Effect.sync(() => handshakes.giveWay()).pipe(
    Effect.delay(GIVE_WAY_INTERVAL_MS),
    Effect.forever,
    Effect.provideService(Clock.Clock, clock),
    Effect.forkScoped
  )

  const late = `no handshake in ${tls.handshakeTimeoutMs} ms (tusk.tls.handshake.timeout.ms)`
  const secure: TlsListener["secure"] = (net, host) =>
    Effect.acquireRelease(
      handshakeOn(net, host, parts).pipe(
        Effect.timeoutOrElse({
          duration: tls.handshakeTimeoutMs,
          orElse: () => Effect.suspend(() => refuse(host, late))
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
