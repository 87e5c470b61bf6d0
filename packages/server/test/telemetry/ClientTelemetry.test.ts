/** KIP-714 as clients see it, and what is kept of their metrics. */
import { assert, describe, it } from "@effect/vitest"
import { ZERO_UUID } from "@tusk/protocol/codec/Uuid"
import { ApiVersions } from "@tusk/protocol/messages/ApiVersions"
import { GetTelemetrySubscriptions } from "@tusk/protocol/messages/GetTelemetrySubscriptions"
import { IncrementalAlterConfigs } from "@tusk/protocol/messages/IncrementalAlterConfigs"
import { PushTelemetry } from "@tusk/protocol/messages/PushTelemetry"
import { compress, GZIP } from "@tusk/protocol/record/Compression"
import * as Effect from "effect/Effect"
import { brokerInTestTime, pass, startBroker } from "../BrokerUnderTest.ts"
import type { BrokerUnderTest } from "../BrokerUnderTest.ts"
import type { WireClient } from "../WireClient.ts"

const CLIENT = "EBESExQVFhcYGRobHB0eHw"
const OTLP = Uint8Array.of(0x0a, 0)

const ask = (client: WireClient, clientInstanceId = CLIENT) =>
  client.call(GetTelemetrySubscriptions, 0, { clientInstanceId })

const push = async (client: WireClient, subscriptionId: number, more: object = {}): Promise<number> => {
  const request = { clientInstanceId: CLIENT, subscriptionId, metrics: OTLP, ...more }
  return (await client.call(PushTelemetry, 0, request)).errorCode
}

const subscribe = async (broker: BrokerUnderTest, name: string, configs: Readonly<Record<string, string>>) => {
  const client = await broker.connect()
  const { responses } = await client.call(IncrementalAlterConfigs, 1, {
    resources: [
      {
        resourceType: 16,
        resourceName: name,
        configs: Object.entries(configs).map(([name, value]) => ({ name, value, configOperation: 0 }))
      }
    ]
  })
  assert.strictEqual(responses[0]!.errorCode, 0)
}

describe("a client's subscription", () => {
  it("is no metric and a long interval, if nobody asks for any", async () => {
    await using broker = await startBroker()
    const answer = await ask(await broker.connect(), ZERO_UUID)
    assert.notStrictEqual(answer.clientInstanceId, ZERO_UUID)
    const { acceptedCompressionTypes, pushIntervalMs, requestedMetrics, telemetryMaxBytes } = answer
    assert.deepStrictEqual(
      [acceptedCompressionTypes, pushIntervalMs, requestedMetrics, telemetryMaxBytes],
      [[4, 3, 1, 2], 300_000, [], 1 << 20]
    )
  })

  it("is what all that match it ask for, at the shortest interval", async () => {
    await using broker = await startBroker()
    await subscribe(broker, "a", { metrics: "b.,a.", "interval.ms": "5000", match: "client_id=wi.*" })
    await subscribe(broker, "b", { metrics: "a.,c.", "interval.ms": "1000", match: "client_software_name=wire" })
    await subscribe(broker, "c", { metrics: "d.", "interval.ms": "100", match: "client_id=wir" })
    const client = await broker.connect()
    await client.call(ApiVersions, 4, { clientSoftwareName: "wire", clientSoftwareVersion: "1" })
    const { pushIntervalMs, requestedMetrics } = await ask(client)
    assert.deepStrictEqual([pushIntervalMs, requestedMetrics], [1000, ["a.", "b.", "c."]])
    await subscribe(broker, "c", { match: "client_source_address=127.0.0.1", metrics: "*" })
    const changed = await ask(client)
    assert.deepStrictEqual([changed.pushIntervalMs, changed.requestedMetrics], [100, ["*"]])
    assert.strictEqual(await push(client, changed.subscriptionId), 0)
  })

  it("is the same on another connection of the client", async () => {
    await using broker = await startBroker()
    const client = await broker.connect()
    const { subscriptionId } = await ask(client)
    await client[Symbol.asyncDispose]()
    assert.strictEqual(await push(await broker.connect(), subscriptionId), 0)
  })

  it.effect("may be asked for, and pushed for, once an interval", () =>
    Effect.gen(function* () {
      const broker = yield* brokerInTestTime()
      yield* Effect.promise(() => subscribe(broker, "a", { metrics: "a.", "interval.ms": "2000" }))
      const client = yield* Effect.promise(() => broker.connect())
      const { subscriptionId } = yield* Effect.promise(() => ask(client))
      const codes: Array<number> = []
      const note = (call: Promise<number>) =>
        Effect.map(
          Effect.promise(() => call),
          (code) => codes.push(code)
        )
      yield* note(ask(client).then(({ errorCode }) => errorCode))
      yield* note(push(client, subscriptionId))
      yield* note(push(client, subscriptionId))
      yield* pass(broker, 1)
      yield* note(push(client, subscriptionId))
      yield* pass(broker, 1)
      yield* note(push(client, subscriptionId))
      // The last one may come at any time.
      yield* note(push(client, subscriptionId, { terminating: true }))
      yield* note(push(client, subscriptionId))
      assert.deepStrictEqual(codes, [89, 0, 89, 89, 0, 0, 42])
    })
  )
})

describe("a push is refused", () => {
  it.each<readonly [string, number, object]>([
    ["with another subscription", 117, { subscriptionId: 1 }],
    ["in an unknown codec", 76, { compressionType: 5 }],
    ["that is too large", 118, { metrics: new Uint8Array(1025) }],
    ["that becomes too large", 87, { compressionType: GZIP, metrics: compress(GZIP, new Uint8Array(1025)) }],
    ["that is damaged", 87, { compressionType: GZIP, metrics: Uint8Array.of(1, 2, 3) }],
    ["that is no OTLP", 87, { metrics: Uint8Array.of(0x0a, 5, 1) }],
    ["of nobody", 42, { clientInstanceId: ZERO_UUID }]
  ])("%s", async (_, code, more) => {
    await using broker = await startBroker({ telemetryMaxBytes: 1024 })
    const client = await broker.connect()
    const { subscriptionId } = await ask(client)
    assert.strictEqual(await push(client, subscriptionId, more), code)
    // On these two a client asks again at once.
    assert.strictEqual((await ask(client)).errorCode, code === 117 || code === 76 ? 0 : 89)
    assert.deepStrictEqual(broker.log, [])
  })

  it("of one client among more than are known at a time is taken, too", async () => {
    await using broker = await startBroker({ telemetryMaxClients: 1 })
    const client = await broker.connect()
    const { subscriptionId } = await ask(client)
    assert.strictEqual((await ask(client, "ICEiIyQlJicoKSorLC0uLw")).errorCode, 0)
    assert.strictEqual(await push(client, subscriptionId), 0)
  })
})
