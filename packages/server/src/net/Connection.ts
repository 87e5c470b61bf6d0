import type { ProtocolError } from "@tusk/protocol/ProtocolError"
import { Signals } from "@tusk/storage/Signal"
import type { Signal } from "@tusk/storage/Signal"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Socket from "effect/socket/Socket"
import { Dispatch } from "./Dispatch.ts"
import type { Admitted } from "./Dispatch.ts"
import { feed, isPartial, makeFramer } from "./Framer.ts"
import type { ConnectionInfo, Listener } from "../request/Handler.ts"
import { monotonicMs } from "../request/monotonic.ts"
import { oncePer } from "./oncePer.ts"
import { Places } from "../request/Places.ts"
import { lookAt, remedy } from "./Unsent.ts"
import type { Answer, Unsent } from "./Unsent.ts"

export interface ConnectionOptions {
  /** `socket.request.max.bytes` */
  readonly maxRequestBytes: number
  /** `connections.max.idle.ms` */
  readonly maxIdleMs: number
  /** From the first byte of a request to its last. */
  readonly maxRequestMs: number
  /** A client that takes none of its answer for longer is cut off. */
  readonly maxWriteStallMs: number
  /** Requests of one connection that are worked on at a time. */
  readonly maxInFlight: number
  /** `max.connections` */
  readonly maxConnections: number
  /** `max.connections.per.ip` */
  readonly maxConnectionsPerIp: number
}

export const ConnectionOptions = Context.Reference<ConnectionOptions>("@tusk/server/ConnectionOptions", {
  defaultValue: () => ({
    maxRequestBytes: 104_857_600,
    maxIdleMs: 600_000,
    maxRequestMs: 30_000,
    maxWriteStallMs: 60_000,
    maxInFlight: 5,
    maxConnections: 10_000,
    maxConnectionsPerIp: 10_000
  })
})

/** How often connections are looked at for the time limits. */
const WATCH_INTERVAL_MS = 1000

/** What the watch goes by; times in milliseconds of the monotonic clock, 0 for none. */
interface Watched {
  readonly info: ConnectionInfo
  /** Tells who waits that the broker stops. */
  readonly stop: () => void
  readonly fiber: Fiber.Fiber<unknown, unknown>
  /** Answers under way, in order of requests; the writer takes them off the front. */
  readonly pending: Array<Answer>
  /** Told of each change of `pending` and `stopping`. */
  readonly changed: Signal
  unsent: Unsent | undefined
  lastActiveMs: number
  /** When the bytes came that are worked on. */
  receivedMs: number
  partialSinceMs: number
  writingSinceMs: number
  inFlight: number
  stopping: boolean
  /** Waits for bytes of a next request, with nothing in hand: may be cut off without loss. */
  reading: boolean
}

/** Who is at the other end. */
export interface Peer {
  readonly listener: Listener
  /** Its address without port; "" where there is none. */
  readonly clientHost: string
  /** Is given what to call, at most once, when no more will come from it: also while nobody reads from the socket. */
  readonly onGone: (gone: () => void) => void
  /** Nothing that is written arrives any more. */
  readonly isClosed: () => boolean
}

/** All open connections: serves them in order of their requests, within limits, and stops them gracefully. */
export class Connections extends Context.Service<
  Connections,
  {
    /** Serves one connection until it ends. Never fails. */
    readonly serve: (socket: Socket.Socket, peer: Peer) => Effect.Effect<void>
    /** Whether one more may come from this address. */
    readonly admits: (clientHost: string) => boolean
    /** Reads nothing more, has answered what waits, finishes what is in flight (at most so long), then closes. */
    readonly stop: (maxMs: number) => Effect.Effect<void>
    readonly count: () => number
  }
