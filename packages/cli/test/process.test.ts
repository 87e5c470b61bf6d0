import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { start } from "@tusk/server/testing/TestBroker"
import type { TestBroker } from "@tusk/server/testing/TestBroker"
import { spawn } from "node:child_process"
import { once } from "node:events"
import { fileURLToPath } from "node:url"
import { runTusk } from "./Command.ts"

const launcher = fileURLToPath(new URL("../bin/tusk.mjs", import.meta.url))

let broker: TestBroker
beforeAll(async () => {
  broker = await start()
  await runTusk(["produce", "lines", "-b", broker.bootstrapServers], {
    input: Array.from({ length: 50_000 }, (_, i) => `line ${i}\n`).join("")
  })
})
afterAll(() => broker.stop())

const tusk = (...args: ReadonlyArray<string>) =>
  spawn(process.execPath, ["--conditions=tusk-source", launcher, ...args, "-b", broker.bootstrapServers], {
    stdio: ["pipe", "pipe", "pipe"]
  })

describe("tusk as a process", () => {
  it.each([
    ["SIGINT", 130, "50000"],
    ["SIGTERM", 143, "50001"]
  ] as const)("%s ends it with %i, whatever it waits for", async (signal, code, end) => {
    const following = tusk("consume", "lines", "--from", "beginning")
    following.stdout.resume()
    await once(following.stdout, "data")
    following.kill(signal)
    assert.strictEqual((await once(following, "exit"))[0], code)

    const producing = tusk("produce", "lines", "--linger", "1ms")
    producing.stdin.write("one more\n")
    const { stdout } = await runTusk([
      ...["consume", "lines", "--from", end, "--max", "1"],
      ...["-b", broker.bootstrapServers]
    ])
    assert.strictEqual(stdout, "one more\n")
    // Its standard input stays open: it waits for a line.
    producing.kill(signal)
    assert.strictEqual((await once(producing, "exit"))[0], code)
  })

  it("a reader that goes ends it quietly", async () => {
    const following = tusk("consume", "lines", "--from", "beginning")
    let stderr = ""
    following.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text))
    await once(following.stdout, "data")
    following.stdout.destroy()
    assert.strictEqual((await once(following, "exit"))[0], 0)
    assert.strictEqual(stderr, "")
  })

  it("TUSK_BOOTSTRAP_SERVER names the broker, and does not trouble start's settings", async () => {
    const env = { TUSK_BOOTSTRAP_SERVER: broker.bootstrapServers }
    const listed = await runTusk(["topic", "list"], { env })
    assert.strictEqual(listed.stdout, "lines\t1\n")
    assert.strictEqual((await runTusk(["config", "print"], { env })).exit, 0)
  })

  it("NO_COLOR and FORCE_COLOR decide on colours", async () => {
    const args = ["topic", "list", "--output", "table", "-b", broker.bootstrapServers]
    const [forced, neither, both] = await Promise.all([
      runTusk(args, { env: { FORCE_COLOR: "1", NO_COLOR: "" } }),
      runTusk(args, { env: { FORCE_COLOR: "", NO_COLOR: "" } }),
      runTusk(args, { env: { FORCE_COLOR: "1", NO_COLOR: "1" } })
    ])
    assert.isTrue(forced.stdout.startsWith("\u001b[1m"))
    assert.isTrue(neither.stdout.startsWith("TOPIC"))
    assert.isTrue(both.stdout.startsWith("TOPIC"))
  })
})
