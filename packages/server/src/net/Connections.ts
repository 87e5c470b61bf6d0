import type { ProtocolError } from "@tusk/protocol/ProtocolError"
import { Signals } from "@tusk/storage/Signal"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Socket from "effect/socket/Socket"
import { BrokerSettings } from "../config/BrokerSettings.ts"
import { inArea } from "../observe/LogLines.ts"
import { Authorizer } from "../request/Authorizer.ts"
import type { ConnectionInfo } from "../request/ConnectionInfo.ts"
import { Logins } from "../security/sasl/Logins.ts"
import { Deadlines } from "../request/Deadlines.ts"
import { monotonicMs } from "../request/monotonic.ts"
import { RequestCounts } from "../request/ServerCounts.ts"
import { wireClock } from "../request/WireClock.ts"
import { admission } from "./admission.ts"
import type { Admitting } from "./admission.ts"
import { answerLoop, writeTo } from "./AnswerLoop.ts"
import { ConnectionOptions } from "./ConnectionOptions.ts"
import { Dispatch } from "./Dispatch.ts"
import { listenerLimits } from "./ListenerLimits.ts"
import { unmuted } from "./Muting.ts"
import { oncePer } from "../request/oncePer.ts"
import { logClose, openConnection, tellClosed, tellOpened } from "./OpenConnection.ts"
import type { OpenConnection, Peer } from "./OpenConnection.ts"
import { requestLoop } from "./RequestLoop.ts"
import { Roster } from "./Roster.ts"
import { watch } from "./Watch.ts"

/** A probe that speaks something else comes again and again: each host's is told so often, in milliseconds. */
const STRANGER_INTERVAL_MS = 60_000

/** What is told of connections that are ended here. */
const telling = (nowMs: () => number) => {
  const isOtherNews = oncePer(STRANGER_INTERVAL_MS)
  return (info: ConnectionInfo) => ({
    logBroken: ({ message, reason }: ProtocolError) => {
      const isNews = reason !== "otherProtocol" || isOtherNews(info.clientHost, nowMs())
      return logClose(info, message, isNews ? "Warn" : "Debug")
    },
    logEnd: (reason: string) => {
      const isNews = isOtherNews(`${info.clientHost} ${reason}`, nowMs())
      return logClose(info, reason, isNews ? "Info" : "Debug")
    }
  })
}

/** All open connections: serves them in order of their requests, within limits, and stops them gracefully. */
export class Connections extends Context.Service<
  Connections,
  {
    /** Serves one connection until it ends. Never fails. */
    readonly serve: (socket: Socket.Socket, peer: Peer) => Effect.Effect<void>
    /** Counts a socket that was accepted, and serves it (`then`) in its turn. */
    readonly admitting: Admitting
    /** Reads nothing more, has answered what waits, finishes what is in flight (at most so long), then closes. */
    readonly stop: (maxMs: number) => Effect.Effect<void>
    readonly count: () => number
  }
>()("@tusk/server/Connections") {
  static readonly layer = Layer.effect(
    Connections,
    Effect.gen(function* () {
      const fork = Effect.runForkWith(yield* Effect.context<never>())
      const dispatch = yield* Dispatch
      const options = yield* ConnectionOptions
      const authorizer = yield* Authorizer
      const counts = yield* RequestCounts
      const logins = yield* Logins
      const deadlines = yield* Deadlines
      const makeSignal = yield* Signals
      const clock = yield* wireClock
      const nowMs = () => monotonicMs(clock)
      const limitsOf = listenerLimits(yield* BrokerSettings)
      const roster = new Roster(makeSignal(), options, limitsOf)
      const { admitting, close } = yield* admission(roster, limitsOf)
      const tell = telling(nowMs)
      let lastId = 0

      yield* Effect.forkScoped(Effect.provideService(watch(roster.open, options, nowMs), Clock.Clock, clock))

      const talk = Effect.fnUntraced(function* (socket: Socket.Socket, connection: OpenConnection, peer: Peer) {
        const { info } = connection
        const pull = yield* Socket.readerBytes(socket)
        connection.isOpening = false
        info.identity = peer.identity?.() ?? info.identity
        const writer = yield* socket.writer
        const write = writeTo(connection, peer, writer.writeAll, nowMs)
        const requests = requestLoop({
          connection,
          admit: dispatch.admit,
          options,
          nowMs,
          pull,
          write,
          unmuted: unmuted(connection, deadlines, nowMs),
          ...tell(info)
        })
        yield* Effect.raceFirst(requests, answerLoop(connection, write))
      })

      const serve: Connections["Service"]["serve"] = (socket, peer) =>
        Effect.withFiber((fiber) => {
          const connection = openConnection({
            id: ++lastId,
            authorizer,
            peer,
            fiber,
            changed: makeSignal(),
            nowMs: nowMs(),
            isStopping: roster.isDraining,
            fork
          })
          roster.add(connection)
          logins.begin(connection.info)
          counts.connections++
          return Effect.andThen(tellOpened(connection), Effect.scoped(talk(socket, connection, peer))).pipe(
            // What its requests log is theirs, whichever fiber does the work.
            inArea("request"),
            // The client went away, or cut the connection.
            Effect.catchTag("SocketError", () => Effect.void),
            Effect.catchDefect((defect) => inArea("net")(Effect.logError("defect in a connection", defect))),
            Effect.ensuring(
              Effect.suspend(() => {
                roster.remove(connection)
                return tellClosed(connection, nowMs())
              })
            )
          )
        })

      return Connections.of({
        serve,
        admitting,
        stop: stopping(roster, close),
        count: () => roster.open.size
      })
    })
  )
}

const stopping =
  (roster: Roster, close: () => void) =>
  (maxMs: number): Effect.Effect<void> =>
    Effect.sync(() => {
      close()
      roster.drain()
    }).pipe(
      Effect.andThen(Effect.timeoutOption(roster.drained, maxMs)),
      Effect.andThen(Effect.sync(() => roster.cutOff()))
    )
