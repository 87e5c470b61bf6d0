import * as fs from "node:fs"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Scope from "effect/Scope"
import { Recurring } from "../../Recurring.ts"
import { asked, carriedOut, closeLater, unless, writeAll } from "./disk.ts"
import type { DiskError } from "./disk.ts"
import type { Folders } from "./Folders.ts"
import { writeFiles } from "./segmentFiles.ts"
import { BLOCK, encodeGeneration, encodeHeader, recordBytes } from "./journalRecord.ts"
import { begin, closeFiled, makeSegment, SEGMENT_BYTES, wipeSegment } from "./Segment.ts"
import type { Filed, Segment } from "./Segment.ts"

export interface JournalOptions {
  /** The store's folder. */
  readonly root: string
  /** Of all segments together. */
  readonly maxBytes: number
  /** Where the system was started, and what begins the names of this process' segments. */
  readonly boot: string
  readonly own: string
}

/** Objects beyond it cost less without: the disk is busy with their bytes, and not with its own journal. */
export const MOST_BYTES = SEGMENT_BYTES / 4
/** So many puts go without one first: who does not write much needs no segments. */
const BEFORE_FIRST = 32
/** Files of a segment that are flushed at one time: those who put wait for the same disk. */
const FLUSHES = 2
/** Files of a segment that stay open until they are flushed; others are opened once more. */
const MOST_OPEN = 64
/** Until files that could not be flushed are written anew. */
const AGAIN_MS = 5000

/**
 * Makes a small object last by one write, and one flush, of a file that is there already: its own file, with a new entry in a
 * folder and blocks that are looked for, is flushed later, many at a time. After a crash of the machine the next process writes
 * files anew of what the segments hold (`takeOver`). A segment is used again when all files of its objects are flushed.
 */
export class Journal {
  readonly #options: JournalOptions
  readonly #folders: Folders
  readonly #scope: Scope.Scope
  readonly #padding = Buffer.alloc(BLOCK)
  readonly #trouble = new Recurring("objects")
  #current: Segment | undefined
  readonly #free: Array<Segment> = []
  readonly #retiring = new Set<Segment>()
  /** How many there are, and how many there were. */
  #segments = 0
  #made = 0
  #puts = 0
  #isMaking = false

  constructor(options: JournalOptions, folders: Folders, scope: Scope.Scope) {
    this.#options = options
    this.#folders = folders
    this.#scope = scope
  }

