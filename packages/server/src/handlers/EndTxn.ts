// Serves: EndTxn in all versions; from 5 on the producer's epoch rises at each end (KIP-890).
// Left out: nothing.

import { Transactions } from "@tusk/coordinator/transaction/shell/Transactions"
import { CoordinatorNotAvailable, NONE, TransactionalIdAuthorizationFailed } from "@tusk/protocol/KafkaError"
import { EndTxn } from "@tusk/protocol/messages/EndTxn"
import type { EndTxnRequest } from "@tusk/protocol/messages/EndTxn"
import * as Effect from "effect/Effect"
import { handler } from "../request/Handler.ts"
import type { RequestContext } from "../request/RequestContext.ts"
import { asKnown } from "../transactions/olderCodes.ts"

/** Knows PRODUCER_FENCED. */
const FENCED_SINCE = 2
/** Transaction version 2. */
const RAISES_SINCE = 5

export const endTxn = handler({
  api: EndTxn,
  resources: ({ transactionalId }) => ({ transactionalIds: [transactionalId] }),
  reads: false,
  later: () => new CoordinatorNotAvailable(),
  asks: [{ operation: "write", resourceType: "transactionalId" }],
  make: Effect.map(Transactions, (transactions) => (request: EndTxnRequest, context: RequestContext) => {
    const { transactionalId, ...asked } = request
    const { apiVersion } = context
    if (!context.may("write", "transactionalId", transactionalId)) {
      return Effect.fail(new TransactionalIdAuthorizationFailed())
    }
    const raisesEpoch = apiVersion >= RAISES_SINCE
    return Effect.mapBoth(transactions.end(transactionalId, { ...asked, raisesEpoch }), {
      onFailure: (error) => asKnown(error, apiVersion, FENCED_SINCE),
      onSuccess: ({ producerEpoch, producerId }) =>
        raisesEpoch ? { errorCode: NONE, producerId, producerEpoch } : { errorCode: NONE, ...NO_PRODUCER }
    })
  }),
  refuse: (_request, errorCode) => ({ errorCode, ...NO_PRODUCER })
})

const NO_PRODUCER = { producerId: -1n, producerEpoch: -1 }
