import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import { asJson, asLogfmt } from "../../src/log/formats.ts"
import { entryOf, MAX_LINE } from "../../src/log/LogEntry.ts"
import { withoutSecrets } from "../../src/log/withoutSecrets.ts"

class Broken extends Data.TaggedError("Broken")<{ readonly message: string; readonly cause?: unknown }> {}

/** The lines of what an effect logs, in both formats. */
const linesOf = (effect: Effect.Effect<void>) => {
  const lines: Array<{ readonly json: Record<string, unknown>; readonly text: string; readonly logfmt: string }> = []
  const logger = Logger.make<unknown, void>((options) => {
    const entry = entryOf(options)
    const text = asJson(entry)
    lines.push({ json: JSON.parse(text) as Record<string, unknown>, text, logfmt: asLogfmt(entry) })
  })
  Effect.runSync(Effect.provide(effect, Logger.layer([logger])))
  return lines
}

const oneOf = (effect: Effect.Effect<void>) => {
  const lines = linesOf(effect)
  assert.lengthOf(lines, 1)
  return lines[0]!
}

describe("a log line", () => {
  it("has time, level, area and message first, then flat fields", () => {
    const { json, logfmt } = oneOf(
      Effect.annotateLogs(Effect.logWarning("it waits", { partitionId: 7, offset: 9n, names: ["a", "b"] }), {
        area: "log",
        topic: "orders"
      })
    )
    assert.match(String(json["time"]), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
    assert.deepStrictEqual(Object.entries(json).slice(1), [
      ["level", "warn"],
      ["area", "log"],
      ["message", "it waits"],
      ["topic", "orders"],
      ["partitionId", 7],
      ["offset", "9"],
      ["names", '["a","b"]']
    ])
    assert.include(logfmt, 'level=warn area=log message="it waits" topic=orders partitionId=7 offset=9 names="[')
  })

  it("is one line without control characters, whatever it tells", () => {
    const { json, logfmt, text } = oneOf(Effect.logInfo("a\nb\u001b[31m\u0085\u2028\u007f", { "k\ney=": "v\r\nw" }))
    for (const line of [text, logfmt]) {
      // oxlint-disable-next-line no-control-regex
      assert.notMatch(line, /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/)
    }
    assert.strictEqual(json["message"], "a\nb\u001b[31m\u0085\u2028\u007f")
    assert.include(logfmt, 'k_ey_="v\\r\\nw"')
  })

  it("tells an error with the chain of its causes, and where it was made", () => {
    const circle = new Broken({
      message: "outer",
      cause: new Broken({ message: "inner", cause: new TypeError("root") })
    })
    const { json } = oneOf(Effect.logError("it failed", circle))
    assert.strictEqual(json["message"], "it failed")
    assert.strictEqual(json["error"], "Broken: outer; caused by Broken: inner; caused by TypeError: root")
    assert.match(String(json["stack"]), /^at .*lines\.test\.ts/)
    const ofCause = oneOf(Effect.logError("it failed", Cause.fail(new Broken({ message: "m" }))))
    assert.strictEqual(ofCause.json["error"], "Broken: m")
  })

  it("has an end, however much it is told", () => {
    const fields = Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`f${i}`, "x".repeat(10_000)]))
    const { json, text } = oneOf(Effect.logInfo("y".repeat(1_000_000), fields))
    assert.isBelow(text.length, 2 * MAX_LINE)
    assert.match(String(json["message"]), /^y{4096}… \(995904 more\)$/)
  })

  it("keeps a field that is named as another one", () => {
    const { json } = oneOf(Effect.logInfo("m", { message: "other", level: "high" }))
    assert.strictEqual(json["message"], "m")
    assert.strictEqual(json["message_"], "other")
    assert.strictEqual(json["level_"], "high")
  })

  it("never tells a password", () => {
    const url = "postgres://tusk:s3cr3t@db.example:5432/kafka?sslmode=require"
    const { logfmt, text } = oneOf(
      Effect.annotateLogs(
        Effect.logError(`cannot reach ${url}`, { url, target: { password: "s3cr3t" } }, new Broken({ message: url })),
        { conninfo: "host=db password='s3cr3t' user=tusk" }
      )
    )
    for (const line of [text, logfmt]) assert.notInclude(line, "s3cr3t")
    assert.include(text, "postgres://tusk:***@db.example:5432/kafka")
  })
})

describe("text without secrets", () => {
  it("has none of a URL, of keywords, of JSON or of JAAS", () => {
    for (const text of [
      "postgres://u:p@w@host/db",
      "postgresql://u:p/w%@host/db",
      "postgres://host/db?user=u&password=p@w&x=1",
      "host=h password=p@w",
      '{"sslPassword":"p@w"}',
      'PlainLoginModule required username="u" password="p@w";'
    ]) {
      assert.notMatch(withoutSecrets(text), /p@w|p\/w/, text)
    }
    assert.strictEqual(
      withoutSecrets('password authentication failed for user "u"'),
      'password authentication failed for user "u"'
    )
  })
})
