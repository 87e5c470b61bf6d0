import { regexProblem } from "@tusk/coordinator/group/consumer/TopicPatterns"
import { NONE } from "@tusk/protocol/KafkaError"
import { ListTransactions } from "@tusk/protocol/messages/ListTransactions"
import type { ListTransactionsRequest } from "@tusk/protocol/messages/ListTransactions"
import * as Effect from "effect/Effect"
import { handler } from "../request/Handler.ts"

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

/** No transaction has begun. */
export const listTransactions = handler({
  api: ListTransactions,
  reads: true,
  make: Effect.succeed(({ stateFilters, transactionalIdPattern }: ListTransactionsRequest) =>
    Effect.suspend(() => {
      const problem =
        transactionalIdPattern === null ? null : regexProblem(transactionalIdPattern, "TransactionalIdPattern")
      return problem === null
        ? Effect.succeed({
            throttleTimeMs: 0,
            errorCode: NONE,
            unknownStateFilters: stateFilters.filter((state) => !STATES.has(state)),
            transactionStates: []
          })
        : Effect.fail(problem)
    })
  ),
  refuse: (_request, errorCode) => ({ throttleTimeMs: 0, errorCode, unknownStateFilters: [], transactionStates: [] })
})
