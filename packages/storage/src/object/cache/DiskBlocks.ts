import * as fs from "node:fs"
import * as fsPromises from "node:fs/promises"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import { ObjectStoreRefused } from "../../port/ObjectStore.ts"
import { randomUuid } from "../../port/Uuid.ts"
import { Recurring } from "../../Recurring.ts"
import { asked } from "../file/disk.ts"

export interface DiskOptions {
  /** A folder that may be there already; blocks go into one of its own in it, which is emptied at start. */
  readonly path: string
  /** Bytes on the disk at most. */
  readonly maxBytes: number
}

const FOLDER = "tusk-object-cache"
/** Blocks on their way to the disk at one time; one more is not kept. */
const MOST_WRITES = 8

interface Stored {
  readonly file: string
  readonly bytes: number
}

/** Blocks on a disk that need not last: what the last process left is removed, and what the disk refuses is not kept. */
export class DiskBlocks {
  readonly #folder: string
  readonly #maxBytes: number
  /** In the names of this process' files: nobody reads those of another one. */
  readonly #own: string
  /** In order of last use. */
  readonly #stored = new Map<string, Stored>()
  readonly #trouble = new Recurring("objects")
  #bytes = 0
  #made = 0
  #writes = 0
  #refused: Error | undefined

  private constructor(folder: string, maxBytes: number, own: string) {
    this.#folder = folder
    this.#maxBytes = maxBytes
    this.#own = own
  }

  static readonly make = ({ maxBytes, path }: DiskOptions): Effect.Effect<DiskBlocks, ObjectStoreRefused> =>
    Effect.gen(function* () {
      const folder = join(path, FOLDER)
      yield* Effect.tryPromise({
        try: async () => {
          await fsPromises.rm(folder, { recursive: true, force: true })
          await fsPromises.mkdir(folder, { recursive: true })
        },
        catch: (cause) =>
          new ObjectStoreRefused({ message: `the cache of objects cannot be in ${path}: ${String(cause)}`, cause })
      })
      return new DiskBlocks(folder, maxBytes, yield* randomUuid)
    })

  /** Bytes on the disk now. */
  get bytes(): number {
    return this.#bytes
  }

  /** Of what it has of a block. */
  length(key: string): number {
    return this.#stored.get(key)?.bytes ?? 0
  }

  /** Undefined: it is not there any more. */
  read(key: string): Effect.Effect<Uint8Array | undefined> {
    const stored = this.#stored.get(key)
    if (stored === undefined) return Effect.undefined
    this.#stored.delete(key)
    this.#stored.set(key, stored)
    return asked<Uint8Array>((done) => fs.readFile(stored.file, done)).pipe(
      Effect.map((bytes) => (bytes.byteLength === stored.bytes ? bytes : undefined)),
      Effect.catch(() => Effect.undefined),
      Effect.tap((bytes) => {
        if (bytes === undefined && this.#stored.get(key) === stored) this.#drop(key)
        return this.#refused === undefined ? Effect.void : this.#tell
      })
    )
  }

  /** Some time later it is there, or not. */
  write(key: string, bytes: Uint8Array): void {
    if (
      this.#writes >= MOST_WRITES ||
      bytes.byteLength > this.#maxBytes ||
      this.#stored.get(key)?.bytes === bytes.byteLength
    )
      return
    this.#writes++
    const file = join(this.#folder, `${this.#own}-${++this.#made}`)
    fs.writeFile(file, bytes, (error) => {
      this.#writes--
      if (error !== null) {
        this.#refused = error
        return fs.unlink(file, () => {})
      }
      this.#drop(key)
      this.#stored.set(key, { file, bytes: bytes.byteLength })
      this.#bytes += bytes.byteLength
      while (this.#bytes > this.#maxBytes) this.#drop(this.#stored.keys().next().value!)
    })
  }

  /** Blocks of these keys are wanted by nobody any more. */
  forget(isWanted: (key: string) => boolean): void {
    for (const key of Array.from(this.#stored.keys())) if (!isWanted(key)) this.#drop(key)
  }

  #drop(key: string): void {
    const stored = this.#stored.get(key)
    if (stored === undefined) return
    this.#stored.delete(key)
    this.#bytes -= stored.bytes
    fs.unlink(stored.file, () => {})
  }

  get #tell(): Effect.Effect<void> {
    return Effect.suspend(() => {
      const message = this.#refused?.message ?? ""
      this.#refused = undefined
      return this.#trouble.seen(`the cache of objects does not take a block: ${message}`)
    })
  }
}
