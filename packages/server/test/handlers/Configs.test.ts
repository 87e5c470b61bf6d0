import { assert, describe, it } from "@effect/vitest"
import { AlterConfigs } from "@tusk/protocol/messages/AlterConfigs"
import { DescribeConfigs } from "@tusk/protocol/messages/DescribeConfigs"
import { IncrementalAlterConfigs } from "@tusk/protocol/messages/IncrementalAlterConfigs"
import { startBroker } from "../BrokerUnderTest.ts"
import type { WireClient } from "../WireClient.ts"

const TOPIC = 2
const BROKER = 4
const SET = 0
const DELETE = 1
const APPEND = 2

const describeOne = async (
  client: WireClient,
  resourceType: number,
  resourceName: string,
  configurationKeys: ReadonlyArray<string> | null,
  version = 4
) => {
  const { results } = await client.call(DescribeConfigs, version, {
    resources: [{ resourceType, resourceName, configurationKeys }],
    includeSynonyms: version >= 1,
    includeDocumentation: version >= 3
  })
  return results[0]!
}

const alter = async (
  client: WireClient,
  resourceType: number,
  resourceName: string,
  configs: ReadonlyArray<{ readonly name: string; readonly configOperation: number; readonly value: string | null }>,
  validateOnly = false
) => {
  const { responses } = await client.call(IncrementalAlterConfigs, 1, {
    resources: [{ resourceType, resourceName, configs }],
    validateOnly
  })
  return responses[0]!.errorCode
}

describe("the Config APIs", () => {
  it("describe a topic: value, source, synonyms, type, documentation", async () => {
    await using broker = await startBroker()
    await broker.createTopic("a", 1, { "retention.ms": "1000" })
    const client = await broker.connect()
    const { configs, errorCode } = await describeOne(client, TOPIC, "a", ["retention.ms", "cleanup.policy"])
    assert.strictEqual(errorCode, 0)
    assert.deepStrictEqual(
      configs.map(({ configSource, configType, name, value }) => [name, value, configSource, configType]),
      [
        ["cleanup.policy", "delete", 5, 7],
        ["retention.ms", "1000", 1, 5]
      ]
    )
    assert.deepStrictEqual(
      configs[1]!.synonyms.map(({ name, source, value }) => [name, value, source]),
      [
        ["retention.ms", "1000", 1],
        ["log.retention.ms", "604800000", 5]
      ]
    )
    assert.isTrue(configs.every(({ documentation }) => documentation !== null && documentation.length > 10))
  })

  it("an empty list of keys asks for all, as null does", async () => {
    await using broker = await startBroker()
    await broker.createTopic("a")
    const client = await broker.connect()
    const all = await describeOne(client, TOPIC, "a", null)
    assert.isAbove(all.configs.length, 30)
    assert.strictEqual((await describeOne(client, TOPIC, "a", [])).configs.length, all.configs.length)
  })

  it("tell in version 0 whether a value is a default", async () => {
    await using broker = await startBroker()
    await broker.createTopic("a", 1, { "retention.ms": "1000" })
    const client = await broker.connect()
    const { configs } = await describeOne(client, TOPIC, "a", ["retention.ms", "cleanup.policy"], 0)
    assert.deepStrictEqual(
      configs.map(({ isDefault, name }) => [name, isDefault]),
      [
        ["cleanup.policy", true],
        ["retention.ms", false]
      ]
    )
  })

  it("set, append and delete; validate-only changes nothing", async () => {
    await using broker = await startBroker()
    await broker.createTopic("a")
    const client = await broker.connect()
    const value = async (name: string) => (await describeOne(client, TOPIC, "a", [name])).configs[0]!.value
    const change = (configOperation: number, name: string, text: string | null, validateOnly = false) =>
      alter(client, TOPIC, "a", [{ name, configOperation, value: text }], validateOnly)
    assert.strictEqual(await change(SET, "retention.ms", "5", true), 0)
    assert.strictEqual(await value("retention.ms"), "604800000")
    assert.strictEqual(await change(SET, "retention.ms", "5"), 0)
    assert.strictEqual(await value("retention.ms"), "5")
    assert.strictEqual(await change(APPEND, "cleanup.policy", "compact"), 0)
    assert.strictEqual(await value("cleanup.policy"), "delete,compact")
    assert.strictEqual(await change(DELETE, "retention.ms", null), 0)
    assert.strictEqual(await value("retention.ms"), "604800000")
    assert.strictEqual(await change(SET, "retention.ms", "-7"), 40)
    assert.strictEqual(await change(SET, "no.such", "1"), 40)
  })

  it("AlterConfigs replaces all", async () => {
    await using broker = await startBroker()
    await broker.createTopic("a", 1, { "retention.ms": "1000" })
    const client = await broker.connect()
    const { responses } = await client.call(AlterConfigs, 2, {
      resources: [{ resourceType: TOPIC, resourceName: "a", configs: [{ name: "segment.ms", value: "9" }] }]
    })
    assert.strictEqual(responses[0]!.errorCode, 0)
    const { configs } = await describeOne(client, TOPIC, "a", ["retention.ms", "segment.ms"])
    assert.deepStrictEqual(
      configs.map(({ value }) => value),
      ["604800000", "9"]
    )
  })

  it("know this broker, its default for all, and no other", async () => {
    await using broker = await startBroker({ numPartitions: 1 })
    const client = await broker.connect()
    const own = await describeOne(client, BROKER, "1", ["num.partitions", "ssl.keystore.password", "max.connections"])
    assert.deepStrictEqual(
      own.configs.map(({ isSensitive, name, readOnly, value }) => [name, value, readOnly, isSensitive]).sort(),
      [
        ["max.connections", "10000", false, false],
        ["num.partitions", "1", true, false],
        ["ssl.keystore.password", null, false, true]
      ]
    )
    assert.strictEqual((await describeOne(client, BROKER, "7", null)).errorCode, 42)
    assert.deepStrictEqual((await describeOne(client, BROKER, "", null)).configs, [])
    const set = [{ name: "log.retention.ms", configOperation: SET, value: "77" }]
    assert.strictEqual(await alter(client, BROKER, "", set), 0)
    await broker.createTopic("a")
    const [retention] = (await describeOne(client, TOPIC, "a", ["retention.ms"])).configs
    assert.deepStrictEqual([retention!.value, retention!.configSource], ["77", 3])
    const fixed = [{ name: "node.id", configOperation: SET, value: "9" }]
    assert.strictEqual(await alter(client, BROKER, "1", fixed), 42)
  })

  it("refuse a topic that is not there, a name no topic can have, and a resource named twice", async () => {
    await using broker = await startBroker()
    await broker.createTopic("a")
    const client = await broker.connect()
    assert.strictEqual((await describeOne(client, TOPIC, "none", null)).errorCode, 3)
    assert.strictEqual((await describeOne(client, TOPIC, "no!", null)).errorCode, 17)
    const resource = {
      resourceType: TOPIC,
      resourceName: "a",
      configs: [{ name: "retention.ms", configOperation: SET, value: "5" }]
    }
    const { responses } = await client.call(IncrementalAlterConfigs, 1, { resources: [resource, resource] })
    assert.deepStrictEqual(
      responses.map(({ errorCode }) => errorCode),
      [42, 42]
    )
  })
})
