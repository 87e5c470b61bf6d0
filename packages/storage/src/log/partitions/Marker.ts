import { ControlRecordKey, EndTxnMarker } from "@tusk/protocol/embedded/ControlRecord"
import { encodeVersioned } from "@tusk/protocol/embedded/Versioned"
import { InvalidProducerEpoch, TransactionCoordinatorFenced } from "@tusk/protocol/KafkaError"
import type { KafkaError } from "@tusk/protocol/KafkaError"
import { encodeBatch } from "@tusk/protocol/record/RecordBatch"
import type { ProducerState } from "./ProducerState.ts"

/** What ends a transaction in a partition (KIP-98). */
export interface Marker {
  readonly producerId: bigint
  readonly producerEpoch: number
  readonly coordinatorEpoch: number
  /** Whether it was committed, else it was aborted. */
  readonly committed: boolean
  /** Whether its producer's epoch rises at each end (KIP-890): then that of a marker is above that of the records. */
  readonly raisesEpoch: boolean
  /** Of the coordinator, which has decided in the very commit that stores it: nothing that is known makes it late. */
  readonly isDecided?: boolean
}

const ABORT = 0
const COMMIT = 1
/** Epochs go no further: what is there is ended even so. */
const LAST_EPOCH = 0x7fff

/** A control batch of one record. */
export const encodeMarker = (marker: Marker, nowMs: bigint): Uint8Array => {
  const { committed, coordinatorEpoch, producerEpoch, producerId } = marker
  const key = encodeVersioned(ControlRecordKey, 0, { type: committed ? COMMIT : ABORT })
  const value = encodeVersioned(EndTxnMarker, 0, { coordinatorEpoch })
  return encodeBatch([{ timestamp: nowMs, key, value }], {
    producerId,
    producerEpoch,
    isTransactional: true,
    isControl: true
  })
}

/** Why a marker is not taken: it is late, or its coordinator is not it any more. One that is repeated is taken once more. */
export const refuseMarker = (
  known: ProducerState | undefined,
  { coordinatorEpoch, isDecided, producerEpoch, raisesEpoch }: Marker,
  isOpen: boolean
): KafkaError | undefined => {
  if (known === undefined || isDecided === true) return undefined
  const isRepeated = raisesEpoch && producerEpoch === known.producerEpoch && (!isOpen || producerEpoch === LAST_EPOCH)
  const isLate = raisesEpoch ? producerEpoch <= known.producerEpoch : producerEpoch < known.producerEpoch
  if (isLate && !isRepeated) {
    return new InvalidProducerEpoch({
      message: `a marker of producer epoch ${producerEpoch} came where ${known.producerEpoch} is known`
    })
  }
  if (coordinatorEpoch >= known.coordinatorEpoch) return undefined
  return new TransactionCoordinatorFenced({
    message: `a marker of coordinator epoch ${coordinatorEpoch} came where ${known.coordinatorEpoch} is known`
  })
}
