import { spawn } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createInterface } from "node:readline"
import { javaCommand, prepareJava } from "../../bench/kafka/ApacheKafka.ts"
import { kill, tail, terminate } from "../../bench/kafka/Program.ts"

export type StreamsProtocol = "classic" | "streams"

export interface ApplicationOptions {
  readonly bootstrap: string
  /** The application's id, which is its group's. */
  readonly id: string
  readonly protocol: StreamsProtocol
  /** Main class, of package tusk.streams. */
  readonly program: "WordCount" | "CountAndJoin"
  /** Its topics, and what else it wants, in the order of its command line. */
  readonly args: ReadonlyArray<string>
  /** More of Kafka Streams' settings, by name. */
  readonly settings?: Readonly<Record<string, string>>
  /** Its state folder, which it leaves behind; a new, empty one, removed at its end, where absent. */
  readonly folder?: string
}

/** One instance of an application in a process of its own. */
export interface Application {
  readonly state: () => string
  /** Ids of tasks, as `0_1`. */
  readonly active: () => ReadonlyArray<string>
  readonly standby: () => ReadonlyArray<string>
  /** Where it thinks partitions are, for interactive queries: `7001=4`, by port of `application.server`. */
  readonly hosts: () => ReadonlyArray<string>
  /** How often its active tasks changed. */
  readonly changes: () => number
  /** Throws when it ended by itself, or failed. */
  readonly check: () => void
  /** SIGTERM: it closes, and leaves its group if its protocol does. */
  readonly stop: () => Promise<void>
  readonly kill: () => Promise<void>
  readonly log: () => string
}

export const startApplication = async (options: ApplicationOptions): Promise<Application> => {
  const { classpath } = await prepareJava("streams")
  const folder = options.folder ?? mkdtempSync(join(tmpdir(), "tusk-streams-"))
  const settings = Object.entries(options.settings ?? {}).map(([name, value]) => `${name}=${value}`)
  const args = [options.bootstrap, options.id, options.protocol, folder, ...options.args, ...settings]
  const command = javaCommand(classpath, `tusk.streams.${options.program}`, args)
  const child = spawn(command.file, command.args, { stdio: ["ignore", "pipe", "pipe"] })
  let state = "CREATED"
  let active: ReadonlyArray<string> = []
  let standby: ReadonlyArray<string> = []
  let hosts: ReadonlyArray<string> = []
  let changes = 0
  let error = ""
  let log = ""
  const hear = (line: string) => {
    log = `${log}${line}\n`.slice(-16_384)
    const [word, first = "", second = ""] = line.split(" ")
    if (word === "state") state = first
    if (word === "error") error = line
    if (word === "hosts") hosts = first.split(",")
    if (word !== "tasks") return
    active = first === "" ? [] : first.split(",")
    standby = second === "" ? [] : second.split(",")
    changes++
  }
  createInterface({ input: child.stdout }).on("line", hear)
  createInterface({ input: child.stderr }).on("line", (line) => (log = `${log}${line}\n`.slice(-16_384)))
  let stopping = false
  const end = async (how: () => Promise<unknown>) => {
    stopping = true
    await how()
    if (options.folder === undefined) rmSync(folder, { recursive: true, force: true })
  }
  return {
    state: () => state,
    active: () => active,
    standby: () => standby,
    hosts: () => hosts,
    changes: () => changes,
    log: () => log,
    check: () => {
      if (error !== "") throw new Error(`${options.program} failed: ${error}`)
      const how = child.exitCode ?? child.signalCode
      if (how !== null && !stopping) throw new Error(`${options.program} ended with ${how}: ${tail(log)}`)
    },
    stop: () => end(() => terminate(child)),
    kill: () => end(() => kill(child))
  }
}
