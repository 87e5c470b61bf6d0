import { spawn } from "node:child_process"
import type { ChildProcess } from "node:child_process"
import process from "node:process"
import type { ServerAccount } from "@tusk/cli/embedded-postgres/ServerAccount"

/** A block of commands, and the line of the page that it begins in. */
export interface Block {
  readonly line: number
  readonly text: string
}

/** The blocks of a page that are marked `sh`, in their order. */
export const blocksOf = (page: string): ReadonlyArray<Block> =>
  Array.from(page.matchAll(/^```sh\n([\s\S]*?)^```$/gm), (found) => ({
    line: page.slice(0, found.index).split("\n").length,
    text: found[1]!
  }))

/** Runs blocks in one shell, as a person would type them, and ends it and what it left behind. */
export class Shell {
  readonly #child: ChildProcess
  #output = ""

  constructor(
    blocks: ReadonlyArray<Block>,
    options: { readonly cwd: string; readonly env: NodeJS.ProcessEnv; readonly account: ServerAccount | undefined }
  ) {
    const { account, cwd, env } = options
    // `! command` is no failure to `set -e`: each such line says so itself.
    const text = blocks.map(
      ({ line, text }) => `echo "== line ${line}"\n${text.replace(/^! (.*)$/gm, "if $1; then exit 1; fi")}`
    )
    this.#child = spawn("bash", ["-c", ["set -euo pipefail", ...text].join("\n")], {
      cwd,
      env,
      detached: true,
      stdio: ["ignore", "pipe", "pipe"],
      ...(account === undefined ? {} : { uid: account.uid, gid: account.gid })
    })
    for (const stream of [this.#child.stdout!, this.#child.stderr!]) {
      stream.on("data", (chunk: Buffer) => (this.#output += chunk.toString()))
    }
  }

  /** All that it printed; rejects with it if a command fails, or all take too long. */
  ended(timeoutMs: number): Promise<string> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`not done after ${timeoutMs} ms:\n${this.#output}`)), timeoutMs)
      this.#child.once("exit", (code) => {
        clearTimeout(timer)
        if (code === 0) resolve(this.#output)
        else reject(new Error(`a command ended with ${code}:\n${this.#output}`))
      })
    })
  }

  kill(): void {
    try {
      process.kill(-this.#child.pid!, "SIGKILL")
    } catch {
      // Nothing of it is left.
    }
  }
}
