import { randomBytes } from "node:crypto"
import * as fs from "node:fs"
import { join } from "node:path"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import { asked, carriedOut, closeLater, writeAll } from "./disk.ts"
import type { Folders } from "./Folders.ts"
import { BLOCK, GENERATION_BYTES } from "./journalRecord.ts"
import { JOURNAL } from "./place.ts"

export const SEGMENT_BYTES = 16 << 20
const ZEROS = Buffer.alloc(1 << 20)
const WRITES_THROUGH = fs.constants.O_RDWR | fs.constants.O_DSYNC

/** A file that is written over and over, and never changes its size: such a write needs nothing of the file system's journal. */
export interface Segment {
  readonly path: string
  readonly fd: number
  generation: Uint8Array
  /** Where the next object goes; before it lies what was put, also in one that is free. */
  at: number
  /** Objects that the segment alone may hold. */
  objects: Array<Filed>
  /** Those of them whose files are closed already. */
  closed: Set<Filed>
  /** Whether the generation has a name that lasts. */
  begun: Deferred.Deferred<boolean>
  /** Puts that are not done, and who waits for the last of them. */
  writing: number
  idle: Deferred.Deferred<void> | undefined
  /** A file could not be flushed. What memory has of it is not to be trusted: the disk says so once, and never again. */
  isBroken: boolean
}

/** An object's own file, which is open, and its folder. */
export interface Filed {
  readonly folder: string
  readonly path: string
  readonly fd: number
}

/** Another segment, full of zeros, which lasts. */
export const makeSegment = Effect.fnUntraced(function* (folders: Folders, root: string, name: string) {
  const folder = join(root, JOURNAL)
  const path = join(folder, name)
  const fill = Array.from({ length: SEGMENT_BYTES / ZEROS.byteLength }, () => ZEROS)
  yield* folders.ensure(folder, root)
  const filling = yield* asked<number>((done) => fs.open(path, "wx", done))
  yield* writeAll(filling, fill).pipe(
    Effect.andThen(carriedOut((done) => fs.fsync(filling, done))),
    Effect.ensuring(Effect.sync(() => closeLater(filling)))
  )
  yield* folders.flush(folder)
  const fd = yield* asked<number>((done) => fs.open(path, WRITES_THROUGH, done))
  const segment: Segment = {
    path,
    fd,
    generation: ZEROS,
    at: 0,
    objects: [],
    closed: new Set(),
    begun: Deferred.makeUnsafe(),
    writing: 0,
    idle: undefined,
    isBroken: false
  }
  return segment
})

/** The object's file is not written any more. */
export const closeFiled = (segment: Segment, filed: Filed): void => {
  if (segment.closed.has(filed)) return
  segment.closed.add(filed)
  closeLater(filed.fd)
}

/** Nothing of what was put is in it any more, unless the disk refuses it. */
export const wipeSegment = (segment: Segment): Effect.Effect<void> =>
  Effect.suspend(() => {
    const zeros = Array.from({ length: Math.ceil(segment.at / ZEROS.byteLength) }, () => ZEROS)
    segment.at = 0
    return Effect.ignore(writeAll(segment.fd, zeros))
  })

/** A new generation: what lies in the segment from before is none of it. */
export const begin = (segment: Segment): void => {
  segment.generation = randomBytes(GENERATION_BYTES)
  segment.at = BLOCK
  segment.objects = []
  segment.closed.clear()
  segment.begun = Deferred.makeUnsafe()
  segment.idle = undefined
  segment.isBroken = false
}
