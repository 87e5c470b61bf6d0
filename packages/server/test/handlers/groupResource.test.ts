import { assert, describe, it } from "@effect/vitest"
import { GroupConfigs } from "@tusk/coordinator/group/machine/GroupConfigs"
import { AlterConfigs } from "@tusk/protocol/messages/AlterConfigs"
import { DescribeConfigs } from "@tusk/protocol/messages/DescribeConfigs"
import { IncrementalAlterConfigs } from "@tusk/protocol/messages/IncrementalAlterConfigs"
import { ListConfigResources } from "@tusk/protocol/messages/ListConfigResources"
import * as MemoryStore from "@tusk/storage/memory/MemoryStore"
import { Configs } from "@tusk/storage/topics/Configs"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { brokerLayer, groups, tuning } from "../../src/BrokerLayer.ts"
import { BrokerSettings } from "../../src/config/BrokerSettings.ts"
import { defaultSettings } from "../../src/config/Settings.ts"
import { startBroker } from "../BrokerUnderTest.ts"
import type { WireClient } from "../WireClient.ts"

const GROUP = 32
const SET = 0
const DELETE = 1

const describeGroup = async (client: WireClient, group: string, keys: ReadonlyArray<string> | null = null) => {
  const { results } = await client.call(DescribeConfigs, 4, {
    resources: [{ resourceType: GROUP, resourceName: group, configurationKeys: keys }],
    includeSynonyms: true,
    includeDocumentation: true
  })
  return results[0]!
}

const alterGroup = async (
  client: WireClient,
  group: string,
  changes: ReadonlyArray<readonly [op: number, name: string, value: string | null]>
) => {
  const { responses } = await client.call(IncrementalAlterConfigs, 1, {
    resources: [
      {
        resourceType: GROUP,
        resourceName: group,
        configs: changes.map(([configOperation, name, value]) => ({ configOperation, name, value }))
      }
    ]
  })
  return responses[0]!
}

const listed = async (client: WireClient, resourceTypes: ReadonlyArray<number>) => {
  const { configResources, errorCode } = await client.call(ListConfigResources, 1, { resourceTypes })
  return {
    errorCode,
    names: configResources.map(({ resourceName, resourceType }) => `${resourceType}:${resourceName}`)
  }
}

describe("the GROUP resource", () => {
  it("is described with the broker's settings as synonyms, be there such a group or not", async () => {
    await using broker = await startBroker()
    const client = await broker.connect()
    const all = await describeGroup(client, "nobody")
    assert.deepStrictEqual([all.errorCode, all.configs.length], [0, 17])
    assert.isTrue(all.configs.every(({ configSource, readOnly }) => configSource === 5 && !readOnly))
    assert.isTrue(all.configs.every(({ documentation }) => documentation !== null && documentation.length > 10))
    assert.strictEqual((await alterGroup(client, "g", [[SET, "consumer.session.timeout.ms", "50000"]])).errorCode, 0)
    const { configs } = await describeGroup(client, "g", ["consumer.session.timeout.ms", "share.auto.offset.reset"])
    const told = configs.map(({ configSource, name, synonyms, value }) => [
      name,
      value,
      configSource,
      synonyms.map((each) => `${each.name}=${each.value} ${each.source}`)
    ])
    assert.deepStrictEqual(told, [
      [
        "consumer.session.timeout.ms",
        "50000",
        8,
        ["consumer.session.timeout.ms=50000 8", "group.consumer.session.timeout.ms=45000 5"]
      ],
      ["share.auto.offset.reset", "latest", 5, ["share.auto.offset.reset=latest 5"]]
    ])
  })

  it("takes changes, and refuses what does not fit", async () => {
    await using broker = await startBroker()
    const client = await broker.connect()
    const value = async () => (await describeGroup(client, "g", ["share.heartbeat.interval.ms"])).configs[0]!.value
    assert.strictEqual((await alterGroup(client, "g", [[SET, "share.heartbeat.interval.ms", "7000"]])).errorCode, 0)
    assert.strictEqual(await value(), "7000")
    const refused = await alterGroup(client, "g", [[SET, "share.heartbeat.interval.ms", "1"]])
    assert.strictEqual(refused.errorCode, 40)
    assert.match(refused.errorMessage!, /group\.share\.min\.heartbeat\.interval\.ms/)
    assert.strictEqual((await alterGroup(client, "g", [[SET, "retention.ms", "1"]])).errorCode, 40)
    assert.strictEqual((await alterGroup(client, "", [[SET, "share.heartbeat.interval.ms", "7000"]])).errorCode, 42)
    assert.strictEqual((await describeGroup(client, "")).errorCode, 42)
    assert.strictEqual(await value(), "7000")
    assert.strictEqual((await alterGroup(client, "g", [[DELETE, "share.heartbeat.interval.ms", null]])).errorCode, 0)
    assert.strictEqual(await value(), "5000")
    const { responses } = await client.call(AlterConfigs, 2, {
      resources: [
        { resourceType: GROUP, resourceName: "g", configs: [{ name: "streams.num.standby.replicas", value: "1" }] }
      ]
    })
    assert.strictEqual(responses[0]!.errorCode, 0)
    const replaced = await describeGroup(client, "g", ["streams.num.standby.replicas"])
    assert.strictEqual(replaced.configs[0]!.value, "1")
  })

  it("is listed by ListConfigResources if it has configs of its own", async () => {
    await using broker = await startBroker()
    await broker.createTopic("t")
    const client = await broker.connect()
    await alterGroup(client, "g", [[SET, "consumer.heartbeat.interval.ms", "6000"]])
    assert.deepStrictEqual(await listed(client, [GROUP]), { errorCode: 0, names: ["32:g"] })
    assert.deepStrictEqual(await listed(client, []), { errorCode: 0, names: ["2:t", "4:1", "8:1", "32:g"] })
    assert.deepStrictEqual(await listed(client, [8, 16]), { errorCode: 0, names: ["8:1"] })
    assert.deepStrictEqual(await listed(client, [3]), { errorCode: 35, names: [] })
    await alterGroup(client, "g", [[DELETE, "consumer.heartbeat.interval.ms", null]])
    assert.deepStrictEqual(await listed(client, [GROUP]), { errorCode: 0, names: [] })
  })

  it.effect("reaches the coordinators as it is now", () =>
    Effect.gen(function* () {
      const settings = { ...defaultSettings, groupShareSessionTimeoutMs: 50_000 }
      let probe: ((groupId: string) => { readonly shareSessionTimeoutMs: number }) | undefined
      // In the place of the shell of groups, so that it is asked as the shell is.
      const probed = Layer.tap(groups, () =>
        Effect.map(GroupConfigs, (found) => {
          probe = found
        })
      )
      const built = yield* Layer.build(
        brokerLayer({ groups: probed }).pipe(
          Layer.provide(Layer.succeed(BrokerSettings, settings)),
          Layer.provide(tuning(settings, undefined)),
          Layer.provide(MemoryStore.layer({ maxBytes: 1 << 20 }))
        )
      )
      assert.strictEqual(probe!("g").shareSessionTimeoutMs, 50_000)
      yield* Context.get(built, Configs).change(GROUP, "g", () => new Map([["share.session.timeout.ms", "55000"]]))
      assert.strictEqual(probe!("g").shareSessionTimeoutMs, 55_000)
      assert.strictEqual(probe!("h").shareSessionTimeoutMs, 50_000)
    })
  )
})
