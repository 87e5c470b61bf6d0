import { MemoryData } from "@tusk/storage/memory/MemoryStore"
import * as MemoryStore from "@tusk/storage/memory/MemoryStore"
import { Store } from "@tusk/storage/port/Store"
import { Fenced } from "@tusk/storage/port/StoreError"
import { randomUuid } from "@tusk/storage/port/Uuid"
import { makeSignal } from "@tusk/storage/Signal"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"

/** Where a broker under test keeps its data. */
export interface Place {
  readonly store: Layer.Layer<Store, unknown>
  /** Notes what is there now. */
  readonly keep: Effect.Effect<void, Error>
  /**
   * What was noted is all that is there, and the broker has to take it over anew. Partitions have new ids: no offset of one
   * is given to two records.
   */
  readonly restore: Effect.Effect<void, Error>
  /** Of a database, for any driver. */
  readonly databaseUrl: string | undefined
}

/** The data of a broker in memory. */
export const memoryPlace = (maxBytes: number): Effect.Effect<Place> =>
  Effect.map(randomUuid, (clusterId) => {
    const data = new MemoryData(clusterId)
    let kept = data.copy()
    let losses = 0
    const lost = makeSignal()
    const store = MemoryStore.make(data, { maxBytes })
    return {
      // Read anew by each session: it ends with the next loss.
      store: Layer.succeed(Store, {
        ...store,
        lost: Effect.suspend(() => {
          const before = losses
          return Effect.as(
            lost.until(() => losses > before),
            new Fenced({ message: "the broker is reset" })
          )
        })
      }),
      keep: Effect.sync(() => {
        kept = data.copy()
      }),
      restore: Effect.sync(() => {
        refill(data, kept)
        data.holder = undefined
        losses++
        lost.notify()
      }),
      databaseUrl: undefined
    }
  })

const refill = (data: MemoryData, kept: MemoryData): void => {
  const copy = kept.copy()
  const { clusterId, configs, partitions, topics } = copy
  const base = data.nextPartitionId - 1
  const { epoch, failoverEpoch, holder, nextPartitionId, nextProducerId, noted } = data
  const fresh = new MemoryData(clusterId)
  for (const [topicId, { name, partitionIds }] of topics) {
    fresh.topics.set(topicId, { name, partitionIds: partitionIds.map((id) => id + base) })
  }
  for (const [partitionId, partition] of partitions) fresh.partitions.set(partitionId + base, partition)
  for (const [type, names] of configs) fresh.configs.set(type, names)
  fresh.takeSecurity(copy)
  const counters = { epoch, failoverEpoch, holder, nextProducerId, noted, bytes: kept.bytes }
  Object.assign(data, fresh, counters, { nextPartitionId: nextPartitionId + kept.nextPartitionId - 1 })
}
