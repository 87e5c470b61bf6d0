import { assert, describe, it } from "@effect/vitest"
import { AlterConfigs } from "@tusk/protocol/messages/AlterConfigs"
import { CreateTopics } from "@tusk/protocol/messages/CreateTopics"
import { DescribeConfigs } from "@tusk/protocol/messages/DescribeConfigs"
import { IncrementalAlterConfigs } from "@tusk/protocol/messages/IncrementalAlterConfigs"
import { startBroker } from "../BrokerUnderTest.ts"
import { ObjectsUnderTest } from "../ObjectBroker.ts"
import type { WireClient } from "../WireClient.ts"

const TOPIC = 2
const BROKER = 4
const FINE = [0, null] as const
const INVALID_REQUEST = 42
const INVALID_CONFIG = 40

const tiering = () => startBroker({}, { objects: new ObjectsUnderTest().store })

const create = async (client: WireClient, configs: Readonly<Record<string, string>>, validateOnly = false) => {
  const named = Object.entries(configs).map(([name, value]) => ({ name, value }))
  const topics = [{ name: "t", numPartitions: 1, replicationFactor: 1, configs: named }]
  const answer = await client.call(CreateTopics, 7, { topics, validateOnly })
  const { errorCode, errorMessage } = answer.topics[0]!
  return [errorCode, errorMessage] as const
}

const alter = async (
  client: WireClient,
  configs: Readonly<Record<string, string | null>>,
  [resourceType, resourceName] = [TOPIC, "t"] as const as readonly [number, string]
) => {
  const changed = Object.entries(configs).map(([name, value]) => ({
    name,
    configOperation: value === null ? 1 : 0,
    value
  }))
  const resources = [{ resourceType, resourceName, configs: changed }]
  const { responses } = await client.call(IncrementalAlterConfigs, 1, { resources })
  return [responses[0]!.errorCode, responses[0]!.errorMessage] as const
}

const TIERED = { "remote.storage.enable": "true" }
const GIVEN_UP = { "remote.storage.enable": "false", "remote.log.delete.on.disable": "true" }

describe("configs of tiered topics", () => {
  it("are refused without an object store", async () => {
    await using broker = await startBroker()
    const client = await broker.connect()
    const message =
      "Tiered Storage functionality is disabled in the broker. Topic cannot be configured with remote log storage."
    assert.deepStrictEqual(await create(client, TIERED), [INVALID_CONFIG, message])
    assert.deepStrictEqual(await create(client, TIERED, true), [INVALID_CONFIG, message])
    assert.deepStrictEqual(await create(client, { "local.retention.ms": "5" }), FINE)
    assert.deepStrictEqual(await alter(client, TIERED), [INVALID_CONFIG, message])
  })

  it("are checked together, at creation and at each change", async () => {
    await using broker = await tiering()
    const client = await broker.connect()
    const [code, message] = await create(client, { ...TIERED, "cleanup.policy": "compact" })
    assert.strictEqual(code, INVALID_CONFIG)
    assert.include(message, "cleanup.policy=delete")
    assert.deepStrictEqual(await create(client, { ...TIERED, "local.retention.ms": "1000" }), FINE)
    assert.deepStrictEqual(await alter(client, { "retention.ms": "999" }), [
      INVALID_CONFIG,
      "Invalid value 1000 for configuration local.retention.ms: Value must not be more than retention.ms property value: 999"
    ])
    assert.strictEqual((await alter(client, { "cleanup.policy": "compact" }))[0], INVALID_CONFIG)
    assert.deepStrictEqual(await alter(client, { "retention.ms": "1000" }), FINE)
  })

  it("end tiers only with the deletion of what has moved", async () => {
    await using broker = await tiering()
    const client = await broker.connect()
    assert.deepStrictEqual(await create(client, TIERED), FINE)
    for (const configs of [{ "remote.storage.enable": "false" }, { "remote.storage.enable": null }]) {
      const [code, message] = await alter(client, configs)
      assert.strictEqual(code, INVALID_CONFIG)
      assert.include(message, "It is invalid to disable remote storage without deleting remote data.")
    }
    const replaced = await client.call(AlterConfigs, 2, {
      resources: [{ resourceType: TOPIC, resourceName: "t", configs: [] }]
    })
    assert.strictEqual(replaced.responses[0]!.errorCode, INVALID_CONFIG)
    assert.deepStrictEqual(await alter(client, GIVEN_UP), FINE)
    assert.deepStrictEqual(await alter(client, { "remote.log.delete.on.disable": null }), FINE)
  })

  it("of brokers are told, and do not let local retention go beyond all retention", async () => {
    const told = async (client: WireClient) => {
      const { results } = await client.call(DescribeConfigs, 4, {
        resources: [
          { resourceType: BROKER, resourceName: "1", configurationKeys: ["remote.log.storage.system.enable"] }
        ],
        includeSynonyms: true
      })
      const [{ configSource, readOnly, synonyms, value }] = results[0]!.configs as [
        (typeof results)[number]["configs"][number]
      ]
      return [value, configSource, readOnly, synonyms.length]
    }
    await using without = await startBroker()
    assert.deepStrictEqual(await told(await without.connect()), ["false", 5, true, 1])
    await using broker = await tiering()
    const client = await broker.connect()
    assert.deepStrictEqual(await told(client), ["true", 4, true, 2])
    assert.deepStrictEqual(await alter(client, { "log.local.retention.ms": "604800001" }, [BROKER, ""]), [
      INVALID_REQUEST,
      "Invalid value 604800001 for configuration log.local.retention.ms: Value must not be more than log.retention.ms property value: 604800000"
    ])
    assert.deepStrictEqual(await alter(client, { "log.local.retention.ms": "604800000" }, [BROKER, ""]), FINE)
  })
})
