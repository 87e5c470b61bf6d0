import { NotCoordinator } from "@tusk/protocol/KafkaError"
import type { KafkaError } from "@tusk/protocol/KafkaError"
import { NO_CHANGE } from "@tusk/storage/commit/Assumed"
import type { Change } from "@tusk/storage/commit/Assumed"
import type { Participant, Verdict } from "@tusk/storage/commit/Participant"
import type { Log } from "@tusk/storage/log/Log"
import type { Offsets } from "@tusk/storage/offsets/Offsets"
import type { StoreError } from "@tusk/storage/port/StoreError"
import type { Write } from "@tusk/storage/port/Write"
import type { Topics } from "@tusk/storage/topics/Topics"
import type { TransactionStore } from "@tusk/storage/transactions/TransactionStore"
import type * as Effect from "effect/Effect"
import type { Decision, Ended, Moment } from "../machine/Decision.ts"
import { transactionRow } from "../machine/TransactionRows.ts"
import { isNewest } from "../machine/TransactionState.ts"
import type { TransactionState } from "../machine/TransactionState.ts"
import type { TransactionTable } from "./TransactionTable.ts"

/** What a change of a transactional id needs. */
export interface TransitionPorts {
  readonly table: TransactionTable
  readonly store: Pick<TransactionStore["Service"], "putting">
  readonly log: Pick<Log["Service"], "loading" | "marking">
  readonly offsets: Pick<Offsets["Service"], "committing" | "fetch">
  readonly topics: Pick<Topics["Service"], "ofPartition">
  readonly leaderEpoch: () => number
  readonly moment: () => Moment
}

/** What came of it; undefined: a producer id is needed. */
export type Came<A> = { readonly answer: A } | undefined

const NOTHING: ReadonlyArray<Participant<unknown>> = []

/** The participants that carry out the end of a transaction: markers in its partitions, and offsets if it commits. */
const ending = (ports: TransitionPorts, ended: Ended | undefined): ReadonlyArray<Participant<unknown>> => {
  if (ended === undefined) return NOTHING
  const { leaderEpoch, log, offsets, topics } = ports
  const { committed, groups, producerEpoch, producerId, raisesEpoch } = ended
  const marker = { producerId, producerEpoch, committed, raisesEpoch, isDecided: true, coordinatorEpoch: leaderEpoch() }
  const there = (partitionId: number): boolean => topics.ofPartition(partitionId) !== undefined
  const partitionIds = Array.from(ended.partitionIds).filter(there)
  const parts: Array<Participant<unknown>> = []
  if (partitionIds.length > 0) parts.push(log.marking(partitionIds.map((partitionId) => ({ partitionId, marker }))))
  if (!committed) return parts
  for (const [groupId, sent] of groups) {
    const now = offsets.fetch(groupId)
    const entries = Array.from(sent.values())
      .filter((offset) => there(offset.partitionId) && isNewest(offset, now.get(offset.partitionId)))
      .map(({ former: _former, ...offset }) => offset)
    if (entries.length > 0) parts.push(offsets.committing(groupId, entries))
  }
  return parts
}

/** A change of one transactional id, with all that follows from it, as one unit. */
export class Transition<A> implements Participant<Came<A>> {
  readonly bytes = 512
  readonly prepare: Effect.Effect<void, StoreError> | undefined
  readonly partitionIds: ReadonlyArray<number>
  readonly #ports: TransitionPorts
  readonly #transactionalId: string
  readonly #decide: (known: TransactionState | undefined, moment: Moment) => Decision<A>
  #parts: Array<Participant<unknown>> = []
  #change: Change = NO_CHANGE
  #state: TransactionState | undefined
  #came: Came<A>

  /** `adding`: partitions that become part of the transaction; those that are so now may get markers. */
  constructor(
    ports: TransitionPorts,
    transactionalId: string,
    decide: (known: TransactionState | undefined, moment: Moment) => Decision<A>,
    adding: ReadonlyArray<number> = []
  ) {
    this.#ports = ports
    this.#transactionalId = transactionalId
    this.#decide = decide
    const known = ports.table.next(transactionalId)?.partitionIds ?? []
    this.partitionIds = [...known, ...adding].filter(
      (partitionId) => ports.topics.ofPartition(partitionId) !== undefined
    )
    this.prepare = ports.log.loading(this.partitionIds)
  }

  assemble(writes: Array<Write>): Verdict {
    const { moment, store, table } = this.#ports
    const decision = this.#decide(table.next(this.#transactionalId), moment())
    switch (decision._tag) {
      case "Refused":
        return decision.error
      case "NeedsProducerId":
        this.#came = undefined
        return "Told"
      case "Known":
        this.#came = decision
        // What it rests on may not be stored yet.
        return table.isChanging(this.#transactionalId) ? "Stored" : "Told"
    }
    const { answer, ended, state } = decision
    this.#came = { answer }
    const parts = [...ending(this.#ports, ended), store.putting(this.#transactionalId, transactionRow.encode(state))]
    for (const part of parts) {
      this.#parts.push(part)
      const verdict = part.assemble(writes)
      if (typeof verdict !== "string") return verdict
      const missing = ended === undefined ? undefined : this.#missing(part.answer())
      if (missing !== undefined) return missing
    }
    this.#state = state
    this.#change = table.assume(this.#transactionalId, state)
    return "Stored"
  }

  /** A partition that is there has to have its marker: one that was not read came in behind this. */
  #missing(answers: unknown): KafkaError | undefined {
    const isUnread = Array.isArray(answers) && answers.some((error) => error?._tag === "UnknownTopicOrPartition")
    return isUnread ? new NotCoordinator({ message: "a partition of the transaction is not loaded" }) : undefined
  }

  retract(): void {
    this.#change.undo()
    this.#change = NO_CHANGE
    for (const part of this.#parts.reverse()) part.retract()
    this.#parts = []
  }

  settle(error: StoreError | undefined): void {
    for (const part of this.#parts) part.settle(error)
    if (error !== undefined || this.#change === NO_CHANGE) return
    this.#ports.table.set(this.#transactionalId, this.#state)
    this.#change.done()
  }

  answer(): Came<A> {
    return this.#came
  }
}
