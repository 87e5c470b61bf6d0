import { afterAll, assert, beforeAll, beforeEach, describe, it } from "@effect/vitest"
import { AlterConfigs } from "@tusk/protocol/messages/AlterConfigs"
import { DescribeConfigs } from "@tusk/protocol/messages/DescribeConfigs"
import { IncrementalAlterConfigs } from "@tusk/protocol/messages/IncrementalAlterConfigs"
import { startBroker } from "../BrokerUnderTest.ts"
import type { BrokerUnderTest } from "../BrokerUnderTest.ts"
import type { WireClient } from "../WireClient.ts"
import { Rights } from "./Rights.ts"

const [NONE, UNKNOWN, TOPIC_REFUSED, GROUP_REFUSED, CLUSTER_REFUSED] = [0, 3, 29, 30, 31]
const [INVALID_CONFIG, INVALID_REQUEST] = [40, 42]
const [TOPIC, BROKER, LOGGER, METRICS, GROUP] = [2, 4, 8, 16, 32]

const resource = (resourceType: number, resourceName: string, name: string, value: string) => ({
  resourceType,
  resourceName,
  configs: [{ name, value, configOperation: 0 }]
})
const RESOURCES = [
  resource(TOPIC, "open", "retention.ms", "1000"),
  resource(TOPIC, "hidden", "retention.ms", "1000"),
  resource(TOPIC, "nowhere", "retention.ms", "1000"),
  resource(TOPIC, "missing", "retention.ms", "1000"),
  resource(GROUP, "g", "consumer.session.timeout.ms", "45000"),
  resource(GROUP, "h", "consumer.session.timeout.ms", "45000"),
  resource(BROKER, "", "log.retention.ms", "1000"),
  resource(METRICS, "m", "interval.ms", "60000")
]
const LOGGERS = resource(LOGGER, "1", "tusk", "INFO")

describe("what may be done with configs", () => {
  const rights = new Rights()
  let broker: BrokerUnderTest
  let client: WireClient

  beforeAll(async () => {
    broker = await startBroker({}, { authorizer: rights })
    client = await broker.connect()
    await broker.createTopic("open")
    await broker.createTopic("hidden")
  })
  afterAll(() => broker[Symbol.asyncDispose]())
  beforeEach(() => rights.allow(() => true))

  const outcomes = (
    results: ReadonlyArray<{ readonly errorCode: number; readonly errorMessage: string | null }>
  ): ReadonlyArray<readonly [number, string | null]> =>
    results.map(({ errorCode, errorMessage }) => [errorCode, errorMessage])
  const codes = (results: Parameters<typeof outcomes>[0]) => outcomes(results).map(([code]) => code)

  const TOPIC_REFUSAL = [TOPIC_REFUSED, "Topic authorization failed."] as const
  const GROUP_REFUSAL = [GROUP_REFUSED, "Group authorization failed."] as const
  const CLUSTER_REFUSAL = [CLUSTER_REFUSED, "Cluster authorization failed."] as const

  it("DescribeConfigs asks for Describe Configs of each resource: the cluster's for what is no topic and no group", async () => {
    const described = async () =>
      (await client.call(DescribeConfigs, 4, { resources: [...RESOURCES, LOGGERS] })).results
    rights.only("describeConfigs topic open", "describeConfigs topic missing", "describeConfigs group g")
    assert.deepStrictEqual(outcomes(await described()), [
      [NONE, ""],
      TOPIC_REFUSAL,
      TOPIC_REFUSAL,
      [UNKNOWN, ""],
      [NONE, ""],
      GROUP_REFUSAL,
      CLUSTER_REFUSAL,
      CLUSTER_REFUSAL,
      CLUSTER_REFUSAL
    ])
    assert.deepStrictEqual((await described())[1]!.configs, [])
    rights.only("describeConfigs cluster kafka-cluster")
    assert.deepStrictEqual(codes(await described()), [
      ...[TOPIC_REFUSED, TOPIC_REFUSED, TOPIC_REFUSED, TOPIC_REFUSED],
      ...[GROUP_REFUSED, GROUP_REFUSED, NONE, NONE, NONE]
    ])
  })

  for (const api of [AlterConfigs, IncrementalAlterConfigs]) {
    it(`${api.name} asks for Alter Configs of each resource`, async () => {
      const altered = async () =>
        (await client.call<any, any>(api, 1, { resources: RESOURCES, validateOnly: true })).responses
      rights.only("alterConfigs topic open", "alterConfigs topic missing", "alterConfigs group g")
      assert.deepStrictEqual(outcomes(await altered()), [
        [NONE, null],
        TOPIC_REFUSAL,
        TOPIC_REFUSAL,
        [UNKNOWN, "The topic 'missing' does not exist."],
        [NONE, null],
        GROUP_REFUSAL,
        CLUSTER_REFUSAL,
        CLUSTER_REFUSAL
      ])
      rights.only("alterConfigs cluster kafka-cluster")
      assert.deepStrictEqual(codes(await altered()), [
        ...[TOPIC_REFUSED, TOPIC_REFUSED, TOPIC_REFUSED, TOPIC_REFUSED],
        ...[GROUP_REFUSED, GROUP_REFUSED, NONE, NONE]
      ])
    })

    it(`${api.name} changes nothing without the right, and refuses what is named twice before it asks`, async () => {
      rights.only()
      const twice = [RESOURCES[0]!, RESOURCES[0]!, RESOURCES[1]!]
      const { responses } = await client.call<any, any>(api, 1, { resources: twice, validateOnly: false })
      assert.deepStrictEqual(codes(responses), [INVALID_REQUEST, INVALID_REQUEST, TOPIC_REFUSED])
      assert.deepStrictEqual(rights.asked, ["alterConfigs topic hidden"])
      rights.allow(() => true)
      const { results } = await client.call(DescribeConfigs, 4, { resources: [RESOURCES[1]!] })
      const retention = results[0]!.configs.find(({ name }) => name === "retention.ms")
      assert.strictEqual(retention?.value, "604800000")
    })
  }

  it("levels of loggers are the cluster's, and refused without a text", async () => {
    const altered = async () => (await client.call(IncrementalAlterConfigs, 1, { resources: [LOGGERS] })).responses
    rights.only("alterConfigs topic 1")
    assert.deepStrictEqual(outcomes(await altered()), [[CLUSTER_REFUSED, null]])
    rights.only("alterConfigs cluster kafka-cluster")
    // It may, but this broker has no levels that can be changed.
    assert.deepStrictEqual(codes(await altered()), [INVALID_CONFIG])
    rights.only()
    const { responses } = await client.call(AlterConfigs, 1, { resources: [LOGGERS] })
    assert.deepStrictEqual(codes(responses), [INVALID_REQUEST])
  })
})
