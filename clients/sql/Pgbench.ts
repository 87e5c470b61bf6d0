import { execFile } from "node:child_process"
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { promisify } from "node:util"
import { DATABASE } from "../failover/Server.ts"

const PROGRAM = "/usr/lib/postgresql/15/bin/pgbench"

export const pgbenchMissing = (): string | undefined => (existsSync(PROGRAM) ? undefined : `no pgbench at ${PROGRAM}`)

/** Runs it against a server of the suite. Resolves with the transactions per second, if it tells any. */
export const pgbench = async (port: number, args: ReadonlyArray<string>): Promise<number> => {
  const place = ["-h", "127.0.0.1", "-p", String(port), "-U", "postgres"]
  const { stdout } = await promisify(execFile)(PROGRAM, [...place, ...args, DATABASE])
  return Number(/^tps = ([\d.]+)/m.exec(stdout)?.[1])
}

/** Of the transactions whose log a run writes by these flags: how long the slowest took. */
export const longestMs = async (run: (flags: ReadonlyArray<string>) => Promise<void>): Promise<string> => {
  const folder = mkdtempSync(join(tmpdir(), "tusk-pgbench-"))
  try {
    await run(["-l", "--log-prefix", join(folder, "log")])
    const micros = readdirSync(folder)
      .flatMap((name) => readFileSync(join(folder, name), "utf8").trimEnd().split("\n"))
      .map((line) => Number(line.split(" ")[2]))
      .toSorted((a, b) => b - a)
    const at = (part: number) => ((micros[Math.floor(micros.length * part)] ?? 0) / 1000).toFixed(0)
    return `${at(0)}; 1 of 10,000 ${at(0.0001)}, 1 of 1,000 ${at(0.001)}, 1 of 100 ${at(0.01)}`
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
