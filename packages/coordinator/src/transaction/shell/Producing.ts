import { InvalidProducerEpoch, OutOfOrderSequenceNumber } from "@tusk/protocol/KafkaError"
import type { KafkaError } from "@tusk/protocol/KafkaError"
import { NO_CHANGE } from "@tusk/storage/commit/Assumed"
import type { Change } from "@tusk/storage/commit/Assumed"
import type { Participant, Verdict } from "@tusk/storage/commit/Participant"
import type { MayBegin } from "@tusk/storage/log/Log"
import type { StoreError } from "@tusk/storage/port/StoreError"
import type { Write } from "@tusk/storage/port/Write"
import { addToTransaction, verifyInTransaction } from "../machine/AddToTransaction.ts"
import type { Producer } from "../machine/Decision.ts"
import { transactionRow } from "../machine/TransactionRows.ts"
import type { TransactionState } from "../machine/TransactionState.ts"
import type { TransitionPorts } from "./Transition.ts"

/** What a producer's version knows: it names its partitions (and one of TRANSACTION_ABORTABLE), or its batches do (KIP-890). */
export type ProducerKind = "Names" | "NamesAndAborts" | "Adds"

/** As a client is told that sends records or offsets, and not one that begins or ends. */
export const asProducing = (error: KafkaError): KafkaError =>
  error._tag === "ProducerFenced" ? new InvalidProducerEpoch({ message: error.message }) : error

/**
 * The part of a transactional Produce that its transactional id has. It stands behind the append in their unit, which asks
 * it by `mayBegin` before the first batch of the transaction in a partition.
 */
export class Producing implements Participant<void> {
  readonly bytes = 512
  readonly #ports: TransitionPorts
  readonly #transactionalId: string
  readonly #producer: Producer
  readonly #kind: ProducerKind
  #state: TransactionState | undefined
  #part: Participant<void> | undefined
  #change: Change = NO_CHANGE

  constructor(ports: TransitionPorts, transactionalId: string, producer: Producer, kind: ProducerKind) {
    this.#ports = ports
    this.#transactionalId = transactionalId
    this.#producer = producer
    this.#kind = kind
  }

  readonly mayBegin: MayBegin = (partitionId, firstSequence) => {
    const { moment, table } = this.#ports
    const known = this.#state ?? table.next(this.#transactionalId)
    if (this.#kind !== "Adds") {
      const error = verifyInTransaction(known, this.#producer, partitionId, this.#kind === "NamesAndAborts", moment())
      return error === undefined ? undefined : asProducing(error)
    }
    const decision = addToTransaction(known, { ...this.#producer, partitionIds: [partitionId] }, moment())
    if (decision._tag === "Refused") return asProducing(decision.error)
    if (decision._tag === "Changed") this.#state = decision.state
    // Such a producer begins anew at each end: another sequence is that of a batch from a transaction that is over.
    if (firstSequence === undefined || firstSequence === 0) return undefined
    return new OutOfOrderSequenceNumber({ message: `sequence ${firstSequence} of a producer that has none here yet` })
  }

  assemble(writes: Array<Write>): Verdict {
    if (this.#state === undefined) return "Told"
    const { store, table } = this.#ports
    this.#part = store.putting(this.#transactionalId, transactionRow.encode(this.#state))
    this.#part.assemble(writes)
    this.#change = table.assume(this.#transactionalId, this.#state)
    return "Stored"
  }

  retract(): void {
    this.#change.undo()
    this.#change = NO_CHANGE
    this.#part?.retract()
    this.#part = undefined
    this.#state = undefined
  }

  settle(error: StoreError | undefined): void {
    this.#part?.settle(error)
    if (error !== undefined || this.#change === NO_CHANGE) return
    this.#ports.table.set(this.#transactionalId, this.#state)
    this.#change.done()
  }

  answer(): void {}
}
