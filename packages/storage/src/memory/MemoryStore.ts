import * as RecordBatch from "@tusk/protocol/record/RecordBatch"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Store } from "../Store.ts"
import type {
  Append,
  ClusterState,
  ReadRequest,
  Replacement,
  StoredBatchHead,
  StoredBatchSize,
  StoredCompaction,
  StoredGroup,
  StoredPartition,
  Unit,
  Write
} from "../Store.ts"
import { LockHeld, StoreUnavailable } from "../StoreError.ts"
import { randomUuid } from "../Uuid.ts"

export interface MemoryOptions {
  /** Bytes of batches beyond which a commit is refused. The log's retention keeps well below it. */
  readonly maxBytes: number
}

/** The data of one cluster, apart from the broker that serves it: a crash in simulation keeps this and nothing else. */
export class MemoryData {
  readonly clusterId: string
  epoch = 0
  nextProducerId = 0n
  nextPartitionId = 1
  bytes = 0
  /** The one holder of the lock, by a token of its own. */
  holder: object | undefined = undefined
  readonly topics = new Map<string, { readonly name: string; readonly partitionIds: Array<number> }>()
  readonly partitions = new Map<number, MemoryPartition>()
  readonly configs = new Map<number, Map<string, Map<string, string>>>()
  readonly offsets = new Map<string, Map<number, Extract<Write, { readonly _tag: "PutOffset" }>>>()
  readonly groups = new Map<string, { readonly kind: string; readonly value: string }>()
  readonly groupMembers = new Map<string, Map<string, string>>()

  constructor(clusterId: string) {
    this.clusterId = clusterId
  }
}

class MemoryPartition {
  /** Undefined once its topic is deleted. */
  topicId: string | undefined
  logStartOffset = 0n
  endOffset = 0n
  timestampHigh = -1n
  cumulativeBytes = 0n
  /** In order of offsets; `first` are deleted and trimmed now and then. */
  batches: Array<Append> = []
  first = 0
  leaderEpochs: Array<{ readonly epoch: number; readonly startOffset: bigint }> = []
  producerSnapshot: { readonly endOffset: bigint; readonly value: Uint8Array } | null = null
  compaction: StoredCompaction | null = null

  constructor(topicId: string) {
    this.topicId = topicId
  }

  /** Index of the first batch for which `test` holds; `test` must turn from false to true once. */
  search(test: (batch: Append) => boolean): number {
    let low = this.first
    let high = this.batches.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (test(this.batches[middle]!)) high = middle
      else low = middle + 1
    }
    return low
  }
}

const refuse = (message: string) => new StoreUnavailable({ message })

/** What a commit would break, looked for before anything of it is applied. */
const conflict = (data: MemoryData, units: ReadonlyArray<Unit>, maxBytes: number): string | undefined => {
  const ends = new Map<number, bigint>()
  const names = new Map<string, string>()
  for (const [topicId, topic] of data.topics) names.set(topic.name, topicId)
  const created = new Set<number>()
  let bytes = data.bytes
  for (const unit of units) {
    for (const write of unit) {
      switch (write._tag) {
        case "Append": {
          const partition = data.partitions.get(write.partitionId)
          if (partition === undefined && !created.has(write.partitionId)) return `no partition ${write.partitionId}`
          const end = ends.get(write.partitionId) ?? partition?.endOffset ?? 0n
          if (write.baseOffset < end) return `partition ${write.partitionId} already holds offset ${write.baseOffset}`
          ends.set(write.partitionId, write.lastOffset + 1n)
          bytes += write.records.byteLength
          if (bytes > maxBytes) return `the memory given for records (${maxBytes} bytes) is used up`
          break
        }
        case "PutTopic": {
          const holder = names.get(write.name)
          if (holder !== undefined && holder !== write.topicId) return `a topic named ${write.name} is there already`
          names.set(write.name, write.topicId)
          break
        }
        case "PutPartition": {
          if (data.partitions.has(write.partitionId)) return `partition ${write.partitionId} is there already`
          created.add(write.partitionId)
          break
        }
        case "DeleteTopic": {
          for (const [name, topicId] of names) if (topicId === write.topicId) names.delete(name)
        }
      }
    }
  }
  return undefined
}

const deleteBatches = (data: MemoryData, partition: MemoryPartition, below: bigint, limit: number): void => {
  let left = limit
  while (left > 0 && partition.first < partition.batches.length) {
    const batch = partition.batches[partition.first]!
    if (batch.lastOffset >= below) break
    data.bytes -= batch.records.byteLength
    partition.first++
    left--
  }
  if (partition.first > 1024 || partition.first === partition.batches.length) {
    partition.batches = partition.batches.slice(partition.first)
    partition.first = 0
  }
}

