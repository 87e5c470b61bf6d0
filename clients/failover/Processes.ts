import type { ChildProcess } from "node:child_process"
import { readdirSync, readFileSync } from "node:fs"
import process from "node:process"
import { holdsWithin } from "../../bench/groups/Report.ts"

/** Parent and state of a process by /proc; undefined where there is none. */
const statOf = (pid: number): { readonly parent: number; readonly state: string } | undefined => {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8")
    // The name in brackets may hold anything.
    const [state = "", parent] = text.slice(text.lastIndexOf(")") + 2).split(" ")
    return { parent: Number(parent), state }
  } catch {
    return undefined
  }
}

/** Whether a process is there and not only waits for its parent to take note of its end. */
export const isAlive = (pid: number): boolean => {
  const stat = statOf(pid)
  return stat !== undefined && stat.state !== "Z" && stat.state !== "X"
}

export const childrenOf = (parent: number): ReadonlyArray<number> =>
  readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => statOf(pid)?.parent === parent)

/** Whether all threads of a process are stopped. */
export const standsStill = (pid: number): boolean =>
  readdirSync(`/proc/${pid}/task`).every((task) => statOf(Number(task))?.state === "T")

export const signal = (pid: number, name: NodeJS.Signals): void => {
  try {
    process.kill(pid, name)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error
  }
}

/** As a machine that loses its power: the process and its children, at one moment. Returns when all are gone. */
export const killTree = async (pid: number): Promise<void> => {
  // Stopped first, so that it starts no child between the look and the kill.
  signal(pid, "SIGSTOP")
  const all = [pid, ...childrenOf(pid)]
  for (const each of all) signal(each, "SIGKILL")
  if (!(await holdsWithin(10_000, () => !all.some(isAlive), 5))) throw new Error(`processes outlived SIGKILL: ${all}`)
}

/** The process and its children stand still, as a machine whose hypervisor stops it. */
export const stopTree = (pid: number): void => {
  signal(pid, "SIGSTOP")
  for (const child of childrenOf(pid)) signal(child, "SIGSTOP")
}

export const continueTree = (pid: number): void => {
  for (const child of childrenOf(pid)) signal(child, "SIGCONT")
  signal(pid, "SIGCONT")
}

/** Whether it ends within the time. */
export const endsWithin = (child: ChildProcess, ms: number): Promise<boolean> =>
  new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) return resolve(true)
    const timer = setTimeout(() => resolve(false), ms)
    child.once("exit", () => {
      clearTimeout(timer)
      resolve(true)
    })
  })
