import { spawn } from "node:child_process"
import process from "node:process"
import { createInterface } from "node:readline"
import { tail, terminate } from "../bench/kafka/Program.ts"
import type { Command, Said } from "./Client.ts"

export type Received = Extract<Said, { kind: "record" }>

/** One member of a group: a consumer in a process of its own. */
export interface Member {
  /** What it was given so far, in the order it printed it. */
  readonly records: ReadonlyArray<Received>
  /** The partitions it owns, where it tells. */
  readonly owned: () => ReadonlyArray<number>
  /** Throws when the process has ended by itself. */
  readonly check: () => void
  /** SIGTERM, on which it commits and leaves its group; resolves at once for one that was stopped before. */
  readonly stop: () => Promise<void>
}

/** Exit code of a process that ends on SIGTERM: 143 is what the Java machine says after its shutdown hooks. */
const clean = (code: number | null) => code === 0 || code === 143

export const startMember = (command: Command, parse: (line: string) => Said | undefined): Member => {
  const env = { ...process.env, ...command.env }
  const child = spawn(command.file, command.args, { env, stdio: ["ignore", "pipe", "pipe"] })
  const records: Array<Received> = []
  let owned: ReadonlyArray<number> = []
  let other = ""
  const hear = (line: string) => {
    const said = parse(line)
    if (said?.kind === "record") records.push(said)
    else if (said?.kind === "assigned") owned = said.partitions
    else other = `${other}${line}\n`.slice(-8192)
  }
  const closed = [child.stdout, child.stderr].map((stream) => {
    const lines = createInterface({ input: stream })
    lines.on("line", hear)
    return new Promise<void>((resolve) => lines.once("close", () => resolve()))
  })
  child.on("error", (error) => (other += String(error)))
  return {
    records,
    owned: () => owned,
    check: () => {
      const how = child.exitCode ?? child.signalCode
      if (how !== null) throw new Error(`a group member ended by itself with ${how}: ${tail(other)}`)
    },
    stop: async () => {
      const code = await terminate(child)
      await Promise.all(closed)
      if (!clean(code))
        throw new Error(`a group member ended with ${code ?? child.signalCode} on SIGTERM: ${tail(other)}`)
    }
  }
}
