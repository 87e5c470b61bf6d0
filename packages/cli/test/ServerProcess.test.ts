import { afterEach, assert, describe, it } from "@effect/vitest"
import { spawn } from "node:child_process"
import { once } from "node:events"
import { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { isAlive, lastLines, logBytes, readPidFile, removeStaleLocks } from "../src/embedded-postgres/ServerProcess.ts"
import { temporaryFolder } from "./TuskProcess.ts"

const cleanUp: Array<() => unknown> = []
afterEach(async () => {
  for (const each of cleanUp.splice(0).reverse()) await each()
})

/** A data directory as a server leaves it that was killed: both of its lock files name this process. */
const leftBehind = (pid: number) => {
  const folder = temporaryFolder()
  cleanUp.push(folder.remove)
  const data = join(folder.path, "postgres")
  const run = join(folder.path, "run")
  for (const each of [data, run]) mkdirSync(each)
  const locks = [join(data, "postmaster.pid"), join(run, ".s.PGSQL.5432.lock")]
  writeFileSync(locks[0]!, [pid, data, 0, 5432, run, "", "", "ready   ", ""].join("\n"))
  writeFileSync(locks[1]!, `${pid}\n`)
  return { data, locks }
}

/** Runs a shell's command in that folder; the number it prints first, and its own. */
const started = async (command: string, cwd: string) => {
  const child = spawn("sh", ["-c", command], { cwd, stdio: ["ignore", "pipe", "ignore"] })
  cleanUp.push(async () => {
    child.kill("SIGKILL")
    if (child.exitCode === null && child.signalCode === null) await once(child, "exit")
  })
  const [said] = (await once(child.stdout, "data")) as [Buffer]
  return { told: Number(said.toString()), own: child.pid! }
}

const until = async (holds: () => boolean) => {
  while (!holds()) await new Promise(setImmediate)
}

// Elsewhere there is no /proc, and the number is all that is looked at.
describe.runIf(process.platform === "linux")("a server's process", () => {
  it("is told from another that has its number by where it works; only its own locks are left alone", async () => {
    const { data, locks } = leftBehind(process.pid)
    assert.isFalse(isAlive(process.pid, data))
    const { told: pid } = await started("echo $$; exec sleep 60", data)
    assert.isTrue(isAlive(pid, data))
    writeFileSync(locks[0]!, readFileSync(locks[0]!, "utf8").replace(String(process.pid), String(pid)))
    removeStaleLocks(data)
    assert.deepStrictEqual(locks.map(existsSync), [true, true])
    assert.strictEqual(readPidFile(data)?.pid, pid)
    writeFileSync(locks[0]!, readFileSync(locks[0]!, "utf8").replace(String(pid), String(process.pid)))
    removeStaleLocks(data)
    assert.deepStrictEqual(locks.map(existsSync), [false, false])
    assert.isUndefined(readPidFile(data))
  })

  it("is gone once it is killed, also if its parent never asks how it ended", async () => {
    const { data, locks } = leftBehind(process.pid)
    // The child of a shell that becomes `sleep`, which has no children to ask for.
    const { own, told: pid } = await started("sleep 60 & echo $!; exec sleep 60", data)
    await until(() => readFileSync(`/proc/${own}/comm`, "utf8") === "sleep\n")
    assert.isTrue(isAlive(pid, data))
    process.kill(pid, "SIGKILL")
    await until(() => /\) Z/.test(readFileSync(`/proc/${pid}/stat`, "latin1")))
    assert.isFalse(isAlive(pid, data))
    writeFileSync(locks[0]!, readFileSync(locks[0]!, "utf8").replace(String(process.pid), String(pid)))
    removeStaleLocks(data)
    assert.deepStrictEqual(locks.map(existsSync), [false, false])
  })
})

describe("the last lines of its log", () => {
  it("are those behind the given byte, whole and at most ten", () => {
    const folder = temporaryFolder()
    cleanUp.push(folder.remove)
    const log = join(folder.path, "postgres.log")
    assert.deepStrictEqual([logBytes(log), lastLines(log, 0)], [0, []])
    writeFileSync(log, "before\n")
    const from = logBytes(log)
    assert.deepStrictEqual(lastLines(log, from), [])
    appendFileSync(log, "one\n\ntwo\n")
    assert.deepStrictEqual(lastLines(log, from), ["one", "two"])
    const lines = Array.from({ length: 400 }, (_, i) => `line ${i} ${"x".repeat(i % 7 === 0 ? 900 : 9)}`)
    appendFileSync(log, `${lines.join("\n")}\n`)
    const last = lastLines(log, from)
    assert.isAtMost(last.length, 20)
    assert.deepStrictEqual(last, lines.slice(-last.length))
    // Cut meanwhile: all of it is new.
    writeFileSync(log, "new\n")
    assert.deepStrictEqual(lastLines(log, from), ["new"])
  })
})
