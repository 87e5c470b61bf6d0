import { createHash } from "node:crypto"
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import process from "node:process"
import { repository } from "../../bench/kafka/ApacheKafka.ts"
import { run, tail } from "../../bench/kafka/Program.ts"
import { urlOf } from "./Server.ts"
import type { Server } from "./Server.ts"

/** A file of a store: its bytes, and what they were. */
interface Held {
  readonly bytes: number
  readonly digest: string
}

const digestOf = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex")

/** A folder of objects, looked at from outside. */
export class Store {
  readonly folder: string

  constructor(folder: string) {
    this.folder = folder
  }

  get url(): string {
    return `file://${this.folder}`
  }

  /** Objects by their paths, without those that tell whose they are. */
  get paths(): ReadonlyArray<string> {
    const entries = readdirSync(this.folder, { recursive: true, withFileTypes: true })
    const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
    return files.filter((path) => !path.includes("owner@") && !path.includes("/probe-"))
  }

  held(): ReadonlyMap<string, Held> {
    const read = (path: string) => readFileSync(path)
    return new Map(
      this.paths.map((path) => {
        const bytes = read(path)
        return [path, { bytes: bytes.length, digest: digestOf(bytes) }] as const
      })
    )
  }

  /** What is gone of what was held, or has other bytes; that it has grown is no harm. */
  harmed(held: ReadonlyMap<string, Held>): ReadonlyArray<string> {
    const there = new Set(this.paths)
    return [...held].flatMap(([path, { bytes, digest }]) => {
      if (!there.has(path)) return [`${path} is gone`]
      return digestOf(readFileSync(path).subarray(0, bytes)) === digest ? [] : [`${path} is changed`]
    })
  }

  /** `tusk object adopt`, as the callback of a promotion calls it: nobody is at a terminal. */
  adopt(
    server: Server,
    ...words: ReadonlyArray<string>
  ): Promise<{ readonly code: number | null; readonly output: string }> {
    return this.#tusk(server, "adopt", ...words)
  }

  /** `tusk object check --deep`. */
  check(server: Server): Promise<{ readonly code: number | null; readonly output: string }> {
    return this.#tusk(server, "check", "--deep")
  }

  async #tusk(server: Server, ...words: ReadonlyArray<string>) {
    const launcher = join(repository, "packages", "cli", "bin", "tusk.mjs")
    const place = ["--database-url", urlOf(server.port), "--object-store", this.url]
    const args = ["--conditions=tusk-source", launcher, "object", ...words, ...place]
    const { code, stderr, stdout } = await run(process.execPath, args)
    return { code, output: tail(`${stdout}${stderr}`, code === 0 ? 1 : 4) }
  }
}
