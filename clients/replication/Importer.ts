import { spawn } from "node:child_process"
import type { ChildProcess } from "node:child_process"
import { join } from "node:path"
import process from "node:process"
import { repository } from "../../bench/kafka/ApacheKafka.ts"
import { kill, tail } from "../../bench/kafka/Program.ts"

const UNREACHABLE = /cannot reach|is lost|did not answer/

/** `tusk import` of this checkout, in a process that is killed and comes again. */
export class Importer {
  readonly #args: ReadonlyArray<string>
  #child: ChildProcess | undefined
  #isWanted = false
  /** What it printed, the last of it. */
  output = ""
  /** Why it ended by itself, where that is not that nobody was there when it began. */
  readonly failures: Array<string> = []

  constructor(from: string, into: string, ...args: ReadonlyArray<string>) {
    const launcher = join(repository, "packages", "cli", "bin", "tusk.mjs")
    this.#args = ["--conditions=tusk-source", launcher, "import", "--from", from, "-b", into, ...args]
  }

  /** From now on it runs; one that ends by itself comes again, as by a supervisor. */
  start(): void {
    this.#isWanted = true
    const child = this.#begin()
    child.once("exit", (code) => {
      if (!this.#isWanted || this.#child !== child) return
      const last = tail(this.output, 3)
      if (!UNREACHABLE.test(last)) this.failures.push(`ended with ${code}: ${last}`)
      setTimeout(() => {
        if (this.#isWanted && this.#child === child) this.start()
      }, 500)
    })
  }

  #begin(): ChildProcess {
    const child = spawn(process.execPath, this.#args, { stdio: ["ignore", "pipe", "pipe"] })
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text: string) => (this.output = (this.output + text).slice(-50_000)))
    }
    return (this.#child = child)
  }

  async kill(): Promise<void> {
    this.#isWanted = false
    if (this.#child !== undefined) await kill(this.#child)
  }

  /** Runs it to its end; its exit code. */
  run(): Promise<number | null> {
    const child = this.#begin()
    return new Promise((resolve) => child.once("close", resolve))
  }
}
