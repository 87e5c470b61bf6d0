import { afterEach, assert, describe, it } from "@effect/vitest"
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { CliError } from "../src/CliError.ts"
import { startFlags } from "../src/Flags.ts"
import { help } from "../src/Help.ts"
import { parseListeners } from "../src/Listeners.ts"
import { readStartOptions } from "../src/StartOptions.ts"
import type { StartOptions } from "../src/StartOptions.ts"
import { temporaryFolder } from "./TuskProcess.ts"

const cleanUp: Array<() => unknown> = []
afterEach(() => {
  for (const each of cleanUp.splice(0)) each()
})

const file = (text: string): string => {
  const folder = temporaryFolder()
  cleanUp.push(folder.remove)
  const path = join(folder.path, "server.properties")
  writeFileSync(path, text)
  return path
}

const accepted = (args: ReadonlyArray<string>, env: Record<string, string> = {}): StartOptions => {
  const options = readStartOptions(args, env)
  if (options instanceof CliError) return assert.fail(options.message)
  return options
}

const refused = (args: ReadonlyArray<string>, env: Record<string, string> = {}): string => {
  const options = readStartOptions(args, env)
  if (!(options instanceof CliError)) return assert.fail("taken")
  assert.notInclude(options.message, "\n")
  return options.message
}

describe("where a value comes from", () => {
  it("a flag wins over its variable", () => {
    const env = { TUSK_LISTEN: "127.0.0.1:1", TUSK_LOG_LEVEL: "debug", TUSK_STORAGE: "memory", TUSK_MEMORY_BYTES: "5" }
    const fromEnvironment = accepted([], env)
    assert.strictEqual(fromEnvironment.listeners[0]!.port, 1)
    assert.strictEqual(fromEnvironment.logLevel, "Debug")
    assert.deepStrictEqual(fromEnvironment.storage, { _tag: "Memory", bytes: 5 })
    const fromFlags = accepted(["--listen", "[::1]:2", "--log-level=warn", "--memory-bytes", "6"], env)
    assert.deepStrictEqual(fromFlags.listeners, [{ name: "PLAINTEXT", host: "::1", port: 2 }])
    assert.strictEqual(fromFlags.logLevel, "Warn")
    assert.deepStrictEqual(fromFlags.storage, { _tag: "Memory", bytes: 6 })
  })

  it("settings: --set over environment over file over default, and each knows its origin", () => {
    const path = file("num.partitions=2\nlog.retention.ms=1000\nmessage.max.bytes: 3000\n")
    const env = { TUSK_NUM_PARTITIONS: "3", TUSK_LOG_RETENTION_MS: "2000" }
    const { settings } = accepted(["--config", path, "--set", "num.partitions=4"], env)
    const origins = Array.from(settings.given.values(), ({ name, origin, value }) => [name, value, origin])
    assert.sameDeepMembers(origins, [
      ["num.partitions", "4", "--set num.partitions"],
      ["log.retention.ms", "2000", "TUSK_LOG_RETENTION_MS"],
      ["message.max.bytes", "3000", `${path}:3`]
    ])
    assert.strictEqual(settings.numPartitions, 4)
    assert.strictEqual(accepted([]).settings.numPartitions, 1)
    assert.strictEqual(accepted([], env).settings.numPartitions, 3)
    assert.strictEqual(accepted(["--config", path]).settings.numPartitions, 2)
  })

  it("the last --set of a name counts", () => {
    const { settings } = accepted(["--set", "num.partitions=4", "--set", "num.partitions = 5"])
    assert.strictEqual(settings.numPartitions, 5)
  })

  it("what Kubernetes gives a container for Services named tusk and tusk-db is left alone", () => {
    const service = (name: string, port: number) => ({
      [`${name}_SERVICE_HOST`]: "10.96.0.9",
      [`${name}_SERVICE_PORT`]: String(port),
      [`${name}_SERVICE_PORT_KAFKA`]: String(port),
      [`${name}_PORT`]: `tcp://10.96.0.9:${port}`,
      [`${name}_PORT_${port}_TCP`]: `tcp://10.96.0.9:${port}`,
      [`${name}_PORT_${port}_TCP_PROTO`]: "tcp",
      [`${name}_PORT_${port}_TCP_PORT`]: String(port),
      [`${name}_PORT_${port}_TCP_ADDR`]: "10.96.0.9",
      [`${name}_PORT_53_UDP_ADDR`]: "10.96.0.9"
    })
    const env = { ...service("TUSK", 9092), ...service("TUSK_DB", 5432), TUSK_NUM_PARTITIONS: "3" }
    const { settings, warnings } = accepted([], env)
    assert.deepStrictEqual(Array.from(settings.given.keys()), ["num.partitions"])
    assert.deepStrictEqual(warnings, [])
    // A person's own is told.
    assert.match(refused([], { TUSK_PORT: "9092" }), /^TUSK_PORT: unknown setting port/)
  })

  it("an empty variable says nothing", () => {
    assert.strictEqual(accepted([], { TUSK_LISTEN: "" }).listeners[0]!.port, 9092)
  })

  it("every flag is in the help, with its variable", () => {
    for (const { name, variable } of startFlags) {
      assert.include(help(), `--${name} `)
      assert.include(help(), variable)
    }
  })
})

