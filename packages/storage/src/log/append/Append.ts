import type { KafkaError } from "@tusk/protocol/KafkaError"
import { UnknownTopicOrPartition } from "@tusk/protocol/KafkaError"
import * as RecordBatch from "@tusk/protocol/record/RecordBatch"
import type * as Effect from "effect/Effect"
import type { Participant, Verdict as Assembling } from "../../commit/Participant.ts"
import type { Write } from "../../port/Write.ts"
import type { StoreError } from "../../port/StoreError.ts"
import { toKafkaError } from "../../port/toKafkaError.ts"
import type { ObjectWriter } from "../objects/ObjectWriter.ts"
import { isKnown } from "../partitions/PartitionLog.ts"
import type { LogLimits, PartitionLog } from "../partitions/PartitionLog.ts"
import { propose, retract } from "../partitions/Proposal.ts"
import type { Verdict } from "../partitions/Proposal.ts"
import { retain } from "../partitions/Tail.ts"
import { AppendedObjects } from "./AppendedObjects.ts"
import type { AppendRequest, Appended } from "./AppendRequest.ts"
import { confirmed } from "./Confirmed.ts"
import type { Confirmed } from "./Confirmed.ts"
import type { FirstBatches } from "./FirstBatches.ts"

/** What appending needs of the log. */
export interface AppendPorts {
  readonly limits: LogLimits
  readonly firstBatches: FirstBatches
  /** The partition as it is now; undefined if it is not there, or not loaded. */
  readonly find: (partitionId: number) => PartitionLog | undefined
  readonly leaderEpoch: () => number
  readonly nowMs: () => number
  /** Where batches of object topics go. */
  readonly writer: ObjectWriter
  /** Stored: readers may have it. */
  readonly appended: (log: PartitionLog, batch: Uint8Array, lastOffset: bigint, confirmed: Confirmed) => void
}

/** Batches of a request that want their places; each is judged by itself, and answered by a result of its own. */
export class Append implements Participant<ReadonlyArray<Appended | KafkaError>> {
  readonly bytes: number
  readonly objectBytes: number
  readonly prepare: Effect.Effect<void, StoreError> | undefined
  readonly partitionIds: ReadonlyArray<number>
  readonly isPlain: boolean
  readonly #ports: AppendPorts
  readonly #requests: ReadonlyArray<AppendRequest>
  readonly #batches: ReadonlyArray<Uint8Array>
  readonly #verdicts: Array<Verdict | undefined>
  readonly #logs: Array<PartitionLog | undefined>
  /** Undefined: all of them go into rows. */
  readonly #objects: AppendedObjects | undefined
  #nowMs = -1n

  constructor(
    ports: AppendPorts,
    requests: ReadonlyArray<AppendRequest>,
    prepare: Effect.Effect<void, StoreError> | undefined
  ) {
    this.#ports = ports
    this.#requests = requests
    this.partitionIds = requests.map(({ partitionId }) => partitionId)
    this.#batches = requests.map(({ batch }) => retain(batch))
    let bytes = 0
    let objectBytes = 0
    for (let i = 0; i < requests.length; i++) {
      bytes += this.#batches[i]!.byteLength
      if (requests[i]!.object === true) objectBytes += this.#batches[i]!.byteLength
    }
    this.bytes = bytes
    this.objectBytes = objectBytes
    this.#verdicts = new Array<Verdict | undefined>(requests.length)
    this.#logs = new Array<PartitionLog | undefined>(requests.length)
    this.#objects = requests.some(({ object }) => object === true)
      ? new AppendedObjects(ports.writer, requests, this.#batches)
      : undefined
    // Whether a transaction may begin is decided by what other units assume; an object, other units point to.
    this.isPlain = this.#objects === undefined && !this.#batches.some(RecordBatch.isTransactional)
    this.prepare = this.#objects === undefined ? prepare : this.#objects.beside(prepare)
  }

  assemble(writes: Array<Write>): Assembling {
    this.#nowMs = BigInt(this.#ports.nowMs())
    this.#objects?.ask()
    let waits = false
    for (let i = 0; i < this.#requests.length; i++) {
      const log = this.#ports.find(this.#requests[i]!.partitionId)
      if (log === undefined) continue
      this.#logs[i] = log
      const verdict = this.#judge(log, i, writes)
      this.#verdicts[i] = verdict
      // A refusal ends a producer's batch, or the producer: not for what a broker says that has lost the lock.
      if (verdict._tag !== "Duplicate" || verdict.pending) waits = true
    }
    this.#objects?.tell(writes)
    return waits ? "Stored" : "Told"
  }

  #judge(log: PartitionLog, i: number, writes: Array<Write>): Verdict {
    const { firstBatches, leaderEpoch, limits } = this.#ports
    const { importedTo, mayBegin, partitionId, relaxed, stampTime } = this.#requests[i]!
    const batch = this.#batches[i]!
    const early = isKnown(log, batch) ? undefined : firstBatches.refusal(partitionId, batch)
    if (early !== undefined) return { _tag: "Refused", error: early }
    const stored = this.#objects?.placeOf(i)
    if (stored !== undefined && "_tag" in stored) {
      // To be known before the next one of its producer is judged.
      firstBatches.failed(partitionId, batch)
      return { _tag: "Refused", error: toKafkaError(stored) }
    }
    const logAppendTime = stampTime ? this.#nowMs : -1n
    const how = {
      leaderEpoch: leaderEpoch(),
      nowMs: this.#nowMs,
      limits,
      logAppendTime,
      relaxed,
      stored,
      mayBegin,
      importedTo
    }
    const verdict = propose(log, batch, how, writes)
    if (stored !== undefined && verdict._tag === "Appended") this.#objects!.pointed()
    return verdict
  }

  retract(): void {
    for (let i = this.#requests.length - 1; i >= 0; i--) {
      const verdict = this.#verdicts[i]
      if (verdict?._tag === "Appended") retract(this.#logs[i]!, verdict.batch, verdict.before)
      this.#verdicts[i] = undefined
      this.#logs[i] = undefined
    }
  }

  settle(error: StoreError | undefined): void {
    const { appended, find, firstBatches, limits } = this.#ports
    if (error === undefined) this.#objects?.stored()
    for (let i = 0; i < this.#requests.length; i++) {
      const { partitionId } = this.#requests[i]!
      if (error !== undefined) {
        firstBatches.failed(partitionId, this.#batches[i]!)
        continue
      }
      const verdict = this.#verdicts[i]
      const log = this.#logs[i]
      if (log === undefined || verdict?._tag !== "Appended") continue
      firstBatches.stored(partitionId, verdict.batch)
      // A take-over came between, or the topic went: what is stored is read from the store.
      if (find(partitionId) !== log) continue
      appended(log, verdict.batch, verdict.lastOffset, confirmed(log, this.#nowMs, limits))
    }
  }

  answer(): ReadonlyArray<Appended | KafkaError> {
    return this.#requests.map(({ stampTime }, i): Appended | KafkaError => {
      const verdict = this.#verdicts[i]
      if (verdict === undefined) return new UnknownTopicOrPartition()
      if (verdict._tag === "Refused") return verdict.error
      const { logStartOffset } = this.#logs[i]!
      if (verdict._tag === "Duplicate") {
        return { baseOffset: verdict.baseOffset, logAppendTime: verdict.logAppendTime, logStartOffset }
      }
      return { baseOffset: verdict.baseOffset, logAppendTime: stampTime ? this.#nowMs : -1n, logStartOffset }
    })
  }
}
