import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { start } from "@tusk/server/testing/TestBroker"
import type { TestBroker } from "@tusk/server/testing/TestBroker"
import { createServer } from "node:net"
import type { AddressInfo } from "node:net"
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { runCommandHere } from "./RunCommand.ts"
import type { RunOptions } from "./RunCommand.ts"
import { temporaryFolder } from "./TuskProcess.ts"

let broker: TestBroker
beforeAll(async () => {
  broker = await start({ settings: { "num.partitions": "1" } })
})
afterAll(() => broker.stop())

const tusk = (args: ReadonlyArray<string>, options: RunOptions = {}) =>
  runCommandHere([...args, "-b", broker.bootstrapServers], options)

/** What a command prints as JSON; it has to end well. */
const json = async (args: ReadonlyArray<string>, options: RunOptions = {}): Promise<any> => {
  const { exit, stderr, stdout } = await tusk([...args, "--output", "json"], options)
  assert.strictEqual(exit, 0, stderr)
  return JSON.parse(stdout)
}

const lines = (...texts: ReadonlyArray<string>): RunOptions => ({
  input: [Buffer.from(texts.map((each) => `${each}\n`).join(""))]
})

const refuses = async (args: ReadonlyArray<string>, exit: number, message: RegExp, options: RunOptions = {}) => {
  const ran = await tusk(args, options)
  assert.match(ran.stderr, message)
  assert.match(ran.stderr, /^tusk: [^\n]+\n(?:See [^\n]+\n)?$/)
  assert.strictEqual(ran.exit, exit)
}

describe("tusk topic", () => {
  it("makes, tells, changes and deletes topics", async () => {
    const [made] = await json(["topic", "create", "orders", "--partitions", "3", "--config", "retention.ms=5000"])
    assert.strictEqual(made.partitions, 3)
    const [told] = await json(["topic", "describe", "orders"])
    assert.strictEqual(told.topicId, made.topicId)
    assert.deepStrictEqual(told.configs, { "retention.ms": "5000" })
    assert.deepStrictEqual(told.partitions[2], { partition: 2, leader: 1, replicas: [1], isr: [1] })
    await json([
      "topic",
      "alter",
      "orders",
      "--partitions",
      "4",
      "--delete-config",
      "retention.ms",
      "--config",
      "max.message.bytes=9999"
    ])
    const [changed] = await json(["topic", "describe", "orders"])
    assert.strictEqual(changed.partitions.length, 4)
    assert.deepStrictEqual(changed.configs, { "max.message.bytes": "9999" })
    assert.deepInclude(await json(["topic", "list"]), { name: "orders", partitions: 4, isInternal: false })
    assert.deepStrictEqual(await json(["topic", "delete", "orders"]), [{ name: "orders" }])
    assert.strictEqual(
      (await json(["topic", "list"])).some(({ name }: { name: string }) => name === "orders"),
      false
    )
  })

  it("a dry run makes nothing, and what is there or gone already may be no error", async () => {
    await json(["topic", "create", "dry", "--dry-run"])
    await refuses(["topic", "describe", "dry"], 1, /topic dry: UNKNOWN_TOPIC_OR_PARTITION: there is no such topic/)
    await json(["topic", "create", "twice"])
    await refuses(["topic", "create", "twice"], 1, /TOPIC_ALREADY_EXISTS/)
    assert.strictEqual((await tusk(["topic", "create", "twice", "--if-not-exists"])).exit, 0)
    assert.strictEqual((await tusk(["topic", "delete", "never", "--if-exists"])).exit, 0)
    const both = await tusk(["topic", "delete", "never", "twice"])
    assert.strictEqual(both.stdout, "twice\n")
    assert.match(both.stderr, /topic never: UNKNOWN_TOPIC_OR_PARTITION/)
    assert.strictEqual(both.exit, 1)
  })

  it("prints a table on a terminal, and tabs in a pipe", async () => {
    await json(["topic", "create", "shown"])
    const [table, plain] = await Promise.all([tusk(["topic", "list"], { isTerminal: true }), tusk(["topic", "list"])])
    assert.match(table.stdout, /^TOPIC +PARTITIONS\n/)
    assert.match(table.stdout, /^shown +1$/m)
    assert.match(plain.stdout, /^shown\t1$/m)
    assert.notInclude(plain.stdout, "TOPIC")
  })

  it("tells offsets of places, and deletes records before one", async () => {
    await json(["topic", "create", "logged", "--config", "retention.ms=-1"])
    await tusk(
      ["produce", "logged", "--json"],
      lines(...[1000, 2000, 3000, 4000].map((timestamp) => JSON.stringify({ value: "v", timestamp })))
    )
    const at = async (where: string) => (await json(["topic", "offsets", "logged", `--at=${where}`]))[0].offset
    assert.deepStrictEqual(
      await Promise.all(
        ["beginning", "latest", "2", "99", "-1", "@2500", "@9000", "1970-01-01T00:00:02", "max-timestamp"].map(at)
      ),
      [0, 4, 2, 4, 3, 2, 4, 1, 3]
    )
    assert.deepStrictEqual(await json(["topic", "offsets", "logged"]), [
      { topic: "logged", partition: 0, earliest: 0, latest: 4 }
    ])
    assert.deepStrictEqual(await json(["topic", "delete-records", "logged", "--before", "3"]), [
      { topic: "logged", partition: 0, lowWatermark: 3 }
    ])
    assert.strictEqual(await at("beginning"), 3)
    await refuses(["topic", "delete-records", "logged", "--before", "now"], 2, /--before now: one of beginning/)
  })
})

