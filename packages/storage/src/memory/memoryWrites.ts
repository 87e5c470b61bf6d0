import * as RecordBatch from "@tusk/protocol/record/RecordBatch"
import type { Replacement, Unit, Write } from "../port/Write.ts"
import { OutcomeUnknown, StoreRefused, StoreUnavailable } from "../port/StoreError.ts"
import type { StoreError } from "../port/StoreError.ts"
import { MemoryPartition } from "./MemoryData.ts"
import type { MemoryData } from "./MemoryData.ts"

/** What a commit would break, looked for before anything of it is applied. */
export const conflict = (data: MemoryData, units: ReadonlyArray<Unit>, maxBytes: number): StoreError | undefined => {
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
          if (partition === undefined && !created.has(write.partitionId)) {
            return new StoreRefused({ message: `no partition ${write.partitionId}` })
          }
          const end = ends.get(write.partitionId) ?? partition?.endOffset ?? 0n
          if (write.baseOffset < end) {
            const message = `partition ${write.partitionId} already holds offset ${write.baseOffset}`
            return new OutcomeUnknown({ message: `${message}: memory is behind what is stored` })
          }
          ends.set(write.partitionId, write.lastOffset + 1n)
          bytes += write.records.byteLength
          if (bytes > maxBytes) {
            return new StoreUnavailable({ message: `the memory given for records (${maxBytes} bytes) is used up` })
          }
          break
        }
        case "PutTopic": {
          const holder = names.get(write.name)
          if (holder !== undefined && holder !== write.topicId) {
            return new StoreRefused({ message: `a topic named ${write.name} is there already` })
          }
          names.set(write.name, write.topicId)
          break
        }
        case "PutPartition": {
          if (data.partitions.has(write.partitionId)) {
            return new StoreRefused({ message: `partition ${write.partitionId} is there already` })
          }
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

export const apply = (data: MemoryData, write: Write): void => {
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
    case "PutFailoverEpoch": {
      const partition = data.partitions.get(write.partitionId)
      if (partition !== undefined && write.epoch > partition.failoverEpoch) partition.failoverEpoch = write.epoch
      return
    }
    case "PutTopic":
      if (data.topics.has(write.topicId)) return
      data.topics.set(write.topicId, { name: write.name, partitionIds: [] })
      // Set while a topic of that name was being deleted.
      data.configs.get(2)?.delete(write.name)
      return
    case "PutPartition": {
      data.partitions.set(write.partitionId, new MemoryPartition(write.topicId, data.failoverEpoch))
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
