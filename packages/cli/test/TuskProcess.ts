import { spawn } from "node:child_process"
import type { ChildProcess } from "node:child_process"
import { chmodSync, mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"

const launcher = fileURLToPath(new URL("../bin/tusk.mjs", import.meta.url))

/** A folder for data that Postgres' account may enter, and its removal. */
export const temporaryFolder = (): { readonly path: string; readonly remove: () => void } => {
  const path = mkdtempSync(join(tmpdir(), "tusk-cli-"))
  chmodSync(path, 0o755)
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) }
}

/** `tusk` as a process of its own, as a user runs it; it tells what it tells at a terminal. */
export class TuskProcess {
  readonly child: ChildProcess
  readonly ended: Promise<number | string>
  private text = ""

  constructor(args: ReadonlyArray<string>, env: NodeJS.ProcessEnv = {}) {
    this.child = spawn(process.execPath, ["--conditions=tusk-source", launcher, ...args], {
      env: { ...process.env, TUSK_LOG_FORMAT: "pretty", ...env },
      stdio: ["ignore", "pipe", "pipe"]
    })
    this.ended = new Promise((resolve) => this.child.once("exit", (code, signal) => resolve(signal ?? code ?? -1)))
  }

  /** All it printed, both streams. */
  get output(): string {
    return this.text
  }

  /** The port it tells; rejects with what it printed if it ends instead. */
  readonly listening = async (): Promise<number> => {
    for (const stream of [this.child.stdout!, this.child.stderr!]) {
      stream.on("data", (chunk: Buffer) => (this.text += chunk.toString()))
    }
    return Number((await this.printed(/listens on \S+:(\d+)/))[1])
  }

  /** What it prints, or has printed since `listening`, behind the given character; rejects if it ends instead. */
  readonly printed = (pattern: RegExp, from = 0): Promise<RegExpExecArray> =>
    new Promise((resolve, reject) => {
      const look = () => {
        const found = pattern.exec(this.text.slice(from))
        if (found !== null) resolve(found)
      }
      this.child.stdout!.on("data", look)
      this.child.stderr!.on("data", look)
      void this.ended.then((how) => reject(new Error(`tusk ended with ${how}: ${this.text}`)))
      look()
    })

  /** Everything it prints until it ends. */
  readonly finished = async (): Promise<{ readonly exit: number | string; readonly output: string }> => {
    this.child.stdout!.on("data", (chunk: Buffer) => (this.text += chunk.toString()))
    this.child.stderr!.on("data", (chunk: Buffer) => (this.text += chunk.toString()))
    const exit = await this.ended
    return { exit, output: this.text }
  }

  readonly kill = async (signal: NodeJS.Signals): Promise<number | string> => {
    this.child.kill(signal)
    return this.ended
  }
}
