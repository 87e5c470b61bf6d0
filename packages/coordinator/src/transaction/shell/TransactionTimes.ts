import { NO_CHANGE } from "@tusk/storage/commit/Assumed"
import type { Committer } from "@tusk/storage/commit/Committer"
import type { Participant } from "@tusk/storage/commit/Participant"
import type { Write } from "@tusk/storage/port/Write"
import { Recurring } from "@tusk/storage/Recurring"
import * as Effect from "effect/Effect"
import { NEEDS_PRODUCER_ID } from "../machine/Decision.ts"
import type { Moment } from "../machine/Decision.ts"
import { abortFencing, isBehindFailover } from "../machine/EndTransaction.ts"
import { isExhausted } from "../machine/TransactionState.ts"
import type { TransactionState } from "../machine/TransactionState.ts"
import type { Change } from "./Change.ts"
import type { TransactionConfig } from "./TransactionConfig.ts"
import type { TransitionPorts } from "./Transition.ts"

interface Parts {
  readonly config: TransactionConfig
  readonly change: Change
  readonly ports: TransitionPorts
  readonly committer: Pick<Committer["Service"], "submit">
}

/** It outlives its time, or a failover may have lost what its producer did since: it is aborted, and its producer fenced. */
const isOver = (state: TransactionState, moment: Moment): boolean =>
  state.phase === "Ongoing" && (state.startedAtMs + state.timeoutMs < moment.nowMs || isBehindFailover(state, moment))

/** Ends transactions that outlive their time, and forgets ids that no producer uses. */
export const keepTime = Effect.fnUntraced(function* (parts: Parts) {
  const { change, config, ports } = parts
  const { moment, table } = ports
  const trouble = new Recurring("transactions")
  const abort = (transactionalId: string) =>
    change<void>(transactionalId, (known, now, newProducerId) => {
      if (known === undefined || !isOver(known, now)) return { _tag: "Known", answer: undefined }
      if (isExhausted(known.producerEpoch) && newProducerId === undefined) return NEEDS_PRODUCER_ID
      const { ended, state } = abortFencing(known, newProducerId, now)
      return { _tag: "Changed", state, ended, answer: undefined }
    }).pipe(
      Effect.andThen(
        Effect.logInfo(`the transaction of ${JSON.stringify(transactionalId)} was open too long: it is aborted`)
      ),
      Effect.catch((error) =>
        trouble.seen(`the transaction of ${JSON.stringify(transactionalId)} is aborted later: ${error._tag}`)
      )
    )
  const abortAll = Effect.suspend(() => {
    const now = moment()
    const over = Array.from(table.all()).flatMap(([transactionalId, state]) =>
      isOver(state, now) ? [transactionalId] : []
    )
    return Effect.forEach(over, abort, { discard: true })
  })
  const isExpired = (state: TransactionState): boolean =>
    state.phase !== "Ongoing" && state.updatedAtMs + config.expirationMs <= moment().nowMs
  const expireAll = Effect.suspend(() => {
    const expired = Array.from(table.all()).flatMap(([transactionalId, state]) =>
      isExpired(state) ? [transactionalId] : []
    )
    return Effect.forEach(
      expired,
      (transactionalId) => Effect.ignore(parts.committer.submit(removing(ports, transactionalId, isExpired), Infinity)),
      { discard: true }
    )
  })
  const every = (intervalMs: number, task: Effect.Effect<void>) =>
    Effect.forkScoped(Effect.forever(Effect.andThen(Effect.sleep(intervalMs), task)))
  yield* every(config.abortIntervalMs, abortAll)
  yield* every(config.expirationIntervalMs, expireAll)
})

/** An id that no producer used for long goes, unless a producer came before this. */
const removing = (
  { store, table }: TransitionPorts,
  transactionalId: string,
  isExpired: (state: TransactionState) => boolean
): Participant<void> => {
  let part: Participant<void> | undefined
  let change = NO_CHANGE
  return {
    bytes: 64,
    assemble: (writes: Array<Write>) => {
      const known = table.next(transactionalId)
      if (known === undefined || !isExpired(known)) return "Told"
      part = store.putting(transactionalId, null)
      part.assemble(writes)
      change = table.assume(transactionalId, undefined)
      return "Stored"
    },
    retract: () => {
      change.undo()
      change = NO_CHANGE
      part?.retract()
      part = undefined
    },
    settle: (error) => {
      part?.settle(error)
      if (error !== undefined || change === NO_CHANGE) return
      table.set(transactionalId, undefined)
      change.done()
    },
    answer: () => {}
  }
}
