import { UnknownTopicOrPartition } from "@tusk/protocol/KafkaError"
import type { KafkaError } from "@tusk/protocol/KafkaError"
import * as RecordBatch from "@tusk/protocol/record/RecordBatch"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { Committer } from "../../commit/Committer.ts"
import type { AbortedTransaction } from "../../port/AbortedTransaction.ts"
import type { Replacement } from "../../port/Write.ts"
import type { Store } from "../../port/Store.ts"
import type { StoredPartition } from "../../port/StateLoader.ts"
import { Fenced } from "../../port/StoreError.ts"
import type { StoreError } from "../../port/StoreError.ts"
import { toKafkaError } from "../../port/toKafkaError.ts"
import { AbortedTail } from "./AbortedTail.ts"
import { leap } from "./Leap.ts"
import type { LeapPorts } from "./Leap.ts"
import { makePartitionLoader } from "./PartitionLoader.ts"
import type { PartitionLoader } from "./PartitionLoader.ts"
import { fromStored } from "./PartitionLog.ts"
import type { LogLimits, PartitionLog } from "./PartitionLog.ts"
import { drop, makePartitionTail, makeTail, push, replace } from "./Tail.ts"
import type { Evicted, PartitionTail, Tail } from "./Tail.ts"
import { ToldEnds } from "./ToldEnds.ts"

export interface PartitionsOptions extends LogLimits {
  /** Bytes of recent batches kept in memory over all partitions. */
  readonly tailMaxBytes: number
  /** `tusk.failover.offset.leap`: offsets by which each end leaps after a failover that may have lost records. */
  readonly failoverLeap: number
}

/** A partition in memory: what is known of its log, and its newest batches. */
export interface Partition {
  readonly log: PartitionLog
  readonly tail: PartitionTail
  /** All that ended at or behind the first of these batches. */
  readonly aborted: AbortedTail
}

/** What partitions are made with. */
export interface PartitionsPorts extends LeapPorts {
  readonly store: Pick<Store["Service"], "loadPartitions">
  readonly committer: Pick<Committer["Service"], "submit">
  readonly limits: PartitionsOptions
  /** Where loads run. */
  readonly scope: Scope.Scope
  /** Bounds how long each caller waits for a load; the load goes on. */
  readonly inTime: (load: Effect.Effect<void, StoreError>) => Effect.Effect<void, StoreError>
  /** Its end leaps over nothing: what a failover lost is imported again, at the same offsets. */
  readonly isImported: (partitionId: number) => boolean
}

/** The partitions in memory. Each is loaded at the first call for it in a reign, and stays. */
export class Partitions {
  readonly #ports: PartitionsPorts
  readonly #loader: PartitionLoader
  readonly #told: ToldEnds
  #entries = new Map<number, Partition>()
  #tail: Tail

