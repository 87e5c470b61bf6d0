// Serves: DescribeTransactions.
// Left out: nothing.

import { Transactions } from "@tusk/coordinator/transaction/shell/Transactions"
import { CoordinatorNotAvailable, errorCode, NONE } from "@tusk/protocol/KafkaError"
import { DescribeTransactions } from "@tusk/protocol/messages/DescribeTransactions"
import type { DescribeTransactionsRequest } from "@tusk/protocol/messages/DescribeTransactions"
import { Topics } from "@tusk/storage/topics/Topics"
import * as Effect from "effect/Effect"
import { handler } from "../request/Handler.ts"
import { namedPartitions } from "../transactions/partitionNames.ts"

export const describeTransactions = handler({
  api: DescribeTransactions,
  resources: ({ transactionalIds }) => ({ transactionalIds }),
  reads: true,
  later: () => new CoordinatorNotAvailable(),
  make: Effect.gen(function* () {
    const topics = yield* Topics
    const transactions = yield* Transactions
    const one = (transactionalId: string) =>
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
          topics: namedPartitions(topics, partitionIds)
        })
      })
    return ({ transactionalIds }: DescribeTransactionsRequest) =>
      Effect.map(Effect.forEach(transactionalIds, one), (transactionStates) => ({ transactionStates }))
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
