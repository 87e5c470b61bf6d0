import type { Write, WriteOf, WriteTag } from "../port/Write.ts"
import { batchWrites } from "./batchWrites.ts"
import { MemoryPartition } from "./MemoryPartition.ts"
import { objectWrites } from "./objectWrites.ts"
import { securityWrites } from "./securityWrites.ts"
import { bytea, int4, int8, over, overLast, text } from "./StatementWriter.ts"
import {
  deleteOffsets,
  deleteOutbox,
  refuseOutbox,
  storeConfigs,
  storeOffsets,
  storeTransactionalIds
} from "./statements.ts"
import type { Order, WriteDefinition } from "./WriteDefinition.ts"

const FREE: Order<Write> = {}
const groupOf = ({ groupId }: { readonly groupId: string }): string => groupId
const partitionOf = ({ partitionId }: { readonly partitionId: number }): number => partitionId
/** Nothing beside what every write takes. */
const little = (): number => 0

/**
 * THE TABLE OF WRITES. Its entries stand in the order in which the kinds of writes of one commit are carried out: what
 * makes something first, then what fills it, then what takes away. A new kind is its type in `../port/Write.ts` and what
 * does not compile then: an entry here, and a statement of its name in `../pg/sql/statements/commit/`.
 */
const WRITES = {
  PutTopic: {
    order: FREE,
    takes: [],
    bytes: little,
    store: overLast(
      (write) => write.topicId,
      over(
        "PutTopic",
        text((write) => write.topicId),
        text((write) => write.name)
      )
    ),
    conflict: (draft, write) => draft.putTopic(write),
    apply: (data, { name, topicId }) => {
      if (data.topics.has(topicId)) return
      data.topics.set(topicId, { name, partitionIds: [] })
      // Some are set while a topic of that name is deleted.
      data.configs.get(2)?.delete(name)
    }
  },
  PutPartition: {
    order: FREE,
    takes: [],
    bytes: little,
    store: over(
      "PutPartition",
      text((write) => write.topicId),
      int4((write) => write.index),
      int4(partitionOf)
    ),
    conflict: (draft, write) => draft.putPartition(write),
    apply: (data, { index, partitionId, topicId }) => {
      data.partitions.set(partitionId, new MemoryPartition(topicId, data.failoverEpoch))
      data.topics.get(topicId)?.partitionIds.splice(index, 1, partitionId)
      if (partitionId >= data.nextPartitionId) data.nextPartitionId = partitionId + 1
    }
  },
  PutConfig: {
    order: FREE,
    takes: [],
    bytes: (write) => write.resourceName.length + write.name.length + (write.value?.length ?? 0),
    store: overLast(
      ({ name, resourceName, resourceType }) => JSON.stringify([resourceType, resourceName, name]),
      storeConfigs
    ),
    apply: (data, { name, resourceName, resourceType, value }) => {
      let ofType = data.configs.get(resourceType)
      if (ofType === undefined) data.configs.set(resourceType, (ofType = new Map()))
      let ofName = ofType.get(resourceName)
      if (ofName === undefined) ofType.set(resourceName, (ofName = new Map()))
      if (value === null) ofName.delete(name)
      else ofName.set(name, value)
    }
  },
  PutObject: objectWrites.PutObject,
  Append: batchWrites.Append,
  PutLeaderEpoch: {
    order: FREE,
    takes: [],
    bytes: little,
    store: over(
      "PutLeaderEpoch",
      int4(partitionOf),
      int4((write) => write.epoch),
      int8((write) => write.startOffset)
    ),
    apply: (data, { epoch, partitionId, startOffset }) =>
      data.partitions.get(partitionId)?.leaderEpochs.push({ epoch, startOffset })
  },
  PutProducerSnapshot: {
    order: FREE,
    takes: [],
    bytes: (write) => write.value.byteLength,
    store: overLast(
      partitionOf,
      over(
        "PutProducerSnapshot",
        int4(partitionOf),
        int8((write) => write.endOffset),
        bytea((write) => write.value)
      )
    ),
    apply: (data, { endOffset, partitionId, value }) => {
      const partition = data.partitions.get(partitionId)
      if (partition !== undefined) partition.producerSnapshot = { endOffset, value }
    }
  },
  PutLogStart: {
    order: FREE,
    takes: [],
    bytes: little,
    store: over(
      "PutLogStart",
      int4(partitionOf),
      int8((write) => write.logStartOffset)
    ),
    apply: (data, { logStartOffset, partitionId }) => {
      const partition = data.partitions.get(partitionId)
      if (partition !== undefined && logStartOffset > partition.logStartOffset)
        partition.logStartOffset = logStartOffset
    }
  },
  PutLocalStart: {
    order: FREE,
    takes: [],
    bytes: little,
    store: over(
      "PutLocalStart",
      int4(partitionOf),
      int8((write) => write.localStartOffset)
    ),
    apply: (data, { localStartOffset, partitionId }) => {
      const partition = data.partitions.get(partitionId)
      if (partition !== undefined && localStartOffset > partition.localStartOffset)
        partition.localStartOffset = localStartOffset
    }
  },
  PutFailoverEpoch: {
    order: FREE,
    takes: [],
    bytes: little,
    store: over(
      "PutFailoverEpoch",
      int4(partitionOf),
      int4((write) => write.epoch)
    ),
    apply: (data, { epoch, partitionId }) => {
      const partition = data.partitions.get(partitionId)
      if (partition !== undefined && epoch > partition.failoverEpoch) partition.failoverEpoch = epoch
    }
  },
  // It looks where batches lie that are replaced.
  PutErased: objectWrites.PutErased,
  ReplaceBatches: batchWrites.ReplaceBatches,
  MoveBatches: objectWrites.MoveBatches,
  PutCompaction: {
    order: FREE,
    takes: [],
    bytes: little,
    store: overLast(
      partitionOf,
      over(
        "PutCompaction",
        int4(partitionOf),
        int8(({ compaction }) => compaction.cleanedOffset),
        int8(({ compaction }) => compaction.cleanedBytes),
        int8(({ compaction }) => compaction.deleteHorizon)
      )
    ),
    apply: (data, { compaction, partitionId }) => {
      const partition = data.partitions.get(partitionId)
      if (partition !== undefined) partition.compaction = compaction
    }
  },
  PutOffset: {
    order: { after: groupOf },
    takes: [],
    bytes: (write) => write.groupId.length + (write.metadata?.length ?? 0),
    store: storeOffsets,
    apply: (data, write) => {
      let offsets = data.offsets.get(write.groupId)
      if (offsets === undefined) data.offsets.set(write.groupId, (offsets = new Map()))
      offsets.set(write.partitionId, write)
    }
  },
  PutGroup: {
    order: { after: groupOf },
    takes: [],
    bytes: (write) => write.groupId.length + write.value.length,
    store: overLast(
      groupOf,
      over(
        "PutGroup",
        text(groupOf),
        text((write) => write.kind),
        text((write) => write.value)
      )
    ),
    apply: (data, { groupId, kind, value }) => data.groups.set(groupId, { kind, value })
  },
  PutGroupMember: {
    order: { after: groupOf },
    takes: [],
    bytes: (write) => write.groupId.length + write.memberId.length + write.value.length,
    store: overLast(
      ({ groupId, memberId }) => `${groupId.length} ${groupId}${memberId}`,
      over(
        "PutGroupMember",
        text(groupOf),
        text((write) => write.memberId),
        text((write) => write.value)
      )
    ),
    apply: (data, { groupId, memberId, value }) => {
      let members = data.groupMembers.get(groupId)
      if (members === undefined) data.groupMembers.set(groupId, (members = new Map()))
      members.set(memberId, value)
    }
  },
  DeleteOffset: {
    order: { deletes: groupOf },
    takes: ["offsets"],
    bytes: little,
    store: (out, writes, offsetRows) =>
      deleteOffsets(out, writes, ({ groupId, partitionId }) => offsetRows.remove(groupId, partitionId)),
    apply: (data, { groupId, partitionId }) => data.offsets.get(groupId)?.delete(partitionId)
  },
  DeleteGroupMember: {
    order: { deletes: groupOf },
    takes: [],
    bytes: little,
    store: over(
      "DeleteGroupMember",
      text(groupOf),
      text((write) => write.memberId)
    ),
    apply: (data, { groupId, memberId }) => {
      if (memberId === null) data.groupMembers.delete(groupId)
      else data.groupMembers.get(groupId)?.delete(memberId)
    }
  },
  DeleteGroup: {
    order: { deletes: groupOf },
    takes: ["offsets"],
    bytes: little,
    store: (out, writes, offsetRows) => {
      const offsets = writes.flatMap(({ groupId }) => offsetRows.removeGroup(groupId))
      out.run("DeleteGroup", 2, () => {
        out.texts(writes, groupOf)
        out.int8s(offsets, BigInt)
      })
    },
    apply: (data, { groupId }) => {
      data.groups.delete(groupId)
      data.groupMembers.delete(groupId)
      data.offsets.delete(groupId)
    }
  },
  DeleteBatches: batchWrites.DeleteBatches,
  DeleteTopic: {
    order: { deletes: "all" },
    takes: ["offsets"],
    bytes: little,
    store: over(
      "DeleteTopic",
      text((write) => write.topicId)
    ),
    conflict: (draft, write) => draft.deleteTopic(write),
    apply: (data, { topicId }) => data.deleteTopic(topicId)
  },
  DropPartition: {
    order: { deletes: "all" },
    takes: ["batches", "offsets"],
    bytes: little,
    store: (out, writes, offsetRows) => {
      for (const { partitionId } of writes) offsetRows.dropPartition(partitionId)
      out.run("DropPartition", 1, () => out.int4s(writes, partitionOf))
    },
    apply: (data, { partitionId }) => data.dropPartition(partitionId)
  },
  // Behind all that may take the last pointer to an object away.
  PutMerged: objectWrites.PutMerged,
  PutUnusedObjects: objectWrites.PutUnusedObjects,
  DropObject: objectWrites.DropObject,
  BeginTransaction: {
    order: { after: partitionOf },
    takes: [],
    bytes: little,
    store: over(
      "BeginTransaction",
      int4(partitionOf),
      int8((write) => write.firstOffset),
      int8((write) => write.producerId)
    ),
    apply: (data, { firstOffset, partitionId, producerId }) =>
      data.partitions.get(partitionId)?.openTransactions.set(firstOffset, producerId)
  },
  EndTransaction: {
    order: { after: partitionOf },
    takes: [],
    bytes: little,
    store: over(
      "EndTransaction",
      int4(partitionOf),
      int8((write) => write.firstOffset),
      int8((write) => (write.aborted ? write.lastOffset : -1n)),
      int8((write) => write.producerId),
      int8((write) => write.lastStableOffset)
    ),
    apply: (data, write) => {
      const partition = data.partitions.get(write.partitionId)
      partition?.openTransactions.delete(write.firstOffset)
      const { firstOffset, lastOffset, lastStableOffset, producerId } = write
      if (write.aborted) partition?.aborted.push({ producerId, firstOffset, lastOffset, lastStableOffset })
    }
  },
  PutTransactionalId: {
    order: FREE,
    takes: [],
    bytes: (write) => write.transactionalId.length + write.value.length,
    store: storeTransactionalIds,
    apply: (data, { revision, transactionalId, value }) =>
      data.transactionalIds.set(transactionalId, { revision, value })
  },
  DeleteTransactionalId: {
    order: FREE,
    takes: [],
    bytes: little,
    store: over(
      "DeleteTransactionalId",
      int8((write) => write.former)
    ),
    apply: (data, { transactionalId }) => data.transactionalIds.delete(transactionalId)
  },
  DeleteOutbox: {
    order: FREE,
    takes: [],
    bytes: ({ keys }) => 16 * keys.length,
    store: deleteOutbox,
    conflict: (draft, { keys }) => draft.takeOutbox(keys),
    apply: (data, { keys }) => {
      for (const { id } of keys) data.outbox.delete(id)
    }
  },
  RefuseOutbox: {
    order: FREE,
    takes: [],
    bytes: ({ reason }) => reason.length,
    store: refuseOutbox,
    conflict: (draft, key) => draft.takeOutbox([key]),
    apply: (data, { id, reason }) => data.refuseOutbox(id, reason)
  },
  ...securityWrites,
  PutNextProducerId: {
    order: FREE,
    takes: [],
    bytes: little,
    store: (out, writes) => out.run("PutNextProducerId", 1, () => out.int8(writes.at(-1)!.next)),
    apply: (data, { next }) => {
      data.nextProducerId = next
    }
  }
} as const satisfies { readonly [T in WriteTag]: WriteDefinition<WriteOf<T>> }

/** The kinds of writes, in the table's order. */
export const KINDS = Object.keys(WRITES) as ReadonlyArray<string> as ReadonlyArray<WriteTag>

/** The entry of a kind, for writes of that kind. */
export const definitionOfKind = (kind: WriteTag): WriteDefinition<Write> =>
  WRITES[kind] as WriteDefinition<never> as WriteDefinition<Write>

export const definitionOf = (write: Write): WriteDefinition<Write> => definitionOfKind(write._tag)
