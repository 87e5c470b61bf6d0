import { assert, describe, it } from "@effect/vitest"
import { IncrementalAlterConfigs } from "@tusk/protocol/messages/IncrementalAlterConfigs"
import * as MemoryStore from "@tusk/storage/memory/MemoryStore"
import { Store } from "@tusk/storage/port/Store"
import { makeSignal } from "@tusk/storage/Signal"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import { parseSettings } from "../src/config/Settings.ts"
import { startBroker } from "./BrokerUnderTest.ts"
import { within } from "./WireClient.ts"

/** Memory that notes of which partitions rows are kept. */
const noting = () => {
  const kept = new Set<number>()
  const changed = makeSignal()
  const note = (change: () => void) =>
    Effect.sync(() => {
      change()
      changed.notify()
    })
  const unpacked: NonNullable<Store["Service"]["unpacked"]> = {
    positions: Effect.succeed([]),
    position: (partitionId) => Effect.sync(() => (kept.has(partitionId) ? { nextOffset: 0n, version: 1n } : undefined)),
    leftOver: Effect.succeed([]),
    begin: (partitionId) => note(() => kept.add(partitionId)),
    add: ({ to }, version) => Effect.succeed({ nextOffset: to, version }),
    erase: () => Effect.void,
    sift: () => Effect.void,
    noteCompaction: () => Effect.void,
    clear: () => Effect.succeed(0),
    trim: () => Effect.succeed(0),
    end: (partitionId) => note(() => kept.delete(partitionId))
  }
  const store = Layer.effect(
    Store,
    Effect.map(Store, (memory) => Store.of({ ...memory, unpacked }))
  ).pipe(Layer.provide(MemoryStore.layer({ maxBytes: 1 << 20 })))
  const until = (...partitionIds: ReadonlyArray<number>) =>
    within(
      Effect.runPromise(changed.until(() => Array.from(kept).sort().join() === partitionIds.join())),
      `rows of partitions ${partitionIds.join()}`
    )
  return { store, kept, until }
}

describe("tusk.sql.records", () => {
  it("is off, and on for the topic that says so, as long as it says so", async () => {
    const { kept, store, until } = noting()
    await using broker = await startBroker({}, { store })
    await broker.createTopic("plain")
    await broker.createTopic("kept", 2, { "tusk.sql.records": "on" })
    await until(2, 3)
    const client = await broker.connect()
    const alter = (resourceName: string, value: string) => {
      const configs = [{ name: "tusk.sql.records", configOperation: 0, value }]
      return client.call(IncrementalAlterConfigs, 1, { resources: [{ resourceType: 2, resourceName, configs }] })
    }
    await alter("kept", "off")
    await until()
    await alter("plain", "on")
    await until(1)
    assert.deepStrictEqual(Array.from(kept), [1])
  })

  it("of the broker holds for topics that do not say", async () => {
    const { store, until } = noting()
    const settings = Result.getOrThrow(
      parseSettings([{ name: "tusk.sql.records", value: "on", origin: "test" }])
    ).settings
    await using broker = await startBroker(settings, { store })
    await broker.createTopic("silent", 1, { "tusk.sql.records": "off" })
    await broker.createTopic("unsaid")
    await until(2)
  })
})
