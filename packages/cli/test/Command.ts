import { spawn } from "node:child_process"
import { fileURLToPath } from "node:url"

const launcher = fileURLToPath(new URL("../bin/tusk.mjs", import.meta.url))

export interface Ended {
  /** The exit code, or the signal that ended it. */
  readonly exit: number | string
  readonly stdout: string
  readonly stderr: string
}

/** Runs `tusk` to its end, with `input` on its standard input. */
export const runTusk = (
  args: ReadonlyArray<string>,
  options: {
    readonly env?: NodeJS.ProcessEnv
    readonly input?: string
    readonly cwd?: string
    readonly uid?: number
  } = {}
): Promise<Ended> =>
  new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ["--conditions=tusk-source", launcher, ...args], {
      env: { ...process.env, TUSK_LOG_FORMAT: "pretty", ...options.env },
      stdio: "pipe",
      ...(options.uid === undefined ? {} : { uid: options.uid, gid: options.uid }),
      ...(options.cwd === undefined ? {} : { cwd: options.cwd })
    })
    const text = { stdout: "", stderr: "" }
    for (const name of ["stdout", "stderr"] as const) {
      child[name].setEncoding("utf8").on("data", (chunk: string) => (text[name] += chunk))
    }
    child.once("error", reject)
    child.once("close", (code, signal) => resolve({ exit: signal ?? code ?? -1, ...text }))
    child.stdin.end(options.input ?? "")
  })