const replaceBatches = (
  data: MemoryData,
  partition: MemoryPartition,
  replacements: ReadonlyArray<Replacement>
): void => {
  const gone = new Set<number>()
  for (const { baseOffset, records } of replacements) {
    const at = partition.search((batch) => batch.baseOffset >= baseOffset)
    const batch = partition.batches[at]
    if (batch?.baseOffset !== baseOffset) continue
    if (records === null) {
      if (at === partition.batches.length - 1) continue
      gone.add(at)
    } else {
      partition.batches[at] = { ...batch, records, maxTimestamp: RecordBatch.maxTimestamp(records) }
    }
    data.bytes += (records?.byteLength ?? 0) - batch.records.byteLength
  }
  if (gone.size === 0) return
  partition.batches = partition.batches.filter((_, i) => i >= partition.first && !gone.has(i))
  partition.first = 0
}

const apply = (data: MemoryData, write: Write): void => {
  switch (write._tag) {
    case "Append": {
      const partition = data.partitions.get(write.partitionId)!
      partition.batches.push(write)
      partition.endOffset = write.lastOffset + 1n
      partition.timestampHigh = write.timestampHigh
      partition.cumulativeBytes = write.cumulativeBytes
      data.bytes += write.records.byteLength
      return
    }
    case "PutLeaderEpoch":
      data.partitions.get(write.partitionId)?.leaderEpochs.push({ epoch: write.epoch, startOffset: write.startOffset })
      return
    case "PutProducerSnapshot": {
      const partition = data.partitions.get(write.partitionId)
      if (partition !== undefined) partition.producerSnapshot = { endOffset: write.endOffset, value: write.value }
      return
    }
    case "PutLogStart": {
      const partition = data.partitions.get(write.partitionId)
      if (partition !== undefined && write.logStartOffset > partition.logStartOffset) {
        partition.logStartOffset = write.logStartOffset
      }
      return
    }
    case "DeleteBatches": {
      const partition = data.partitions.get(write.partitionId)
      if (partition !== undefined) deleteBatches(data, partition, write.below, write.limit)
      return
    }
    case "ReplaceBatches": {
      const partition = data.partitions.get(write.partitionId)
      if (partition !== undefined) replaceBatches(data, partition, write.batches)
      return
    }
    case "PutCompaction": {
      const partition = data.partitions.get(write.partitionId)
      if (partition !== undefined) partition.compaction = write.compaction
      return
    }
    case "PutTopic":
      if (data.topics.has(write.topicId)) return
      data.topics.set(write.topicId, { name: write.name, partitionIds: [] })
      // Set while a topic of that name was being deleted.
      data.configs.get(2)?.delete(write.name)
      return
    case "PutPartition": {
      data.partitions.set(write.partitionId, new MemoryPartition(write.topicId))
      const topic = data.topics.get(write.topicId)
      if (topic !== undefined) topic.partitionIds[write.index] = write.partitionId
      if (write.partitionId >= data.nextPartitionId) data.nextPartitionId = write.partitionId + 1
      return
    }
    case "DeleteTopic": {
      const topic = data.topics.get(write.topicId)
      if (topic === undefined) return
      data.topics.delete(write.topicId)
      data.configs.get(2)?.delete(topic.name)
      for (const partitionId of topic.partitionIds) {
        data.partitions.get(partitionId)!.topicId = undefined
        for (const offsets of data.offsets.values()) offsets.delete(partitionId)
      }
      return
    }
    case "DropPartition": {
      const partition = data.partitions.get(write.partitionId)
      if (partition === undefined) return
      deleteBatches(data, partition, partition.endOffset, partition.batches.length)
      data.partitions.delete(write.partitionId)
      return
    }
    case "PutConfig": {
      let ofType = data.configs.get(write.resourceType)
      if (ofType === undefined) data.configs.set(write.resourceType, (ofType = new Map()))
      let ofName = ofType.get(write.resourceName)
      if (ofName === undefined) ofType.set(write.resourceName, (ofName = new Map()))
      if (write.value === null) ofName.delete(write.name)
      else ofName.set(write.name, write.value)
      return
    }
    case "PutOffset": {
      let offsets = data.offsets.get(write.groupId)
      if (offsets === undefined) data.offsets.set(write.groupId, (offsets = new Map()))
      offsets.set(write.partitionId, write)
      return
    }
    case "DeleteOffset":
      data.offsets.get(write.groupId)?.delete(write.partitionId)
      return
    case "PutGroup":
      data.groups.set(write.groupId, { kind: write.kind, value: write.value })
      return
    case "PutGroupMember": {
      let members = data.groupMembers.get(write.groupId)
      if (members === undefined) data.groupMembers.set(write.groupId, (members = new Map()))
      members.set(write.memberId, write.value)
      return
    }
    case "DeleteGroupMember":
      if (write.memberId === null) data.groupMembers.delete(write.groupId)
      else data.groupMembers.get(write.groupId)?.delete(write.memberId)
      return
    case "DeleteGroup":
      data.groups.delete(write.groupId)
      data.groupMembers.delete(write.groupId)
      data.offsets.delete(write.groupId)
      return
    case "PutNextProducerId":
      data.nextProducerId = write.next
      return
  }
}

const clusterState = (data: MemoryData): ClusterState => ({
  clusterId: data.clusterId,
  epoch: data.epoch,
  nextProducerId: data.nextProducerId,
  nextPartitionId: data.nextPartitionId,
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
    .map(([partitionId]) => partitionId)
})

