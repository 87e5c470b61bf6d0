import * as fs from "node:fs"
import { dirname, join } from "node:path"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import { asked, carriedOut, closeLater, unless } from "./disk.ts"
import type { DiskError } from "./Calls.ts"

/** Folders that are known to be there, and are open: more than are written to at one time. */
const MAX_OPEN = 8

/** What file systems say that flush no folders, as they need not. */
const CANNOT = new Set(["EINVAL", "EISDIR"])

/** A folder, open, for its flushes. */
interface Folder {
  readonly fd: number
  /** Waits for the flush that has not begun: it will hold whatever is in the folder now. */
  next: Deferred.Deferred<void, DiskError> | undefined
  isFlushing: boolean
  isDropped: boolean
}

/** Makes folders that last, and flushes them: once for all that wait. Folders are told by their whole paths. */
export class Folders {
  readonly #open = new Map<string, Folder>()

  /** It is there and will be after a crash, and so are all above it, up to the root of the store. */
  readonly ensure = (path: string, root: string): Effect.Effect<void, DiskError> =>
    Effect.suspend(() => (this.#open.has(path) ? Effect.void : this.#make(path, root)))

  /** What is in it now will be there after a crash. */
  readonly flush = (path: string): Effect.Effect<void, DiskError> =>
    Effect.suspend(() => {
      const folder = this.#open.get(path)
      if (folder !== undefined) return this.#flush(folder)
      return Effect.flatMap(this.#opened(path), (opened) => this.#flush(opened))
    })

  /** It may be gone: looked for anew. */
  forget(path: string): void {
    const folder = this.#open.get(path)
    if (folder === undefined) return
    this.#open.delete(path)
    folder.isDropped = true
    if (!folder.isFlushing) closeLater(folder.fd)
  }

  /** It and all above, up to the root of the store, may be gone, or are others by now. */
  forgetUpTo(root: string, path: string): void {
    for (let each = path; each !== root; each = dirname(each)) this.forget(each)
    this.forget(root)
  }

  close(): void {
    for (const path of [...this.#open.keys()]) this.forget(path)
  }

  // What another process made may not have been flushed by it: so this one flushes above whatever it has not seen yet.
  #make(path: string, root: string): Effect.Effect<void, DiskError> {
    if (path === root) return Effect.asVoid(this.#opened(path))
    const above = dirname(path)
    return this.ensure(above, root).pipe(
      Effect.andThen(unless("EEXIST")(carriedOut((done) => fs.mkdir(path, done)))),
      Effect.andThen(this.flush(above)),
      Effect.andThen(this.#opened(path)),
      Effect.asVoid
    )
  }

  #opened(path: string): Effect.Effect<Folder, DiskError> {
    return Effect.map(
      asked<number>((done) => fs.open(path, "r", done)),
      (fd) => {
        const there = this.#open.get(path)
        if (there !== undefined) {
          closeLater(fd)
          return there
        }
        const folder: Folder = { fd, next: undefined, isFlushing: false, isDropped: false }
        this.#open.set(path, folder)
        if (this.#open.size > MAX_OPEN) this.forget(this.#open.keys().next().value!)
        return folder
      }
    )
  }

  // A flush that runs may have begun before what the caller did.
  #flush(folder: Folder): Effect.Effect<void, DiskError> {
    const waiting = (folder.next ??= Deferred.makeUnsafe<void, DiskError>())
    if (!folder.isFlushing) this.#begin(folder)
    return Deferred.await(waiting)
  }

  #begin(folder: Folder): void {
    const waiting = folder.next!
    folder.next = undefined
    folder.isFlushing = true
    fs.fsync(folder.fd, (error) => {
      folder.isFlushing = false
      if (folder.next !== undefined) this.#begin(folder)
      else if (folder.isDropped) closeLater(folder.fd)
      // Last, as who waits runs now, and may drop the folder.
      Deferred.doneUnsafe(waiting, error === null || CANNOT.has(error.code ?? "") ? Effect.void : Effect.fail(error))
    })
  }
}

/** Folders above this one that are empty now go, up to the root of the store. */
export const removeEmpty = (folders: Folders, path: string, root: string): Effect.Effect<void> => {
  if (path === root || !path.startsWith(join(root, "/"))) return Effect.void
  return carriedOut((done) => fs.rmdir(path, done)).pipe(
    Effect.tap(() => Effect.sync(() => folders.forget(path))),
    Effect.andThen(Effect.suspend(() => removeEmpty(folders, dirname(path), root))),
    // It holds something, or somebody else was faster.
    Effect.ignore
  )
}