describe("tusk produce and consume", () => {
  it("100,000 lines come back as they went, whatever the codec", { timeout: 60_000 }, async () => {
    const text = Buffer.from(
      Array.from({ length: 100_000 }, (_, i) => `line ${i} \u00e9 ${"x".repeat(i % 50)}\n`).join("")
    )
    for (const codec of ["none", "gzip", "snappy", "lz4", "zstd"]) {
      const topic = `lines-${codec}`
      const sent = await tusk(["produce", topic, "--compression", codec, "--batch-size", "100000"], { input: [text] })
      assert.strictEqual(sent.exit, 0, sent.stderr)
      const back = await tusk(["consume", topic, "--exit-at-end"])
      assert.isTrue(back.bytes.equals(text), codec)
    }
  })

  it("lines that are cut anywhere stay lines", async () => {
    const bytes = Buffer.from("one\ntwo\n\nfour, without an end")
    await tusk(["produce", "cut"], { input: Array.from(bytes, (byte) => Buffer.of(byte)) })
    const back = await tusk(["consume", "cut", "--exit-at-end"])
    assert.strictEqual(back.stdout, "one\ntwo\n\nfour, without an end\n")
  })

  it("keys, headers and nulls, as lines and as JSON", async () => {
    const sent = await tusk(
      ["produce", "keyed", "-K", "\\t", "--headers", "--header", "app=shop", "--null-marker", "NULL"],
      lines("a:1,b\tk\tv", "\tk2\tNULL")
    )
    assert.strictEqual(sent.exit, 0, sent.stderr)
    const told = await tusk(["consume", "keyed", "--exit-at-end", "--output", "json"])
    const [first, second] = told.stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line))
    assert.deepInclude(first, { topic: "keyed", partition: 0, offset: 0, key: "k", value: "v" })
    assert.deepStrictEqual(first.headers, [
      { key: "app", value: "shop" },
      { key: "a", value: "1" },
      { key: "b", value: null }
    ])
    assert.deepInclude(second, { key: "k2", value: null })
    const copied = await tusk(["produce", "copied", "--json"], { input: [Buffer.from(told.stdout)] })
    assert.strictEqual(copied.exit, 0, copied.stderr)
    const copy = await tusk(["consume", "copied", "--exit-at-end", "--output", "json"])
    assert.strictEqual(copy.stdout.replaceAll("copied", "keyed"), told.stdout)
  })

  it("bytes that are no text survive hex and base64", async () => {
    for (const encoding of ["hex", "base64"] as const) {
      const value = Buffer.from([0, 255, 10, 13, 128]).toString(encoding)
      await tusk(["produce", `bytes-${encoding}`, "--json", "--encoding", encoding], lines(JSON.stringify({ value })))
      const back = await tusk([
        "consume",
        `bytes-${encoding}`,
        "--exit-at-end",
        "--output",
        "json",
        "--encoding",
        encoding
      ])
      assert.strictEqual(JSON.parse(back.stdout).value, value)
    }
  })

  it("a key's records go where Kafka's own producer puts them, or where they are told to go", async () => {
    await json(["topic", "create", "spread", "--partitions", "6"])
    await tusk(["produce", "spread", "-K", ":"], lines("21:a"))
    await tusk(["produce", "spread", "--partition", "4"], lines("b"))
    await tusk(["produce", "spread", "--json"], lines('{"value":"c","partition":5}'))
    const back = await tusk(["consume", "spread", "--exit-at-end", "--format", "%p%s "])
    assert.deepStrictEqual(back.stdout.trim().split(" ").sort(), ["0a", "4b", "5c"])
    const one = await tusk(["consume", "spread", "--exit-at-end", "--partition", "4"])
    assert.strictEqual(one.stdout, "b\n")
    await refuses(
      ["produce", "spread", "--partition", "6"],
      1,
      /line 1: there is no partition 6, the topic has 6/,
      lines("d")
    )
    await refuses(["consume", "spread", "--partition", "6"], 2, /--partition 6: there is none/)
  })

  it("begins where it is told, and ends after so many", async () => {
    await tusk(["produce", "numbers"], lines(...Array.from({ length: 10 }, (_, i) => String(i))))
    const read = async (...args: ReadonlyArray<string>) =>
      (await tusk(["consume", "numbers", ...args])).stdout.trim().split("\n").join("")
    assert.strictEqual(await read("--from", "beginning", "--max", "3"), "012")
    assert.strictEqual(await read("--from", "7", "--max", "2"), "78")
    assert.strictEqual(await read("--from=-2", "--exit-at-end"), "89")
    assert.strictEqual(await read("--exit-at-end"), "0123456789")
    assert.strictEqual(await read("--from", "latest", "--exit-at-end"), "")
  })

  it("follows until ^C, and prints what comes meanwhile", async () => {
    await json(["topic", "create", "followed"])
    const stop = new AbortController()
    const following = tusk(["consume", "followed", "--from", "beginning"], {
      signal: stop.signal,
      onOutput: (text) => void (text === "one\ntwo\n" && stop.abort())
    })
    await tusk(["produce", "followed"], lines("one"))
    await tusk(["produce", "followed", "--acks", "1"], lines("two"))
    const { exit, stdout } = await following
    assert.strictEqual(stdout, "one\ntwo\n")
    assert.strictEqual(exit, 130)
  })

  it("sends what waits when nothing more comes for a while", async () => {
    let release = (): void => {}
    const held = new Promise<void>((resolve) => (release = resolve))
    async function* slowly() {
      yield Buffer.from("first\n")
      await held
      yield Buffer.from("last\n")
    }
    const producing = tusk(["produce", "slow"], { input: slowly() })
    const first = await tusk(["topic", "create", "slow", "--if-not-exists"])
    assert.strictEqual(first.exit, 0)
    assert.strictEqual((await tusk(["consume", "slow", "--from", "beginning", "--max", "1"])).stdout, "first\n")
    release()
    assert.strictEqual((await producing).exit, 0)
    assert.strictEqual((await tusk(["consume", "slow", "--exit-at-end"])).stdout, "first\nlast\n")
  })

  it("is quiet if its reader is gone", async () => {
    await tusk(["produce", "piped"], lines(...Array.from({ length: 1000 }, (_, i) => `a line ${i}`)))
    const { exit, stderr } = await tusk(["consume", "piped", "--from", "beginning"], { readerTakes: 100 })
    assert.strictEqual(exit, 0)
    assert.strictEqual(stderr, "")
  })

  it("reads files, and says which line is wrong and which file is not there", async () => {
    const folder = temporaryFolder()
    try {
      const file = join(folder.path, "orders.txt")
      writeFileSync(file, "1:a\n2\n3:c\n")
      await refuses(["produce", "filed", "-K", ":", "--file", file], 1, /orders\.txt, line 2: no key separator :/)
      assert.strictEqual((await tusk(["consume", "filed", "--exit-at-end"])).stdout, "a\n")
      await refuses(["produce", "filed", "--file", `${file}.not`], 1, /--file .*: ENOENT/)
      await refuses(["produce", "filed", "--file", folder.path], 1, /it is a folder/)
    } finally {
      folder.remove()
    }
    await refuses(["produce", "filed", "--json"], 1, /standard input, line 1: no JSON: /, lines("{"))
    await refuses(["produce", "filed", "--json", "-K", ":"], 2, /--json says by itself/)
  })

  it("says what a broker refuses", async () => {
    await json(["topic", "create", "small", "--config", "max.message.bytes=200"])
    await refuses(["produce", "small"], 1, /partition 0 of small: MESSAGE_TOO_LARGE/, lines("x".repeat(1000)))
    await refuses(["consume", "nowhere"], 1, /topic nowhere: UNKNOWN_TOPIC_OR_PARTITION: there is no such topic/)
  })
})