  /**
   * Writes an object's own file by `filling`, and a segment beside. True: the object lasts, and the journal closes the file.
   * False, or a failure: there is no room now, or the segment was taken over; the file has to be flushed.
   */
  readonly write = (
    name: string,
    filed: Filed,
    chunks: ReadonlyArray<Uint8Array>,
    bytes: number,
    filling: Effect.Effect<void, DiskError>
  ): Effect.Effect<boolean, DiskError> =>
    Effect.suspend(() => {
      const taken = recordBytes(name, bytes)
      const turned = this.#turn(taken)
      const segment = this.#current
      if (segment === undefined) return Effect.as(Effect.andThen(turned, filling), false)
      segment.writing++
      const logged = this.#log(segment, taken, encodeHeader(segment.generation, name, bytes), chunks)
      return Effect.zipWith(logged, filling, (isLogged) => isLogged, { concurrent: true }).pipe(
        // Who takes a segment over renames it first, and reads it then.
        Effect.map((isLogged) => isLogged && fs.existsSync(segment.path)),
        Effect.tap((lasts) => (lasts ? turned : Effect.andThen(turned, this.#giveUp(segment)))),
        Effect.onExit((exit) => Effect.sync(() => this.#written(segment, filed, Exit.isSuccess(exit) && exit.value)))
      )
    })

  /** What does not last here is its caller's. */
  #written(segment: Segment, filed: Filed, lasts: boolean): void {
    if (lasts) {
      segment.objects.push(filed)
      if (segment.objects.length > MOST_OPEN) closeFiled(segment, filed)
    }
    if (--segment.writing === 0 && segment.idle !== undefined) Deferred.doneUnsafe(segment.idle, Effect.void)
  }

  #log(segment: Segment, taken: number, header: Uint8Array, chunks: ReadonlyArray<Uint8Array>): Effect.Effect<boolean> {
    const { at, begun, fd, generation } = segment
    segment.at += taken
    const used = chunks.reduce((sum, chunk) => sum + chunk.byteLength, header.byteLength)
    const parts = [header, ...chunks, this.#padding.subarray(0, taken - used)]
    const isDone = <A>(write: Effect.Effect<A, DiskError>): Effect.Effect<boolean> =>
      Effect.match(write, { onSuccess: () => true, onFailure: () => false })
    if (at === BLOCK) {
      const first = writeAll(fd, [encodeGeneration(generation, this.#options.boot), ...parts])
      return Effect.tap(isDone(first), (isBegun) => Deferred.succeed(begun, isBegun))
    }
    const both = (isWritten: boolean, isBegun: boolean) => isWritten && isBegun
    return Effect.zipWith(isDone(writeAll(fd, parts, at)), Deferred.await(begun), both, { concurrent: true })
  }

  /** Sees to it that there is a segment with room, if there can be one; what follows from that goes on beside. */
  #turn(taken: number): Effect.Effect<void> {
    const full = this.#current
    if (full !== undefined && full.at + taken <= SEGMENT_BYTES) return Effect.void
    this.#current = this.#free.shift()
    if (this.#current !== undefined) begin(this.#current)
    const after: Array<Effect.Effect<void>> = []
    if (full !== undefined) after.push(this.#retire(full))
    if (this.#mayMake()) after.push(this.#make)
    return Effect.forEach(after, (each) => Effect.forkIn(each, this.#scope), { discard: true })
  }

  /** Nothing goes into it any more. */
  #giveUp(segment: Segment): Effect.Effect<void> {
    if (this.#current !== segment) return Effect.void
    this.#current = undefined
    return Effect.asVoid(Effect.forkIn(this.#retire(segment), this.#scope))
  }

  #mayMake(): boolean {
    const isFull = (this.#segments + 1) * SEGMENT_BYTES > this.#options.maxBytes
    if (this.#isMaking || isFull || this.#free.length > 0 || this.#puts++ < BEFORE_FIRST) return false
    return (this.#isMaking = true)
  }

  /** Another segment, full of zeros. What fails is tried again by who next finds no room. */
  get #make(): Effect.Effect<void> {
    const name = `${this.#options.own}-${++this.#made}`
    return makeSegment(this.#folders, this.#options.root, name).pipe(
      Effect.tap((segment) =>
        Effect.sync(() => {
          this.#segments++
          this.#free.push(segment)
        })
      ),
      Effect.ensuring(Effect.sync(() => (this.#isMaking = false))),
      Effect.ignore,
      // A file is not closed while it is written.
      Effect.uninterruptible
    )
  }

  /** Used again once all files of its objects are flushed. */
  #retire(segment: Segment): Effect.Effect<void> {
    this.#retiring.add(segment)
    return this.#saved(segment).pipe(
      Effect.catch((error) => this.#saveAgain(segment, error)),
      Effect.tap(() =>
        Effect.sync(() => {
          this.#retiring.delete(segment)
          if (fs.existsSync(segment.path)) {
            this.#free.push(segment)
          } else {
            this.#segments--
            closeLater(segment.fd)
          }
        })
      )
    )
  }

  #saveAgain(segment: Segment, { message }: DiskError): Effect.Effect<void> {
    return this.#trouble.seen(`objects are only in the journal, as their files cannot be flushed: ${message}`).pipe(
      Effect.andThen(Effect.sleep(AGAIN_MS)),
      Effect.andThen(this.#saved(segment)),
      Effect.andThen(this.#trouble.over("files of objects are flushed again")),
      Effect.catch((error) => this.#saveAgain(segment, error))
    )
  }

  /** All its objects last without it: their files are flushed, or are written anew and flushed. */
  #saved(segment: Segment): Effect.Effect<void, DiskError> {
    return Effect.suspend(() => {
      if (!segment.isBroken) {
        return Effect.tapError(this.#flushed(segment), () => Effect.sync(() => (segment.isBroken = true)))
      }
      const { root } = this.#options
      const written = writeFiles({ root, folders: this.#folders }, segment.path, () => false)
      // One that is gone was taken over, and so was what it holds.
      return Effect.map(unless("ENOENT")(written), () => {
        segment.isBroken = false
        for (const filed of segment.objects) closeFiled(segment, filed)
      })
    })
  }

  #flushed(segment: Segment): Effect.Effect<void, DiskError> {
    const flush = (fd: number) => carriedOut((done) => fs.fdatasync(fd, done))
    const flushFile = (filed: Filed) =>
      segment.closed.has(filed)
        ? Effect.acquireUseRelease(
            asked<number>((done) => fs.open(filed.path, "r", done)),
            flush,
            (fd) => Effect.sync(() => closeLater(fd))
          )
        : Effect.tap(flush(filed.fd), () => Effect.sync(() => closeFiled(segment, filed)))
    // Files and folders that are gone were removed.
    const flushing = <A>(flush: Effect.Effect<A, DiskError>) => unless("ENOENT")(flush)
    return Effect.gen({ self: this }, function* () {
      if (segment.writing > 0) yield* Deferred.await((segment.idle ??= Deferred.makeUnsafe()))
      yield* Effect.forEach(segment.objects, (filed) => flushing(flushFile(filed)), {
        concurrency: FLUSHES,
        discard: true
      })
      const folders = new Set(segment.objects.map(({ folder }) => folder))
      yield* Effect.forEach(folders, (folder) => flushing(this.#folders.flush(folder)), { discard: true })
    })
  }

  /** What was put before is in no segment any more, as its records may be erased where they belong. */
  readonly wipe: Effect.Effect<void> = Effect.gen({ self: this }, function* () {
    const current = this.#current
    this.#current = undefined
    if (current !== undefined) yield* this.#retire(current)
    const wipeNext = Effect.suspend(() => {
      const segment = this.#free.shift()
      if (segment === undefined) return Effect.void
      return Effect.map(wipeSegment(segment), () => void this.#free.push(segment))
    })
    // A file is not closed while it is written.
    for (let left = this.#free.length; left > 0; left--) yield* Effect.uninterruptible(wipeNext)
  })

  /** Flushes all files, and leaves no segment behind that nobody needs. Nobody writes any more. */
  readonly close: Effect.Effect<void> = Effect.gen({ self: this }, function* () {
    const used = [...this.#retiring, ...(this.#current === undefined ? [] : [this.#current])]
    this.#current = undefined
    const flushed = yield* Effect.filter(used, (segment) =>
      Effect.isSuccess(Effect.retry(this.#saved(segment), { times: 1 }))
    )
    const free = this.#free.splice(0)
    for (const { path } of [...flushed, ...free]) yield* Effect.ignore(carriedOut((done) => fs.unlink(path, done)))
    for (const { fd } of [...used, ...free]) closeLater(fd)
  })
}
