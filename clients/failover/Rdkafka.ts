import { spawn } from "node:child_process"
import type { ChildProcess } from "node:child_process"
import { existsSync } from "node:fs"
import { join } from "node:path"
import { cache } from "../../bench/kafka/ApacheKafka.ts"
import { run } from "../../bench/kafka/Program.ts"
import { holdsWithin } from "../../bench/groups/Report.ts"
import type { History } from "./History.ts"
import { endsWithin } from "./Processes.ts"

const script = join(import.meta.dirname, "rdkafka.py")

/** A Python that has confluent_kafka: the machine's, or the client matrix'. Undefined where neither is there. */
export const pythonWithRdkafka = async (): Promise<string | undefined> => {
  for (const python of ["python3", join(cache, "confluent-kafka", "bin", "python")]) {
    if (python.startsWith("/") && !existsSync(python)) continue
    const tried = await run(python, ["-c", "import confluent_kafka"]).catch(() => undefined)
    if (tried?.code === 0) return python
  }
  return undefined
}

const PURGED_QUEUE = -152
const PURGED_INFLIGHT = -151
const FATAL = -150
const OUT_OF_ORDER_SEQUENCE_NUMBER = 45

interface Line {
  readonly t: string
  readonly c: string
  readonly at: number
  readonly p?: number
  readonly o?: number
  readonly e?: number
  readonly n?: number
  readonly v?: string
  readonly code?: number
  readonly text?: string
}

export interface RdkafkaOptions {
  readonly python: string
  readonly history: History
  readonly bootstrap: string
  readonly topic: string
  readonly partitions: number
  readonly producers: number
  readonly rate: number
  /** Empty: no consumer. */
  readonly groupId: string
}

/** librdkafka's producers and consumer, in a process of Python's; what they see goes into the history. */
export class Rdkafka {
  readonly #child: ChildProcess
  readonly #history: History
  #done = false
  /** The offset after the last record read, by partition. */
  readonly #positions = new Map<number, number>()

  constructor(options: RdkafkaOptions) {
    const { bootstrap, groupId, history, partitions, producers, python, rate, topic } = options
    this.#history = history
    this.#child = spawn(
      python,
      [script, "load", bootstrap, topic, `${partitions}`, `${producers}`, `${rate}`, groupId],
      { stdio: ["pipe", "pipe", "pipe"] }
    )
    this.#child.stdin!.on("error", () => {})
    let said = ""
    this.#child.stderr!.setEncoding("utf8").on("data", (text: string) => (said = (said + text).slice(-2000)))
    this.#child.once("exit", (code, signal) => {
      if (signal !== "SIGKILL" && code !== 0)
        history.errors.push(`librdkafka's program ended with ${code}: ${said.trim().split("\n").at(-1)}`)
    })
    let rest = ""
    this.#child.stdout!.setEncoding("utf8").on("data", (text: string) => {
      const lines = (rest + text).split("\n")
      rest = lines.pop()!
      for (const line of lines) if (line !== "") this.#take(JSON.parse(line) as Line)
    })
  }

  #take({ at, c, code = 0, e = -1, n = 0, o = -1, p = -1, t, text = "", v = "" }: Line): void {
    const history = this.#history
    if (t === "b") history.begins(c, at)
    else if (t === "a") history.acked(c, p, o, v, at)
    else if (t === "f") this.#failed(`${c}: ${v} failed with ${code}`, code)
    else if (t === "n") history.renewed.push(`${c}: ${text}`)
    else if (t === "e") history.errors.push(`${c}: ${text}`)
    else if (t === "d") this.#done = true
    else if (t === "r") {
      history.read(c, `${n}`, { partition: p, offset: o, epoch: e, value: v })
      this.#positions.set(p, o + 1)
    }
  }

  #failed(what: string, code: number): void {
    // What is given up after a fatal error.
    if (code === PURGED_QUEUE || code === PURGED_INFLIGHT || code === FATAL) return
    if (code === OUT_OF_ORDER_SEQUENCE_NUMBER) this.#history.renewed.push(what)
    else this.#history.errors.push(what)
  }

  position(partition: number): number {
    return this.#positions.get(partition) ?? -1
  }

  /** Stops the producers; returns when what they sent is answered. */
  async stopProducers(timeoutMs = 65_000): Promise<void> {
    this.#child.stdin!.write("stop\n")
    const ended = () => this.#done || this.#child.exitCode !== null || this.#child.signalCode !== null
    if (!(await holdsWithin(timeoutMs, ended))) this.#history.errors.push("librdkafka: its producers do not end")
  }

  kill(): void {
    this.#child.kill("SIGKILL")
  }

  async stop(): Promise<void> {
    this.#child.stdin!.end()
    if (!(await endsWithin(this.#child, 10_000))) this.#child.kill("SIGKILL")
    await endsWithin(this.#child, 5000)
  }
}

export interface Bursts {
  readonly bursts: number
  readonly slow: number
  readonly longest: number
  readonly left: number
}

/** Bursts of five requests each, beside a refresh of metadata each 10 ms. */
export const rdkafkaBursts = async (
  python: string,
  bootstrap: string,
  topic: string,
  count: number
): Promise<Bursts> => {
  const done = await run(python, [script, "bursts", bootstrap, topic, `${count}`], { timeoutMs: 180_000 })
  if (done.code !== 0) throw new Error(`librdkafka's bursts ended with ${done.code}: ${done.stderr.slice(-300)}`)
  return JSON.parse(done.stdout.trim().split("\n").at(-1)!) as Bursts
}