describe("tusk group", () => {
  it("a member commits what it printed, and the group goes on there", async () => {
    await json(["topic", "create", "grouped", "--partitions", "2"])
    await tusk(["produce", "grouped", "-K", ":"], lines(...Array.from({ length: 20 }, (_, i) => `${i}:${i}`)))
    const first = await tusk(["consume", "grouped", "--group", "g", "--from", "beginning", "--max", "5"])
    assert.strictEqual(first.exit, 0, first.stderr)
    const rest = await tusk(["consume", "grouped", "--group", "g", "--from", "beginning", "--exit-at-end"])
    const all = `${first.stdout}${rest.stdout}`.trim().split("\n").map(Number)
    assert.deepStrictEqual(
      all.sort((a, b) => a - b),
      Array.from({ length: 20 }, (_, i) => i)
    )
    const [told] = await json(["group", "describe", "g"])
    assert.deepInclude(told, { group: "g", type: "classic", state: "Empty", members: [] })
    assert.deepStrictEqual(
      told.offsets.map(({ lag }: { lag: number }) => lag),
      [0, 0]
    )
    assert.deepInclude(await json(["group", "list"]), {
      group: "g",
      type: "classic",
      protocol: "consumer",
      state: "Empty"
    })
  })

  it("two members share the partitions, and what one leaves the other takes over", async () => {
    await json(["topic", "create", "shared", "--partitions", "2"])
    await tusk(["produce", "shared", "--partition", "0"], lines("zero"))
    await tusk(["produce", "shared", "--partition", "1"], lines("one"))
    const stop = [new AbortController(), new AbortController()]
    const started = stop.map(({ signal }) =>
      tusk(["consume", "shared", "--group", "pair", "--from", "beginning"], { signal })
    )
    const members = async (count: number): Promise<any> => {
      for (;;) {
        const found = (await json(["group", "list"])).some(({ group }: { group: string }) => group === "pair")
        const [told] = found ? await json(["group", "describe", "pair"]) : [undefined]
        if (told?.state === "Stable" && told.members.length === count) return told
      }
    }
    const two = await members(2)
    const assigned = two.members.flatMap(({ assignment }: any) => assignment.flatMap((each: any) => each.partitions))
    assert.deepStrictEqual(assigned.sort(), [0, 1])
    await refuses(["group", "reset-offsets", "pair", "--topic", "shared", "--to-latest"], 1, /group pair is Stable/)
    stop[0]!.abort()
    assert.strictEqual((await started[0])?.exit, 130)
    const one = await members(1)
    assert.deepStrictEqual(one.members[0].assignment, [{ topic: "shared", partitions: [0, 1] }])
    stop[1]!.abort()
    await started[1]
  })

  it("resets offsets, once it is told to", async () => {
    await json(["topic", "create", "reset", "--partitions", "2", "--config", "retention.ms=-1"])
    await tusk(
      ["produce", "reset", "--partition", "0", "--json"],
      lines(...[1000, 2000, 3000].map((timestamp) => JSON.stringify({ timestamp })))
    )
    const reset = async (...args: ReadonlyArray<string>) =>
      (await json(["group", "reset-offsets", "r", ...args])).map(({ offset }: { offset: number }) => offset)
    assert.deepStrictEqual(await reset("--topic", "reset", "--to-latest"), [3, 0])
    await refuses(["group", "describe", "r"], 1, /group r: GROUP_ID_NOT_FOUND: there is no such group/)
    assert.deepStrictEqual(await reset("--topic", "reset:0", "--to-latest", "--execute"), [3])
    assert.deepStrictEqual(await reset("--all-topics", "--shift-by=-2", "--execute"), [1])
    assert.deepStrictEqual(await reset("--all-topics", "--to-current"), [1])
    assert.deepStrictEqual(await reset("--topic", "reset", "--to-offset", "2"), [2, 0])
    assert.deepStrictEqual(await reset("--topic", "reset", "--to-datetime", "1970-01-01T00:00:02Z"), [1, 0])
    assert.deepStrictEqual(await reset("--topic", "reset", "--by-duration", "PT1H"), [3, 0])
    assert.deepStrictEqual(await reset("--topic", "reset", "--to-earliest"), [0, 0])
    await refuses(["group", "reset-offsets", "r", "--all-topics"], 2, /say where to: --to-earliest/)
    await refuses(["group", "reset-offsets", "r", "--to-latest"], 2, /give --topic or --all-topics/)
    await refuses(
      ["group", "reset-offsets", "r", "--topic", "reset:1", "--shift-by", "1"],
      1,
      /no offset there to go on from/
    )
    assert.deepStrictEqual(await json(["group", "delete-offsets", "r", "--topic", "reset:0"]), [
      { topic: "reset", partition: 0 }
    ])
    assert.strictEqual((await tusk(["group", "delete", "r", "s"])).exit, 1)
  })
})

