import { UnknownTopicOrPartition } from "@tusk/protocol/KafkaError"
import type { KafkaError } from "@tusk/protocol/KafkaError"
import type * as Effect from "effect/Effect"
import type { Participant, Verdict } from "../../commit/Participant.ts"
import type { Write } from "../../port/Write.ts"
import type { StoreError } from "../../port/StoreError.ts"
import type { Marker } from "../partitions/Marker.ts"
import type { PartitionLog } from "../partitions/PartitionLog.ts"
import { proposeMarker, retract } from "../partitions/Proposal.ts"
import type { Appended } from "../partitions/Proposal.ts"
import type { AppendPorts } from "./Append.ts"
import { confirmed } from "./Confirmed.ts"

/** A marker for a partition. */
export interface MarkerRequest {
  readonly partitionId: number
  readonly marker: Marker
}

/** Bytes of a marker's batch, about. */
const MARKER_BYTES = 80

/** Ends transactions in partitions; each marker is judged by itself: undefined if it is written, or why it is not. */
export class Markers implements Participant<ReadonlyArray<KafkaError | undefined>> {
  readonly bytes: number
  readonly prepare: Effect.Effect<void, StoreError> | undefined
  readonly partitionIds: ReadonlyArray<number>
  readonly #ports: AppendPorts
  readonly #requests: ReadonlyArray<MarkerRequest>
  #made: Array<{ readonly log: PartitionLog; readonly appended: Appended }> = []
  #answers: Array<KafkaError | undefined> = []
  #nowMs = -1n

  constructor(
    ports: AppendPorts,
    requests: ReadonlyArray<MarkerRequest>,
    prepare: Effect.Effect<void, StoreError> | undefined
  ) {
    this.#ports = ports
    this.#requests = requests
    this.prepare = prepare
    this.partitionIds = requests.map(({ partitionId }) => partitionId)
    this.bytes = MARKER_BYTES * requests.length
  }

  assemble(writes: Array<Write>): Verdict {
    const { find, leaderEpoch, limits, nowMs } = this.#ports
    this.#nowMs = BigInt(nowMs())
    const how = { leaderEpoch: leaderEpoch(), nowMs: this.#nowMs, limits, logAppendTime: -1n }
    for (const { marker, partitionId } of this.#requests) {
      const log = find(partitionId)
      const appended = log === undefined ? new UnknownTopicOrPartition() : proposeMarker(log, marker, how, writes)
      const isAppended = appended._tag === "Appended"
      if (isAppended) this.#made.push({ log: log!, appended })
      this.#answers.push(isAppended ? undefined : appended)
    }
    return "Stored"
  }

  retract(): void {
    for (const { appended, log } of this.#made.reverse()) retract(log, appended.batch, appended.before)
    this.#made = []
    this.#answers = []
  }

  settle(error: StoreError | undefined): void {
    if (error !== undefined) return
    const { appended: stored, find, limits } = this.#ports
    for (const { appended, log } of this.#made) {
      if (find(log.partitionId) !== log) continue
      stored(log, appended.batch, appended.lastOffset, confirmed(log, this.#nowMs, limits))
    }
  }

  answer(): ReadonlyArray<KafkaError | undefined> {
    return this.#answers
  }
}
