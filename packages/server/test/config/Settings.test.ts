import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"
import { brokerConfigs } from "../../src/config/BrokerConfigs.ts"
import { isOfAnotherKafka } from "../../src/config/OtherKafkaConfigs.ts"
import { defaultSettings, nearestName, parseSettings } from "../../src/config/Settings.ts"

const parse = (...pairs: ReadonlyArray<readonly [string, string]>) =>
  parseSettings(pairs.map(([name, value]) => ({ name, value, origin: "--set" })))

const message = (...pairs: ReadonlyArray<readonly [string, string]>): string => {
  const parsed = parse(...pairs)
  return Result.isFailure(parsed) ? parsed.failure.message : "no error"
}

describe("settings", () => {
  it("are Kafka's defaults, unless the documentation says otherwise", () => {
    assert.strictEqual(defaultSettings.numPartitions, 1)
    assert.strictEqual(defaultSettings.autoCreateTopicsEnable, true)
    assert.strictEqual(defaultSettings.groupInitialRebalanceDelayMs, 0)
    assert.strictEqual(defaultSettings.socketRequestMaxBytes, 104_857_600)
  })

  it("are given under Kafka's names; the last one wins, broker.id is node.id", () => {
    const parsed = parse(["num.partitions", "3"], ["num.partitions", "7"], ["broker.id", "12"])
    assert.isTrue(Result.isSuccess(parsed))
    const { settings, warnings } = Result.getOrThrow(parsed)
    assert.deepStrictEqual([settings.numPartitions, settings.nodeId, warnings.length], [7, 12, 0])
    assert.strictEqual(settings.given.get("num.partitions")?.value, "7")
  })

  it("refuses an unknown name, with the nearest one", () => {
    assert.match(
      message(["num.partitons", "3"]),
      /^--set: unknown setting num\.partitons; did you mean num\.partitions\?$/
    )
    assert.match(message(["xyzzy", "3"]), /^--set: unknown setting xyzzy$/)
    // The rest of a key that was not joined to its first line.
    for (const line of ["MHcCAQEEIBkg0", "q83v/Ab+1", "aGVsbG8", "abcdefghijklmnopqrstuvwxyz"]) {
      assert.strictEqual(message([line, ""]), "--set: unknown setting (of another form than names have)")
    }
    assert.match(
      message(["listener.name.INTERNAL.ssl.nonsense", "x"]),
      /setting listener\.name\.INTERNAL\.ssl\.nonsense$/
    )
    assert.strictEqual(nearestName("tusk.tail.cache.byte"), "tusk.tail.cache.bytes")
  })

  it("names of Kafka 2 and 3 and of plug-ins are warned about, and none of them is one of today's", () => {
    const { settings, warnings } = Result.getOrThrow(parse(["zookeeper.connect", "h:2181"], ["num.partitions", "2"]))
    assert.deepStrictEqual([Array.from(settings.given.keys()), warnings.length], [["num.partitions"], 1])
    assert.deepStrictEqual(
      Array.from(brokerConfigs().keys()).filter((name) => isOfAnotherKafka(name)),
      []
    )
  })

  it("refuses a value that does not fit, in one line", () => {
    assert.match(message(["num.partitions", "many"]), /num\.partitions: Not a number/)
    assert.match(message(["num.partitions", "0"]), /at least 1/)
    assert.match(message(["auto.create.topics.enable", "yes"]), /true or false/)
    assert.match(message(["socket.request.max.bytes", "2147483648"]), /no more than 2147483647/)
  })

  it("knows one authorizer, by Kafka's name and by another one", () => {
    const name = "authorizer.class.name"
    const standard = "org.apache.kafka.metadata.authorizer.StandardAuthorizer"
    for (const value of ["", "tusk", standard]) {
      assert.strictEqual(Result.getOrThrow(parse([name, value])).settings.authorizerClassName, value)
    }
    assert.strictEqual(
      message([name, "kafka.security.authorizer.AclAuthorizer"]),
      `--set: Invalid value kafka.security.authorizer.AclAuthorizer for configuration ${name}: Must be empty, ${standard} or tusk`
    )
  })

  it("takes principals between semicolons for super users", () => {
    const users = "User:admin; User:CN=a,OU=b;;Group:kafka_admins"
    assert.strictEqual(Result.getOrThrow(parse(["super.users", users])).settings.superUsers, users)
    assert.match(message(["super.users", "User:admin;root"]), /Must be a list of Type:name/)
    assert.match(message(["super.users", `${"a".repeat(50_000)}`]), /Must be a list/)
  })

  it("warns once of a name of Kafka's that means nothing here, and not of a default of topics", () => {
    const parsed = Result.getOrThrow(parse(["num.io.threads", "8"], ["num.io.threads", "9"], ["log.retention.ms", "5"]))
    assert.strictEqual(parsed.warnings.length, 1)
    assert.match(parsed.warnings[0]!, /num\.io\.threads/)
  })
})
