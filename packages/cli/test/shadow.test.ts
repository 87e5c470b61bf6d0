import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { start } from "@tusk/server/testing/TestBroker"
import type { TestBroker } from "@tusk/server/testing/TestBroker"
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { runCommandHere } from "./RunCommand.ts"
import { temporaryFolder } from "./TuskProcess.ts"

let from: TestBroker
let to: TestBroker
const variables = ["TUSK_DATABASE_URL", "DATABASE_URL", "PGHOST", "PGDATABASE"]
const before = new Map(variables.map((name) => [name, process.env[name]]))
beforeAll(async () => {
  for (const name of variables) delete process.env[name]
  from = await start()
  to = await start()
})
afterAll(async () => {
  for (const [name, value] of before) if (value !== undefined) process.env[name] = value
  await from.stop()
  await to.stop()
})

const lines = (...all: ReadonlyArray<string>) => [Buffer.from(all.map((line) => `${line}\n`).join(""))]

const shadow = (...more: ReadonlyArray<string>) =>
  runCommandHere(["shadow", "-b", from.bootstrapServers, "--to", to.bootstrapServers, "--once", ...more])

describe("tusk shadow", () => {
  it("forwards what is there, once", async () => {
    await runCommandHere(["produce", "orders", "-b", from.bootstrapServers], { input: lines("a", "b", "c") })
    await runCommandHere(["produce", "others", "-b", from.bootstrapServers], { input: lines("x") })
    const { exit, stderr, stdout } = await shadow("--topics", "orders.*")
    assert.strictEqual(exit, 0, stderr)
    assert.strictEqual(stdout, "")
    assert.include(stderr, "no database is named")
    const read = await runCommandHere([
      "consume",
      "orders",
      "-b",
      to.bootstrapServers,
      "--exit-at-end",
      "--format",
      "%o %s\\n"
    ])
    assert.strictEqual(read.stdout, "0 a\n1 b\n2 c\n")
    const topics = await runCommandHere(["topic", "list", "-b", to.bootstrapServers])
    assert.notInclude(topics.stdout, "others")
  })

  it("tells which partitions are not forwarded, and why", async () => {
    await runCommandHere(["produce", "mine", "-b", from.bootstrapServers], { input: lines("a") })
    await runCommandHere(["produce", "mine", "-b", to.bootstrapServers], { input: lines("b") })
    const { exit, stderr } = await shadow("--topics", "mine")
    assert.strictEqual(exit, 1)
    assert.match(stderr, /tusk: not forwarded: mine-0: the topic is there already, and not empty/)
  })

  it("is not done before each partition has begun", async () => {
    for (let i = 0; i < 5; i++) {
      await runCommandHere(["produce", `again-${i}`, "-b", from.bootstrapServers], { input: lines("a") })
      const { exit, stderr } = await shadow("--topics", `again-${i}`)
      assert.strictEqual(exit, 0, stderr)
      const read = await runCommandHere(["consume", `again-${i}`, "-b", to.bootstrapServers, "--exit-at-end"])
      assert.strictEqual(read.stdout, "a\n")
    }
  })

  it("fails if there is nothing to forward", async () => {
    const { exit, stderr } = await shadow("--topics", "nothing")
    assert.strictEqual(exit, 1)
    assert.include(stderr, "no topic is to be forwarded")
  })

  it("wants a target, sensible topics, and a file that says how to speak with it", async () => {
    const wrong = async (...more: ReadonlyArray<string>) => (await shadow(...more)).stderr
    assert.include((await runCommandHere(["shadow"])).stderr, "to")
    assert.include(await wrong("--topics", "("), "--topics (")
    assert.include(await wrong("--from-config", "nowhere.properties"), "--from-config nowhere.properties: ENOENT")
    const folder = temporaryFolder()
    try {
      const file = join(folder.path, "client.properties")
      writeFileSync(file, "security.protocol=SASL_PLAINTEXT\nsasl.mechanism=GSSAPI\n")
      assert.include(await wrong("--command-config", file), "GSSAPI is not served")
    } finally {
      folder.remove()
    }
  })
})
