import { InvalidProducerIdMapping, InvalidTxnState, ProducerFenced } from "@tusk/protocol/KafkaError"
import { NEEDS_PRODUCER_ID, refused } from "./Decision.ts"
import type { Decision, Ended, Moment, Producer } from "./Decision.ts"
import { EXHAUSTED_EPOCH, epochAfter, isExhausted, NO_GROUPS, NO_PARTITIONS } from "./TransactionState.ts"
import type { Phase, TransactionState } from "./TransactionState.ts"

export interface EndTransaction extends Producer {
  readonly committed: boolean
  /** Transaction version 2 (KIP-890): the epoch rises at each end, so that a late end never meets the next transaction. */
  readonly raisesEpoch: boolean
  /** Given to no producer yet; undefined: taken if it is needed. */
  readonly newProducerId: bigint | undefined
}

/** A failover may have lost what this id did behind what is stored. */
export const isBehindFailover = (known: TransactionState, { failoverEpoch }: Moment): boolean =>
  known.failoverEpoch < failoverEpoch

/**
 * A producer ends its transaction. By transaction version 2 an end that comes again has the epoch before; by the older ones
 * it has the same epoch.
 *
 * | version 2 | Ongoing | Empty | CompleteCommit | CompleteAbort |
 * |---|---|---|---|---|
 * | commit, own epoch | ended | INVALID_TXN_STATE | INVALID_TXN_STATE | INVALID_TXN_STATE |
 * | commit, epoch before | PRODUCER_FENCED | PRODUCER_FENCED | as it was | INVALID_TXN_STATE |
 * | abort, own epoch | ended | the next epoch | the next epoch | the next epoch |
 * | abort, epoch before | PRODUCER_FENCED | PRODUCER_FENCED | INVALID_TXN_STATE | as it was |
 *
 * | older | Ongoing | Empty | CompleteCommit | CompleteAbort |
 * |---|---|---|---|---|
 * | commit | ended | INVALID_TXN_STATE | as it was | INVALID_TXN_STATE |
 * | abort | ended | INVALID_TXN_STATE | INVALID_TXN_STATE | as it was |
 */
export const endTransaction = (
  known: TransactionState | undefined,
  request: EndTransaction,
  moment: Moment
): Decision<Producer> => {
  if (known === undefined) return refused(new InvalidProducerIdMapping())
  const isRepeated = request.raisesEpoch && isRepeatedEnd(known, request)
  if (known.producerId !== request.producerId && !isRepeated) return refused(new InvalidProducerIdMapping())
  if (isBehindFailover(known, moment)) return refused(new ProducerFenced())
  if (known.producerEpoch !== request.producerEpoch && !(isRepeated && isComplete(known.phase))) {
    return refused(new ProducerFenced())
  }
  return request.raisesEpoch ? endRaising(known, request, moment, isRepeated) : endAsBefore(known, request, moment)
}

const isComplete = (phase: Phase): boolean => phase === "CompleteCommit" || phase === "CompleteAbort"

/** An end of which its producer did not hear the answer, by version 2. */
const isRepeatedEnd = (known: TransactionState, { producerEpoch, producerId }: EndTransaction): boolean =>
  known.producerId === producerId
    ? known.producerEpoch === producerEpoch + 1
    : known.previousProducerId === producerId && producerEpoch === EXHAUSTED_EPOCH && known.producerEpoch === 0

const endRaising = (
  known: TransactionState,
  request: EndTransaction,
  moment: Moment,
  isRepeated: boolean
): Decision<Producer> => {
  const { committed, newProducerId } = request
  const ends = completed(committed)
  if (isRepeated) {
    const { producerEpoch, producerId } = known
    if (known.phase === ends) return { _tag: "Known", answer: { producerId, producerEpoch } }
    return refused(new InvalidTxnState())
  }
  if (committed && known.phase !== "Ongoing") return refused(new InvalidTxnState())
  if (isExhausted(known.producerEpoch) && newProducerId === undefined) return NEEDS_PRODUCER_ID
  const { ended, state } = raised(known, committed, newProducerId, moment)
  return { _tag: "Changed", state, ended, answer: state }
}

const endAsBefore = (known: TransactionState, { committed }: EndTransaction, moment: Moment): Decision<Producer> => {
  const ends = completed(committed)
  const { producerEpoch, producerId } = known
  if (known.phase === ends) return { _tag: "Known", answer: { producerId, producerEpoch } }
  if (known.phase !== "Ongoing") return refused(new InvalidTxnState())
  const state: TransactionState = {
    ...known,
    previousProducerId: producerId,
    ...over(known, ends, moment)
  }
  const ended = endOf(known, producerEpoch, committed, false)
  return { _tag: "Changed", state, ended, answer: { producerId, producerEpoch } }
}

const completed = (committed: boolean): Phase => (committed ? "CompleteCommit" : "CompleteAbort")

/** Aborts what is open so that its producer is fenced: its time is over, or another one takes its place. */
export const abortFencing = (
  known: TransactionState,
  newProducerId: bigint | undefined,
  moment: Moment
): { readonly state: TransactionState; readonly ended: Ended } => raised(known, false, newProducerId, moment)

/** The markers have the next epoch, and so has the producer from then on; behind the last one it has another id. */
const raised = (
  known: TransactionState,
  committed: boolean,
  newProducerId: bigint | undefined,
  moment: Moment
): { readonly state: TransactionState; readonly ended: Ended } => {
  const markerEpoch = epochAfter(known.producerEpoch)
  const rotates = isExhausted(known.producerEpoch) && newProducerId !== undefined
  return {
    state: {
      producerId: rotates ? newProducerId : known.producerId,
      previousProducerId: known.producerId,
      producerEpoch: rotates ? 0 : markerEpoch,
      lastProducerEpoch: known.producerEpoch,
      timeoutMs: known.timeoutMs,
      ...over(known, completed(committed), moment)
    },
    ended: endOf(known, markerEpoch, committed, true)
  }
}

const over = (known: TransactionState, phase: Phase, { nowMs }: Moment) => ({
  phase,
  partitionIds: NO_PARTITIONS,
  groups: NO_GROUPS,
  startedAtMs: known.phase === "Ongoing" ? known.startedAtMs : nowMs,
  updatedAtMs: nowMs,
  failoverEpoch: known.failoverEpoch
})

const endOf = (known: TransactionState, producerEpoch: number, committed: boolean, raisesEpoch: boolean): Ended => ({
  producerId: known.producerId,
  producerEpoch,
  committed,
  raisesEpoch,
  partitionIds: known.partitionIds,
  groups: known.groups
})