const read = (data: MemoryData, request: ReadRequest, budget: number, first: boolean): Array<Uint8Array> => {
  const partition = data.partitions.get(request.partitionId)
  const found: Array<Uint8Array> = []
  if (partition === undefined) return found
  let left = Math.min(request.maxBytes, budget)
  for (let i = partition.search((batch) => batch.lastOffset >= request.from); i < partition.batches.length; i++) {
    const { records } = partition.batches[i]!
    if (records.byteLength > left && !(first && found.length === 0)) break
    found.push(records)
    left -= records.byteLength
    if (left <= 0) break
  }
  return found
}

const loadPartition = (data: MemoryData, partitionId: number): StoredPartition | undefined => {
  const partition = data.partitions.get(partitionId)
  if (partition === undefined) return undefined
  let sizeBytes = 0n
  const producerBatches: Array<StoredBatchHead> = []
  const from = partition.producerSnapshot?.endOffset ?? 0n
  for (let i = partition.first; i < partition.batches.length; i++) {
    const batch = partition.batches[i]!
    sizeBytes += BigInt(batch.records.byteLength)
    if (batch.producerId >= 0n && batch.baseOffset >= from) producerBatches.push(batch)
  }
  return {
    partitionId,
    logStartOffset: partition.logStartOffset,
    endOffset: partition.endOffset,
    timestampHigh: partition.timestampHigh,
    cumulativeBytes: partition.cumulativeBytes,
    sizeBytes,
    leaderEpochs: partition.leaderEpochs.slice(),
    compaction: partition.compaction,
    producerSnapshot: partition.producerSnapshot,
    producerBatches
  }
}

/** A `Store` over data that may outlive it. */
export const make = (data: MemoryData, options: MemoryOptions): Store["Service"] => {
  const token = {}
  const unlessLost = Effect.suspend(() =>
    data.holder === token ? Effect.void : Effect.fail(refuse("this broker does not hold the cluster's lock"))
  )
  return Store.of({
    name: "memory",
    acquire: Effect.acquireRelease(
      Effect.suspend(() => {
        if (data.holder !== undefined && data.holder !== token) {
          return Effect.fail(new LockHeld({ holder: "another broker of this process" }))
        }
        data.holder = token
        data.epoch++
        return Effect.succeed(clusterState(data))
      }),
      () =>
        Effect.sync(() => {
          if (data.holder === token) data.holder = undefined
        })
    ),
    commit: (units) =>
      Effect.suspend(() => {
        if (data.holder !== token) return Effect.fail(refuse("this broker does not hold the cluster's lock"))
        const reason = conflict(data, units, options.maxBytes)
        if (reason !== undefined) return Effect.fail(refuse(reason))
        for (const unit of units) for (const write of unit) apply(data, write)
        return Effect.void
      }),
    ping: unlessLost,
    read: (requests, maxBytes) =>
      Effect.sync(() => {
        let left = maxBytes
        let first = true
        return requests.map((request) => {
          const batches = read(data, request, left, first)
          for (const batch of batches) left -= batch.byteLength
          if (batches.length > 0) first = false
          return batches
        })
      }),
    loadPartitions: (partitionIds) =>
      Effect.sync(() => {
        const found: Array<StoredPartition> = []
        for (const partitionId of partitionIds.slice().sort((a, b) => a - b)) {
          const partition = loadPartition(data, partitionId)
          if (partition !== undefined) found.push(partition)
        }
        return found
      }),
    findByTimestamp: (partitionId, timestamp) =>
      Effect.sync(() => {
        const partition = data.partitions.get(partitionId)
        if (partition === undefined) return undefined
        const start = partition.search((batch) => batch.lastOffset >= partition.logStartOffset)
        const at = partition.search((batch) => batch.timestampHigh >= timestamp)
        return partition.batches[Math.max(start, at)]?.records
      }),
    sizes: (partitionId, from, limit) =>
      Effect.sync(() => {
        const partition = data.partitions.get(partitionId)
        if (partition === undefined) return []
        const start = partition.search((batch) => batch.lastOffset >= from)
        return partition.batches
          .slice(start, start + limit)
          .map(({ records, ...batch }): StoredBatchSize => ({ ...batch, bytes: records.byteLength }))
      }),
    loadOffsets: Effect.sync(() =>
      Array.from(data.offsets.values()).flatMap((offsets) => Array.from(offsets.values()))
    ),
    loadGroups: Effect.sync(() =>
      Array.from(data.groups, ([groupId, group]): StoredGroup => {
        const members = data.groupMembers.get(groupId)
        if (members === undefined || members.size === 0) return { groupId, ...group }
        return { groupId, ...group, members: Array.from(members, ([memberId, value]) => ({ memberId, value })) }
      })
    )
  })
}

/** Everything in this process' memory, gone with the layer. */
export const layer = (options: MemoryOptions): Layer.Layer<Store> =>
  Layer.effect(
    Store,
    Effect.map(randomUuid, (clusterId) => make(new MemoryData(clusterId), options))
  )
