import { CoordinatorLoadInProgress } from "@tusk/protocol/KafkaError"
import type { KafkaError } from "@tusk/protocol/KafkaError"
import type { TransactionStore } from "@tusk/storage/transactions/TransactionStore"
import * as Effect from "effect/Effect"
import { transactionRow } from "../machine/TransactionRows.ts"
import type { TransactionState } from "../machine/TransactionState.ts"
import type { TransactionTable } from "./TransactionTable.ts"

/** Whether transactional ids are in memory. */
export interface Loading {
  /** COORDINATOR_LOAD_IN_PROGRESS if they could not be read; then they are read once more. */
  readonly ready: Effect.Effect<void, KafkaError>
}

/** Reads all transactional ids, at start and at each take-over. A row that cannot be read is left alone, and told of. */
export const loadTransactions = Effect.fnUntraced(function* (
  table: TransactionTable,
  store: TransactionStore["Service"]
) {
  let isLoaded = false
  const load = Effect.gen(function* () {
    const states = new Map<string, TransactionState>()
    for (const { transactionalId, value } of yield* store.load) {
      const decoded = transactionRow.decode(value)
      if (decoded._tag === "Success") states.set(transactionalId, decoded.success)
      else
        yield* Effect.logError(`transactional id ${JSON.stringify(transactionalId)} cannot be read: ${decoded.failure}`)
    }
    table.load(states)
    isLoaded = true
  })
  yield* load
  const again = Effect.catch(load, (error) => Effect.logWarning(`transactional ids are not read: ${error._tag}`))
  store.onTakeOver(
    Effect.suspend(() => {
      isLoaded = false
      return again
    })
  )
  const ready = Effect.suspend(() =>
    isLoaded ? Effect.void : Effect.mapError(load, (cause) => new CoordinatorLoadInProgress({ cause }))
  )
  return { ready } satisfies Loading
})
