import { createHash } from "node:crypto"
import * as fs from "node:fs"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import type { TaggedObject } from "../../port/ObjectStore.ts"
import { asked, carriedOut, closeLater, unless, writeAll } from "./disk.ts"
import type { DiskError } from "./Calls.ts"
import type { Folders } from "./Folders.ts"
import { stateFile, stateOf, TAGGED } from "./place.ts"

/** States that stay beside the newest one. */
const KEPT = 16

/** A state that was found, and its number. */
export interface FoundState extends TaggedObject {
  readonly state: number
}

/** Where a tagged object's states lie: `folder` is a whole path. */
export interface TaggedPlace {
  readonly folder: string
  readonly file: string
}

const tagOf = (state: number, value: Uint8Array): string =>
  `${state}-${createHash("sha256").update(value).digest("hex").slice(0, 16)}`

/** Numbers of the states that are there, in order. */
const statesOf = ({ file, folder }: TaggedPlace): Effect.Effect<ReadonlyArray<number>, DiskError> =>
  Effect.map(unless("ENOENT", "ENOTDIR")(asked<Array<string>>((done) => fs.readdir(folder, done))), (files = []) =>
    files
      .filter((each) => each.startsWith(file + TAGGED))
      .map(stateOf)
      .filter((state) => state !== undefined)
      .sort((a, b) => a - b)
  )

const pathOf = ({ file, folder }: TaggedPlace, state: number): string => join(folder, stateFile(file, state))

/** The newest state. */
export const readState = (place: TaggedPlace): Effect.Effect<FoundState | undefined, DiskError> =>
  Effect.gen(function* () {
    const state = (yield* statesOf(place)).at(-1)
    if (state === undefined) return undefined
    const value = yield* unless("ENOENT")(asked<Uint8Array>((done) => fs.readFile(pathOf(place, state), done)))
    // So many newer ones came meanwhile that it is gone.
    return value === undefined
      ? yield* readState(place)
      : { state, value: new Uint8Array(value), tag: tagOf(state, value) }
  })

const remove = (path: string): Effect.Effect<unknown, DiskError> =>
  unless("ENOENT")(carriedOut((done) => fs.unlink(path, done)))

/** A new file with these bytes, which lasts. */
const writeNew = (path: string, value: Uint8Array): Effect.Effect<void, DiskError> =>
  Effect.acquireUseRelease(
    asked<number>((done) => fs.open(path, "wx", done)),
    (fd) =>
      Effect.andThen(
        writeAll(fd, [value]),
        carriedOut((done) => fs.fsync(fd, done))
      ),
    (fd) => Effect.sync(() => closeLater(fd))
  )

const IS_FULL = new Set(["ENOSPC", "EDQUOT"])

/**
 * The same on a disk that is full: states that nobody needs make room for it. Who owns the objects has to be said before any is
 * removed, and that is what makes a full disk good again.
 */
const written = (place: TaggedPlace, path: string, value: Uint8Array): Effect.Effect<void, DiskError> =>
  Effect.catch(writeNew(path, value), (error) =>
    Effect.gen(function* () {
      const old = (yield* statesOf(place)).slice(0, -1)
      if (!IS_FULL.has(error.code ?? "") || old.length === 0) return yield* Effect.fail(error)
      for (const each of old) yield* remove(pathOf(place, each))
      yield* remove(path)
      yield* writeNew(path, value)
    })
  )

/**
 * Puts a state in the place of the one with this tag, or of none. Each state is a file with a number, the newest counts, and the
 * next one is linked to its name when it is whole: a link fails if the name is there, so that of several processes one succeeds,
 * and one that dies leaves no lock behind. Old states go in order: if the state that was replaced is still there when the next
 * one has its name, nobody had that name before.
 */
export const replaceState = Effect.fnUntraced(function* (
  folders: Folders,
  place: TaggedPlace,
  tag: string | undefined,
  value: Uint8Array,
  own: string
) {
  const before = yield* readState(place)
  if (before?.tag !== tag) return false
  if (before === undefined && (yield* isThere(join(place.folder, place.file)))) return false
  const state = (before?.state ?? 0) + 1
  const draft = join(place.folder, `${place.file}${TAGGED}${own}`)
  const isLinked = yield* written(place, draft, value).pipe(
    Effect.andThen(carriedOut((done) => fs.link(draft, pathOf(place, state), done))),
    Effect.as(true),
    Effect.catch((error: DiskError) => (error.code === "EEXIST" ? Effect.succeed(false) : Effect.fail(error))),
    Effect.ensuring(Effect.ignore(remove(draft)))
  )
  if (!isLinked) return false
  if (before !== undefined && !(yield* isThere(pathOf(place, before.state)))) {
    yield* remove(pathOf(place, state))
    return false
  }
  yield* folders.flush(place.folder)
  yield* Effect.forEach(
    (yield* statesOf(place)).filter((each) => each < state - KEPT),
    (each) => remove(pathOf(place, each))
  )
  return true
})

const isThere = (path: string): Effect.Effect<boolean, DiskError> =>
  Effect.map(unless("ENOENT")(asked<fs.Stats>((done) => fs.stat(path, done))), (stats) => stats !== undefined)

/** All states, the oldest first: as long as one is there, it is the newest. */
export const removeStates = Effect.fnUntraced(function* (place: TaggedPlace) {
  for (const state of yield* statesOf(place)) yield* remove(pathOf(place, state))
})
