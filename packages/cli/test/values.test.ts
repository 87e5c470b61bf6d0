import { assert, describe, it } from "@effect/vitest"
import * as Option from "effect/Option"
import { UsageError } from "../src/CliError.ts"
import { positionsOf } from "../src/commands/group/lag.ts"
import { parseBootstrap } from "../src/values/Bootstrap.ts"
import { parseDuration } from "../src/values/Duration.ts"
import { bytesOf } from "../src/values/Encoding.ts"
import { parseHeaders, recordOfJson } from "../src/values/InputRecord.ts"
import { parsePairs } from "../src/values/Pairs.ts"
import { parsePlace } from "../src/values/Place.ts"
import { parseReset, parseScope } from "../src/values/Reset.ts"
import type { ResetFlags } from "../src/values/Reset.ts"
import { parseTemplate, unescape } from "../src/values/Template.ts"
import { parseTime } from "../src/values/Time.ts"

/** The message of a wrong command line. */
const wrong = (parsed: unknown): string => {
  assert.instanceOf(parsed, UsageError)
  return (parsed as UsageError).message
}

describe("time spans and times", () => {
  it("are ISO 8601, or short", () => {
    const spans: ReadonlyArray<readonly [string, number | undefined]> = [
      ["500ms", 500],
      ["1h30m", 5_400_000],
      ["2d", 172_800_000],
      ["PT1H30M", 5_400_000],
      ["P1DT0.5S", 86_400_500],
      ["P2W", 1_209_600_000],
      ["-PT1S", -1000],
      ["", undefined],
      ["P", undefined],
      ["PT", undefined],
      ["1", undefined],
      ["1h 30m", undefined],
      ["h", undefined]
    ]
    for (const [text, ms] of spans) assert.strictEqual(parseDuration(text), ms, text)
  })

  it("a time without a zone is UTC, as Kafka's tools read it", () => {
    const noon = 1_769_860_800_000n
    const times: ReadonlyArray<readonly [string, bigint | undefined]> = [
      ["2026-01-31T12:00:00Z", noon],
      ["2026-01-31T12:00:00", noon],
      ["2026-01-31T12:00", noon],
      ["2026-01-31 12:00:00.000", noon],
      ["2026-01-31T13:00:00+01:00", noon],
      ["2026-01-31", noon - 43_200_000n],
      ["@1769860800000", noon],
      ["2026-13-31", undefined],
      ["yesterday", undefined],
      ["2026", undefined]
    ]
    for (const [text, time] of times) assert.strictEqual(parseTime(text), time, text)
  })
})

describe("places", () => {
  it("are names, offsets, distances from the end, times", () => {
    assert.deepStrictEqual(parsePlace("Beginning", "from"), { _tag: "Earliest" })
    assert.deepStrictEqual(parsePlace("end", "from"), { _tag: "Latest" })
    assert.deepStrictEqual(parsePlace("max-timestamp", "at"), { _tag: "MaxTimestamp" })
    assert.deepStrictEqual(parsePlace("0", "from"), { _tag: "Offset", offset: 0n })
    assert.deepStrictEqual(parsePlace("-7", "from"), { _tag: "BeforeEnd", records: 7n })
    assert.deepStrictEqual(parsePlace("@-1", "from"), { _tag: "Time", time: -1n })
    for (const text of ["", "-0", "1.5", "9999999999999999999", "now"]) {
      assert.match(wrong(parsePlace(text, "from")), /^--from .*one of beginning, latest/, text)
    }
  })
})

describe("addresses and pairs", () => {
  it("several brokers, ports that are not given, IPv6", () => {
    assert.deepStrictEqual(parseBootstrap("a, b:1,[::1]:2"), [
      { host: "a", port: 9092 },
      { host: "b", port: 1 },
      { host: "::1", port: 2 }
    ])
    for (const text of ["", "a:0", "a:70000", "a,,b", "http://a:1", "::1"]) {
      assert.match(wrong(parseBootstrap(text)), /not HOST:PORT/, text)
    }
  })

  it("a value may hold anything, a name stands once", () => {
    assert.deepStrictEqual(
      [...(parsePairs(["a=b=c", "d="], "--config") as ReadonlyMap<string, string>)],
      [
        ["a", "b=c"],
        ["d", ""]
      ]
    )
    assert.match(wrong(parsePairs(["a"], "--config")), /--config a: not NAME=VALUE/)
    assert.match(wrong(parsePairs(["=a"], "--config")), /not NAME=VALUE/)
    assert.match(wrong(parsePairs(["a=1", "a=2"], "--config")), /--config a is given twice/)
  })
})

