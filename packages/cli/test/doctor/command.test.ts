import { assert, describe, it } from "@effect/vitest"
import { startBroker } from "../../../server/test/BrokerUnderTest.ts"
import { runTusk } from "../Command.ts"

const AWAY = ["doctor", "--database-url", "postgres://tusk:hunter2@127.0.0.1:1/kafka"]

/** None by its variables either. */
const NO_DATABASE = { TUSK_DATABASE_URL: "", DATABASE_URL: "" }

describe("tusk doctor", () => {
  it("tells programs in JSON, and by its exit code", async () => {
    const { exit, stderr, stdout } = await runTusk([...AWAY, "--output", "json"])
    assert.strictEqual(exit, 4)
    assert.strictEqual(stderr, "")
    const [finding] = JSON.parse(stdout) as ReadonlyArray<Record<string, unknown>>
    assert.deepInclude(finding, { severity: "error", check: "connect" })
    assert.notInclude(stdout, "hunter2")
  })

  it("tells people in paragraphs", async () => {
    const { exit, stdout } = await runTusk([...AWAY, "--output", "table"])
    assert.strictEqual(exit, 4)
    assert.match(
      stdout,
      /^ERROR   no session with Postgres: .*127\.0\.0\.1:1.* \(connect\)\n {8}Tusk does not start\n {8}-> /
    )
  })

  it("looks at a broker as its clients do", async () => {
    await using broker = await startBroker()
    const { exit, stdout } = await runTusk(["doctor", "-b", `127.0.0.1:${broker.port}`, "--output", "json"], {
      env: NO_DATABASE
    })
    const findings = JSON.parse(stdout) as ReadonlyArray<Record<string, unknown>>
    assert.strictEqual(exit, 0)
    assert.lengthOf(findings, 1)
    assert.deepInclude(findings[0], {
      check: "broker",
      severity: "info",
      seen: `clients are told to go to 127.0.0.1:${broker.port}, and get there`
    })
    const none = await runTusk(["doctor", "-b", "127.0.0.1:1", "--output", "json"], { env: NO_DATABASE })
    assert.strictEqual(none.exit, 4)
    assert.include(none.stdout, "127.0.0.1:1")
  })

  it("says what is wrong with a URL", async () => {
    const { exit, stderr } = await runTusk(["doctor", "--database-url", "mysql://x"])
    assert.strictEqual(exit, 1)
    assert.match(stderr, /^tusk: [^\n]+\n$/)
  })
})
