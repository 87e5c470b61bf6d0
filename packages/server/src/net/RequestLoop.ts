import type { ProtocolError } from "@tusk/protocol/ProtocolError"
import * as Effect from "effect/Effect"
import type * as Socket from "effect/socket/Socket"
import type { Write } from "./AnswerLoop.ts"
import type { ConnectionOptions } from "./ConnectionOptions.ts"
import type { Admitted, Begin, Framing } from "./Admitted.ts"
import type { Dispatch } from "./Dispatch.ts"
import { abandon, feed, isPartial, makeFramer, REQUEST_LIMIT } from "./Framer.ts"
import type { Framer } from "./Framer.ts"
import { settle, weigh } from "./OpenConnection.ts"
import type { OpenConnection } from "./OpenConnection.ts"
import type { Answer } from "./Unsent.ts"

interface Parts {
  readonly connection: OpenConnection
  readonly admit: Dispatch["Service"]["admit"]
  readonly options: ConnectionOptions
  readonly nowMs: () => number
  /** The next bytes from the client; fails when no more come. */
  readonly pull: Effect.Effect<ReadonlyArray<Uint8Array>, Socket.SocketError>
  readonly write: Write
  /** Returns when the connection is mute no more; undefined: it is not mute. */
  readonly unmuted: () => Effect.Effect<void> | undefined
  readonly logBroken: (broken: ProtocolError) => Effect.Effect<void>
  /** Why the connection ends with an answer: a login that has failed. */
  readonly logEnd: (reason: string) => Effect.Effect<void>
}

const NO_BYTES = new Uint8Array(0)

/** Reads requests and begins them in order: one after the other, or concurrent ones beside each other. */
export const requestLoop = (parts: Parts): Effect.Effect<void, Socket.SocketError> => {
  const { admit, connection, logBroken, logEnd, nowMs, options, pull, unmuted, write } = parts
  const { changed, info, pending } = connection
  const framer = makeFramer(options.maxRequestBytes)
  const drained = changed.until(() => pending.length === 0)
  const runBeside = besideOthers(parts)
  const frames: Array<Uint8Array> = []

  /** Cuts what was read into `frames`. */
  const take = (chunks: ReadonlyArray<Uint8Array>): ProtocolError | undefined => {
    connection.reading = false
    connection.receivedMs = nowMs()
    connection.lastActiveMs = connection.receivedMs
    let broken: ProtocolError | undefined
    if (info.login !== undefined) bound(framer, info.login.isUnderWay, options)
    for (const chunk of chunks) broken ??= feed(framer, chunk, frames)
    connection.gathered = framer.gathered.byteLength
    weigh(connection)
    if (frames.length > 0 || !isPartial(framer)) connection.partialSinceMs = 0
    return broken
  }
  /** A request that waits keeps nothing alive of the bytes it came in. */
  const admitFrame = (i: number): Admitted | ProtocolError => {
    const frame = frames[i]!
    frames[i] = NO_BYTES
    connection.requests++
    return admit(frame, info, connection.receivedMs)
  }

  return Effect.gen(function* () {
    while (!connection.stopping) {
      const quiet = unmuted()
      if (quiet !== undefined) {
        yield* quiet
        continue
      }
      // A request's time begins when the ones before it are done with: until then its rest is not read.
      if (isPartial(framer)) connection.partialSinceMs ||= nowMs()
      connection.reading = true
      let broken = take(yield* pull)
      for (let i = 0; i < frames.length; i++) {
        const admitted = admitFrame(i)
        if ("reason" in admitted) {
          broken = admitted
          break
        }
        if (admitted.concurrent) {
          yield* runBeside(admitted)
          continue
        }
        yield* drained
        const quiet = unmuted()
        if (quiet !== undefined) yield* quiet
        connection.inFlight++
        const begin = admitted.ready === undefined ? admitted.begin : yield* admitted.ready
        if (begin !== undefined) yield* write(yield* inTurn(begin))
        connection.inFlight--
        settle(info)
        if (info.endsBecause !== undefined) return yield* logEnd(info.endsBecause)
      }
      frames.length = 0
      if (broken !== undefined) {
        yield* logBroken(broken)
        // What was asked before the broken frame is answered still.
        yield* drained
        return
      }
    }
    yield* drained
  }).pipe(
    // A client that sent its last and closed: what it asked for is done all the same.
    Effect.catch((error) => Effect.andThen(drained, Effect.fail(error))),
    Effect.ensuring(Effect.sync(() => abandon(framer)))
  )
}

/** A client that is not authenticated sends small requests. */
const bound = (framer: Framer, isLoggingIn: boolean, { maxLoginBytes, maxRequestBytes }: ConnectionOptions): void => {
  framer.maxBytes = isLoggingIn ? Math.min(maxLoginBytes, maxRequestBytes) : maxRequestBytes
  framer.setting = isLoggingIn ? "sasl.server.max.receive.size" : REQUEST_LIMIT
}

/** A request that runs in turn is answered before the next one begins: it has nothing to hold up. */
const inTurn = (begin: Begin): Framing => {
  const begun = begin()
  return "placed" in begun ? begun.answer : begun
}

/** Begins a concurrent request as soon as it may, and returns when those behind it may begin. */
const besideOthers = ({ connection, options, unmuted }: Parts) => {
  const { changed, pending } = connection
  const isBelowLimit = changed.until(() => pending.length < options.maxInFlight)
  /** It is written in its turn, once it is done. */
  const enter = (answer: Answer): void => {
    pending.push(answer)
    answer.addObserver(changed.notify)
  }
  const start = (begin: Begin): Effect.Effect<void> => {
    connection.inFlight++
    const begun = begin()
    const isPlacing = "placed" in begun
    // Runs up to its first wait now: so requests take their places in the order of the connection.
    const forked = Effect.forkChild(isPlacing ? begun.answer : begun, { startImmediately: true })
    const entered = Effect.map(forked, enter)
    return isPlacing ? Effect.andThen(entered, begun.placed) : entered
  }
  const startLater = Effect.fnUntraced(function* (admitted: Admitted) {
    const begin = admitted.ready === undefined ? admitted.begin : yield* admitted.ready
    if (begin === undefined) return
    yield* isBelowLimit
    const quiet = unmuted()
    if (quiet !== undefined) yield* quiet
    yield* start(begin)
  })
  return (admitted: Admitted): Effect.Effect<void> => {
    const mayStart = admitted.ready === undefined && pending.length < options.maxInFlight && unmuted() === undefined
    return mayStart ? start(admitted.begin) : startLater(admitted)
  }
}
