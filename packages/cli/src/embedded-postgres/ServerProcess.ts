import {
  closeSync,
  fstatSync,
  openSync,
  readFileSync,
  readlinkSync,
  readSync,
  realpathSync,
  rmSync,
  statSync
} from "node:fs"
import { join } from "node:path"

/** What a server writes about itself: its process, the folder of its socket, and how far it has come (`ready`). */
export interface ServerProcess {
  readonly pid: number
  readonly port: number
  readonly socketDirectory: string
  readonly status: string
}

/** Reads the file that a server keeps in its data directory while it runs. It stays behind when the server is killed. */
export const readPidFile = (data: string): ServerProcess | undefined => {
  let lines: ReadonlyArray<string>
  try {
    lines = readFileSync(pidFile(data), "utf8").split("\n")
  } catch {
    return undefined
  }
  const pid = Number(lines[0])
  const socketDirectory = lines[4]?.trim()
  if (!(pid > 0) || !socketDirectory) return undefined
  return { pid, port: Number(lines[3]), socketDirectory, status: lines[7]?.trim() ?? "" }
}

const pidFile = (data: string): string => join(data, "postmaster.pid")

/** Whether the process is there and serves this directory: after a reboot another process may have its number. */
export const isAlive = (pid: number, data: string): boolean => {
  if (!isThere(pid)) return false
  // No /proc on this system: the number is all there is.
  if (process.platform !== "linux") return true
  const folder = `/proc/${pid}`
  try {
    // "number (name) state …": it was killed, and no init has reaped it, as in some containers.
    if (/^.*\) [ZX]/s.test(readFileSync(`${folder}/stat`, "latin1"))) return false
    try {
      // Postgres works in its data directory.
      return readlinkSync(`${folder}/cwd`) === realpathSync(data)
    } catch (error) {
      // In a container even root may not look there; everybody may read the name.
      const { code } = error as NodeJS.ErrnoException
      return (code === "EACCES" || code === "EPERM") && readFileSync(`${folder}/comm`, "utf8").trim() === "postgres"
    }
  } catch {
    return false
  }
}

const isThere = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM"
  }
}

/**
 * Takes away the lock files of a server that is gone while its number is in use: by what is left of it, or by another
 * process. A new server looks at the number only, and would refuse to start. It still sees by the shared memory whether
 * processes of the old one are left.
 */
export const removeStaleLocks = (data: string): void => {
  const left = readPidFile(data)
  if (left === undefined || isAlive(left.pid, data) || !isThere(left.pid)) return
  rmSync(pidFile(data), { force: true })
  rmSync(join(left.socketDirectory, `.s.PGSQL.${left.port}.lock`), { force: true })
}

/** How much of the log's end is read for the last lines. */
const MAX_TAIL_BYTES = 4096
const MAX_TAIL_LINES = 20

/** Bytes of the file; 0 if there is none. */
export const logBytes = (log: string): number => {
  try {
    return statSync(log).size
  } catch {
    return 0
  }
}

/** The last lines of the server's log, from the given byte on. */
export const lastLines = (log: string, from: number): ReadonlyArray<string> => {
  let file: number
  try {
    file = openSync(log, "r")
  } catch {
    return []
  }
  try {
    const { size } = fstatSync(file)
    // It is shorter than it was: it was cut, and all of it is new.
    const begin = size < from ? 0 : from
    const start = Math.max(begin, size - MAX_TAIL_BYTES)
    const buffer = Buffer.alloc(size - start)
    const read = readSync(file, buffer, 0, buffer.byteLength, start)
    const lines = buffer.toString("utf8", 0, read).split("\n")
    // The first line was begun in its middle.
    if (start > begin) lines.shift()
    return lines.filter((line) => line !== "").slice(-MAX_TAIL_LINES)
  } finally {
    closeSync(file)
  }
}
