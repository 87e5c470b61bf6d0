import * as RecordBatch from "@tusk/protocol/record/RecordBatch"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Objects } from "../../../src/log/objects/Objects.ts"
import { KeptInObjects } from "../../../src/log/rewriting/placing.ts"
import { makeMemoryObjectStore, MemoryObjects } from "../../../src/object/memory/MemoryObjectStore.ts"
import { ObjectStore } from "../../../src/port/ObjectStore.ts"
import { Store } from "../../../src/port/Store.ts"
import { pointed } from "../../../src/port/pointed.ts"
import type { PointerReader } from "../../../src/port/StoredBatch.ts"
import { StoreUnavailable } from "../../../src/port/StoreError.ts"
import type { StoreError } from "../../../src/port/StoreError.ts"
import { Write } from "../../../src/port/Write.ts"
import type { MovedBatch } from "../../../src/port/Write.ts"

const unavailable = (message: string) => Effect.fail(new StoreUnavailable({ message }))

/** Objects that a test can look into, and whose store may fail. */
export class ObjectsInTest {
  readonly bytes = new Map<string, Uint8Array>()
  puts = 0
  /** Puts fail. */
  isFull = false
  /** Whether objects of the store grow, and the one to which batches may come yet. */
  grows = false
  growing: bigint | undefined
  /** Waited for before each put. */
  beforePut: Effect.Effect<void> = Effect.void
  /** Topics' partitions whose bytes belong here. */
  readonly kept = new Set<number>()
  #next = 1n

  /** Why nothing may point to what was put. */
  refusal: StoreError | undefined

  readonly put: Objects["put"] = (batches, { merged = false } = {}) =>
    Effect.suspend(() => {
      if (this.isFull) return unavailable("the disk is full")
      this.puts++
      const objectId = this.#next++
      const name = `c/w/${objectId}`
      const bytes = Buffer.concat(batches)
      this.bytes.set(name, bytes)
      const write = Write.PutObject({ objectId, name, bytes: bytes.byteLength, createdAt: 0n, merged })
      return Effect.as(this.beforePut, { write, refusal: () => this.refusal })
    })

  readonly reader: PointerReader = {
    resolve: (pointers) =>
      Effect.forEach(pointers, ({ baseOffset, bytes, leaderEpoch, name, position }) => {
        const object = this.bytes.get(name)
        if (object === undefined) return unavailable(`object ${name} is missing`)
        const batch = Uint8Array.from(object.subarray(position, position + bytes))
        RecordBatch.setOffsets(batch, baseOffset, leaderEpoch)
        return Effect.succeed(batch)
      })
  }

  /** What a broker is given. */
  readonly layer = Layer.mergeAll(
    Layer.succeed(Objects, {
      isLocal: true,
      put: this.put,
      append: undefined,
      isGrowing: (objectId) => objectId === this.growing,
      endGrowing: Effect.sync(() => void (this.growing = undefined))
    }),
    Layer.sync(ObjectStore, () => ({
      ...makeMemoryObjectStore(new MemoryObjects(), { maxBytes: 0 }),
      grow: this.grows ? () => Effect.die("nobody appends") : undefined
    })),
    Layer.succeed(KeptInObjects, (partitionId: number) => this.kept.has(partitionId))
  )

  /** The store, whose pointers are read from here. */
  storeOf<E>(store: Layer.Layer<Store, E>): Layer.Layer<Store, E> {
    return Layer.provide(
      Layer.effect(
        Store,
        Effect.map(Store, (under) => Store.of(pointed(under, this.reader)))
      ),
      store
    )
  }

  /** All batches of these partitions go into new objects, so many in each, in turn of the partitions; from rows. */
  readonly takeOut = Effect.fnUntraced(
    { self: this },
    function* (store: Store["Service"], partitionIds: ReadonlyArray<number>, perObject: number) {
      const rows: Array<{ readonly partitionId: number; readonly batch: Uint8Array; readonly i: number }> = []
      for (const partitionId of partitionIds) {
        const [read] = yield* pointed(store, this.reader).read([{ partitionId, from: 0n, maxBytes: 1 << 24 }], 1 << 24)
        rows.push(...read!.map((batch, i) => ({ partitionId, batch, i })))
      }
      rows.sort((a, b) => a.i - b.i || a.partitionId - b.partitionId)
      for (let at = 0; at < rows.length; at += perObject) {
        const some = rows.slice(at, at + perObject)
        const { write } = yield* this.put(some.map(({ batch }) => batch))
        let position = 0
        const moves = some.map(({ batch, partitionId }) => {
          const moved: MovedBatch = {
            baseOffset: RecordBatch.baseOffset(batch),
            from: null,
            to: { objectId: write.objectId, position },
            bytes: batch.byteLength
          }
          position += batch.byteLength
          return { _tag: "MoveBatches" as const, partitionId, batches: [moved] }
        })
        yield* store.commit([[write, ...moves]])
      }
    }
  )

  /** Names of objects in which these bytes lie, as text or as the key of an uncompressed record. */
  holding(text: string): ReadonlyArray<string> {
    return Array.from(this.bytes)
      .filter(([, bytes]) => Buffer.from(bytes).includes(text))
      .map(([name]) => name)
  }
}
