import { assert, describe, it } from "@effect/vitest"
import { createServer } from "node:net"
import type { AddressInfo } from "node:net"
import { execFile, spawnSync } from "node:child_process"
import { realpathSync, statSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { runTusk } from "./Command.ts"

/** One line on standard error, exit code 1. */
const refuses = async (args: ReadonlyArray<string>, message: RegExp): Promise<void> => {
  const { exit, stderr, stdout } = await runTusk(args)
  assert.match(stderr, message)
  assert.match(stderr, /^tusk: [^\n]+\n$/)
  assert.strictEqual(exit, 1)
  assert.notInclude(stdout, "listens")
}

/** A port of 127.0.0.1 that a server listens on, or none any more. */
const withPort = async (taken: boolean, use: (port: number) => Promise<void>): Promise<void> => {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const { port } = server.address() as AddressInfo
  const close = () => new Promise((resolve) => server.close(resolve))
  if (!taken) await close()
  try {
    await use(port)
  } finally {
    if (taken) await close()
  }
}

describe("what stops a start, in one line and with exit code 1", () => {
  it("a wrong flag", () => refuses(["start", "--lissten", "x"], /--lissten/))

  it("an unknown setting", () =>
    refuses(["start", "--storage", "memory", "--set", "num.partitoins=3"], /did you mean num\.partitions/))

  it("a taken port", () =>
    withPort(true, (port) =>
      refuses(
        ["start", "--storage", "memory", "--listen", `127.0.0.1:${port}`],
        new RegExp(`cannot listen on 127.0.0.1:${port}: the port is taken`)
      )
    ))

  it("a database that is not there", () =>
    withPort(false, (port) =>
      refuses(
        [
          "start",
          ...["--listen", "127.0.0.1:0", "--database-url", `postgres://u:secret@127.0.0.1:${port}/d`],
          ...["--set", "tusk.database.start.timeout.ms=0"]
        ],
        new RegExp(`cannot reach Postgres at 127.0.0.1:${port}`)
      )
    ))

  it("a URL that is none", () =>
    refuses(["start", "--listen", "127.0.0.1:0", "--database-url", "mysql://u:secret@h/d"], /mysql:\/\/ instead of/))
})

describe("commands", () => {
  it("a command line that says nothing sensible is one line, and exit code 2", async () => {
    for (const [args, message] of [
      [["serve"], /^tusk: there is no command serve\n/],
      [["decod", "00"], /^tusk: there is no command decod; did you mean decode\?\n/],
      [["decode", "--jsn", "00"], /^tusk: there is no flag --jsn; did you mean --json\?\nSee tusk decode --help\n$/],
      [["decode"], /^tusk: Missing required argument: source\n/]
    ] as const) {
      const { exit, stderr, stdout } = await runTusk(args)
      assert.match(stderr, message)
      assert.strictEqual(stdout, "")
      assert.strictEqual(exit, 2)
    }
  })

  it("sql roles wants a verb, and a database", async () => {
    const { exit, stderr } = await runTusk(["sql"])
    assert.include(stderr, "roles")
    assert.strictEqual(exit, 2)
    await refuses(["sql", "roles"], /give --database-url/)
    await withPort(false, (port) =>
      refuses(["sql", "roles", "--database-url", `postgres://u:secret@127.0.0.1:${port}/d`], /cannot reach Postgres at/)
    )
  })

  it("--version and --help", async () => {
    const [version, help] = await Promise.all([runTusk(["--version"]), runTusk(["--help"])])
    assert.match(version.stdout, /^tusk \d+\.\d+\.\d+\n$/)
    assert.strictEqual(version.exit, 0)
    assert.include(help.stdout, "tusk start")
    assert.strictEqual(help.exit, 0)
  })

  it("config print shows values and where they come from", async () => {
    const { exit, stdout } = await runTusk(["config", "print", "--set", "num.partitions=7"], {
      env: { TUSK_MESSAGE_MAX_BYTES: "2000000" }
    })
    assert.strictEqual(exit, 0)
    assert.include(stdout, "num.partitions=7  # --set num.partitions\n")
    assert.include(stdout, "message.max.bytes=2000000  # TUSK_MESSAGE_MAX_BYTES\n")
    assert.include(stdout, "auto.create.topics.enable=true  # default\n")
  })

  it("config print shows defaults of topics, listeners and storage, and no password", async () => {
    const { exit, stdout } = await runTusk(
      ["config", "print", "--listen", "IN://0.0.0.0:9092", "--advertise", "IN://tusk.example:443"],
      {
        env: { TUSK_DATABASE_URL: "postgres://u:hidden@h:6543/d?sslpassword=hidden", TUSK_LOG_RETENTION_HOURS: "5" }
      }
    )
    assert.strictEqual(exit, 0)
    for (const line of [
      "--listen IN://0.0.0.0:9092  # --listen",
      "--advertise IN://tusk.example:443  # --advertise",
      "--storage postgres  # default",
      "--database-url postgres://u@h:6543/d  # TUSK_DATABASE_URL",
      "log.cleanup.policy=delete  # default",
      "log.retention.hours=5  # TUSK_LOG_RETENTION_HOURS"
    ]) {
      assert.include(stdout, `${line}\n`)
    }
    assert.notMatch(stdout, /^log\.retention\.(ms|minutes)=/m)
    assert.notInclude(stdout, "hidden")
    const embedded = await runTusk(["config", "print"], { cwd: tmpdir() })
    assert.include(embedded.stdout, `--data-dir ${join(realpathSync(tmpdir()), "tusk-data")}  # default\n`)
    assert.include(embedded.stdout, "--listen PLAINTEXT://127.0.0.1:9092  # default\n")
  })

  it("in a checkout it runs by its own name, from any folder, and says its version with any command", async () => {
    const bin = fileURLToPath(new URL("../../../node_modules/.bin/tusk", import.meta.url))
    const run = promisify(execFile)
    for (const cwd of [tmpdir(), fileURLToPath(new URL("../src", import.meta.url))]) {
      for (const args of [["--version"], ["version"], ["start", "--version"]]) {
        const { stderr, stdout } = await run(process.execPath, [bin, ...args], { cwd })
        assert.match(stdout, /^tusk \d+\.\d+\.\d+\n$/)
        assert.strictEqual(stderr, "")
      }
    }
    const printed = await run(process.execPath, [bin, "config", "print"], { cwd: tmpdir() })
    assert.include(printed.stdout, "num.partitions=1  # default")
  })

  it("what npm makes a command of is one already, so that installing changes no file's mode", () => {
    const bin = fileURLToPath(new URL("../bin/tusk.mjs", import.meta.url))
    assert.strictEqual(statSync(bin).mode & 0o111, 0o111)
    const kept = spawnSync("git", ["ls-files", "-s", bin], { cwd: fileURLToPath(new URL("..", import.meta.url)) })
    // If there is no git, or this is no checkout, there is nothing to change.
    if (kept.status === 0 && kept.stdout.length > 0) assert.match(kept.stdout.toString(), /^100755 /)
  })

  // ApiVersions version 0, correlation id 7, client id "abc".
  const request = "0000000d 0012 0000 00000007 0003 616263"

  it("decode prints a frame, from its argument or from standard input", async () => {
    const [shown, lines] = await Promise.all([
      runTusk(["decode", request]),
      runTusk(["decode", "--json", "-"], { input: `${request}\n\n${request.replaceAll(" ", "")}\n` })
    ])
    assert.strictEqual(shown.exit, 0)
    assert.include(shown.stdout, "abc")
    assert.strictEqual(lines.exit, 0)
    const objects = lines.stdout.trim().split("\n")
    assert.strictEqual(objects.length, 2)
    for (const object of objects) {
      const { header } = JSON.parse(object) as { readonly header: Record<string, unknown> }
      assert.strictEqual(header.correlationId, 7)
      assert.strictEqual(header.clientId, "abc")
    }
  })

  it("decode tells which line is no frame, and goes on", async () => {
    const { exit, stderr, stdout } = await runTusk(["decode", "--json", "-"], { input: `zz\n${request}\n` })
    assert.match(stderr, /^tusk: line 1: /)
    assert.strictEqual(stdout.trim().split("\n").length, 1)
    assert.strictEqual(exit, 1)
  })
})
