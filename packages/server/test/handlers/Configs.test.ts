import { assert, describe, it } from "@effect/vitest"
import { AlterConfigs } from "@tusk/protocol/messages/AlterConfigs"
import { DeleteTopics } from "@tusk/protocol/messages/DeleteTopics"
import { DescribeConfigs } from "@tusk/protocol/messages/DescribeConfigs"
import { IncrementalAlterConfigs } from "@tusk/protocol/messages/IncrementalAlterConfigs"
import * as Effect from "effect/Effect"
import { startBroker } from "../BrokerUnderTest.ts"
import { answersLater, heldStore, newData } from "../Stores.ts"
import type { WireClient } from "../WireClient.ts"

const TOPIC = 2
const BROKER = 4
const SET = 0
const DELETE = 1
const APPEND = 2
const SUBTRACT = 3

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
        // Read from its file again when that changes; Kafka has it changed by AlterConfigs.
        ["ssl.keystore.password", null, true, true]
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

describe("changes of one resource at the same time", () => {
  const WANTED = {
    "segment.ms": "99999999",
    "retention.ms": "1234567",
    "max.message.bytes": "2000000",
    "cleanup.policy": "compact",
    "min.compaction.lag.ms": "77",
    "delete.retention.ms": "88",
    "segment.bytes": "1048577",
    "retention.bytes": "99999"
  }
  const ownConfigs = async (client: WireClient, resourceType: number, name: string) => {
    const { configs } = await describeOne(client, resourceType, name, null)
    const own = configs.filter(({ configSource }) => configSource === 1 || configSource === 3)
    return Object.fromEntries(own.map(({ name, value }) => [name, value]))
  }

  it("none is lost, in memory or in the store", async () => {
    const data = newData()
    {
      await using broker = await startBroker({}, { store: answersLater(data) })
      await broker.createTopic("t")
      const admins = await Promise.all(Object.keys(WANTED).map(() => broker.connect()))
      const codes = await Promise.all(
        Object.entries(WANTED).map(([name, value], i) =>
          alter(admins[i]!, TOPIC, "t", [{ name, configOperation: SET, value }])
        )
      )
      assert.deepStrictEqual(
        codes,
        admins.map(() => 0)
      )
      assert.deepStrictEqual(await ownConfigs(admins[0]!, TOPIC, "t"), WANTED)
    }
    await using broker = await startBroker({}, { store: answersLater(data) })
    assert.deepStrictEqual(await ownConfigs(await broker.connect(), TOPIC, "t"), WANTED)
  })

  it("a list grows by what each adds to it", async () => {
    const { hold, store, waiting } = heldStore()
    await using broker = await startBroker({}, { store })
    await broker.createTopic("t", 1, { "cleanup.policy": "compact" })
    const [first, second, third] = [await broker.connect(), await broker.connect(), await broker.connect()]
    hold(true)
    const retention = alter(first, TOPIC, "t", [{ name: "retention.ms", configOperation: SET, value: "1000" }])
    await Effect.runPromise(waiting)
    // Both are decided in one commit, as it comes behind the one that is held.
    const append = { name: "cleanup.policy", configOperation: APPEND, value: "delete" }
    const subtract = { name: "cleanup.policy", configOperation: SUBTRACT, value: "compact" }
    const both = [alter(second, TOPIC, "t", [append]), alter(third, TOPIC, "t", [subtract])]
    await broker.serves()
    hold(false)
    assert.deepStrictEqual([await retention, ...(await Promise.all(both))], [0, 0, 0])
    assert.deepStrictEqual(await ownConfigs(first, TOPIC, "t"), { "retention.ms": "1000", "cleanup.policy": "delete" })
  })

  it("what one takes away and the other finds taken away already waits for the commit", async () => {
    const { hold, store, waiting } = heldStore()
    await using broker = await startBroker({}, { store })
    await broker.createTopic("t", 1, { "retention.ms": "1000" })
    const [first, second] = [await broker.connect(), await broker.connect()]
    hold(true)
    const removal = [{ name: "retention.ms", configOperation: DELETE, value: null }]
    const one = alter(first, TOPIC, "t", [{ name: "segment.ms", configOperation: SET, value: "99999999" }])
    await Effect.runPromise(waiting)
    const two = [alter(first, TOPIC, "t", removal), alter(second, TOPIC, "t", removal)]
    await broker.serves()
    hold(false)
    assert.deepStrictEqual([await one, ...(await Promise.all(two))], [0, 0, 0])
    assert.deepStrictEqual(await ownConfigs(first, TOPIC, "t"), { "segment.ms": "99999999" })
  })

  it("a topic that is deleted first is not there any more, and gets no configs", async () => {
    const data = newData()
    const { hold, store, waiting } = heldStore(data)
    await using broker = await startBroker({}, { store })
    await broker.createTopic("t")
    const [deleter, admin] = [await broker.connect(), await broker.connect()]
    hold(true)
    const deleted = deleter.call(DeleteTopics, 5, { topicNames: ["t"], timeoutMs: 1000 })
    await Effect.runPromise(waiting)
    const altered = alter(admin, TOPIC, "t", [{ name: "retention.ms", configOperation: SET, value: "1000" }])
    await broker.serves()
    hold(false)
    assert.strictEqual((await deleted).responses[0]!.errorCode, 0)
    assert.strictEqual(await altered, 3)
    await broker.createTopic("t")
    assert.deepStrictEqual(await ownConfigs(admin, TOPIC, "t"), {})
  })
})
