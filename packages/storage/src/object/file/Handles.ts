import * as fs from "node:fs"
import * as Effect from "effect/Effect"
import { asked, closeLater } from "./disk.ts"
import type { DiskError } from "./disk.ts"

interface Handle {
  readonly fd: number
  users: number
  isDropped: boolean
}

/** Files that stay open, as who reads one will read on; by name of the object, those used last last. */
export class Handles {
  readonly #open = new Map<string, Handle>()
  readonly #most: number

  constructor(most: number) {
    this.#most = most
  }

  /** Runs with the object's file open; it stays so meanwhile. */
  readonly use = <A, E>(
    name: string,
    path: string,
    run: (fd: number) => Effect.Effect<A, E>
  ): Effect.Effect<A, E | DiskError> =>
    Effect.acquireUseRelease(
      Effect.suspend(() => {
        const there = this.#open.get(name)
        return there === undefined ? this.#opened(name, path) : Effect.succeed(this.#taken(name, there))
      }),
      (handle) => run(handle.fd),
      (handle) => Effect.sync(() => this.#give(handle))
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
    for (const name of [...this.#open.keys()]) this.drop(name)
  }

  #opened(name: string, path: string): Effect.Effect<Handle, DiskError> {
    return Effect.map(
      asked<number>((done) => fs.open(path, "r", done)),
      (fd) => {
        const there = this.#open.get(name)
        if (there === undefined) this.#open.set(name, { fd, users: 0, isDropped: false })
        else closeLater(fd)
        const handle = this.#taken(name, this.#open.get(name)!)
        this.#shrink()
        return handle
      }
    )
  }

  #taken(name: string, handle: Handle): Handle {
    this.#open.delete(name)
    this.#open.set(name, handle)
    handle.users++
    return handle
  }

  #give(handle: Handle): void {
    handle.users--
    if (handle.isDropped && handle.users === 0) closeLater(handle.fd)
  }

  #shrink(): void {
    while (this.#open.size > this.#most) this.drop(this.#open.keys().next().value!)
  }
}
