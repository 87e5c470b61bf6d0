import * as fs from "node:fs"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import { ObjectStoreRefused, ObjectStoreUnavailable } from "../../port/ObjectStore.ts"
import type { ObjectStoreError } from "../../port/ObjectStore.ts"
import type { Call, Calls, DiskError } from "./Calls.ts"

/** A call of `node:fs` that answers with a value. It goes on though nobody waits for it. */
export const asked = <A>(call: Call<A>): Effect.Effect<A, DiskError> =>
  Effect.callback((resume) =>
    call((error, value) => resume(error === null ? Effect.succeed(value) : Effect.fail(error)))
  )

/** One that does something. */
export const carriedOut = (call: (done: (error: DiskError | null) => void) => void): Effect.Effect<void, DiskError> =>
  Effect.callback((resume) => call((error) => resume(error === null ? Effect.void : Effect.fail(error))))

/**
 * Goes on to its end, whoever waits; who does may go at any time: a disk that hangs keeps no broker from its end. `left` is what
 * is done with a result that nobody waits for any more.
 */
export const detached = <A, E>(effect: Effect.Effect<A, E>, left: (value: A) => void = () => {}): Effect.Effect<A, E> =>
  Effect.flatMap(Effect.forkDetach(Effect.uninterruptible(effect), { startImmediately: true }), (fiber) =>
    Effect.onInterrupt(Fiber.join(fiber), () =>
      Effect.sync(() => fiber.addObserver((exit) => void (Exit.isSuccess(exit) && left(exit.value))))
    )
  )

/** Succeeds with undefined where one of these codes is said. */
export const unless =
  (...codes: ReadonlyArray<string>) =>
  <A, E>(effect: Effect.Effect<A, DiskError | E>): Effect.Effect<A | undefined, DiskError | E> =>
    Effect.catch(effect, (error) =>
      codes.includes((error as DiskError).code ?? "") ? Effect.undefined : Effect.fail(error)
    )

/** Asked again, it would say the same. */
const LASTING = new Set(["EACCES", "EPERM", "EROFS", "ENAMETOOLONG", "ENOTDIR", "EISDIR", "ELOOP", "EINVAL", "ENOTSUP"])

/** What has to be done about it, where a person can do something. */
const ADVICE: Readonly<Record<string, string>> = {
  ENOSPC: "the disk is full",
  EDQUOT: "the quota of the disk is used up",
  EACCES: "the broker's user may not do that",
  EPERM: "the broker's user may not do that",
  EROFS: "the disk is mounted read-only",
  EMFILE: "the process has too many files open",
  ENFILE: "the machine has too many files open",
  EIO: "the disk is broken"
}

/** As the port tells it; `sent`: the call may have done what it was to do. */
export const told =
  (store: string, sent: boolean) =>
  (error: DiskError): ObjectStoreError => {
    const code = error.code ?? "unknown"
    const message = `${store}: ${ADVICE[code] ?? error.message} (${code}${error.syscall === undefined ? "" : ` of ${error.syscall}`})`
    return LASTING.has(code)
      ? new ObjectStoreRefused({ message, cause: error })
      : new ObjectStoreUnavailable({ message, sent, cause: error })
  }

export const sizeOf = (chunks: ReadonlyArray<Uint8Array>): number =>
  chunks.reduce((sum, chunk) => sum + chunk.byteLength, 0)

/** What is left once so many bytes are written. */
const rest = (chunks: ReadonlyArray<Uint8Array>, written: number): Array<Uint8Array> => {
  let left = written
  return chunks.flatMap((chunk) => {
    const skipped = Math.min(left, chunk.byteLength)
    left -= skipped
    return skipped === chunk.byteLength ? [] : [chunk.subarray(skipped)]
  })
}

/** Writes all chunks from the beginning of a file on, without a copy of them in this process. */
export const writeAll = (fd: number, chunks: ReadonlyArray<Uint8Array>, at = 0): Effect.Effect<void, DiskError> => {
  const bytes = sizeOf(chunks)
  if (bytes === 0) return Effect.void
  return Effect.flatMap(
    asked<number>((done) => fs.writev(fd, chunks as Array<Uint8Array>, at, done)),
    // A call that stops halfway does not say why: the next one does.
    (written) => (written === bytes ? Effect.void : writeAll(fd, rest(chunks, written), at + written))
  )
}

/** Fills a part of a memory; less only where the file ends. */
export const readAll = (
  calls: Calls,
  fd: number,
  into: Uint8Array,
  from: number,
  done = 0
): Effect.Effect<number, DiskError> =>
  done === into.byteLength
    ? Effect.succeed(done)
    : Effect.flatMap(
        calls.asked<number>((ended) => fs.read(fd, into, done, into.byteLength - done, from + done, ended)),
        (read) => (read === 0 ? Effect.succeed(done) : readAll(calls, fd, into, from, done + read))
      )

/** The same of what is in memory, in place: to have a thread do it costs half as much again. */
export const readHere = (fd: number, into: Uint8Array, from: number): Effect.Effect<number, DiskError> =>
  Effect.try({
    try: () => {
      let done = 0
      while (done < into.byteLength) {
        const read = fs.readSync(fd, into, done, into.byteLength - done, from + done)
        if (read === 0) break
        done += read
      }
      return done
    },
    catch: (error) => error as DiskError
  })

/** Nobody waits for it, nor asks how it went. */
export const closeLater = (fd: number): void => fs.close(fd, () => {})
