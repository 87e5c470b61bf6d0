import { InvalidProducerEpoch } from "@tusk/protocol/KafkaError"
import type { KafkaError } from "@tusk/protocol/KafkaError"

/** Clients of versions below `since` do not know PRODUCER_FENCED. */
export const asKnown = (error: KafkaError, apiVersion: number, since: number): KafkaError =>
  error._tag === "ProducerFenced" && apiVersion < since ? new InvalidProducerEpoch({ message: error.message }) : error