describe("tusk config", () => {
  it("sets, tells and unsets", async () => {
    await json(["topic", "create", "configured"])
    for (const [type, name, config, value] of [
      ["topic", "configured", "retention.ms", "77000"],
      ["group", "g-configured", "consumer.session.timeout.ms", "50000"],
      ["broker", "1", "log.cleaner.threads", "2"]
    ] as const) {
      await json(["config", "set", type, name, `${config}=${value}`])
      const [told] = await json(["config", "describe", type, name])
      assert.deepInclude(told, { name: config, value, isSensitive: false })
      await json(["config", "unset", type, name, config])
      assert.deepStrictEqual(await json(["config", "describe", type, name]), [])
    }
    const all = await json(["config", "describe", "topic", "configured", "--all"])
    assert.isAbove(all.length, 20)
    await refuses(
      ["config", "set", "topic", "configured", "retentoin.ms=5"],
      1,
      /INVALID_CONFIG: Unknown topic config name/
    )
    await refuses(["config", "set", "broker", "9", "a=b"], 1, /there is no broker 9; there are 1/)
    await refuses(["config", "set", "topics", "x", "a=b"], 2, /Expected/)
    await refuses(["config", "set", "topic", "configured", "a"], 2, /config a: not NAME=VALUE/)
  })
})

