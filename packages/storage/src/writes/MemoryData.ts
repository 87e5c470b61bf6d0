import * as RecordBatch from "@tusk/protocol/record/RecordBatch"
import type { ServerIdentity } from "../port/CommitStore.ts"
import type { OutboxRow } from "../port/Outbox.ts"
import type {
  StoredAcl,
  StoredDelegationToken,
  StoredQuota,
  StoredScramCredential,
  StoredSecurity
} from "../port/Security.ts"
import type { Append, MovedBatch, Replacement, WriteOf } from "../port/Write.ts"
import { MemoryObjects } from "./MemoryObjects.ts"
import type { MemoryBatch, MemoryPartition } from "./MemoryPartition.ts"

/** The data of one cluster, apart from the broker that serves it: a crash in simulation keeps this and nothing else. */
export class MemoryData {
  readonly clusterId: string
  /** What the server of a database says of itself; a standby that takes over has another timeline. */
  systemIdentifier = "memory"
  timeline = "00000001"
  /** As the last take-over found it. */
  noted: ServerIdentity | null = null
  epoch = 0
  failoverEpoch = 0
  nextProducerId = 0n
  nextPartitionId = 1
  /** Bytes of batches that lie here. */
  bytes = 0
  /** The one holder of the lock, by a token of its own. */
  holder: object | undefined = undefined
  readonly topics = new Map<string, { readonly name: string; readonly partitionIds: Array<number> }>()
  readonly partitions = new Map<number, MemoryPartition>()
  readonly objects = new MemoryObjects()
  readonly configs = new Map<number, Map<string, Map<string, string>>>()
  readonly offsets = new Map<string, Map<number, WriteOf<"PutOffset">>>()
  readonly groups = new Map<string, { readonly kind: string; readonly value: string }>()
  readonly groupMembers = new Map<string, Map<string, string>>()
  readonly transactionalIds = new Map<string, { readonly revision: bigint; readonly value: string }>()
  /** Who may do what, who gets in and how much, each by its key. */
  readonly acls = new Map<string, StoredAcl>()
  readonly scramCredentials = new Map<string, StoredScramCredential>()
  readonly quotas = new Map<string, StoredQuota>()
  readonly delegationTokens = new Map<string, StoredDelegationToken>()
  /** By id: what SQL sessions produced. Only a simulated database has any. */
  readonly outbox = new Map<bigint, OutboxRow>()
  readonly outboxRefused: Array<{ readonly row: OutboxRow; readonly reason: string }> = []

  constructor(clusterId: string) {
    this.clusterId = clusterId
  }

  /** What is kept of an append. */
  keep(append: Append): MemoryBatch {
    const { records, stored } = append
    const kept = stored === undefined ? append : { ...append, records: undefined, bytes: records.byteLength }
    this.#count(kept, 1)
    return kept
  }

