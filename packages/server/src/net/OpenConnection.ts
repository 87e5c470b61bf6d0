import { logDebugOf } from "@tusk/storage/logging"
import type { Signal } from "@tusk/storage/Signal"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import { inArea } from "../observe/LogLines.ts"
import type { Authorizer } from "../request/Authorizer.ts"
import type { ConnectionInfo, Listener } from "../request/ConnectionInfo.ts"
import { ANONYMOUS } from "../request/Identity.ts"
import type { Identity } from "../request/Identity.ts"
import { Places } from "../request/Places.ts"
import type { Answer, Unsent } from "./Unsent.ts"

/** The other end of a connection. */
export interface Peer {
  readonly listener: Listener
  /** Its address without port; "" if there is none. */
  readonly clientHost: string
  readonly clientPort?: number | undefined
  /** Who it is, as the socket itself says once it is open: by a certificate. */
  readonly identity?: () => Identity | undefined
  /** Takes what to call, at most once, when no more will come from it: also while no fiber reads from the socket. */
  readonly onGone: (gone: () => void) => void
  /** Nothing that is written arrives any more. */
  readonly isClosed: () => boolean
  /** Bytes that have been read ahead, and are kept until a request is done with. */
  readonly unread?: () => number
}

/** One connection, as the server sees it; times in milliseconds of the monotonic clock, 0 for none. */
export interface OpenConnection {
  readonly info: ConnectionInfo
  /** Tells the requests that wait that the broker stops. */
  readonly stop: () => void
  readonly fiber: Fiber.Fiber<unknown, unknown>
  /** Answers under way, in order of requests; the writer takes them off the front. */
  readonly pending: Array<Answer>
  /** Told of each change of `pending` and `stopping`. */
  readonly changed: Signal
  unsent: Unsent | undefined
  /** Bytes that are kept of the request that has not come whole. */
  gathered: number
  readonly unread: () => number
  /** Nothing of it can be read yet: it is in its handshake of TLS, or waits for it. */
  isOpening: boolean
  readonly openedMs: number
  lastActiveMs: number
  /** When the bytes came that are worked on. */
  receivedMs: number
  partialSinceMs: number
  writingSinceMs: number
  inFlight: number
  /** That came in all. */
  requests: number
  stopping: boolean
  /** Waits for bytes of a next request, with nothing in hand: may be cut off without loss. */
  reading: boolean
}

interface Opening {
  readonly id: number
  readonly authorizer: Authorizer
  readonly peer: Peer
  /** Ends with the connection, and ends it if it is interrupted. */
  readonly fiber: Fiber.Fiber<unknown, unknown>
  readonly changed: Signal
  readonly nowMs: number
  readonly isStopping: boolean
  /** Runs what is logged. */
  readonly fork: (line: Effect.Effect<void>) => void
}

export const openConnection = ({
  authorizer,
  changed,
  fiber,
  fork,
  id,
  isStopping,
  nowMs,
  peer
}: Opening): OpenConnection => {
  let waiting: (() => void) | undefined
  const info: ConnectionInfo = {
    id,
    listener: peer.listener,
    clientHost: peer.clientHost,
    clientPort: peer.clientPort,
    identity: ANONYMOUS,
    login: undefined,
    endsBecause: undefined,
    authorizer,
    clientSoftwareName: "unknown",
    clientSoftwareVersion: "unknown",
    isGone: false,
    mutedUntilMs: 0,
    isStopping,
    onEnding: (ending) => {
      waiting = ending
      if (info.isGone || info.isStopping) ending()
    },
    offEnding: (ending) => {
      if (waiting === ending) waiting = undefined
    },
    answered: undefined,
    onEnd: new Set(),
    places: new Places(),
    close: (reason, level = "Info") => {
      fork(logClose(info, reason, level))
      fiber.interruptUnsafe()
    }
  }
  peer.onGone(() => {
    info.isGone = true
    waiting?.()
  })
  return {
    info,
    stop: () => {
      info.isStopping = true
      waiting?.()
    },
    fiber,
    pending: [],
    changed,
    unsent: undefined,
    gathered: 0,
    isOpening: true,
    unread: peer.unread ?? (() => 0),
    openedMs: nowMs,
    lastActiveMs: nowMs,
    receivedMs: 0,
    partialSinceMs: 0,
    writingSinceMs: 0,
    inFlight: 0,
    requests: 0,
    stopping: isStopping,
    reading: true
  }
}

/** What a client that is not authenticated has sent counts, with that of all others. */
export const weigh = ({ gathered, info: { login }, unread }: OpenConnection): void => {
  if (login?.isUnderWay === true) login.holds(gathered + unread())
}

/** The answer to the request that was worked on is written, or will never be. */
export const settle = (info: ConnectionInfo): void => {
  const { answered } = info
  info.answered = undefined
  answered?.release()
}

export const logClose = (info: ConnectionInfo, reason: string, level: "Debug" | "Info" | "Warn"): Effect.Effect<void> =>
  Effect.suspend(() => {
    info.closedBecause = reason
    return Effect.logWithLevel(level)(`connection closed: ${reason}`).pipe(
      Effect.annotateLogs({ client: info.clientHost, listener: info.listener.name }),
      inArea("net")
    )
  })

const debugLine = (message: string, fields: Record<string, unknown>): Effect.Effect<void> =>
  logDebugOf(() => inArea("net")(Effect.annotateLogs(Effect.logDebug(message), fields)))

/** A connection can be followed at debug, from its first line to its last. */
export const tellOpened = ({ info }: OpenConnection): Effect.Effect<void> =>
  debugLine("connection is open", { connection: info.id, client: info.clientHost, listener: info.listener.name })

/** `nowMs`: of the monotonic clock, as the one at which it was opened. */
export const tellClosed = ({ info, openedMs, requests }: OpenConnection, nowMs: number): Effect.Effect<void> => {
  const { clientHost, clientId, clientSoftwareName, clientSoftwareVersion, closedBecause, id, identity } = info
  const { isGone, isStopping } = info
  const reason = closedBecause ?? (isStopping ? "the broker stops" : isGone ? "the client went away" : "it was cut off")
  return debugLine("connection is over", {
    connection: id,
    client: clientHost,
    listener: info.listener.name,
    clientId,
    software: `${clientSoftwareName} ${clientSoftwareVersion}`,
    principal: identity.principal,
    reason,
    forMs: Math.round(nowMs - openedMs),
    requests
  })
}
