import { assert, describe, it } from "@effect/vitest"
import { runTusk } from "../Command.ts"
import { TuskProcess } from "../TuskProcess.ts"

const PASSWORD = "hunter2-s3cr3t"
/** With an admin port of its own: 9644 may be another test's, and that is a line more. */
const MEMORY = ["start", "--storage", "memory", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"]
const AWAY = ["start", "--database-url", `postgres://tusk:${PASSWORD}@127.0.0.1:1/kafka`, "--listen", "127.0.0.1:0"]
/** As without the variable. */
const DEFAULT = { TUSK_LOG_FORMAT: "" }

describe("what tusk start prints where no terminal is", () => {
  it("is JSON, every line: settings that are ignored, the greeting, the stop", async () => {
    const tusk = new TuskProcess([...MEMORY, "--set", "num.network.threads=2"], DEFAULT)
    const port = await tusk.listening()
    assert.strictEqual(await tusk.kill("SIGTERM"), 0)
    const lines = tusk.output
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, unknown>)
      // A busy machine commits slowly, and is told so.
      .filter(({ message }) => !/^slow /.test(String(message)))
    assert.deepStrictEqual(
      lines.map(({ level }) => level),
      ["warn", "info", "info"]
    )
    const [warning, greeting, stop] = lines
    assert.include(String(warning!["message"]), "num.network.threads")
    assert.strictEqual(stop!["message"], "Stopping.")
    assert.deepInclude(greeting, {
      area: "start",
      storage: "memory",
      listeners: `PLAINTEXT://127.0.0.1:${port}`,
      epoch: 1
    })
    assert.match(String(greeting!["clusterId"]), /^[\w-]{22}$/)
    assert.match(String(greeting!["version"]), /^\d+\.\d+\.\d+/)
  })

  it("is logfmt if that is asked for", async () => {
    const tusk = new TuskProcess([...MEMORY, "--log-format", "logfmt"])
    await tusk.listening()
    await tusk.kill("SIGTERM")
    assert.match(tusk.output, /^time=\S+Z level=info area=start message="Tusk [^"]+" version=\S+ storage=memory /m)
    for (const line of tusk.output.trim().split("\n")) assert.match(line, /^time=\S+Z level=\w+ area=\w+ message=/)
  })

  it("is never a password, whatever the format", async () => {
    for (const format of ["json", "logfmt", "pretty"]) {
      const args = [...AWAY, "--log-level", "debug", "--set", "tusk.database.start.timeout.ms=700"]
      const { exit, stderr, stdout } = await runTusk([...args, "--log-format", format])
      assert.strictEqual(exit, 1)
      assert.include(stderr, "127.0.0.1:1")
      assert.notInclude(stderr + stdout, PASSWORD)
    }
  })

  it("is refused by name if it is no format", async () => {
    const { exit, stderr } = await runTusk([...MEMORY, "--log-format", "xml"])
    assert.strictEqual(exit, 1)
    assert.strictEqual(stderr, "tusk: --log-format xml: one of json, logfmt, pretty\n")
  })
})