describe("storage", () => {
  it("is embedded if nothing is said, Postgres if a URL is given", () => {
    const embedded = accepted([]).storage
    assert.deepStrictEqual(embedded, { _tag: "Embedded", dataDir: join(process.cwd(), "tusk-data") })
    const url = "postgres://u@h/d"
    assert.deepStrictEqual(accepted(["--database-url", url]).storage, { _tag: "Postgres", url, standby: false })
    assert.deepStrictEqual(accepted([], { TUSK_DATABASE_URL: url }).storage, { _tag: "Postgres", url, standby: false })
    const memory = accepted(["--storage", "memory"], { TUSK_DATABASE_URL: url }).storage
    assert.deepStrictEqual(memory, { _tag: "Memory", bytes: undefined })
  })

  it("another program's variables count only with --storage postgres", () => {
    const env = { DATABASE_URL: "postgres://another@h/program", PGHOST: "elsewhere" }
    assert.strictEqual(accepted([], env).storage._tag, "Embedded")
    const asked = accepted(["--storage", "postgres"], env).storage
    assert.deepStrictEqual(asked, { _tag: "Postgres", url: env.DATABASE_URL, standby: false })
    const byHost = accepted(["--storage", "postgres"], { PGHOST: "h" }).storage
    assert.deepStrictEqual(byHost, { _tag: "Postgres", url: undefined, standby: false })
    assert.match(refused(["--storage", "postgres"]), /--storage postgres: no --database-url/)
  })
})

describe("what is refused, in one line", () => {
  it.each([
    [["--lissten", "x"], /--lissten/],
    [["positional"], /positional/],
    [["--listen"], /--listen/],
    [["--listen", "nine"], /--listen nine: not HOST:PORT/],
    [["--listen", "h:65536"], /h:65536/],
    [["--listen", "::1:9092"], /::1:9092/],
    [["--advertise", "h:1", "--advertise", "X://h:1"], /no listener named X/],
    [["--advertise", "0.0.0.0:9092"], /cannot connect to 0\.0\.0\.0/],
    [["--storage", "disk"], /one of embedded, postgres, memory/],
    [["--storage", "memory", "--storage", "embedded"], /--storage is given twice/],
    [["--memory-bytes", "1GB"], /not a number of bytes/],
    [["--log-level", "loud"], /one of debug, info, warn, error/],
    [["--config", "/nowhere/server.properties"], /ENOENT/],
    [["--set", "num.partitions"], /not NAME=VALUE/],
    [["--set", "num.partitoins=3"], /unknown setting num\.partitoins; did you mean num\.partitions\?/],
    [["--set", "num.partitions=many"], /num\.partitions/]
  ] as const)("%j", (args, message) => {
    assert.match(refused(args), message)
  })

  it("--schema is where a cluster lies in a database", () => {
    const url = "postgres://h/d"
    const there = { _tag: "Postgres" as const, url, standby: false, schema: "eu" }
    assert.deepStrictEqual(accepted(["--schema", "eu", "--database-url", url]).storage, there)
    assert.deepStrictEqual(accepted(["--database-url", url], { TUSK_SCHEMA: "eu" }).storage, there)
    assert.match(refused(["--schema", "eu"]), /--schema: a cluster of its own needs none with --storage embedded/)
  })

  it("--standby waits for a database that others serve too", () => {
    const url = "postgres://h/d"
    const there = { _tag: "Postgres" as const, url, standby: true }
    assert.deepStrictEqual(accepted(["--standby", "--database-url", url]).storage, there)
    assert.deepStrictEqual(accepted([], { TUSK_STANDBY: "true", TUSK_DATABASE_URL: url }).storage, there)
    assert.match(refused(["--standby"]), /--standby: there is nobody to wait for with --storage embedded/)
    assert.match(
      refused([], { TUSK_STANDBY: "yes", TUSK_DATABASE_URL: url }),
      /^TUSK_STANDBY: --standby=yes: true or false/
    )
  })

  it("a variable that is no setting, by its name", () => {
    assert.match(refused([], { TUSK_NUM_PARTITONS: "3" }), /^TUSK_NUM_PARTITONS: unknown setting/)
  })

  it("a name of Kafka's without effect here is warned about, once", () => {
    const { warnings } = accepted(["--set", "num.network.threads=2", "--set", "num.network.threads=3"])
    assert.strictEqual(warnings.length, 1)
    assert.include(warnings[0], "num.network.threads")
  })
})

const listenersOf = (listen: ReadonlyArray<string>, advertise: ReadonlyArray<string>) => {
  const found = parseListeners(listen, advertise, { controllers: new Set(), protocols: new Map() })
  return found instanceof CliError ? found : found.listeners
}

describe("listeners", () => {
  it("names, IPv6 in brackets, port 0, all addresses", () => {
    assert.deepStrictEqual(listenersOf(["IN://[fe80::1]:0", "OUT://:9093"], []), [
      { name: "IN", host: "fe80::1", port: 0 },
      { name: "OUT", host: "0.0.0.0", port: 9093 }
    ])
  })

  it("an advertised address goes with the listener of its name", () => {
    const listeners = listenersOf(["IN://0.0.0.0:9092", "OUT://0.0.0.0:9093"], ["OUT://tusk.example:443"])
    assert.deepStrictEqual(listeners, [
      { name: "IN", host: "0.0.0.0", port: 9092 },
      { name: "OUT", host: "0.0.0.0", port: 9093, advertised: { host: "tusk.example", port: 443 } }
    ])
    const one = listenersOf(["IN://0.0.0.0:9092"], ["[::1]:1"])
    assert.deepStrictEqual(one, [{ name: "IN", host: "0.0.0.0", port: 9092, advertised: { host: "::1", port: 1 } }])
  })

  it("several need names", () => {
    const error = listenersOf(["h:1", "h:2"], [])
    assert.match((error as CliError).message, /needs a name of its own/)
  })
})
