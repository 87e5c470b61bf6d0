import { spawn } from "node:child_process"
import type { ChildProcess } from "node:child_process"
import { join } from "node:path"
import { repository } from "../../bench/kafka/ApacheKafka.ts"
import { kill, tail, terminate } from "../../bench/kafka/Program.ts"

const launcher = join(repository, "packages", "cli", "bin", "tusk.mjs")

/** `tusk shadow` in a process of its own. */
export class Forwarder {
  readonly #args: ReadonlyArray<string>
  #child: ChildProcess | undefined
  #said = ""

  constructor(from: string, to: string, databaseUrl: string, ...more: ReadonlyArray<string>) {
    const flags = ["-b", from, "--to", to, "--database-url", databaseUrl, "--interval", "1s", ...more]
    this.#args = ["--conditions=tusk-source", launcher, "shadow", ...flags]
  }

  start(): void {
    const child = spawn(process.execPath, this.#args, { stdio: ["ignore", "pipe", "pipe"] })
    const keep = (text: string) => (this.#said = (this.#said + text).slice(-65_536))
    child.stdout.setEncoding("utf8").on("data", keep)
    child.stderr.setEncoding("utf8").on("data", keep)
    this.#child = child
  }

  /** SIGKILL. */
  async kill(): Promise<void> {
    if (this.#child !== undefined) await kill(this.#child)
    this.#child = undefined
  }

  async stop(): Promise<void> {
    if (this.#child !== undefined) await terminate(this.#child)
    this.#child = undefined
  }

  /** Until it ends by itself, with `--once`; its exit code. */
  ended(): Promise<number | null> {
    const child = this.#child!
    return new Promise((resolve) => (child.exitCode === null ? child.once("exit", resolve) : resolve(child.exitCode)))
  }

  /** The last of what it printed. */
  get said(): string {
    return tail(this.#said, 8)
  }
}
