import { spawn } from "node:child_process"
import type { ChildProcess } from "node:child_process"
import { join } from "node:path"
import process from "node:process"
import { repository } from "../../bench/kafka/ApacheKafka.ts"
import { apiVersionsAnswered, untilServing } from "../../bench/kafka/Broker.ts"
import { tail } from "../../bench/kafka/Program.ts"
import { endsWithin, standsStill } from "./Processes.ts"

export interface BrokerOptions {
  readonly port: number
  readonly databaseUrl: string
  /** What clients are told; the port where absent. */
  readonly advertisedPort?: number | undefined
  readonly settings?: Readonly<Record<string, string>>
  /** Further words of the command line. */
  readonly flags?: ReadonlyArray<string>
  /** Variables beside those of this process. */
  readonly env?: Readonly<Record<string, string>>
}

/** A line of the broker's log. */
export interface LogLine {
  readonly at: number
  readonly level: string
  readonly text: string
}

const launcher = join(repository, "packages", "cli", "bin", "tusk.mjs")

const lineOf = (text: string): LogLine => {
  const at = Date.now()
  try {
    const { level, message } = JSON.parse(text) as { readonly level?: string; readonly message?: unknown }
    return { at, level: String(level), text: typeof message === "string" ? message : JSON.stringify(message) }
  } catch {
    return { at, level: "", text }
  }
}

/** The real `tusk start` of this checkout, in a process of its own. */
export class Broker {
  readonly port: number
  /** All it printed since it was made, restarts included. */
  readonly lines: Array<LogLine> = []
  readonly #options: BrokerOptions
  readonly #looking = new Set<() => void>()
  #child: ChildProcess | undefined
  #over = false

  constructor(options: BrokerOptions) {
    this.#options = options
    this.port = options.port
  }

  /** Starts the process; it may take its time to serve, or end. */
  spawn(): void {
    if (this.#over) throw new Error("the scenario is over")
    const { advertisedPort, databaseUrl, env = {}, flags = [], port, settings = {} } = this.#options
    const set = Object.entries(settings).flatMap(([name, value]) => ["--set", `${name}=${value}`])
    const advertise = advertisedPort === undefined ? [] : ["--advertise", `127.0.0.1:${advertisedPort}`]
    const own = ["--conditions=tusk-source", launcher, "start", "--listen", `127.0.0.1:${port}`, ...advertise]
    const child = spawn(process.execPath, [...own, "--database-url", databaseUrl, ...set, ...flags], {
      env: { ...process.env, ...env },
      stdio: ["ignore", "pipe", "pipe"]
    })
    this.#child = child
    for (const stream of [child.stdout, child.stderr]) {
      let rest = ""
      stream.setEncoding("utf8").on("data", (text: string) => {
        const lines = (rest + text).split("\n")
        rest = lines.pop()!
        this.lines.push(...lines.filter((line) => line !== "").map(lineOf))
        for (const look of this.#looking) look()
      })
    }
    child.once("exit", () => {
      for (const look of this.#looking) look()
    })
  }

  async start(timeoutMs = 60_000): Promise<void> {
    this.spawn()
    await this.serves(timeoutMs)
  }

  /** Returns when it answers; rejects when it ends before that. */
  serves(timeoutMs = 60_000): Promise<void> {
    const ended = () => (this.hasEnded ? `Tusk ended with ${this.ending}: ${tail(this.text(), 6)}` : undefined)
    return untilServing(this.port, timeoutMs, ended, (port) => apiVersionsAnswered(port, 2000))
  }

  get hasEnded(): boolean {
    return this.#child !== undefined && (this.#child.exitCode !== null || this.#child.signalCode !== null)
  }

  get ending(): string {
    return String(this.#child?.exitCode ?? this.#child?.signalCode ?? "nothing yet")
  }

  endsWithin(ms: number): Promise<boolean> {
    return this.#child === undefined ? Promise.resolve(true) : endsWithin(this.#child, ms)
  }

  text(): string {
    return this.lines.map(({ text }) => text).join("\n")
  }

  /** The first line that matches, of those from `from` on; undefined when none comes within the time. */
  line(pattern: RegExp, timeoutMs: number, from = 0): Promise<LogLine | undefined> {
    return new Promise((resolve) => {
      const end = (found: LogLine | undefined) => {
        this.#looking.delete(look)
        clearTimeout(timer)
        resolve(found)
      }
      const look = () => {
        const found = this.lines.slice(from).find(({ text }) => pattern.test(text))
        if (found !== undefined || this.hasEnded) end(found)
      }
      const timer = setTimeout(() => end(undefined), timeoutMs)
      this.#looking.add(look)
      look()
    })
  }

  pause(): void {
    this.#child?.kill("SIGSTOP")
  }

  /** Paused, and no thread is within a call of the kernel any more. */
  get standsStill(): boolean {
    return this.#child?.pid !== undefined && standsStill(this.#child.pid)
  }

  resume(): void {
    this.#child?.kill("SIGCONT")
  }

  async kill(): Promise<void> {
    this.#child?.kill("SIGKILL")
    await this.endsWithin(10_000)
  }

  /** For good: nothing starts it again. */
  async end(): Promise<void> {
    this.#over = true
    await this.stop(3000)
  }

  /** SIGTERM; SIGKILL where that does not help. Tells how long it took, in milliseconds. */
  async stop(graceMs = 12_000): Promise<number> {
    const began = performance.now()
    if (this.#child === undefined || this.hasEnded) return 0
    this.resume()
    this.#child.kill("SIGTERM")
    if (!(await this.endsWithin(graceMs))) await this.kill()
    return performance.now() - began
  }
}