>()("@tusk/server/Connections") {
  static readonly layer = Layer.effect(
    Connections,
    Effect.gen(function* () {
      const services = yield* Effect.context<never>()
      const dispatch = yield* Dispatch
      const options = yield* ConnectionOptions
      const makeSignal = yield* Signals
      const clock = yield* Clock.Clock
      const nowMs = () => monotonicMs(clock)
      const open = new Set<Watched>()
      const perHost = new Map<string, number>()
      /** Told of each connection that ends. */
      const ended = makeSignal()
      const isOtherNews = oncePer(60_000)
      let lastId = 0
      let draining = false

      /** Why a connection is to be closed, and how loudly: all clients are idle some day. */
      const overdue = (
        watched: Watched,
        now: number
      ): readonly [reason: string, level: "Info" | "Debug"] | undefined => {
        if (watched.partialSinceMs > 0 && now - watched.partialSinceMs > options.maxRequestMs) {
          return [`a request was begun ${options.maxRequestMs} ms ago and not finished`, "Info"]
        }
        if (watched.writingSinceMs > 0 && now - watched.writingSinceMs > options.maxWriteStallMs) {
          return [`the client took none of its answers for ${options.maxWriteStallMs} ms`, "Info"]
        }
        if (watched.inFlight === 0 && now - watched.lastActiveMs > options.maxIdleMs) {
          return [`idle for ${options.maxIdleMs} ms (connections.max.idle.ms)`, "Debug"]
        }
        return undefined
      }

      /** An answer that is ready and not sent is never to be: it is told, and sent all the same. */
      const seeTo = (watched: Watched): Effect.Effect<void> => {
        watched.unsent = lookAt(watched.unsent, watched.pending, watched.writingSinceMs > 0)
        const needed = remedy(watched.unsent)
        if (needed === undefined) return Effect.void
        const act = () => (needed === "wake" ? watched.changed.notify() : watched.fiber.interruptUnsafe())
        return Effect.logError(`an answer is ready and was not sent: ${needed} its connection`).pipe(
          Effect.annotateLogs({ connection: watched.info.id, pending: watched.pending.length }),
          Effect.andThen(Effect.sync(act))
        )
      }

      yield* Effect.gen(function* () {
        while (true) {
          yield* Effect.sleep(WATCH_INTERVAL_MS)
          const now = nowMs()
          for (const watched of open) {
            yield* seeTo(watched)
            const found = overdue(watched, now)
            if (found === undefined) continue
            yield* logClose(watched.info, ...found)
            watched.fiber.interruptUnsafe()
          }
        }
      }).pipe(Effect.forkScoped)

      const run = Effect.fnUntraced(function* (socket: Socket.Socket, watched: Watched, peer: Peer) {
        const scope = yield* Effect.scope
        const pull = yield* Socket.readerBytes(socket)
        const writer = yield* socket.writer
        const framer = makeFramer(options.maxRequestBytes)
        const { changed, pending } = watched
        const drained = changed.until(() => pending.length === 0)
        const isBelowLimit = changed.until(() => pending.length < options.maxInFlight)
        const isToWriteOrEnd = changed.until(() => pending.length > 0 || (watched.stopping && watched.reading))

        const written = () => {
          watched.writingSinceMs = 0
          watched.lastActiveMs = nowMs()
        }
        /** Returns when the client has taken it: a slow one has one answer unsent, and nothing more is read from it. */
        const write = (chunks: ReadonlyArray<Uint8Array>): Effect.Effect<void, Socket.SocketError> => {
          if (chunks.length === 0) return Effect.void
          // A socket that is closed already says nothing of what is written to it, neither that it went nor that it failed.
          if (peer.isClosed()) return Effect.fail(closed())
          watched.writingSinceMs = nowMs()
          const pieces = inPieces(chunks)
          return Effect.map(pieces === undefined ? writeAll(chunks) : Effect.forEach(pieces, writePiece), written)
        }
        const writeAll = (chunks: ReadonlyArray<Uint8Array>) =>
          writer.writeAll(chunks as [Uint8Array, ...Array<Uint8Array>])
        /** A client that takes a large answer slowly is getting on all the same. */
        const writePiece = (chunks: ReadonlyArray<Uint8Array>) =>
          Effect.map(writeAll(chunks), () => {
            watched.writingSinceMs = nowMs()
          })

        const writeLoop = Effect.gen(function* () {
          while (true) {
            yield* isToWriteOrEnd
            if (pending.length === 0) return
            const chunks: Array<Uint8Array> = []
            // All that is ready goes out together; what is not is waited for.
            for (const chunk of yield* Fiber.join(pending[0]!)) chunks.push(chunk)
            let taken = 1
            while (taken < pending.length) {
              const exit = pending[taken]!.pollUnsafe()
              if (exit === undefined || !Exit.isSuccess(exit)) break
              for (const chunk of exit.value) chunks.push(chunk)
              taken++
            }
            yield* write(chunks)
            pending.splice(0, taken)
            watched.inFlight -= taken
            changed.notify()
          }
        })

        const startBeside = Effect.fnUntraced(function* (admitted: Admitted) {
          const answering = admitted.ready === undefined ? admitted.run : yield* admitted.ready
          if (answering === undefined) return
          yield* isBelowLimit
          watched.inFlight++
          // Runs up to its first wait now: so requests are admitted in the order of the connection.
          pending.push(yield* Effect.forkIn(answering, scope, { startImmediately: true }))
          changed.notify()
          const { placing } = watched.info
          if (placing === undefined) return
          watched.info.placing = undefined
          yield* placing
        })

        const frames: Array<Uint8Array> = []
        /** Cuts what was read into `frames`. */
        const take = (chunks: ReadonlyArray<Uint8Array>): ProtocolError | undefined => {
          watched.reading = false
          watched.receivedMs = nowMs()
          watched.lastActiveMs = watched.receivedMs
          let broken: ProtocolError | undefined
          for (const chunk of chunks) broken ??= feed(framer, chunk, frames)
          if (frames.length > 0 || !isPartial(framer)) watched.partialSinceMs = 0
          return broken
        }
        /** A request that waits keeps nothing alive of the bytes it came in. */
        const admit = (i: number): Admitted | ProtocolError => {
          const frame = frames[i]!
          frames[i] = NO_BYTES
          return dispatch.admit(frame, watched.info, watched.receivedMs)
        }

        const readLoop = Effect.gen(function* () {
          while (!watched.stopping) {
            // A request's time begins when the ones before it are done with: until then nobody reads its rest.
            if (isPartial(framer)) watched.partialSinceMs ||= nowMs()
            watched.reading = true
            let broken = take(yield* pull)
            for (let i = 0; i < frames.length; i++) {
              const admitted = admit(i)
              if ("reason" in admitted) {
                broken = admitted
                break
              }
              if (admitted.concurrent) {
                yield* startBeside(admitted)
                continue
              }
              yield* drained
              watched.inFlight++
              const answering = admitted.ready === undefined ? admitted.run : yield* admitted.ready
              if (answering !== undefined) yield* write(yield* answering)
              watched.inFlight--
              settle(watched.info)
            }
            frames.length = 0
            if (broken !== undefined) {
              // A probe that speaks something else comes again and again.
              const isNews = broken.reason !== "otherProtocol" || isOtherNews(watched.info.clientHost, nowMs())
              yield* logClose(watched.info, broken.message, isNews ? "Warn" : "Debug")
              // What was asked before the broken frame is answered still.
              yield* drained
              return
            }
          }
          yield* drained
        })

        yield* Effect.raceFirst(
          // A client that sent its last and closed: what it asked for is done all the same.
          Effect.catch(readLoop, (error) => Effect.andThen(drained, Effect.fail(error))),
          writeLoop
        )
      })

      const serve: Connections["Service"]["serve"] = (socket, peer) =>
        Effect.withFiber((fiber) => {
          let waiting: (() => void) | undefined
          const info: ConnectionInfo = {
            id: ++lastId,
            listener: peer.listener,
            clientHost: peer.clientHost,
            clientSoftwareName: "unknown",
            clientSoftwareVersion: "unknown",
            isGone: false,
            isStopping: draining,
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
            placing: undefined,
            close: (reason) => {
              Effect.runForkWith(services)(logClose(info, reason, "Info"))
              fiber.interruptUnsafe()
            }
          }
          peer.onGone(() => {
            info.isGone = true
            waiting?.()
          })
          const watched: Watched = {
            info,
            stop: () => {
              info.isStopping = true
              waiting?.()
            },
            fiber,
            pending: [],
            changed: makeSignal(),
            unsent: undefined,
            lastActiveMs: nowMs(),
            receivedMs: 0,
            partialSinceMs: 0,
            writingSinceMs: 0,
            inFlight: 0,
            stopping: draining,
            reading: false
          }
          open.add(watched)
          perHost.set(peer.clientHost, (perHost.get(peer.clientHost) ?? 0) + 1)
          return Effect.scoped(run(socket, watched, peer)).pipe(
            // The client went away, or cut the connection.
            Effect.catchTag("SocketError", () => Effect.void),
            Effect.catchDefect((defect) => Effect.logError("defect in a connection", defect)),
            Effect.ensuring(
              Effect.sync(() => {
                open.delete(watched)
                const left = (perHost.get(peer.clientHost) ?? 1) - 1
                if (left === 0) perHost.delete(peer.clientHost)
                else perHost.set(peer.clientHost, left)
                ended.notify()
                settle(info)
                for (const end of Array.from(info.onEnd)) end()
              })
            )
          )
        })

      return Connections.of({
        serve,
        admits: (clientHost) =>
          !draining &&
          open.size < options.maxConnections &&
          (perHost.get(clientHost) ?? 0) < options.maxConnectionsPerIp,
        stop: (maxMs) =>
          Effect.suspend(() => {
            draining = true
            for (const watched of open) {
              watched.stopping = true
              watched.stop()
              if (watched.reading && watched.inFlight === 0) watched.fiber.interruptUnsafe()
              else watched.changed.notify()
            }
            return Effect.timeoutOption(
              ended.until(() => open.size === 0),
              maxMs
            )
          }).pipe(
            Effect.andThen(
              Effect.sync(() => {
                for (const watched of open) watched.fiber.interruptUnsafe()
              })
            )
          ),
        count: () => open.size
      })
    })
  )
}

