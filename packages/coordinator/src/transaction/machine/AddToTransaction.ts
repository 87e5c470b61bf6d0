import {
  InvalidProducerIdMapping,
  InvalidTxnState,
  ProducerFenced,
  TransactionAbortable
} from "@tusk/protocol/KafkaError"
import type { KafkaError } from "@tusk/protocol/KafkaError"
import { refused } from "./Decision.ts"
import type { Decision, Moment, Producer } from "./Decision.ts"
import { isBehindFailover } from "./EndTransaction.ts"
import { NO_GROUPS, NO_PARTITIONS } from "./TransactionState.ts"
import type { PendingOffset, TransactionState } from "./TransactionState.ts"

/** What becomes part of a transaction, which begins with the first of it. */
export interface AddToTransaction extends Producer {
  readonly partitionIds: ReadonlyArray<number>
  /** A group with offsets that are to become part of it. */
  readonly groupId?: string
  readonly offsets?: ReadonlyArray<PendingOffset>
}

/** Why a producer may not work under a transactional id: INVALID_PRODUCER_ID_MAPPING, PRODUCER_FENCED. */
export const refuseProducer = (
  known: TransactionState | undefined,
  { producerEpoch, producerId }: Producer,
  moment: Moment
): KafkaError | undefined => {
  if (known === undefined || known.producerId !== producerId) return new InvalidProducerIdMapping()
  return known.producerEpoch !== producerEpoch || isBehindFailover(known, moment) ? new ProducerFenced() : undefined
}

export const addToTransaction = (
  known: TransactionState | undefined,
  request: AddToTransaction,
  moment: Moment
): Decision<void> => {
  const error = refuseProducer(known, request, moment)
  if (error !== undefined || known === undefined) return refused(error ?? new InvalidProducerIdMapping())
  const { groupId, offsets, partitionIds } = request
  const isOngoing = known.phase === "Ongoing"
  const hasAll = partitionIds.every((partitionId) => known.partitionIds.has(partitionId))
  const hasGroup = groupId === undefined || known.groups.has(groupId)
  if (isOngoing && hasAll && hasGroup && (offsets ?? []).length === 0) return { _tag: "Known", answer: undefined }
  const before = isOngoing ? known : { partitionIds: NO_PARTITIONS, groups: NO_GROUPS, startedAtMs: moment.nowMs }
  const state: TransactionState = {
    ...known,
    previousProducerId: known.producerId,
    phase: "Ongoing",
    partitionIds: hasAll && isOngoing ? known.partitionIds : new Set([...before.partitionIds, ...partitionIds]),
    groups: groupId === undefined ? before.groups : withOffsets(before.groups, groupId, offsets ?? []),
    startedAtMs: before.startedAtMs,
    updatedAtMs: moment.nowMs
  }
  return { _tag: "Changed", state, answer: undefined }
}

const withOffsets = (
  groups: TransactionState["groups"],
  groupId: string,
  offsets: ReadonlyArray<PendingOffset>
): TransactionState["groups"] => {
  const own = new Map(groups.get(groupId))
  for (const offset of offsets) own.set(offset.partitionId, offset)
  return new Map(groups).set(groupId, own)
}

/**
 * Whether a producer that names its partitions itself has named this one (KIP-890, part 1). Else TRANSACTION_ABORTABLE, or
 * for clients that do not know of it INVALID_TXN_STATE.
 */
export const verifyInTransaction = (
  known: TransactionState | undefined,
  producer: Producer,
  partitionId: number,
  knowsAbortable: boolean,
  moment: Moment
): KafkaError | undefined => {
  const error = refuseProducer(known, producer, moment)
  if (error !== undefined) return error
  if (known?.phase === "Ongoing" && known.partitionIds.has(partitionId)) return undefined
  const message = "The partition is not part of the transaction."
  return knowsAbortable ? new TransactionAbortable({ message }) : new InvalidTxnState({ message })
}
