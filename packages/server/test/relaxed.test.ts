import { assert, describe, it } from "@effect/vitest"
import { IncrementalAlterConfigs } from "@tusk/protocol/messages/IncrementalAlterConfigs"
import { Produce } from "@tusk/protocol/messages/Produce"
import * as MemoryStore from "@tusk/storage/memory/MemoryStore"
import { Store } from "@tusk/storage/port/Store"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import { parseSettings } from "../src/config/Settings.ts"
import { batchOf } from "./Batches.ts"
import { startBroker } from "./BrokerUnderTest.ts"

/** A store that notes of each append whether its commit may be answered before it is on disk. */
const noting = (seen: Array<boolean>) =>
  Layer.effect(
    Store,
    Effect.map(Store, (store) =>
      Store.of({
        ...store,
        commit: (units) => {
          for (const write of units.flat()) if (write._tag === "Append") seen.push(write.relaxed === true)
          return store.commit(units)
        }
      })
    )
  ).pipe(Layer.provide(MemoryStore.layer({ maxBytes: 1 << 20 })))

const settingsWith = (name: string, value: string) =>
  Result.getOrThrow(parseSettings([{ name, value, origin: "test" }])).settings

const produceTo =
  (client: Awaited<ReturnType<Awaited<ReturnType<typeof startBroker>>["connect"]>>) =>
  async (name: string): Promise<void> => {
    const partitionData = [{ index: 0, records: batchOf(["a"]) }]
    const { responses } = await client.call(Produce, 12, {
      acks: -1,
      timeoutMs: 1000,
      topicData: [{ name, partitionData }]
    })
    assert.strictEqual(responses[0]!.partitionResponses[0]!.errorCode, 0)
  }

describe("tusk.synchronous.commit", () => {
  it("is on, and off for the topic that says so, as soon as it says so", async () => {
    const seen: Array<boolean> = []
    await using broker = await startBroker({}, { store: noting(seen) })
    await broker.createTopic("safe")
    await broker.createTopic("quick", 1, { "tusk.synchronous.commit": "off" })
    const client = await broker.connect()
    const produce = produceTo(client)
    await produce("safe")
    await produce("quick")
    const configs = [{ name: "tusk.synchronous.commit", configOperation: 0, value: "off" }]
    await client.call(IncrementalAlterConfigs, 1, { resources: [{ resourceType: 2, resourceName: "safe", configs }] })
    await produce("safe")
    assert.deepStrictEqual(seen, [false, true, true])
  })

  it("of the broker holds for topics that do not say", async () => {
    const seen: Array<boolean> = []
    await using broker = await startBroker(settingsWith("tusk.synchronous.commit", "off"), { store: noting(seen) })
    await broker.createTopic("unsaid")
    await broker.createTopic("safe", 1, { "tusk.synchronous.commit": "on" })
    const produce = produceTo(await broker.connect())
    await produce("unsaid")
    await produce("safe")
    assert.deepStrictEqual(seen, [true, false])
  })
})
