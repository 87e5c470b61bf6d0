/** Levels of log lines, changed while a broker runs (KIP-412). */
import { assert, describe, it } from "@effect/vitest"
import { DescribeConfigs } from "@tusk/protocol/messages/DescribeConfigs"
import { Heartbeat } from "@tusk/protocol/messages/Heartbeat"
import { IncrementalAlterConfigs } from "@tusk/protocol/messages/IncrementalAlterConfigs"
import * as Layer from "effect/Layer"
import * as References from "effect/References"
import { capturing, startBroker } from "../BrokerUnderTest.ts"
import type { LogLine } from "../BrokerUnderTest.ts"
import type { WireClient } from "../WireClient.ts"

const [SET, DELETE] = [0, 1]

const alter = async (client: WireClient, name: string, configOperation: number, value: string | null = null) => {
  const { responses } = await client.call(IncrementalAlterConfigs, 1, {
    resources: [{ resourceType: 8, resourceName: "1", configs: [{ name, configOperation, value }] }]
  })
  return responses[0]!.errorCode
}

const levels = async (client: WireClient): Promise<ReadonlyMap<string, string | null>> => {
  const { results } = await client.call(DescribeConfigs, 4, {
    resources: [{ resourceType: 8, resourceName: "1", configurationKeys: null }]
  })
  return new Map(results[0]!.configs.map(({ name, value }) => [name, value]))
}

const refuse = (client: WireClient) => client.call(Heartbeat, 4, { groupId: "g", memberId: "m" })

describe("the level of an area", () => {
  it("lets its finer lines through, and takes them back", async () => {
    await using broker = await startBroker()
    const client = await broker.connect()
    await refuse(client)
    assert.deepStrictEqual(broker.log, [])
    assert.strictEqual(await alter(client, "tusk.request", SET, "DEBUG"), 0)
    await refuse(client)
    assert.deepStrictEqual(
      broker.log.map(({ fields, level }) => [level, fields["area"]]),
      [["Debug", "request"]]
    )
    assert.strictEqual(await alter(client, "tusk.request", DELETE), 0)
    await refuse(client)
    assert.lengthOf(broker.log, 1)
  })

  it("of another one changes nothing; the root's is of all that have none", async () => {
    await using broker = await startBroker()
    const client = await broker.connect()
    await alter(client, "tusk.net", SET, "TRACE")
    await refuse(client)
    assert.deepStrictEqual(broker.log, [])
    await alter(client, "root", SET, "DEBUG")
    assert.deepInclude(Array.from(await levels(client)), ["tusk.net", "TRACE"])
    assert.deepInclude(Array.from(await levels(client)), ["tusk.request", "DEBUG"])
    await refuse(client)
    assert.lengthOf(broker.log, 1)
    await alter(client, "root", SET, "FATAL")
    client.sendBytes(Buffer.from("GET / HTTP/1.1\r\n\r\n"))
    await client.closed
    assert.strictEqual(broker.log.at(-1)?.fields["area"], "net")
  })

  it("begins as the app's own, and is another one for each broker", async () => {
    const around = Layer.merge(capturing([]), Layer.succeed(References.MinimumLogLevel, "Error"))
    await using quiet = await startBroker({}, { around })
    await using other = await startBroker()
    const client = await quiet.connect()
    assert.strictEqual((await levels(client)).get("root"), "ERROR")
    await alter(client, "root", SET, "WARN")
    assert.strictEqual((await levels(client)).get("tusk.pg"), "WARN")
    assert.strictEqual((await levels(await other.connect())).get("root"), "INFO")
  })

  it("is refused by Kafka's rules, and only looked at if asked to", async () => {
    const log: Array<LogLine> = []
    await using broker = await startBroker({}, { around: capturing(log) })
    const client = await broker.connect()
    const { responses } = await client.call(IncrementalAlterConfigs, 1, {
      resources: [
        { resourceType: 8, resourceName: "1", configs: [{ name: "root", configOperation: 0, value: "WARN" }] }
      ],
      validateOnly: true
    })
    assert.strictEqual(responses[0]!.errorCode, 0)
    assert.strictEqual((await levels(client)).get("root"), "INFO")
    const codes = [
      await alter(client, "root", SET, "warn"),
      await alter(client, "kafka.server.KafkaApis", SET, "WARN"),
      await alter(client, "root", DELETE),
      await alter(client, "root", SET),
      await alter(client, "root", 2, "WARN"),
      await alter(client, "root", 9, "WARN")
    ]
    assert.deepStrictEqual(codes, [40, 40, 42, 42, 42, 42])
  })
})
