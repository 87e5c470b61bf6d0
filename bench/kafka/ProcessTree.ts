import { readdirSync, readFileSync } from "node:fs"

/** `getconf CLK_TCK` on every Linux that Node runs on. */
const ticksPerSecond = 100

interface Stat {
  readonly parent: number
  /** User and system time of the process and of its children that ended, in seconds. */
  readonly cpuSeconds: number
}

const readStat = (pid: number): Stat | undefined => {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8")
    // The second field is the program's name in brackets and may hold anything.
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ")
    const ticks = [11, 12, 13, 14].reduce((sum, index) => sum + Number(fields[index]), 0)
    return { parent: Number(fields[1]), cpuSeconds: ticks / ticksPerSecond }
  } catch {
    return undefined
  }
}

/** The given processes and all their descendants; Linux only, elsewhere none. */
const tree = (roots: ReadonlyArray<number>): ReadonlyMap<number, Stat> => {
  const all = new Map<number, Stat>()
  try {
    for (const name of readdirSync("/proc")) {
      const stat = /^\d+$/.test(name) ? readStat(Number(name)) : undefined
      if (stat !== undefined) all.set(Number(name), stat)
    }
  } catch {
    return all
  }
  const inside = new Map<number, Stat>()
  const visit = (pid: number) => {
    const stat = all.get(pid)
    if (stat === undefined || inside.has(pid)) return
    inside.set(pid, stat)
    for (const [child, { parent }] of all) if (parent === pid) visit(child)
  }
  roots.forEach(visit)
  return inside
}

/** CPU seconds used so far by these processes and their descendants, the ended ones included. */
export const cpuSeconds = (roots: ReadonlyArray<number>): number =>
  [...tree(roots).values()].reduce((sum, stat) => sum + stat.cpuSeconds, 0)

/**
 * The same of processes with one thread each, such as Postgres', by the nanosecond; ended ones do not count. What `cpuSeconds`
 * tells is cut to steps of 10 ms for each process.
 */
export const preciseCpuSeconds = (roots: ReadonlyArray<number>): number => {
  let nanoseconds = 0
  for (const pid of tree(roots).keys()) {
    try {
      nanoseconds += Number(readFileSync(`/proc/${pid}/schedstat`, "utf8").split(" ")[0])
    } catch {
      // It has ended meanwhile.
    }
  }
  return nanoseconds / 1e9
}

/** Resident memory of one process, in bytes; NaN where it cannot be read. */
export const residentBytes = (pid: number): number => {
  try {
    return Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) * 1024
  } catch {
    return NaN
  }
}
