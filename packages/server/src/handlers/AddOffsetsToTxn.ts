// Serves: AddOffsetsToTxn in all versions.
// Left out: nothing.

import { groupIdError } from "@tusk/coordinator/group/machine/Ids"
import { Transactions } from "@tusk/coordinator/transaction/shell/Transactions"
import {
  CoordinatorNotAvailable,
  GroupAuthorizationFailed,
  NONE,
  TransactionalIdAuthorizationFailed
} from "@tusk/protocol/KafkaError"
import { AddOffsetsToTxn } from "@tusk/protocol/messages/AddOffsetsToTxn"
import type { AddOffsetsToTxnRequest } from "@tusk/protocol/messages/AddOffsetsToTxn"
import { Topics } from "@tusk/storage/topics/Topics"
import * as Effect from "effect/Effect"
import { BrokerSettings } from "../config/BrokerSettings.ts"
import { handler } from "../request/Handler.ts"
import type { RequestContext } from "../request/RequestContext.ts"
import { groupPartition } from "../transactions/groupPartition.ts"
import { asKnown } from "../transactions/olderCodes.ts"

/** Knows PRODUCER_FENCED. */
const FENCED_SINCE = 2

export const addOffsetsToTxn = handler({
  api: AddOffsetsToTxn,
  resources: ({ groupId, transactionalId }) => ({ groups: [groupId], transactionalIds: [transactionalId] }),
  reads: false,
  later: () => new CoordinatorNotAvailable(),
  asks: [
    { operation: "write", resourceType: "transactionalId" },
    { operation: "read", resourceType: "group" }
  ],
  make: Effect.gen(function* () {
    const topics = yield* Topics
    const transactions = yield* Transactions
    const { groupIdMaxBytes } = yield* BrokerSettings
    return ({ groupId, ...producer }: AddOffsetsToTxnRequest, context: RequestContext) => {
      if (!context.may("write", "transactionalId", producer.transactionalId)) {
        return Effect.fail(new TransactionalIdAuthorizationFailed())
      }
      if (!context.may("read", "group", groupId)) return Effect.fail(new GroupAuthorizationFailed())
      const wrong = groupIdError(groupId, groupIdMaxBytes)
      if (wrong !== null) return Effect.fail(wrong)
      return Effect.mapBoth(transactions.add(producer, { partitionIds: [groupPartition(topics, groupId)], groupId }), {
        onFailure: (error) => asKnown(error, context.apiVersion, FENCED_SINCE),
        onSuccess: () => ({ errorCode: NONE })
      })
    }
  }),
  refuse: (_request, errorCode) => ({ errorCode })
})
