import { PolicyViolation } from "@tusk/protocol/KafkaError"
import type { KafkaError } from "@tusk/protocol/KafkaError"

/**
 * Who writes to a topic that is imported, and is not the import; or the other way round. Clients do not send such a batch
 * again: whoever wrote the record is told at once.
 */
export const misdirected = (topic: string, importing: boolean): KafkaError =>
  new PolicyViolation({
    message: importing
      ? `Topic ${topic} is being imported (tusk.import): nobody else writes to it before tusk import --finish.`
      : `Topic ${topic} is not being imported (tusk.import).`
  })
