// Serves: InitProducerId in all versions, for idempotent producers: a producer id of their own.
// Left out: transactional ids, with UNSUPPORTED_VERSION; a newer epoch of the same id (KIP-360).
// Why: there are no transactions yet; a producer without a transactional id takes a new id instead of a new epoch, as in Apache Kafka.

import { CoordinatorLoadInProgress, InvalidRequest, NONE, UnsupportedVersion } from "@tusk/protocol/KafkaError"
import { InitProducerId } from "@tusk/protocol/messages/InitProducerId"
import type { InitProducerIdRequest } from "@tusk/protocol/messages/InitProducerId"
import { ProducerIds } from "@tusk/storage/log/ProducerIds"
import * as Effect from "effect/Effect"
import { handler } from "../request/Handler.ts"

export const initProducerId = handler({
  api: InitProducerId,
  resources: ({ transactionalId }) => ({ transactionalIds: transactionalId === null ? [] : [transactionalId] }),
  reads: false,
  later: () => new CoordinatorLoadInProgress(),
  make: Effect.gen(function* () {
    const producerIds = yield* ProducerIds
    return (request: InitProducerIdRequest) => {
      if (request.transactionalId === "") {
        return Effect.fail(new InvalidRequest({ message: "The transactional id is empty." }))
      }
      if (request.transactionalId !== null) {
        return Effect.fail(new UnsupportedVersion({ message: "This broker has no transactions." }))
      }
      // Without a transactional id a client that wants a newer epoch gets a new id, as from Kafka.
      return Effect.map(producerIds.next, (producerId) => ({
        errorCode: NONE,
        producerId,
        producerEpoch: 0,
        ongoingTxnProducerId: -1n,
        ongoingTxnProducerEpoch: -1
      }))
    }
  }),
  refuse: (_request, errorCode) => ({
    errorCode,
    producerId: -1n,
    producerEpoch: -1,
    ongoingTxnProducerId: -1n,
    ongoingTxnProducerEpoch: -1
  })
})
