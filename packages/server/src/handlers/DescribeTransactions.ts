// Serves: DescribeTransactions.
// Left out: nothing.

import { Transactions } from "@tusk/coordinator/transaction/shell/Transactions"
import { CoordinatorNotAvailable, errorCode, NONE, TransactionalIdAuthorizationFailed } from "@tusk/protocol/KafkaError"
import { DescribeTransactions } from "@tusk/protocol/messages/DescribeTransactions"
import type { DescribeTransactionsRequest } from "@tusk/protocol/messages/DescribeTransactions"
import { Topics } from "@tusk/storage/topics/Topics"
import * as Effect from "effect/Effect"
import { permits } from "../request/authorizing.ts"
import { handler } from "../request/Handler.ts"
import type { RequestContext } from "../request/RequestContext.ts"
import { namedPartitions } from "../transactions/partitionNames.ts"

export const describeTransactions = handler({
  api: DescribeTransactions,
  resources: ({ transactionalIds }) => ({ transactionalIds }),
  reads: true,
  later: () => new CoordinatorNotAvailable(),
  asks: [
    { operation: "describe", resourceType: "transactionalId" },
    { operation: "describe", resourceType: "topic", of: "each topic that is told" }
  ],
  make: Effect.gen(function* () {
    const topics = yield* Topics
    const transactions = yield* Transactions
    const one = (transactionalId: string, mayDescribe: (topic: string) => boolean) =>
      Effect.match(transactions.find(transactionalId), {
        onFailure: (error) => refused(transactionalId, errorCode(error)),
        onSuccess: ({ partitionIds, phase, producerEpoch, producerId, startedAtMs, timeoutMs }) => ({
          errorCode: NONE,
          transactionalId,
          transactionState: phase,
          transactionTimeoutMs: timeoutMs,
          transactionStartTimeMs: BigInt(startedAtMs),
          producerId,
          producerEpoch,
          topics: namedPartitions(topics, partitionIds).filter(({ topic }) => mayDescribe(topic))
        })
      })
    return ({ transactionalIds }: DescribeTransactionsRequest, context: RequestContext) => {
      const mayDescribe = permits(context, "describe", "topic")
      const described = Effect.forEach(transactionalIds, (transactionalId) =>
        context.may("describe", "transactionalId", transactionalId)
          ? one(transactionalId, mayDescribe)
          : Effect.succeed(refused(transactionalId, errorCode(new TransactionalIdAuthorizationFailed())))
      )
      return Effect.map(described, (transactionStates) => ({ transactionStates }))
    }
  }),
  refuse: ({ transactionalIds }, code) => ({
    transactionStates: transactionalIds.map((transactionalId) => refused(transactionalId, code))
  })
})

const refused = (transactionalId: string, code: number) => ({
  errorCode: code,
  transactionalId,
  transactionState: "",
  transactionTimeoutMs: 0,
  transactionStartTimeMs: 0n,
  producerId: 0n,
  producerEpoch: 0,
  topics: []
})
