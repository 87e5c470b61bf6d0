import { assert, describe, it } from "@effect/vitest"
import { Heartbeat } from "@tusk/protocol/messages/Heartbeat"
import { ListOffsets } from "@tusk/protocol/messages/ListOffsets"
import { Log } from "@tusk/storage/log/Log"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as References from "effect/References"
import { inArea, layerInArea, resourceFields } from "../../src/observe/LogLines.ts"
import { capturing, startBroker } from "../BrokerUnderTest.ts"
import type { LogLine } from "../BrokerUnderTest.ts"

const broken = Layer.effect(
  Log,
  Effect.map(Log, (log) => Log.of({ ...log, ends: () => Effect.die(new Error("broken")) }))
).pipe(Layer.provide(Log.layer))

class Service extends Context.Service<Service, { readonly tell: Effect.Effect<void> }>()("Service") {
  static readonly layer = Layer.effect(
    Service,
    Effect.gen(function* () {
      yield* Effect.forkScoped(Effect.logWarning("beside"), { startImmediately: true })
      return Service.of({ tell: Effect.logWarning("asked") })
    })
  )
}

describe("log lines", () => {
  it("of a connection are Tusk's, and of area net", async () => {
    await using broker = await startBroker()
    const client = await broker.connect()
    client.sendBytes(Buffer.from("GET / HTTP/1.1\r\n\r\n"))
    await client.closed
    assert.lengthOf(broker.log, 1)
    assert.deepInclude(broker.log[0]!.fields, { service: "tusk", area: "net", listener: "PLAINTEXT" })
  })

  it("of a defect in a request are of area request, and tell what it named, a few names of many", async () => {
    await using broker = await startBroker({}, { parts: { log: broken } })
    await broker.createTopic("t0")
    const client = await broker.connect()
    const names = ["t0", "x".repeat(1000), ...Array.from({ length: 10 }, (_, i) => `t${i + 1}`)]
    const partitions = [{ partitionIndex: 0, timestamp: -1n }]
    await client.call(ListOffsets, 7, { topics: names.map((name) => ({ name, partitions })) })
    assert.deepStrictEqual(broker.log[0]?.fields, {
      service: "tusk",
      area: "request",
      topics: `t0, ${"x".repeat(249)}, t1 and 9 more`,
      apiKey: ListOffsets.key,
      apiVersion: 7,
      correlationId: broker.log[0]?.fields["correlationId"],
      clientId: "wire",
      principal: "User:ANONYMOUS"
    })
  })

  it("of a refused request are told if lines as fine are wanted", async () => {
    const log: Array<LogLine> = []
    const layer = Layer.mergeAll(capturing(log), Layer.succeed(References.MinimumLogLevel, "Debug"))
    await using broker = await startBroker({}, { around: layer })
    const client = await broker.connect()
    await client.call(Heartbeat, 4, { groupId: "g", memberId: "m" })
    const [line] = log.filter(({ text }) => text.includes("refused"))
    assert.strictEqual(line?.text, "Heartbeat is refused: UnknownMemberId")
    assert.deepInclude(line?.fields, { area: "request", groups: "g" })
  })

  it.effect("of what a service starts are of its area, beside annotations of the app around it", () => {
    const log: Array<LogLine> = []
    return Effect.gen(function* () {
      const service = Context.get(yield* Layer.build(layerInArea("groups", Service.layer)), Service)
      yield* inArea("request")(service.tell)
      const areas = log.map(({ fields, text }) => [text, fields["area"], fields["app"], fields["service"]])
      assert.deepStrictEqual(areas, [
        ["beside", "groups", "shop", "tusk"],
        ["asked", "request", "shop", "tusk"]
      ])
    }).pipe(Effect.annotateLogs({ app: "shop" }), Effect.provide(capturing(log)))
  })
})

describe("the fields of what a request names", () => {
  it("name each kind that is there", () => {
    assert.deepStrictEqual(resourceFields({ topics: ["a", "b"], topicIds: [], groups: ["g"] }), {
      topics: "a, b",
      groups: "g"
    })
    assert.deepStrictEqual(resourceFields({ cluster: true }), { cluster: true })
  })
})
