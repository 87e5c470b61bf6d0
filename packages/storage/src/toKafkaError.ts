import { KafkaStorageError, NotLeaderOrFollower } from "@tusk/protocol/KafkaError"
import type { KafkaError } from "@tusk/protocol/KafkaError"
import type { StoreError } from "./StoreError.ts"

/** All retriable: a client asks again, and an idempotent producer's repetition is recognised. */
export const toKafkaError = (error: StoreError): KafkaError => {
  switch (error._tag) {
    case "Fenced":
    case "OutcomeUnknown":
      return new NotLeaderOrFollower({ message: error.message, cause: error })
    case "StoreUnavailable":
      return new KafkaStorageError({ message: error.message, cause: error })
  }
}
