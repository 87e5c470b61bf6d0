import { spawn } from "node:child_process"
import type { ChildProcess } from "node:child_process"
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  rmSync
} from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import process from "node:process"
import { repository } from "./ApacheKafka.ts"
import type { KillableBroker } from "./Broker.ts"
import { apiVersionsAnswered, freePort, untilServing } from "./Broker.ts"
import { objectTopics } from "./objectTopics.ts"
import { kill, tail, terminate } from "./Program.ts"

export interface TuskOptions {
  readonly storage: "embedded" | "memory"
  /** Where embedded Postgres keeps its data; a new folder of /tmp, removed at the end, where absent. */
  readonly dataDir?: string
  /** More places to listen at, `NAME://HOST:PORT`; the first is `PLAINTEXT://`, as without any. */
  readonly listen?: ReadonlyArray<string>
  /** Broker settings under Kafka's names, handed over as `--set name=value`; they may need the folder of the data. */
  readonly settings?: Settings | ((dataDir: string) => Settings)
  /** Listeners beside PLAINTEXT: by name the protocol and the port on loopback. */
  readonly listeners?: Readonly<Record<string, readonly [protocol: string, port: number]>>
}

type Settings = Readonly<Record<string, string>>

export interface TuskBroker extends KillableBroker {
  /** Where embedded Postgres keeps its data. */
  readonly dataDir: string
  /** Id of the Node process alone. */
  readonly nodePid: () => number
  /** What it printed since the last start, both streams, the last 64 KiB. */
  readonly log: () => string
}

const launcher = join(repository, "packages", "cli", "bin", "tusk.mjs")

/** Why Tusk cannot run from this checkout, or undefined. */
export const tuskMissing = (): string | undefined => (existsSync(launcher) ? undefined : `${launcher} is missing`)

/** The postmaster below a data directory: Postgres may be no child of the broker. */
const postmaster = (dataDir: string): ReadonlyArray<number> => {
  const folders = [dataDir]
  for (const entry of existsSync(dataDir) ? readdirSync(dataDir, { withFileTypes: true }) : []) {
    if (entry.isDirectory()) folders.push(join(dataDir, entry.name))
  }
  const found = folders.map((folder) => join(folder, "postmaster.pid")).find((file) => existsSync(file))
  const pid = found === undefined ? NaN : Number(readFileSync(found, "utf8").split("\n")[0])
  return Number.isInteger(pid) ? [pid] : []
}

/** Whether that process is there and has this folder, or one below it, as its own. */
const worksIn = (pid: number, folder: string): boolean => {
  try {
    return readlinkSync(`/proc/${pid}/cwd`).startsWith(realpathSync(folder))
  } catch {
    return false
  }
}

/** `tusk start` from this checkout, as `npm start` runs it, with the Node that runs this program. */
export const startTusk = async (options: TuskOptions): Promise<TuskBroker> => {
  const dataDir = options.dataDir ?? mkdtempSync(join(tmpdir(), "tusk-bench-"))
  mkdirSync(dataDir, { recursive: true })
  // As root, Postgres runs as another account, which has to get here; mkdtemp lets nobody else in.
  for (let each = dataDir; each.startsWith(join(tmpdir(), "tusk-")); each = dirname(each)) chmodSync(each, 0o755)
  const port = await freePort()
  const beside = Object.entries(options.listeners ?? {})
  const map = ["PLAINTEXT:PLAINTEXT", ...beside.map(([name, [protocol]]) => `${name}:${protocol}`)].join(",")
  const first = beside.length === 0 ? `127.0.0.1:${port}` : `PLAINTEXT://127.0.0.1:${port}`
  const listens = [first, ...beside.map(([name, [, at]]) => `${name}://127.0.0.1:${at}`), ...(options.listen ?? [])]
  const protocols = beside.length === 0 ? {} : { "listener.security.protocol.map": map }
  const own = typeof options.settings === "function" ? options.settings(dataDir) : options.settings
  const all = { ...objectTopics(dataDir), ...protocols, ...own }
  const settings = Object.entries(all).flatMap(([name, value]) => ["--set", `${name}=${value}`])
  const heap = ["--initial-old-space-size=128", "--max-semi-space-size=32"]
  const args = [
    ...heap,
    "--conditions=tusk-source",
    launcher,
    "start",
    ...listens.flatMap((listen) => ["--listen", listen])
  ]
  args.push("--storage", options.storage, ...(options.storage === "embedded" ? ["--data-dir", dataDir] : []))

  let child: ChildProcess
  let log = ""
  const start = async () => {
    log = ""
    const started = spawn(process.execPath, [...args, ...settings], { cwd: dataDir, stdio: ["ignore", "pipe", "pipe"] })
    child = started
    const keep = (text: string) => (log = (log + text).slice(-65_536))
    started.stdout.setEncoding("utf8").on("data", keep)
    started.stderr.setEncoding("utf8").on("data", keep)
    const ended = () => {
      const how = started.exitCode ?? started.signalCode
      return how === null ? undefined : `Tusk ended with ${how}: ${tail(log, 20)}`
    }
    await untilServing(port, 60_000, ended, apiVersionsAnswered)
  }
  const stop = async () => {
    const code = await terminate(child)
    if (code !== 0) throw new Error(`Tusk ended with ${code ?? child.signalCode} on SIGTERM: ${tail(log, 20)}`)
  }
  const clear = async () => {
    if (options.dataDir !== undefined) return
    // Left behind by a broker that did not end by itself; the number may be another's by now.
    for (const pid of postmaster(dataDir)) {
      if (!worksIn(pid, dataDir)) continue
      process.kill(pid, "SIGQUIT")
      const deadline = Date.now() + 10_000
      while (worksIn(pid, dataDir) && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 20))
    }
    rmSync(dataDir, { recursive: true, force: true })
  }
  try {
    await start()
  } catch (error) {
    await terminate(child!)
    await clear()
    throw error
  }
  return {
    name: `Tusk (${options.storage})`,
    bootstrap: `127.0.0.1:${port}`,
    nodePid: () => child.pid ?? 0,
    log: () => log,
    dataDir,
    pids: () => [child.pid ?? 0, ...postmaster(dataDir)],
    restart: async () => {
      await stop()
      await start()
    },
    kill: () => kill(child),
    start,
    stop: async () => {
      try {
        await stop()
      } finally {
        await clear()
      }
    }
  }
}
