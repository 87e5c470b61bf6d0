import * as fs from "node:fs"
import { join } from "node:path"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { asked, carriedOut, closeLater, readAll, unless, writeAll } from "./disk.ts"
import type { DiskError } from "./disk.ts"
import type { Folders } from "./Folders.ts"
import { JOURNAL } from "./Journal.ts"
import { BLOCK, decodeSegment } from "./journalRecord.ts"
import type { JournalObject } from "./journalRecord.ts"
import { placeOf } from "./place.ts"

/** Begins the name of a segment that somebody takes over. Its writer finds it gone. */
const TAKEN = "taken-"
/** A segment that was not written for so long is hardly anybody's any more. */
const IDLE_MS = 3_600_000

export interface TakeOver {
  readonly root: string
  readonly folders: Folders
  readonly boot: string
}

const withFile = <A, E>(path: string, flags: number, use: (fd: number) => Effect.Effect<A, E>) =>
  Effect.acquireUseRelease(
    asked<number>((done) => fs.open(path, flags, 0o666, done)),
    use,
    (fd) => Effect.sync(() => closeLater(fd))
  )

/** The object's file as the segment has it. It may be there as a whole, or with some of its bytes, or not at all. */
const writeAnew = ({ folders, root }: TakeOver, { bytes, name }: JournalObject): Effect.Effect<string, DiskError> => {
  const { file, folder } = placeOf(name)
  const inside = join(root, folder)
  return folders
    .ensure(inside, root)
    .pipe(
      Effect.andThen(
        withFile(join(inside, file), fs.constants.O_RDWR | fs.constants.O_CREAT, (fd) =>
          writeAll(fd, [bytes]).pipe(
            Effect.andThen(carriedOut((done) => fs.ftruncate(fd, bytes.byteLength, done))),
            Effect.andThen(carriedOut((done) => fs.fdatasync(fd, done)))
          )
        )
      ),
      Effect.as(inside)
    )
}

/** The object's file is as its writer left it, and was not flushed. */
const flushed = ({ root }: TakeOver, { name }: JournalObject): Effect.Effect<string, DiskError> => {
  const { file, folder } = placeOf(name)
  const inside = join(root, folder)
  const flush = withFile(join(inside, file), fs.constants.O_RDONLY, (fd) =>
    carriedOut((done) => fs.fdatasync(fd, done))
  )
  return Effect.as(unless("ENOENT")(flush), inside)
}

/** Whether its writer is gone: the system was started anew since, or it is long ago. */
const isLeft = (path: string, boot: string): Effect.Effect<boolean, DiskError> =>
  Effect.gen(function* () {
    const stats = yield* asked<fs.Stats>((done) => fs.stat(path, done))
    if (stats.mtimeMs + IDLE_MS < (yield* Clock.currentTimeMillis)) return true
    const beginning = Buffer.alloc(BLOCK)
    yield* withFile(path, fs.constants.O_RDONLY, (fd) => readAll(fd, beginning, 0))
    const segment = decodeSegment(beginning)
    // One that nothing was written to yet may be anybody's.
    return segment !== undefined && segment.boot !== boot
  })

const takeOne = (store: TakeOver, file: string): Effect.Effect<void, DiskError> =>
  Effect.gen(function* () {
    const folder = join(store.root, JOURNAL)
    const isTaken = file.startsWith(TAKEN)
    if (!isTaken && !(yield* isLeft(join(folder, file), store.boot))) return
    const path = join(folder, isTaken ? file : TAKEN + file)
    if (!isTaken) yield* carriedOut((done) => fs.rename(join(folder, file), path, done))
    const segment = decodeSegment(yield* asked<Buffer>((done) => fs.readFile(path, done)))
    const keep = segment?.boot === store.boot ? flushed : writeAnew
    const folders = yield* Effect.forEach(segment?.objects ?? [], (object) => keep(store, object))
    yield* Effect.forEach(new Set(folders), (each) => unless("ENOENT")(store.folders.flush(each)), { discard: true })
    yield* carriedOut((done) => fs.unlink(path, done))
  })

/**
 * Before anything is read: what segments of writers that are gone hold becomes files again, and the segments go. An object that
 * was removed shortly before a crash may be there again: no row knows of it, and the collector removes it once more.
 */
export const takeOver = (store: TakeOver): Effect.Effect<void, DiskError> =>
  Effect.gen(function* () {
    const files = yield* unless("ENOENT")(asked<Array<string>>((done) => fs.readdir(join(store.root, JOURNAL), done)))
    // One that is gone meanwhile was taken over by another process.
    yield* Effect.forEach(files ?? [], (file) => unless("ENOENT")(takeOne(store, file)), { discard: true })
  })
