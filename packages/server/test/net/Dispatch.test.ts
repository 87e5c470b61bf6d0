import { assert, describe, it } from "@effect/vitest"
import { ListOffsets } from "@tusk/protocol/messages/ListOffsets"
import { Metadata } from "@tusk/protocol/messages/Metadata"
import { Log } from "@tusk/storage/log/Log"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { startBroker } from "../BrokerUnderTest.ts"

const UNKNOWN_SERVER_ERROR = -1

describe("a defect in a request", () => {
  const asking = { topics: [{ name: "t", partitions: [{ partitionIndex: 0, timestamp: -1n }] }] }
  const withEnds = (ends: Log["Service"]["ends"]) =>
    Layer.effect(
      Log,
      Effect.map(Log, (log) => Log.of({ ...log, ends }))
    ).pipe(Layer.provide(Log.layer))

  it.each([
    ["its handler's", () => Effect.die(new Error("broken"))],
    [
      "an answer that cannot be encoded",
      () => Effect.succeed([{ highWatermark: "no offset", epochAt: () => 0 } as never])
    ]
  ] as const)("ends it with UNKNOWN_SERVER_ERROR and a line in the log, and nothing else: %s", async (_, ends) => {
    await using broker = await startBroker({}, { parts: { log: withEnds(ends) } })
    await broker.createTopic("t")
    const client = await broker.connect()
    const { topics } = await client.call(ListOffsets, 7, asking)
    assert.strictEqual(topics[0]!.partitions[0]!.errorCode, UNKNOWN_SERVER_ERROR)
    await client.call(Metadata, 12, { topics: [] })
    assert.deepStrictEqual(
      broker.log.map(({ level }) => level),
      ["Error"]
    )
    assert.include(broker.log[0]!.text, "ListOffsets")
  })
})