const settle = (info: ConnectionInfo): void => {
  const { answered } = info
  info.answered = undefined
  answered?.()
}

const NO_BYTES = new Uint8Array(0)
const PIECE_BYTES = 1 << 20

/** A large answer in pieces of about a MiB; undefined for one that is not large. */
const inPieces = (chunks: ReadonlyArray<Uint8Array>): ReadonlyArray<ReadonlyArray<Uint8Array>> | undefined => {
  let bytes = 0
  for (const chunk of chunks) bytes += chunk.byteLength
  if (bytes <= PIECE_BYTES) return undefined
  const pieces: Array<Array<Uint8Array>> = []
  let room = 0
  for (const chunk of chunks) {
    for (let at = 0; at < chunk.byteLength;) {
      if (room === 0) {
        pieces.push([])
        room = PIECE_BYTES
      }
      const part = at === 0 && chunk.byteLength <= room ? chunk : chunk.subarray(at, at + room)
      pieces[pieces.length - 1]!.push(part)
      at += part.byteLength
      room -= part.byteLength
    }
  }
  return pieces
}

const closed = () => new Socket.SocketError({ reason: new Socket.SocketCloseError({ code: 1006 }) })

const logClose = (info: ConnectionInfo, reason: string, level: "Debug" | "Info" | "Warn"): Effect.Effect<void> =>
  Effect.logWithLevel(level)(`connection closed: ${reason}`).pipe(
    Effect.annotateLogs({ client: info.clientHost, listener: info.listener.name })
  )
