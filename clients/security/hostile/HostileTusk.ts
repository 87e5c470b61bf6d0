/** A broker in a process of its own whose whole log is kept, and whose secrets stand in a file, as they should. */
import { spawn } from "node:child_process"
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import process from "node:process"
import { repository } from "../../../bench/kafka/ApacheKafka.ts"
import { apiVersionsAnswered, freePort, untilServing } from "../../../bench/kafka/Broker.ts"
import { residentBytes } from "../../../bench/kafka/ProcessTree.ts"
import { terminate } from "../../../bench/kafka/Program.ts"
import { selfSigned } from "../../../packages/server/src/security/tls/selfSigned.ts"

export interface Certificate {
  /** PEM. */
  readonly certificate: string
  readonly key: string
}

export interface HostileOptions {
  readonly certificate?: Certificate
  /** By Kafka's names. */
  readonly settings?: Readonly<Record<string, string>>
  readonly logLevel?: "info" | "debug"
  readonly env?: Readonly<Record<string, string>>
}

export const LISTENERS = ["PLAINTEXT", "SASL", "SSL", "SASLSSL"] as const

export interface HostileTusk {
  readonly pid: number
  /** On loopback. */
  readonly ports: Readonly<Record<(typeof LISTENERS)[number], number>>
  /** Of HTTP. */
  readonly admin: number
  readonly certificate: string
  /** A folder of its own, removed at the end. */
  readonly folder: string
  readonly log: () => string
  readonly rssMiB: () => number
  readonly stop: () => Promise<void>
}

const launcher = join(repository, "packages", "cli", "bin", "tusk.mjs")

const escaped = (value: string): string => value.replaceAll("\\", "\\\\").replaceAll("\n", "\\n")

/** Starts it on memory, with all four kinds of listeners. */
export const startHostileTusk = async (options: HostileOptions = {}): Promise<HostileTusk> => {
  const folder = mkdtempSync(join(tmpdir(), "tusk-hostile-"))
  const { certificate, key } = options.certificate ?? selfSigned()
  const ports = { PLAINTEXT: 0, SASL: 0, SSL: 0, SASLSSL: 0 }
  for (const name of LISTENERS) ports[name] = await freePort()
  const admin = await freePort()
  const settings = {
    listeners: LISTENERS.map((name) => `${name}://127.0.0.1:${ports[name]}`).join(","),
    "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,SASL:SASL_PLAINTEXT,SSL:SSL,SASLSSL:SASL_SSL",
    "sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512",
    "ssl.keystore.type": "PEM",
    "ssl.keystore.certificate.chain": certificate,
    "ssl.keystore.key": key,
    ...options.settings
  }
  const file = join(folder, "server.properties")
  const lines = Object.entries(settings).map(([name, value]) => `${name}=${escaped(value)}\n`)
  writeFileSync(file, lines.join(""), { mode: 0o600 })
  const logFile = join(folder, "log")
  const log = openSync(logFile, "w", 0o600)
  const flags = ["--storage", "memory", "--config", file, "--admin", `127.0.0.1:${admin}`]
  const child = spawn(
    process.execPath,
    [
      "--initial-old-space-size=128",
      "--max-semi-space-size=32",
      "--conditions=tusk-source",
      launcher,
      "start",
      ...flags,
      "--log-level",
      options.logLevel ?? "info"
    ],
    { cwd: folder, stdio: ["ignore", log, log], env: { ...process.env, ...options.env } }
  )
  closeSync(log)
  const tail = () => readFileSync(logFile, "utf8").slice(-2000)
  const ended = () => (child.exitCode === null ? undefined : `Tusk ended with ${child.exitCode}: ${tail()}`)
  const end = async () => {
    await terminate(child)
    rmSync(folder, { recursive: true, force: true })
  }
  try {
    await untilServing(ports.PLAINTEXT, 60_000, ended, apiVersionsAnswered)
  } catch (error) {
    await end()
    throw error
  }
  return {
    pid: child.pid!,
    ports,
    admin,
    certificate,
    folder,
    log: () => readFileSync(logFile, "utf8"),
    rssMiB: () => residentBytes(child.pid!) / 1_048_576,
    stop: end
  }
}

/** Lines of the log at error, and those that tell of a defect at whatever level. */
export const errorLines = (log: string): ReadonlyArray<string> =>
  log.split("\n").filter((line) => /"level":"error"|level=error| ERROR |defect/i.test(line))

/** Memory over a time, in MiB, every half second. */
export class Memory {
  readonly values: Array<number> = []
  readonly #timer: ReturnType<typeof setInterval>

  constructor(tusk: HostileTusk) {
    this.values.push(tusk.rssMiB())
    this.#timer = setInterval(() => this.values.push(tusk.rssMiB()), 500)
  }

  /** `first, greatest, last`, for people. */
  stop(): string {
    clearInterval(this.#timer)
    const [first, last] = [this.values[0]!, this.values.at(-1)!]
    return `${first.toFixed(0)} MiB at the start, at most ${Math.max(...this.values).toFixed(0)}, ${last.toFixed(0)} at the end`
  }

  /** Between a quarter of the time and its last eighth, by medians: what is warm by then does not count. */
  growthMiB(): number {
    const quarter = Math.floor(this.values.length / 4)
    const eighth = Math.max(1, Math.floor(this.values.length / 8))
    const median = (values: ReadonlyArray<number>) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!
    return median(this.values.slice(-eighth)) - median(this.values.slice(quarter, quarter + eighth))
  }
}
