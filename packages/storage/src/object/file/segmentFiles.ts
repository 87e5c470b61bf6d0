import * as fs from "node:fs"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import { asked, carriedOut, closeLater, unless, writeAll } from "./disk.ts"
import type { DiskError } from "./disk.ts"
import type { Folders } from "./Folders.ts"
import { decodeSegment } from "./journalRecord.ts"
import type { JournalObject } from "./journalRecord.ts"
import { placeOf } from "./place.ts"

/** Where files of objects lie. */
export interface Files {
  readonly root: string
  readonly folders: Folders
}

export const withFile = <A, E>(path: string, flags: number, use: (fd: number) => Effect.Effect<A, E>) =>
  Effect.acquireUseRelease(
    asked<number>((done) => fs.open(path, flags, 0o666, done)),
    use,
    (fd) => Effect.sync(() => closeLater(fd))
  )

const write = (path: string, flags: number, bytes: Uint8Array): Effect.Effect<void, DiskError> =>
  withFile(path, flags, (fd) =>
    writeAll(fd, [bytes]).pipe(
      Effect.andThen(carriedOut((done) => fs.ftruncate(fd, bytes.byteLength, done))),
      Effect.andThen(carriedOut((done) => fs.fdatasync(fd, done)))
    )
  )

/** In place: who reads it finds the same bytes, or those that were missing. */
const writeAnew = (
  { folders, root }: Files,
  { bytes, name }: JournalObject,
  isLost: boolean
): Effect.Effect<string, DiskError> => {
  const { file, folder } = placeOf(name)
  const inside = join(root, folder)
  const path = join(inside, file)
  const written = isLost
    ? Effect.andThen(folders.ensure(inside, root), write(path, fs.constants.O_RDWR | fs.constants.O_CREAT, bytes))
    : unless("ENOENT")(write(path, fs.constants.O_RDWR, bytes))
  return Effect.as(written, inside)
}

/**
 * Writes the files of all objects of a segment anew, and flushes them. `isLost`: the machine was started anew since, so that a
 * file may be missing; else one that is was removed.
 */
export const writeFiles = Effect.fnUntraced(function* (
  files: Files,
  segment: string,
  isLost: (boot: string) => boolean
) {
  const decoded = decodeSegment(yield* asked<Buffer>((done) => fs.readFile(segment, done)))
  if (decoded === undefined) return
  const isGone = isLost(decoded.boot)
  const folders = yield* Effect.forEach(decoded.objects, (object) => writeAnew(files, object, isGone))
  yield* Effect.forEach(new Set(folders), (folder) => unless("ENOENT")(files.folders.flush(folder)), { discard: true })
})
