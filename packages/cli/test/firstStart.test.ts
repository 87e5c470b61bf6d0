import { afterEach, assert, describe, it } from "@effect/vitest"
import { execFileSync, spawn } from "node:child_process"
import { chmodSync, chownSync, existsSync, mkdirSync, readdirSync } from "node:fs"
import { join } from "node:path"
import { causeOf } from "../src/embedded-postgres/DataFolder.ts"
import { serverAccount } from "../src/embedded-postgres/ServerAccount.ts"
import { runTusk } from "./Command.ts"
import { temporaryFolder, TuskProcess } from "./TuskProcess.ts"

const cleanUp: Array<() => unknown> = []
afterEach(() => {
  for (const each of cleanUp.splice(0).reverse()) each()
})

const folder = (): string => {
  const made = temporaryFolder()
  cleanUp.push(made.remove)
  return made.path
}

const isRoot = process.getuid?.() === 0
const NOBODY = 65534
const LISTEN = ["--listen", "127.0.0.1:0"]

/** One line on standard error, exit code 1. */
const refusal = async (args: ReadonlyArray<string>, as: { readonly uid?: number; readonly cwd?: string } = {}) => {
  const env = { TUSK_COMPILE_CACHE: join(folder(), "compiled") }
  const { exit, stderr } = await runTusk(["start", ...LISTEN, ...args], { ...as, env })
  assert.match(stderr, /^tusk: [^\n]+\n$/)
  assert.strictEqual(exit, 1)
  return stderr
}

describe("a first start that cannot be is one line with the remedy, and leaves nothing", () => {
  it('--data-dir "" is nothing, and not this folder', async () => {
    const cwd = folder()
    assert.match(await refusal(["--data-dir", ""], { cwd }), /--data-dir: nothing is given/)
    assert.deepStrictEqual(readdirSync(cwd), [])
    assert.match(await refusal(["--database-url", ""], { cwd }), /--database-url: nothing is given/)
  })

  it("a file in the way", async () => {
    assert.match(
      await refusal(["--data-dir", join(process.execPath, "data")]),
      /cannot keep data in .*a part of the path is no folder/
    )
  })

  it.runIf(isRoot)("by a user in a folder that root used before", async () => {
    const dataDir = folder()
    const account = serverAccount()
    if (account === undefined || account instanceof Error) return assert.fail("no account")
    const postgres = join(dataDir, "postgres")
    mkdirSync(postgres, { mode: 0o700 })
    chownSync(postgres, account.uid, account.gid)
    const line = await refusal(["--data-dir", dataDir], { uid: account.uid === NOBODY ? 1 : NOBODY })
    assert.include(line, `${postgres} belongs to ${account.name}, as Tusk was started by root before: start it as root`)
    assert.match(line, /or give it away: chown -R \w+ /)
    assert.deepStrictEqual(readdirSync(dataDir), ["postgres"])
  })

  it.runIf(isRoot)("by root in a folder that a user used before", async () => {
    const dataDir = folder()
    mkdirSync(join(dataDir, "log"))
    chownSync(join(dataDir, "log"), 1, 1)
    const line = await refusal(["--data-dir", dataDir])
    assert.match(
      line,
      /log belongs to daemon, as Tusk was started by daemon before: start it as daemon, or give it away/
    )
    assert.deepStrictEqual(readdirSync(dataDir), ["log"])
  })

  it.runIf(isRoot)("a folder that may not be written", async () => {
    const dataDir = folder()
    chmodSync(dataDir, 0o555)
    const line = await refusal(["--data-dir", join(dataDir, "data")], { uid: NOBODY })
    assert.match(line, /cannot keep data in .*: permission denied; give another --data-dir, or --database-url/)
  })

  it.runIf(isRoot)("a uid without an account", async () => {
    const dataDir = folder()
    chownSync(dataDir, 54321, 54321)
    assert.match(await refusal(["--data-dir", dataDir], { uid: 54321 }), /uid 54321 has no account .* --storage memory/)
    assert.deepStrictEqual(readdirSync(dataDir), [])
  })

  const mounts = (options: string): string | undefined => {
    const place = folder()
    try {
      execFileSync("mount", ["-t", "tmpfs", "-o", options, "none", place], { stdio: "ignore" })
    } catch {
      return undefined
    }
    cleanUp.push(() => execFileSync("umount", [place]))
    return place
  }

  it.runIf(isRoot)("a full disk, and a read-only one", async ({ skip }) => {
    const full = mounts("size=2m")
    const readOnly = mounts("ro")
    if (full === undefined || readOnly === undefined) return skip()
    const dataDir = join(full, "data")
    assert.match(await refusal(["--data-dir", dataDir]), /No space left on device/)
    assert.isFalse(existsSync(join(dataDir, "postgres.new")))
    assert.match(await refusal(["--data-dir", join(readOnly, "data")]), /the file system is read-only; give another/)
  })

  it("the line that says why, and not the last one", () => {
    const lines = [
      "2026-11-27 12:00:00.000 UTC [17] FATAL:  could not write to file: No space left on device",
      "child process exited with exit code 1",
      'initdb: removing contents of data directory "/x"'
    ]
    assert.strictEqual(causeOf(lines), "FATAL:  could not write to file: No space left on device")
    assert.strictEqual(causeOf(["one", "two"]), "two")
    assert.isUndefined(causeOf([]))
  })
})

describe("SIGHUP", () => {
  it("without a terminal, as under nohup, is told and stops nothing", async () => {
    const tusk = new TuskProcess(["start", "--storage", "memory", ...LISTEN])
    await tusk.listening()
    tusk.child.kill("SIGHUP")
    await tusk.printed(/tusk: SIGHUP, with no terminal to lose: it goes on; SIGTERM or SIGINT stops it\n/)
    assert.strictEqual(await tusk.kill("SIGTERM"), 0)
  })

  it("of a terminal that closes stops it", async ({ skip }) => {
    // `script` gives a terminal.
    const launcher = new URL("../bin/tusk.mjs", import.meta.url).pathname
    const command = `exec ${process.execPath} --conditions=tusk-source ${launcher} start --storage memory ${LISTEN.join(" ")}`
    const terminal = spawn("script", ["-qec", command, "/dev/null"], { stdio: ["pipe", "pipe", "ignore"] })
    let text = ""
    const ended = new Promise<boolean>((resolve) => {
      terminal.once("error", () => resolve(false))
      terminal.once("close", () => resolve(true))
    })
    const listens = new Promise<boolean>((resolve) => {
      terminal.stdout.on("data", (chunk: Buffer) => {
        text += chunk.toString()
        if (text.includes("Try:")) resolve(true)
      })
      void ended.then(() => resolve(false))
    })
    if (!(await listens)) return skip()
    const children = execFileSync("ps", ["-o", "pid=", "--ppid", String(terminal.pid)])
      .toString()
      .trim()
      .split(/\s+/)
    process.kill(Number(children[0]), "SIGHUP")
    assert.isTrue(await ended)
    assert.include(text, "Stopping.")
  })
})
