import { spawn } from "node:child_process"
import type { ChildProcess } from "node:child_process"
import { join } from "node:path"
import process from "node:process"
import { repository } from "../../bench/kafka/ApacheKafka.ts"
import { kill, tail, terminate } from "../../bench/kafka/Program.ts"

/** `tusk import` of this checkout, in a process that is killed and comes again. */
export class Importer {
  readonly #args: ReadonlyArray<string>
  #child: ChildProcess | undefined
  /** What it printed, the last of it. */
  output = ""

  constructor(from: string, into: string, ...args: ReadonlyArray<string>) {
    const launcher = join(repository, "packages", "cli", "bin", "tusk.mjs")
    this.#args = ["--conditions=tusk-source", launcher, "import", "--from", from, "-b", into, ...args]
  }

  start(): void {
    const child = spawn(process.execPath, this.#args, { stdio: ["ignore", "pipe", "pipe"] })
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text: string) => (this.output = (this.output + text).slice(-50_000)))
    }
    this.#child = child
  }

  /** Why it ended by itself, if it did. */
  get ended(): string | undefined {
    const code = this.#child?.exitCode ?? null
    return code === null ? undefined : `ended with ${code}: ${tail(this.output)}`
  }

  async kill(): Promise<void> {
    if (this.#child !== undefined) await kill(this.#child)
  }

  async stop(): Promise<void> {
    if (this.#child !== undefined) await terminate(this.#child)
  }

  /** Runs it to its end; its exit code. */
  async run(): Promise<number | null> {
    this.start()
    const child = this.#child!
    return new Promise((resolve) => child.once("close", resolve))
  }
}
