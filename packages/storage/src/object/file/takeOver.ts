import * as fs from "node:fs"
import { join } from "node:path"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { asked, carriedOut, readAll, unless } from "./disk.ts"
import type { DiskError } from "./disk.ts"
import { BLOCK, decodeSegment } from "./journalRecord.ts"
import { JOURNAL } from "./place.ts"
import { withFile, writeFiles } from "./segmentFiles.ts"
import type { Files } from "./segmentFiles.ts"

/** Begins the name of a segment that somebody takes over. Its writer finds it gone. */
const TAKEN = "taken-"
/** A segment that was not written for so long is hardly anybody's any more. */
const IDLE_MS = 3_600_000

export interface TakeOver extends Files {
  readonly boot: string
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
    yield* writeFiles(store, path, (boot) => boot !== store.boot)
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
