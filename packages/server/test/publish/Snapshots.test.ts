import { assert, describe, it } from "@effect/vitest"
import * as MemoryStore from "@tusk/storage/memory/MemoryStore"
import type { Publications, PublicationStep } from "@tusk/storage/port/Publications"
import { Store } from "@tusk/storage/port/Store"
import { StoreUnavailable } from "@tusk/storage/port/StoreError"
import { makeSignal } from "@tusk/storage/Signal"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { startBroker } from "../BrokerUnderTest.ts"
import { within } from "../WireClient.ts"

/** Memory beside tables of so many rows each; what refuses says why. */
const tables = (rowsOf: Readonly<Record<number, number>>, refusing: ReadonlyMap<number, string> = new Map()) => {
  const left = new Map(Object.entries(rowsOf).map(([id, rows]) => [Number(id), rows]))
  const failures = new Map<number, string>()
  const changed = makeSignal()
  let tended = 0
  const step = (publicationId: number, most: number) =>
    Effect.suspend((): Effect.Effect<PublicationStep, StoreUnavailable> => {
      const refusal = refusing.get(publicationId)
      if (refusal !== undefined) return Effect.fail(new StoreUnavailable({ message: refusal }))
      const rows = Math.min(most, left.get(publicationId)!)
      left.set(publicationId, left.get(publicationId)! - rows)
      changed.notify()
      return Effect.succeed({ state: left.get(publicationId) === 0 ? "done" : "running", rows, bytes: rows })
    })
  const publications: Publications = {
    any: Effect.sync(() => left.size > 0),
    tend: Effect.sync(() => {
      tended++
      return Array.from(left, ([publicationId, rows]) => ({ publicationId, reads: rows > 0 }))
    }),
    step,
    failed: (publicationId, reason) =>
      Effect.sync(() => {
        failures.set(publicationId, reason)
        changed.notify()
      })
  }
  const store = Layer.effect(
    Store,
    Effect.map(Store, (memory) => Store.of({ ...memory, publications }))
  ).pipe(Layer.provide(MemoryStore.layer({ maxBytes: 1 << 20 })))
  return { store, left, failures, changed, tended: () => tended }
}

describe("snapshots of published tables", () => {
  it("are read to their ends, and one that is refused holds none up", async () => {
    const { changed, failures, left, store } = tables({ 1: 5000, 2: 10, 3: 700 }, new Map([[2, "no right"]]))
    await using broker = await startBroker({}, { store })
    const isRead = () => left.get(1) === 0 && left.get(3) === 0 && failures.size > 0
    await within(Effect.runPromise(changed.until(isRead)), "the snapshots")
    assert.deepStrictEqual(Array.from(failures), [[2, "no right"]])
    assert.strictEqual(left.get(2), 10)
    const warnings = broker.log.filter(({ level }) => level === "Warn")
    assert.isAtLeast(warnings.length, 1)
    assert.include(JSON.stringify(warnings[0]), "no right")
  })

  it("cost a broker nothing where no table is published", async () => {
    const { store, tended } = tables({})
    await using broker = await startBroker({}, { store })
    await broker.createTopic("t")
    assert.strictEqual(tended(), 0)
  })
})
