import type { KafkaError } from "@tusk/protocol/KafkaError"
import type { Committer } from "@tusk/storage/commit/Committer"
import type { ProducerIds } from "@tusk/storage/log/ProducerIds"
import * as Effect from "effect/Effect"
import type { Decision, Moment } from "../machine/Decision.ts"
import type { TransactionState } from "../machine/TransactionState.ts"
import type { Loading } from "./loadTransactions.ts"
import { Transition } from "./Transition.ts"
import type { TransitionPorts } from "./Transition.ts"

/** What a transactional id's machine makes of something, with a new producer id if it asked for one. */
export type Decide<A> = (
  known: TransactionState | undefined,
  moment: Moment,
  newProducerId: bigint | undefined
) => Decision<A>

/** Has a change of a transactional id decided in its commit's turn, and returns once it is stored. */
export type Change = <A>(
  transactionalId: string,
  decide: Decide<A>,
  adding?: ReadonlyArray<number>
) => Effect.Effect<A, KafkaError>

interface ChangePorts {
  readonly ports: TransitionPorts
  readonly committer: Pick<Committer["Service"], "submit">
  readonly producerIds: ProducerIds["Service"]
  readonly loading: Loading
}

export const makeChange =
  ({ committer, loading, ports, producerIds }: ChangePorts): Change =>
  (transactionalId, decide, adding) =>
    Effect.gen(function* () {
      yield* loading.ready
      let newProducerId: bigint | undefined
      while (true) {
        const given = newProducerId
        const transition = new Transition(ports, transactionalId, (known, now) => decide(known, now, given), adding)
        const came = yield* committer.submit(transition)
        if (came !== undefined) return came.answer
        newProducerId = yield* producerIds.next
      }
    })
