// Serves: ListTransactions in all versions: checks the filters, and finds nothing.
// Left out: transactions.
// Why: there are none yet.

import { regexProblem } from "@tusk/coordinator/group/consumer/TopicPatterns"
import { NONE } from "@tusk/protocol/KafkaError"
import { ListTransactions } from "@tusk/protocol/messages/ListTransactions"
import type { ListTransactionsRequest } from "@tusk/protocol/messages/ListTransactions"
import * as Effect from "effect/Effect"
import { handler } from "../request/Handler.ts"
import { CLUSTER } from "../request/Resources.ts"

/** The states a transaction can be in. */
const STATES: ReadonlySet<string> = new Set([
  "Empty",
  "Ongoing",
  "PrepareCommit",
  "PrepareAbort",
  "CompleteCommit",
  "CompleteAbort",
  "Dead",
  "PrepareEpochFence"
])

export const listTransactions = handler({
  api: ListTransactions,
  resources: () => CLUSTER,
  reads: true,
  make: Effect.succeed(({ stateFilters, transactionalIdPattern }: ListTransactionsRequest) =>
    Effect.suspend(() => {
      const problem =
        transactionalIdPattern === null ? null : regexProblem(transactionalIdPattern, "TransactionalIdPattern")
      return problem === null
        ? Effect.succeed({
            errorCode: NONE,
            unknownStateFilters: stateFilters.filter((state) => !STATES.has(state)),
            transactionStates: []
          })
        : Effect.fail(problem)
    })
  ),
  refuse: (_request, errorCode) => ({ errorCode, unknownStateFilters: [], transactionStates: [] })
})
