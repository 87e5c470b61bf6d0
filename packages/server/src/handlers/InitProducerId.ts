// Serves: InitProducerId in all versions that Apache Kafka 4.3.1 serves: idempotent and transactional producers, and those that recover (KIP-360).
// Left out: two-phase commit (KIP-939), which version 6 would bring.
// Why: that version is unstable in 4.3.1.

import { Transactions } from "@tusk/coordinator/transaction/shell/Transactions"
import {
  ClusterAuthorizationFailed,
  CoordinatorLoadInProgress,
  InvalidRequest,
  NONE,
  TransactionalIdAuthorizationFailed
} from "@tusk/protocol/KafkaError"
import type { KafkaError } from "@tusk/protocol/KafkaError"
import { InitProducerId } from "@tusk/protocol/messages/InitProducerId"
import type { InitProducerIdRequest } from "@tusk/protocol/messages/InitProducerId"
import { ProducerIds } from "@tusk/storage/log/ProducerIds"
import * as Effect from "effect/Effect"
import { CLUSTER_NAME } from "../request/Authorization.ts"
import { handler } from "../request/Handler.ts"
import type { RequestContext } from "../request/RequestContext.ts"
import { asKnown } from "../transactions/olderCodes.ts"

/** Knows PRODUCER_FENCED. */
const FENCED_SINCE = 4

export const initProducerId = handler({
  api: InitProducerId,
  resources: ({ transactionalId }) => ({ transactionalIds: transactionalId === null ? [] : [transactionalId] }),
  reads: false,
  later: () => new CoordinatorLoadInProgress(),
  asks: [
    { operation: "write", resourceType: "transactionalId", of: "its transactional id" },
    {
      operation: "idempotentWrite",
      resourceType: "cluster",
      of: "a producer without one"
    },
    { operation: "write", resourceType: "topic", of: "any topic, in the place of Idempotent Write" }
  ],
  make: Effect.gen(function* () {
    const producerIds = yield* ProducerIds
    const transactions = yield* Transactions
    return (request: InitProducerIdRequest, context: RequestContext) => {
      const refused = refusalOf(request, context)
      if (refused !== undefined) return Effect.fail(refused)
      const { producerEpoch, producerId, transactionTimeoutMs: timeoutMs, transactionalId } = request
      const knowsId = producerId !== -1n
      if (knowsId !== (producerEpoch !== -1)) return Effect.fail(new InvalidRequest())
      // Without a transactional id a client that wants a newer epoch gets a new id, as from Kafka.
      const producer =
        transactionalId === null
          ? Effect.map(producerIds.next, (next) => ({ producerId: next, producerEpoch: 0 }))
          : transactions.initProducer(transactionalId, {
              timeoutMs,
              expected: knowsId ? { producerId, producerEpoch } : undefined
            })
      return Effect.mapBoth(producer, {
        onFailure: (error) => asKnown(error, context.apiVersion, FENCED_SINCE),
        onSuccess: (given) => ({ ...NOTHING_ONGOING, errorCode: NONE, ...given })
      })
    }
  }),
  refuse: (_request, errorCode) => ({ ...NOTHING_ONGOING, errorCode, producerId: -1n, producerEpoch: -1 })
})

/** Who may write to some topic may have a producer id for it (KIP-679). */
const refusalOf = ({ transactionalId }: InitProducerIdRequest, context: RequestContext): KafkaError | undefined => {
  if (transactionalId !== null) {
    const isAllowed = context.may("write", "transactionalId", transactionalId)
    return isAllowed ? undefined : new TransactionalIdAuthorizationFailed()
  }
  const isAllowed =
    context.mayQuietly("idempotentWrite", "cluster", CLUSTER_NAME) || context.maySomewhere("write", "topic")
  return isAllowed ? undefined : new ClusterAuthorizationFailed()
}

const NOTHING_ONGOING = { ongoingTxnProducerId: -1n, ongoingTxnProducerEpoch: -1 }
