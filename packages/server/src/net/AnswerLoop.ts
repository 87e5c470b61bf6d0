import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Socket from "effect/socket/Socket"
import type { OpenConnection, Peer } from "./OpenConnection.ts"

/** Returns when the client has taken it: a slow one has one answer unsent, and nothing more is read from it. */
export type Write = (chunks: ReadonlyArray<Uint8Array>) => Effect.Effect<void, Socket.SocketError>

/** Writes to the client of a connection, and tells the connection since when. */
export const writeTo = (
  connection: OpenConnection,
  peer: Peer,
  writeAll: (chunks: readonly [Uint8Array, ...Array<Uint8Array>]) => Effect.Effect<void, Socket.SocketError>,
  nowMs: () => number
): Write => {
  const written = () => {
    connection.writingSinceMs = 0
    connection.lastActiveMs = nowMs()
  }
  const writePiece = (chunks: ReadonlyArray<Uint8Array>) => writeAll(chunks as [Uint8Array, ...Array<Uint8Array>])
  /** A client that takes a large answer slowly is getting on all the same. */
  const writeOneOfMany = (chunks: ReadonlyArray<Uint8Array>) =>
    Effect.map(writePiece(chunks), () => {
      connection.writingSinceMs = nowMs()
    })
  return (chunks) => {
    if (chunks.length === 0) return Effect.void
    // A socket that is closed already says nothing of what is written to it, neither that it went nor that it failed.
    if (peer.isClosed()) return Effect.fail(closed())
    connection.writingSinceMs = nowMs()
    const pieces = inPieces(chunks)
    return Effect.map(pieces === undefined ? writePiece(chunks) : Effect.forEach(pieces, writeOneOfMany), written)
  }
}

/** Writes answers of requests that run beside each other, in order of the requests, until the connection is to stop. */
export const answerLoop = (connection: OpenConnection, write: Write): Effect.Effect<void, Socket.SocketError> => {
  const { changed, pending } = connection
  // Nothing to do before the first one is done, which tells `changed` of it.
  const isToWriteOrEnd = changed.until(() =>
    pending.length > 0 ? pending[0]!.pollUnsafe() !== undefined : connection.stopping && connection.reading
  )
  return Effect.gen(function* () {
    while (true) {
      yield* isToWriteOrEnd
      if (pending.length === 0) return
      let chunks = yield* pending[0]!.pollUnsafe()!
      let taken = 1
      // All that is ready goes out together; what is not is waited for.
      for (; taken < pending.length; taken++) {
        const exit = pending[taken]!.pollUnsafe()
        if (exit === undefined || !Exit.isSuccess(exit)) break
        chunks = chunks.concat(exit.value)
      }
      yield* write(chunks)
      pending.splice(0, taken)
      connection.inFlight -= taken
      changed.notify()
    }
  })
}

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