  constructor(ports: PartitionsPorts) {
    this.#ports = ports
    this.#told = new ToldEnds(ports.limits.failoverLeap)
    this.#tail = makeTail(ports.limits.tailMaxBytes)
    const { inTime, scope, store } = ports
    this.#loader = makePartitionLoader(
      store,
      scope,
      (partitionId) => this.#entries.has(partitionId),
      inTime,
      () => this.#receiver()
    )
  }

  /** What is in memory: partitions, and bytes of their newest batches. */
  get held(): { readonly partitions: number; readonly tailBytes: number } {
    return { partitions: this.#entries.size, tailBytes: this.#tail.bytes }
  }

  /** Undefined if it is not there, or not loaded. */
  find(partitionId: number): Partition | undefined {
    return this.#entries.get(partitionId)
  }

  /** Whether all of these are in memory. */
  has(partitionIds: ReadonlyArray<number>): boolean {
    for (const partitionId of partitionIds) if (!this.#entries.has(partitionId)) return false
    return true
  }

  /** Loads what is not in memory: returns when all of them are loaded, or are not there. Undefined: nothing is missing. */
  loading(partitionIds: ReadonlyArray<number>): Effect.Effect<void, StoreError> | undefined {
    return this.has(partitionIds) ? undefined : this.#loader.load(partitionIds)
  }

  /** The partition, loaded if it has to be. */
  get(partitionId: number): Effect.Effect<Partition, KafkaError> {
    return Effect.suspend(() => {
      const found = this.#entries.get(partitionId)
      if (found !== undefined) return Effect.succeed(found)
      return Effect.flatMap(Effect.mapError(this.#loader.load([partitionId]), toKafkaError), () => {
        const loaded = this.#entries.get(partitionId)
        return loaded === undefined ? Effect.fail(new UnknownTopicOrPartition()) : Effect.succeed(loaded)
      })
    })
  }

  /** Its newest batch, which is stored. `evicted` is told of what goes for it. */
  push(partitionId: number, batch: Uint8Array, lastOffset: bigint, evicted: Evicted | undefined): void {
    push(this.#tail, this.#entries.get(partitionId)!.tail, batch, lastOffset, evicted)
  }

  /** Transactions of it ended as aborted: each read of its newest batches tells of them. */
  aborted(partitionId: number, transactions: ReadonlyArray<AbortedTransaction>): void {
    this.#entries.get(partitionId)!.aborted.add(transactions)
  }

  /** Compaction has stored these in the place of others. */
  replaced(partitionId: number, replacements: ReadonlyArray<Replacement>): void {
    const entry = this.#entries.get(partitionId)
    if (entry === undefined) return
    const places = new Map(replacements.map(({ baseOffset, records }) => [baseOffset, records]))
    replace(this.#tail, entry.tail, places, RecordBatch.baseOffset)
    for (const { baseOffset, records } of replacements) if (records === null) entry.aborted.remove(baseOffset)
  }

  /** Its batches below an offset lie in objects now. */
  moved(partitionId: number, below: bigint): void {
    const log = this.#entries.get(partitionId)?.log
    if (log !== undefined && below > log.localStartOffset) log.localStartOffset = below
  }

  /** Its topic is deleted. Tells whether it was in memory. */
  forget(partitionId: number): boolean {
    const entry = this.#entries.get(partitionId)
    if (entry === undefined) return false
    this.#entries.delete(partitionId)
    drop(this.#tail, entry.tail)
    this.#told.forget(partitionId)
    return true
  }

  /** Another reign begins: all is loaded anew. */
  takeOver(): void {
    for (const { log } of this.#entries.values()) this.#told.note(log)
    this.#entries = new Map()
    this.#tail = makeTail(this.#ports.limits.tailMaxBytes)
    this.#loader.clear()
  }

  /** Takes what a load finds in the reign that it began in. */
  #receiver(): (partitions: ReadonlyArray<StoredPartition>) => Effect.Effect<void, StoreError> {
    const into = this.#entries
    const receive = (partition: StoredPartition): Effect.Effect<void, StoreError> => {
      if (into !== this.#entries) return Effect.fail(new Fenced({ message: "the cluster was taken over meanwhile" }))
      const log = fromStored(partition)
      const enter = Effect.sync(() => {
        const { partitionId } = partition
        const tail = makePartitionTail(partitionId, log.committed.endOffset)
        into.set(partitionId, { log, tail, aborted: new AbortedTail(tail) })
      })
      const failoverEpoch = this.#ports.failoverEpoch()
      const isImported = this.#ports.isImported(partition.partitionId)
      const end = isImported ? partition.endOffset : this.#told.endFor(partition, failoverEpoch)
      // One that is imported notes that there was a failover, so as not to leap later.
      if (end === partition.endOffset && !(isImported && partition.failoverEpoch < failoverEpoch)) return enter
      return this.#ports.committer.submit(leap(log, end, this.#ports), Infinity).pipe(
        Effect.mapError((error) => new Fenced({ message: error.message ?? error._tag })),
        Effect.andThen(enter)
      )
    }
    return (partitions) => Effect.forEach(partitions, receive, { discard: true, concurrency: "unbounded" })
  }
}
