import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { nextCounters, UNKNOWN } from "../port/counters.ts"
import type { Counters } from "../port/counters.ts"
import type { ObjectRows } from "../port/ObjectRows.ts"
import { Store } from "../port/Store.ts"
import type { ClusterState, Told } from "../port/CommitStore.ts"
import { Fenced, LockHeld } from "../port/StoreError.ts"
import type { StoreError } from "../port/StoreError.ts"
import { randomUuid } from "../port/Uuid.ts"
import { MemoryData } from "../writes/MemoryData.ts"
import { objectRowsOf } from "./memoryObjects.ts"
import { readsOf } from "./memoryReads.ts"
import { apply, conflict } from "./memoryWrites.ts"

export { MemoryData } from "../writes/MemoryData.ts"

/** How much a store in memory takes. */
export interface MemoryOptions {
  /** Bytes of batches beyond which a commit is refused. The log's retention keeps well below it. */
  readonly maxBytes: number
}

/** Raises what a take-over raises, and notes which server it was on. */
const raiseCounters = (data: MemoryData, told: Told): Counters => {
  const server = { systemIdentifier: data.systemIdentifier, timeline: data.timeline, place: UNKNOWN }
  const counters = nextCounters({ ...pickCounters(data), server: data.noted }, server, told)
  data.epoch = counters.epoch
  data.failoverEpoch = counters.failoverEpoch
  data.nextProducerId = counters.nextProducerId
  data.nextPartitionId = counters.nextPartitionId
  data.noted = counters.server
  return counters
}

const pickCounters = ({ epoch, failoverEpoch, nextPartitionId, nextProducerId }: MemoryData) => ({
  epoch,
  failoverEpoch,
  nextPartitionId,
  nextProducerId
})

const clusterState = (
  data: MemoryData,
  { failover, server }: Counters,
  unknownCommitStored: boolean | undefined
): ClusterState => ({
  ...pickCounters(data),
  clusterId: data.clusterId,
  server,
  failover,
  unknownCommitStored,
  nextObjectId: data.objects.nextObjectId,
  topics: Array.from(data.topics, ([topicId, topic]) => ({
    topicId,
    name: topic.name,
    partitionIds: topic.partitionIds.slice()
  })),
  configs: Array.from(data.configs).flatMap(([resourceType, ofType]) =>
    Array.from(ofType).flatMap(([resourceName, ofName]) =>
      Array.from(ofName, ([name, value]) => ({ resourceType, resourceName, name, value }))
    )
  ),
  orphans: Array.from(data.partitions)
    .filter(([, partition]) => partition.topicId === undefined)
    .map(([partitionId]) => partitionId),
  ...data.security
})

/** Each read looks for the lock first, as all others do. */
const objectsOf = (
  rows: ObjectRows,
  withLock: <A, E>(use: Effect.Effect<A, E>) => Effect.Effect<A, E | Fenced>
): ObjectRows => ({
  nowMs: withLock(rows.nowMs),
  inUse: (after, limit) => withLock(rows.inUse(after, limit)),
  unused: (before, limit) => withLock(rows.unused(before, limit)),
  known: (names) => withLock(rows.known(names)),
  byName: (after, limit) => withLock(rows.byName(after, limit)),
  batchesOf: (objectId, after, limit) => withLock(rows.batchesOf(objectId, after, limit)),
  pointedIds: (after, limit) => withLock(rows.pointedIds(after, limit)),
  totals: withLock(rows.totals)
})

/** A `Store` over data that may outlive it. */
export const make = (data: MemoryData, options: MemoryOptions): Store["Service"] => {
  const token = {}
  /** The last commit found that memory is behind what is stored. */
  let behind = false
  const held = Effect.suspend(() =>
    data.holder === token
      ? Effect.void
      : Effect.fail(new Fenced({ message: "this broker does not hold the cluster's lock" }))
  )
  const withLock = <A, E>(use: Effect.Effect<A, E>): Effect.Effect<A, E | Fenced> => Effect.andThen(held, use)
  const reads = readsOf(data)
  return Store.of({
    name: "memory",
    acquire: (told) =>
      Effect.acquireRelease(
        Effect.suspend(() => {
          if (data.holder !== undefined && data.holder !== token) {
            return Effect.fail(new LockHeld({ holder: "another broker of this process" }))
          }
          data.holder = token
          const counters = raiseCounters(data, told)
          return Effect.succeed(clusterState(data, counters, behind ? false : undefined))
        }),
        () =>
          Effect.sync(() => {
            if (data.holder === token) data.holder = undefined
          })
      ),
    lost: Effect.never,
    commit: (units) =>
      withLock(
        Effect.suspend((): Effect.Effect<void, StoreError> => {
          const reason = conflict(data, units, options.maxBytes)
          behind = reason?._tag === "OutcomeUnknown"
          if (reason !== undefined) return Effect.fail(reason)
          for (const unit of units) for (const write of unit) apply(data, write)
          return Effect.void
        })
      ),
    ping: held,
    heartbeat: held,
    read: (requests, maxBytes) => withLock(reads.read(requests, maxBytes)),
    loadPartitions: (partitionIds) => withLock(reads.loadPartitions(partitionIds)),
    sizeOf: (partitionId) => withLock(reads.sizeOf(partitionId)),
    findByTimestamp: (partitionId, timestamp) => withLock(reads.findByTimestamp(partitionId, timestamp)),
    sizes: (partitionId, from, limit) => withLock(reads.sizes(partitionId, from, limit)),
    loadOffsets: withLock(reads.loadOffsets),
    loadClaims: withLock(reads.loadClaims),
    loadGroups: withLock(reads.loadGroups),
    loadTransactionalIds: withLock(reads.loadTransactionalIds),
    abortedTransactions: (partitionId, from, to) => withLock(reads.abortedTransactions(partitionId, from, to)),
    merges: {
      mergeable: (which, limit) => withLock(reads.merges.mergeable(which, limit)),
      uses: (after, which, limit) => withLock(reads.merges.uses(after, which, limit)),
      batchesIn: (objectIds, limit) => withLock(reads.merges.batchesIn(objectIds, limit)),
      bytesOf: (batches) => withLock(reads.merges.bytesOf(batches))
    },
    objects: objectsOf(objectRowsOf(data), withLock),
    outbox: undefined
  })
}

/** Everything in this process' memory, gone with the layer. */
export const layer = (options: MemoryOptions): Layer.Layer<Store> =>
  Layer.effect(
    Store,
    Effect.map(randomUuid, (clusterId) => make(new MemoryData(clusterId), options))
  )