describe("brokers that are none", () => {
  it("one that is away is one line, and exit code 1", async () => {
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
    const { port } = server.address() as AddressInfo
    await new Promise((resolve) => server.close(resolve))
    for (const args of [
      ["topic", "list"],
      ["consume", "x"],
      ["produce", "x"],
      ["group", "list"]
    ]) {
      const { exit, stderr } = await runCommandHere([...args, "-b", `127.0.0.1:${port}`])
      assert.strictEqual(stderr, `tusk: cannot reach a broker at 127.0.0.1:${port}: nothing listens there\n`)
      assert.strictEqual(exit, 1)
    }
    const either = await runCommandHere(["topic", "list", "-b", `127.0.0.1:${port},${broker.bootstrapServers}`])
    assert.strictEqual(either.exit, 0)
  })

  it("one that says nothing, and one that speaks otherwise", async () => {
    for (const [answer, message] of [
      [undefined, /did not answer ApiVersions within 100 ms/],
      ["HTTP/1.1 400 Bad Request\r\n\r\n", /does not speak Kafka's protocol as it should: a frame of 1213486160 bytes/]
    ] as const) {
      const server = createServer((socket) => {
        socket.on("error", () => {}).resume()
        if (answer !== undefined) socket.once("data", () => socket.write(answer))
      })
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
      const { port } = server.address() as AddressInfo
      const { exit, stderr } = await runCommandHere(["topic", "list", "-b", `127.0.0.1:${port}`, "--timeout", "100ms"])
      assert.match(stderr, message)
      assert.strictEqual(exit, 1)
      await new Promise((resolve) => server.close(resolve))
    }
  })

  it("an address that is none is a wrong command line", async () => {
    const { exit, stderr } = await runCommandHere(["topic", "list", "-b", "h:99999"])
    assert.match(stderr, /^tusk: --bootstrap-server h:99999: not HOST:PORT/)
    assert.strictEqual(exit, 2)
  })
})
