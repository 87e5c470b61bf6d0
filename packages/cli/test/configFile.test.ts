import { afterEach, assert, describe, it } from "@effect/vitest"
import { chmodSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { CliError } from "../src/CliError.ts"
import { startFlags } from "../src/Flags.ts"
import { flagProperties } from "../src/Given.ts"
import { readStartOptions } from "../src/StartOptions.ts"
import type { StartOptions } from "../src/StartOptions.ts"
import { runTusk } from "./Command.ts"
import { temporaryFolder } from "./TuskProcess.ts"

const cleanUp: Array<() => void> = []
afterEach(() => {
  for (const each of cleanUp.splice(0)) each()
})

const file = (text: string, name = "server.properties"): string => {
  const folder = temporaryFolder()
  cleanUp.push(folder.remove)
  const path = join(folder.path, name)
  writeFileSync(path, text)
  return path
}

type Env = Record<string, string>

const accepted = (args: ReadonlyArray<string>, env: Env = {}): StartOptions => {
  const options = readStartOptions(args, env)
  return options instanceof CliError ? assert.fail(options.message) : options
}

const refused = (args: ReadonlyArray<string>, env: Env = {}): string => {
  const options = readStartOptions(args, env)
  if (!(options instanceof CliError)) return assert.fail("taken")
  assert.notInclude(options.message, "\n")
  return options.message
}

/** What Apache Kafka 4 ships as `config/server.properties`, without its comments. */
const KAFKA_4 = `
process.roles=broker,controller
node.id=1
controller.quorum.bootstrap.servers=localhost:9093
listeners=PLAINTEXT://:9092,CONTROLLER://:9093
inter.broker.listener.name=PLAINTEXT
advertised.listeners=PLAINTEXT://localhost:9092,CONTROLLER://localhost:9093
controller.listener.names=CONTROLLER
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SSL:SSL,SASL_PLAINTEXT:SASL_PLAINTEXT,SASL_SSL:SASL_SSL
num.network.threads=3
num.io.threads=8
socket.send.buffer.bytes=102400
socket.receive.buffer.bytes=102400
socket.request.max.bytes=104857600
log.dirs=/tmp/kraft-combined-logs
num.partitions=1
num.recovery.threads.per.data.dir=1
offsets.topic.replication.factor=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
log.retention.hours=168
log.segment.bytes=1073741824
log.retention.check.interval.ms=300000
`

describe("a Kafka's own server.properties", () => {
  it("of Kafka 4: its listener, without the controller's; what means nothing here is named", () => {
    const { listeners, settings, warnings } = accepted(["--config", file(KAFKA_4)])
    assert.deepStrictEqual(listeners, [
      { name: "PLAINTEXT", host: "0.0.0.0", port: 9092, advertised: { host: "localhost", port: 9092 } }
    ])
    assert.strictEqual(settings.nodeId, 1)
    assert.strictEqual(settings.given.get("log.retention.hours")?.value, "168")
    assert.match(warnings[0]!, /^the listener CONTROLLER:\/\/:9093 is a controller's/)
    for (const name of ["process.roles", "num.io.threads", "log.dirs", "offsets.topic.replication.factor"]) {
      assert.lengthOf(
        warnings.filter((each) => each.startsWith(`${name} `)),
        1,
        name
      )
    }
  })

  it("of Kafka 2 and 3 with ZooKeeper, and with names of plug-ins", () => {
    const older = [
      "broker.id=0",
      "zookeeper.connect=localhost:2181/kafka",
      "inter.broker.protocol.version=3.9",
      "listener.name.internal.ssl.keystore.location=/etc/kafka/k.jks",
      "confluent.license.topic.replication.factor=1"
    ]
    const { warnings } = accepted(["--config", file(older.join("\n"))])
    assert.lengthOf(warnings, 4)
  })

  it("names what its listeners speak, by their names or by a map", () => {
    const spoken = (text: string) =>
      accepted(["--config", file(text)]).listeners.map(({ name, protocol }) => [name, protocol])
    assert.deepStrictEqual(
      spoken("listeners=SSL://:9093,PLAINTEXT://:9092,SASL_SSL://:9094,sasl_plaintext://:9095\n"),
      [
        ["SSL", "SSL"],
        ["PLAINTEXT", undefined],
        ["SASL_SSL", "SASL_SSL"],
        ["sasl_plaintext", "SASL_PLAINTEXT"]
      ]
    )
    const mapped = "listeners=OUT://:9093,IN://:9092\nlistener.security.protocol.map=out:SASL_SSL,IN:PLAINTEXT\n"
    assert.deepStrictEqual(spoken(mapped), [
      ["OUT", "SASL_SSL"],
      ["IN", undefined]
    ])
    const { warnings } = accepted(["--config", file(mapped)])
    assert.deepStrictEqual(warnings, [])
  })

  it("that does not say what a listener speaks, or something unknown, is refused by name", () => {
    const of = (text: string) => refused(["--config", file(text)])
    assert.match(of("listeners=TLS://:9093\n"), /server\.properties:1: --listen TLS:\/\/:9093: .* what TLS is, one of/)
    assert.match(of("listeners=A://:1\nlistener.security.protocol.map=B:SSL\n"), /does not say what A is/)
    assert.match(of("listeners=A://:1\nlistener.security.protocol.map=A:TLS\n"), /map says A:TLS, not one of PLAINTEXT/)
    assert.match(of("listeners=A://:1,a://:2\n"), /each needs a name of its own/)
  })

  it("of a controller alone has no listener for clients", () => {
    const text = "listeners=CONTROLLER://:9093\ncontroller.listener.names=CONTROLLER\n"
    assert.match(refused(["--config", file(text)]), /none is left for clients/)
  })
})

describe("listeners and storage in a file", () => {
  it("every flag but --config and --set has a property of its own", () => {
    assert.lengthOf(flagProperties, startFlags.length - 2)
    assert.strictEqual(new Set(flagProperties).size, flagProperties.length)
    for (const name of ["listeners", "advertised.listeners", "tusk.storage", "tusk.database.url.file"]) {
      assert.include(flagProperties, name)
    }
  })

  it("flag over --set over environment over file, by whatever name", () => {
    const config = ["--config", file("listeners=:1\ntusk.log.level=debug\ntusk.storage=memory\ntusk.memory.bytes=7\n")]
    const read = (args: ReadonlyArray<string>, env: Env) => {
      const { listeners, origins } = accepted([...config, ...args], env)
      return [listeners[0]!.port, origins.get("listen")]
    }
    assert.deepStrictEqual(read([], {}), [1, `${config[1]}:1`])
    assert.deepStrictEqual(read([], { TUSK_LISTENERS: ":2" }), [2, "TUSK_LISTENERS"])
    assert.deepStrictEqual(read([], { TUSK_LISTENERS: ":2", TUSK_LISTEN: ":3" }), [3, "TUSK_LISTEN"])
    assert.deepStrictEqual(read(["--set", "listeners=:4"], { TUSK_LISTEN: ":3" }), [4, "--set listeners"])
    assert.deepStrictEqual(read(["--set", "listeners=:4", "--listen", ":5"], {}), [5, "--listen"])
    const { logLevel, storage, warnings } = accepted(config)
    assert.deepStrictEqual([logLevel, storage, warnings], ["Debug", { _tag: "Memory", bytes: 7 }, []])
  })

  it("what cannot be is told with its line, what is unknown with the nearest name", () => {
    const of = (text: string) => refused(["--config", file(text)])
    assert.match(of("\ntusk.storage=disk\n"), /server\.properties:2: --storage disk: one of/)
    assert.match(of("tusk.memory.bytes=1GB\ntusk.storage=memory\n"), /server\.properties:1: --memory-bytes 1GB/)
    assert.match(of("advertised.listeners=0.0.0.0:1\n"), /server\.properties:1: --advertise 0\.0\.0\.0:1/)
    assert.match(of("tusk.log.level=loud\n"), /server\.properties:1: --log-level loud/)
    assert.match(of("tusk.storge=memory\n"), /unknown setting tusk\.storge; did you mean tusk\.storage\?/)
    assert.match(of("listners=:9092\n"), /unknown setting listners; did you mean listeners\?/)
  })
})

describe("the URL in a file", () => {
  const postgres = (url: string) => ({ _tag: "Postgres" as const, url, standby: false })

  it("is its line, without the line's end, and means --storage postgres", () => {
    const path = file("postgres://u:p@h/d\r\n", "url")
    assert.deepStrictEqual(accepted([], { TUSK_DATABASE_URL_FILE: path }).storage, postgres("postgres://u:p@h/d"))
    assert.deepStrictEqual(accepted(["--database-url-file", path]).storage, postgres("postgres://u:p@h/d"))
    const config = file(`tusk.database.url.file=${path}\n`)
    assert.deepStrictEqual(accepted(["--config", config]).storage, postgres("postgres://u:p@h/d"))
  })

  it("beside a URL is refused; a place that counts more wins over one that counts less", () => {
    const path = file("postgres://file/d", "url")
    const env = { TUSK_DATABASE_URL: "postgres://h/d", TUSK_DATABASE_URL_FILE: path }
    assert.match(refused([], env), /^TUSK_DATABASE_URL and TUSK_DATABASE_URL_FILE are given: give one of them$/)
    const flag = accepted(["--database-url", "postgres://flag/d"], { TUSK_DATABASE_URL_FILE: path })
    assert.deepStrictEqual(flag.storage, postgres("postgres://flag/d"))
    const byFile = accepted(["--database-url-file", path], { TUSK_DATABASE_URL: "postgres://h/d" })
    assert.deepStrictEqual(byFile.storage, postgres("postgres://file/d"))
  })

  it("that cannot be read, is empty, or holds more, is told without what it holds", () => {
    const of = (path: string) => refused([], { TUSK_DATABASE_URL_FILE: path })
    assert.strictEqual(of("/nowhere/url"), "TUSK_DATABASE_URL_FILE: /nowhere/url: ENOENT")
    assert.match(of(temporary()), /: EISDIR$/)
    assert.match(of(file("\n", "url")), /: the file is empty$/)
    const two = of(file("postgres://u:secret@h/d\nmore\n", "url"))
    assert.match(two, /: the file holds more than one line$/)
    assert.notInclude(two, "secret")
  })

  it("is printed with its origin, without the password", async () => {
    const path = file("postgres://u:s3cr3t-word@h:6543/d\n", "url")
    chmodSync(path, 0o644)
    const lines = "listeners=IN://:7\nssl.key.password=s3cr3t-word\nlistener.name.in.ssl.keystore.key=s3cr3t-word\n"
    const { exit, stdout } = await runTusk(["config", "print", "--config", file(lines)], {
      env: { TUSK_DATABASE_URL_FILE: path }
    })
    assert.strictEqual(exit, 0)
    assert.include(stdout, "--database-url postgres://u@h:6543/d  # TUSK_DATABASE_URL_FILE\n")
    assert.match(stdout, /^--listen IN:\/\/0\.0\.0\.0:7 {2}# .*server\.properties:1$/m)
    assert.match(stdout, /^listener\.name\.in\.ssl\.keystore\.key=\[hidden\] {2}# .*:3$/m)
    assert.notInclude(stdout, "s3cr3t-word")
  })
})

const temporary = (): string => {
  const folder = temporaryFolder()
  cleanUp.push(folder.remove)
  return folder.path
}
