import * as fs from "node:fs"
import * as Effect from "effect/Effect"
import type { Calls, DiskError } from "./Calls.ts"
import { closeLater } from "./disk.ts"

interface Handle {
  readonly fd: number
  users: number
  isDropped: boolean
}

/** Files that stay open, as who reads one will read on; by name of the object, those used last last. */
export class Handles {
  readonly #open = new Map<string, Handle>()
  #isClosed = false
  readonly #most: number
  readonly #calls: Calls

  constructor(most: number, calls: Calls) {
    this.#most = most
    this.#calls = calls
  }

  /** Runs with the object's file open; it stays so meanwhile. */
  readonly use = <A, E>(
    name: string,
    path: string,
    run: (fd: number) => Effect.Effect<A, E>
  ): Effect.Effect<A, E | DiskError> =>
    Effect.suspend((): Effect.Effect<A, E | DiskError> =>
      this.#open.has(name)
        ? Effect.acquireUseRelease(
            Effect.sync(() => this.#taken(name)),
            (handle) => run(handle.fd),
            (handle) => Effect.sync(() => this.#give(handle))
          )
        : Effect.andThen(this.#opened(name, path), this.use(name, path, run))
    )

  /** The object is gone: nobody reads it any more from now on. */
  drop(name: string): void {
    const handle = this.#open.get(name)
    if (handle === undefined) return
    this.#open.delete(name)
    handle.isDropped = true
    if (handle.users === 0) closeLater(handle.fd)
  }

  close(): void {
    this.#isClosed = true
    for (const name of [...this.#open.keys()]) this.drop(name)
  }

  /** Who asks may go meanwhile: a disk that hangs is waited for by nobody. */
  #opened(name: string, path: string): Effect.Effect<void, DiskError> {
    return this.#calls.asked<void>((done) =>
      fs.open(path, "r", (error, fd) => {
        if (error === null) this.#add(name, fd)
        done(error)
      })
    )
  }

  #add(name: string, fd: number): void {
    if (this.#isClosed || this.#open.has(name)) return closeLater(fd)
    this.#open.set(name, { fd, users: 0, isDropped: false })
    while (this.#open.size > this.#most) this.drop(this.#open.keys().next().value!)
  }

  #taken(name: string): Handle {
    const handle = this.#open.get(name)!
    this.#open.delete(name)
    this.#open.set(name, handle)
    handle.users++
    return handle
  }

  #give(handle: Handle): void {
    handle.users--
    if (handle.isDropped && handle.users === 0) closeLater(handle.fd)
  }
}
