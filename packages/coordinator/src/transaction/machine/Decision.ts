import type { KafkaError } from "@tusk/protocol/KafkaError"
import type { TransactionState } from "./TransactionState.ts"

/** A transaction that ends: its markers, and what becomes of its offsets. */
export interface Ended {
  readonly producerId: bigint
  /** Of the markers. */
  readonly producerEpoch: number
  readonly committed: boolean
  /** Whether the epoch of the markers is above that of the records. */
  readonly raisesEpoch: boolean
  readonly partitionIds: ReadonlySet<number>
  readonly groups: TransactionState["groups"]
}

/**
 * What a transactional id's machine makes of a request.
 *
 * | decision | what follows |
 * |---|---|
 * | `Refused` | nothing changes |
 * | `Known` | nothing changes: it was so before |
 * | `Changed` | the new state is stored, with what ends |
 * | `NeedsProducerId` | the same once more, with a producer id that was never given |
 */
export type Decision<A> =
  | { readonly _tag: "Refused"; readonly error: KafkaError }
  | { readonly _tag: "Known"; readonly answer: A }
  | {
      readonly _tag: "Changed"
      readonly state: TransactionState
      readonly answer: A
      readonly ended?: Ended | undefined
    }
  | { readonly _tag: "NeedsProducerId" }

/** When a decision is made, and what it may use. */
export interface Moment {
  readonly nowMs: number
  /** `ClusterState.failoverEpoch`. */
  readonly failoverEpoch: number
}

/** A producer's id and epoch; what a request says of itself. */
export interface Producer {
  readonly producerId: bigint
  readonly producerEpoch: number
}

export const refused = (error: KafkaError): { readonly _tag: "Refused"; readonly error: KafkaError } => ({
  _tag: "Refused",
  error
})
export const NEEDS_PRODUCER_ID = { _tag: "NeedsProducerId" } as const
