import { ProducerFenced } from "@tusk/protocol/KafkaError"
import { NEEDS_PRODUCER_ID, refused } from "./Decision.ts"
import type { Decision, Ended, Moment, Producer } from "./Decision.ts"
import { abortFencing, isBehindFailover } from "./EndTransaction.ts"
import { isExhausted, NO_GROUPS, NO_PARTITIONS } from "./TransactionState.ts"
import type { TransactionState } from "./TransactionState.ts"

export interface InitProducer {
  readonly timeoutMs: number
  /** What the producer has already, if it recovers (KIP-360). */
  readonly expected: Producer | undefined
  /** Given to no producer yet; undefined: taken if it is needed. */
  readonly newProducerId: bigint | undefined
}

/**
 * A producer begins, or recovers. Whatever its id has open is aborted first, in the same commit: Kafka answers
 * CONCURRENT_TRANSACTIONS until that is done, and then what is answered here at once.
 *
 * | known | expected | answer |
 * |---|---|---|
 * | nothing | any | a new producer id, epoch 0 |
 * | id and epoch | none | the next epoch; a new id behind the last epoch |
 * | id and epoch | the same | the next epoch, as this producer's own |
 * | id and epoch | the one before, as this producer's own | the same once more: its answer was lost |
 * | anything else | | PRODUCER_FENCED |
 * | an older failover's | none | a new id: epochs may have been lost |
 * | an older failover's | any | PRODUCER_FENCED |
 */
export const initProducer = (
  known: TransactionState | undefined,
  request: InitProducer,
  moment: Moment
): Decision<Producer> => {
  const { expected, newProducerId } = request
  if (known === undefined) {
    return newProducerId === undefined ? NEEDS_PRODUCER_ID : begun(undefined, { ...request, newProducerId }, moment)
  }
  const isLost = isBehindFailover(known, moment)
  if (expected !== undefined && (isLost || !isOf(known, expected))) return refused(new ProducerFenced())
  if (known.phase !== "Ongoing") return next(known, request, moment, isLost)
  if (isExhausted(known.producerEpoch) && newProducerId === undefined) return NEEDS_PRODUCER_ID
  const aborted = abortFencing(known, newProducerId, moment)
  // Without one it was not needed for the abort, and is for what follows only if that exhausts the epochs.
  const unused = aborted.state.producerId === newProducerId ? undefined : newProducerId
  const result = next(aborted.state, { ...request, newProducerId: unused }, moment, isLost)
  return result._tag === "Changed" ? { ...result, ended: aborted.ended } : withAbort(result, aborted)
}

/** What is only refused, or known, behind an abort leaves the abort. */
const withAbort = (
  result: Decision<Producer>,
  { ended, state }: { readonly state: TransactionState; readonly ended: Ended }
): Decision<Producer> => (result._tag === "Known" ? { _tag: "Changed", state, ended, answer: result.answer } : result)

const isOf = (known: TransactionState, expected: Producer): boolean =>
  expected.producerId === known.producerId ||
  (expected.producerId === known.previousProducerId && isExhausted(expected.producerEpoch))

/** Nothing is open. */
const next = (known: TransactionState, request: InitProducer, moment: Moment, isLost: boolean): Decision<Producer> => {
  const { expected, newProducerId } = request
  const isOwn = expected === undefined || expected.producerEpoch === known.producerEpoch
  if (isLost || (isExhausted(known.producerEpoch) && isOwn)) {
    return newProducerId === undefined ? NEEDS_PRODUCER_ID : begun(known, { ...request, newProducerId }, moment)
  }
  if (isOwn) {
    const lastProducerEpoch = expected === undefined ? -1 : known.producerEpoch
    return told(known, request, moment, { producerEpoch: known.producerEpoch + 1, lastProducerEpoch })
  }
  if (expected.producerEpoch !== known.lastProducerEpoch) return refused(new ProducerFenced())
  return told(known, request, moment, known)
}

const told = (
  known: TransactionState,
  { timeoutMs }: InitProducer,
  { failoverEpoch, nowMs }: Moment,
  { lastProducerEpoch, producerEpoch }: Pick<TransactionState, "lastProducerEpoch" | "producerEpoch">
): Decision<Producer> => ({
  _tag: "Changed",
  state: {
    producerId: known.producerId,
    previousProducerId: known.producerId,
    producerEpoch,
    lastProducerEpoch,
    ...empty(timeoutMs, nowMs, failoverEpoch)
  },
  answer: { producerId: known.producerId, producerEpoch }
})

const empty = (timeoutMs: number, updatedAtMs: number, failoverEpoch: number) => ({
  timeoutMs,
  phase: "Empty" as const,
  partitionIds: NO_PARTITIONS,
  groups: NO_GROUPS,
  startedAtMs: -1,
  updatedAtMs,
  failoverEpoch
})

/** With an id that no producer had. */
const begun = (
  known: TransactionState | undefined,
  { expected, newProducerId, timeoutMs }: InitProducer & { readonly newProducerId: bigint },
  { failoverEpoch, nowMs }: Moment
): Decision<Producer> => ({
  _tag: "Changed",
  state: {
    producerId: newProducerId,
    previousProducerId: known?.producerId ?? -1n,
    producerEpoch: 0,
    lastProducerEpoch: expected === undefined ? -1 : (known?.producerEpoch ?? -1),
    ...empty(timeoutMs, nowMs, failoverEpoch)
  },
  answer: { producerId: newProducerId, producerEpoch: 0 }
})