  #count({ records, stored }: MemoryBatch, sign: 1 | -1): void {
    if (stored === undefined) this.bytes += sign * records!.byteLength
    else this.objects.count(stored.objectId, sign)
  }

  /** Deletes at most `limit` of a partition's oldest batches with a last offset below `below`. */
  deleteBatches(partition: MemoryPartition, below: bigint, limit: number): void {
    let left = limit
    while (left > 0 && partition.first < partition.batches.length) {
      const batch = partition.batches[partition.first]!
      if (batch.lastOffset >= below) break
      this.#count(batch, -1)
      partition.first++
      left--
    }
    if (partition.aborted.length > 0) {
      partition.aborted = partition.aborted.filter(({ lastOffset }) => lastOffset >= below)
    }
    if (partition.first > 1024 || partition.first === partition.batches.length) {
      partition.batches = partition.batches.slice(partition.first)
      partition.first = 0
    }
  }

  replaceBatches(partition: MemoryPartition, replacements: ReadonlyArray<Replacement>): void {
    const gone = new Set<number>()
    for (const { baseOffset, records, stored } of replacements) {
      const at = partition.find(baseOffset)
      if (at === undefined) continue
      const batch = partition.batches[at]!
      if (records === null) {
        if (at === partition.batches.length - 1) continue
        gone.add(at)
      } else {
        const { bytes: _, stored: __, ...head } = batch
        const maxTimestamp = RecordBatch.maxTimestamp(records)
        partition.batches[at] = this.keep({ ...head, maxTimestamp, records, ...(stored && { stored }) })
      }
      this.#count(batch, -1)
    }
    if (gone.size === 0) return
    // A marker goes with what tells of it.
    const ends = new Set(Array.from(gone, (at) => partition.batches[at]!.baseOffset))
    partition.aborted = partition.aborted.filter(({ lastOffset }) => !ends.has(lastOffset))
    partition.batches = partition.batches.filter((_, i) => i >= partition.first && !gone.has(i))
    partition.first = 0
  }

  /** Of the objects that these batches lie in it is known that they hold what was erased. */
  erased(partition: MemoryPartition, baseOffsets: ReadonlyArray<bigint>): void {
    for (const baseOffset of baseOffsets) {
      const at = partition.find(baseOffset)
      const stored = at === undefined ? undefined : partition.batches[at]!.stored
      if (stored !== undefined) this.objects.erased(stored.objectId)
    }
  }

  moveBatches(partition: MemoryPartition, moved: ReadonlyArray<MovedBatch>): void {
    for (const { baseOffset, bytes, from, to } of moved) {
      const at = partition.find(baseOffset)
      if (at === undefined) continue
      const batch = partition.batches[at]!
      if ((batch.stored?.objectId ?? null) !== from) continue
      const there = { ...batch, records: undefined, bytes, stored: to }
      partition.batches[at] = there
      this.#count(there, 1)
      this.#count(batch, -1)
    }
  }

  /** Its partitions are left as orphans. */
  deleteTopic(topicId: string): void {
    const topic = this.topics.get(topicId)
    if (topic === undefined) return
    this.topics.delete(topicId)
    this.configs.get(2)?.delete(topic.name)
    for (const partitionId of topic.partitionIds) {
      this.partitions.get(partitionId)!.topicId = undefined
      for (const offsets of this.offsets.values()) offsets.delete(partitionId)
    }
  }

  dropPartition(partitionId: number): void {
    const partition = this.partitions.get(partitionId)
    if (partition === undefined) return
    this.deleteBatches(partition, partition.endOffset, partition.batches.length)
    this.partitions.delete(partitionId)
  }

  refuseOutbox(id: bigint, reason: string): void {
    const row = this.outbox.get(id)
    if (row !== undefined) this.outboxRefused.push({ row, reason })
    this.outbox.delete(id)
  }

  get security(): StoredSecurity {
    return {
      acls: Array.from(this.acls.values()),
      scramCredentials: Array.from(this.scramCredentials.values()),
      quotas: Array.from(this.quotas.values()),
      delegationTokens: Array.from(this.delegationTokens.values())
    }
  }

  /** Who may do what, who gets in and how much, as another has it. */
  takeSecurity(from: MemoryData): void {
    for (const [key, acl] of from.acls) this.acls.set(key, acl)
    for (const [key, credential] of from.scramCredentials) this.scramCredentials.set(key, credential)
    for (const [key, quota] of from.quotas) this.quotas.set(key, quota)
    for (const [key, token] of from.delegationTokens) this.delegationTokens.set(key, token)
  }

  /** All that is stored now, and no store holds its lock: a standby that hears nothing more. */
  copy(): MemoryData {
    const copy = new MemoryData(this.clusterId)
    copy.systemIdentifier = this.systemIdentifier
    copy.timeline = this.timeline
    copy.noted = this.noted
    copy.epoch = this.epoch
    copy.failoverEpoch = this.failoverEpoch
    copy.nextProducerId = this.nextProducerId
    copy.nextPartitionId = this.nextPartitionId
    copy.bytes = this.bytes
    for (const [topicId, { name, partitionIds }] of this.topics) {
      copy.topics.set(topicId, { name, partitionIds: partitionIds.slice() })
    }
    for (const [partitionId, partition] of this.partitions) copy.partitions.set(partitionId, partition.copy())
    this.objects.copyTo(copy.objects)
    for (const [resourceType, ofType] of this.configs) copy.configs.set(resourceType, copyOf(ofType))
    for (const [groupId, offsets] of this.offsets) copy.offsets.set(groupId, new Map(offsets))
    for (const [groupId, group] of this.groups) copy.groups.set(groupId, group)
    for (const [transactionalId, state] of this.transactionalIds) copy.transactionalIds.set(transactionalId, state)
    copy.takeSecurity(this)
    for (const [id, row] of this.outbox) copy.outbox.set(id, row)
    copy.outboxRefused.push(...this.outboxRefused)
    for (const [groupId, members] of this.groupMembers) copy.groupMembers.set(groupId, new Map(members))
    return copy
  }
}

const copyOf = (names: ReadonlyMap<string, Map<string, string>>): Map<string, Map<string, string>> =>
  new Map(Array.from(names, ([name, values]) => [name, new Map(values)]))
