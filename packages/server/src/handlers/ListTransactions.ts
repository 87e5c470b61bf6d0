// Serves: ListTransactions in all versions, with filters by state, producer, duration and pattern.
// Left out: nothing.

import { matcherOf, regexProblem } from "@tusk/coordinator/group/consumer/TopicPatterns"
import { Transactions } from "@tusk/coordinator/transaction/shell/Transactions"
import { CoordinatorNotAvailable, NONE } from "@tusk/protocol/KafkaError"
import { ListTransactions } from "@tusk/protocol/messages/ListTransactions"
import type { ListTransactionsRequest } from "@tusk/protocol/messages/ListTransactions"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { permits } from "../request/authorizing.ts"
import { handler } from "../request/Handler.ts"
import type { RequestContext } from "../request/RequestContext.ts"
import { CLUSTER } from "../request/Resources.ts"

/** The states that Kafka has: some of them no transaction is ever in here. */
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
  later: () => new CoordinatorNotAvailable(),
  asks: [{ operation: "describe", resourceType: "transactionalId", of: "each that is told" }],
  make: Effect.gen(function* () {
    const clock = yield* Clock.Clock
    const transactions = yield* Transactions
    return Effect.fnUntraced(function* (request: ListTransactionsRequest, context: RequestContext) {
      const { durationFilter, producerIdFilters, stateFilters, transactionalIdPattern: pattern } = request
      const hasPattern = pattern !== null && pattern !== ""
      const problem = hasPattern ? regexProblem(pattern, "TransactionalIdPattern") : null
      if (problem !== null) return yield* Effect.fail(problem)
      const matches = hasPattern ? matcherOf(pattern) : undefined
      const producerIds = new Set(producerIdFilters)
      const mayDescribe = permits(context, "describe", "transactionalId")
      const nowMs = clock.currentTimeMillisUnsafe()
      const transactionStates: Array<{ transactionalId: string; producerId: bigint; transactionState: string }> = []
      for (const [transactionalId, { phase, producerId, startedAtMs }] of transactions.all()) {
        if (producerIds.size > 0 && !producerIds.has(producerId)) continue
        if (stateFilters.length > 0 && !stateFilters.includes(phase)) continue
        if (durationFilter >= 0n && BigInt(nowMs - startedAtMs) <= durationFilter) continue
        if (matches !== undefined && !matches(transactionalId)) continue
        if (!mayDescribe(transactionalId)) continue
        transactionStates.push({ transactionalId, producerId, transactionState: phase })
      }
      const unknownStateFilters = stateFilters.filter((state) => !STATES.has(state))
      return { errorCode: NONE, unknownStateFilters, transactionStates }
    })
  }),
  refuse: (_request, errorCode) => ({ errorCode, unknownStateFilters: [], transactionStates: [] })
})