describe("templates", () => {
  const record = {
    topic: "t",
    partition: 3,
    offset: 9007199254740993n,
    timestamp: 5n,
    key: null,
    value: Buffer.from([0xff]),
    headers: [
      { key: "a", value: Buffer.from("1") },
      { key: "b", value: null }
    ]
  }
  const print = (text: string): string => {
    const template = parseTemplate(text)
    const parts: Array<Uint8Array> = []
    if (!(template instanceof UsageError)) template(record, parts)
    return Buffer.concat(parts).toString("latin1")
  }

  it("letters, sizes, escapes, bytes as they are", () => {
    assert.strictEqual(print("%t[%p]@%o %T"), "t[3]@9007199254740993 5")
    assert.strictEqual(print("%k|%s|%K|%S|%h"), "|\u00ff|-1|1|a=1,b=")
    assert.strictEqual(print("100%%\\n\\t\\x41\\\\n"), "100%\n\tA\\n")
    assert.strictEqual(print(""), "")
  })

  it("a letter that is none, and a percent sign at the end", () => {
    assert.match(wrong(parseTemplate("%q")), /there is no %q; %t topic/)
    assert.match(wrong(parseTemplate("100%")), /there is no %;/)
  })

  it("an escape that is none stays as it is", () => assert.strictEqual(unescape("\\d\\x4\\0"), "\\d\\x4\0"))
})

describe("records", () => {
  it("headers in front of a line", () => {
    assert.deepStrictEqual(parseHeaders("a:1,b,c:x:y"), [
      { key: "a", value: Buffer.from("1") },
      { key: "b", value: null },
      { key: "c", value: Buffer.from("x:y") }
    ])
    assert.deepStrictEqual(parseHeaders(""), [])
    assert.strictEqual(parseHeaders("a:1,:2"), "a header without a name: :2")
  })

  it("JSON that is no record says why", () => {
    const reasons: ReadonlyArray<readonly [string, RegExp]> = [
      ["[]", /^not an object/],
      ["null", /^not an object/],
      ['{"value":5}', /^value is not a text/],
      ['{"key":"zz"}', /^key is no hex/],
      ['{"headers":{}}', /^headers is not a list/],
      ['{"headers":[{"value":"00"}]}', /^a header without a key/],
      ['{"headers":[{"key":"h","value":"0"}]}', /^the header h is no hex/],
      ['{"timestamp":"now"}', /^timestamp is not a number/],
      ['{"partition":-1}', /^partition is not a number/]
    ]
    for (const [text, reason] of reasons) {
      const record = recordOfJson(Buffer.from(text), "hex", 0)
      assert.match(typeof record === "string" ? record : "a record", reason, text)
    }
  })

  it("what is no base64 is told from what is", () => {
    assert.deepStrictEqual(bytesOf("AAE=", "base64"), Buffer.from([0, 1]))
    for (const text of ["AAE", "A===", "AA E=", "-_8="]) assert.isUndefined(bytesOf(text, "base64"), text)
  })
})

describe("resets", () => {
  const none: ResetFlags = {
    toEarliest: false,
    toLatest: false,
    toCurrent: false,
    toOffset: Option.none(),
    toDatetime: Option.none(),
    shiftBy: Option.none(),
    byDuration: Option.none()
  }

  it("are one of many", () => {
    const parse = (flags: Partial<ResetFlags>) => parseReset({ ...none, ...flags }, 10_000)
    assert.deepStrictEqual(parse({ toEarliest: true }), { _tag: "Earliest" })
    assert.deepStrictEqual(parse({ shiftBy: Option.some("-3") }), { _tag: "Shift", by: -3n })
    assert.deepStrictEqual(parse({ shiftBy: Option.some("+3") }), { _tag: "Shift", by: 3n })
    assert.deepStrictEqual(parse({ byDuration: Option.some("4s") }), { _tag: "Time", time: 6000n })
    assert.deepStrictEqual(parse({ toOffset: Option.some("7") }), { _tag: "Offset", offset: 7n })
    assert.match(wrong(parse({})), /^say where to/)
    assert.match(wrong(parse({ toEarliest: true, toLatest: true })), /^only one of/)
    assert.match(wrong(parse({ toOffset: Option.some("-7") })), /--to-offset -7/)
    assert.match(wrong(parse({ toDatetime: Option.some("noon") })), /--to-datetime noon/)
  })

  it("of some partitions, or of all", () => {
    assert.deepStrictEqual(parseScope("a.b:0,2"), { topic: "a.b", partitions: [0, 2] })
    assert.deepStrictEqual(parseScope("a"), { topic: "a", partitions: undefined })
    for (const text of ["", "a:", "a:x", "a:1,", ":1"]) assert.match(wrong(parseScope(text)), /not TOPIC/, text)
  })
})

describe("groups", () => {
  it("lag, where something is committed or only assigned", () => {
    const member = { memberId: "m", instanceId: null, clientId: "c", host: "/h" }
    const group = {
      group: "g",
      type: "consumer" as const,
      state: "Stable",
      epoch: 1,
      assignor: "uniform",
      members: [{ ...member, assignment: [{ topic: "t", partitions: [0, 1] }] }]
    }
    const offsets = [
      { topic: "t", partition: 0, offset: 4n },
      { topic: "gone", partition: 0, offset: 9n }
    ]
    const ends = new Map([
      ["0 t", 10n],
      ["1 t", 5n]
    ])
    const found = positionsOf(group, offsets, ends)
    assert.deepStrictEqual(
      found.map(({ lag, memberId, offset, partition, topic }) => [topic, partition, offset, lag, memberId]),
      [
        ["gone", 0, 9n, null, null],
        ["t", 0, 4n, 6n, "m"],
        ["t", 1, null, null, "m"]
      ]
    )
    const [, shared] = positionsOf({ ...group, type: "share" }, offsets, ends)
    assert.isNull(shared!.memberId)
  })
})
