import { KafkaStorageError, NotLeaderOrFollower, RequestTimedOut, UnknownServerError } from "@tusk/protocol/KafkaError"
import type { KafkaError } from "@tusk/protocol/KafkaError"
import * as Effect from "effect/Effect"
import type { StoreError } from "./StoreError.ts"

/**
 * What a client is told. Not stored, and worth asking again: NOT_LEADER_OR_FOLLOWER, KAFKA_STORAGE_ERROR. Not stored, however
 * often it is asked: UNKNOWN_SERVER_ERROR. Not known: REQUEST_TIMED_OUT, which no client reads as "not stored".
 */
export const toKafkaError = (error: StoreError): KafkaError => {
  const { message } = error
  switch (error._tag) {
    case "Fenced":
      return new NotLeaderOrFollower({ message, cause: error })
    case "OutcomeUnknown":
      return new RequestTimedOut({ message, cause: error })
    case "StoreRefused":
      return new UnknownServerError({ message, cause: error })
    case "StoreUnavailable":
      return new KafkaStorageError({ message, cause: error })
  }
}

/** What a client is told if this fails; undefined if it does not. */
export const kafkaErrorOf = (effect: Effect.Effect<void, StoreError>): Effect.Effect<KafkaError | undefined> =>
  Effect.match(effect, { onFailure: toKafkaError, onSuccess: () => undefined })
