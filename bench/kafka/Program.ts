import { spawn } from "node:child_process"
import type { ChildProcess, SpawnOptions } from "node:child_process"
import process from "node:process"

export interface Finished {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** The end of a long output, for an error message. */
export const tail = (text: string, lines = 12): string => text.trimEnd().split("\n").slice(-lines).join("\n")

/** Programs that run to their end on their own: they do not outlive this one. */
const running = new Set<ChildProcess>()
process.once("exit", () => {
  for (const child of running) child.kill("SIGKILL")
})

/** Runs a program to its end. Rejects only when it cannot be started or takes longer than `timeoutMs`. */
export const run = (
  file: string,
  args: ReadonlyArray<string>,
  options: { readonly stdin?: string; readonly timeoutMs?: number; readonly spawn?: SpawnOptions } = {}
): Promise<Finished> =>
  new Promise((resolve, reject) => {
    const child = spawn(file, args, { ...options.spawn, stdio: ["pipe", "pipe", "pipe"] }) as ChildProcess
    running.add(child)
    let stdout = ""
    let stderr = ""
    const timeoutMs = options.timeoutMs ?? 120_000
    const timer = setTimeout(() => {
      child.kill("SIGKILL")
      reject(new Error(`${file} ${args.slice(0, 3).join(" ")} … took longer than ${timeoutMs} ms\n${tail(stderr)}`))
    }, timeoutMs)
    child.stdout?.setEncoding("utf8").on("data", (text: string) => (stdout += text))
    child.stderr?.setEncoding("utf8").on("data", (text: string) => (stderr += text))
    child.on("error", (error) => {
      running.delete(child)
      clearTimeout(timer)
      reject(error)
    })
    child.on("close", (code) => {
      running.delete(child)
      clearTimeout(timer)
      resolve({ code, stdout, stderr })
    })
    child.stdin?.on("error", () => {})
    child.stdin?.end(options.stdin ?? "")
  })

/** Like `run`, but an exit code other than 0 is an error that shows the end of what it printed. */
export const runOk = async (...params: Parameters<typeof run>): Promise<Finished> => {
  const finished = await run(...params)
  if (finished.code === 0) return finished
  const shown = tail(`${finished.stdout}\n${finished.stderr}`)
  throw new Error(`${params[0]} ${params[1].slice(0, 6).join(" ")} … ended with ${finished.code}\n${shown}`)
}

/** Sends SIGTERM, then SIGKILL after `graceMs`; resolves with the exit code (null after a signal). */
export const terminate = (child: ChildProcess, graceMs = 30_000): Promise<number | null> =>
  new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) return resolve(child.exitCode)
    const timer = setTimeout(() => child.kill("SIGKILL"), graceMs)
    child.once("exit", (code) => {
      clearTimeout(timer)
      resolve(code)
    })
    child.kill("SIGTERM")
  })

/** Sends SIGKILL; resolves when the process has ended. */
export const kill = (child: ChildProcess): Promise<void> =>
  new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) return resolve()
    child.once("exit", () => resolve())
    child.kill("SIGKILL")
  })
