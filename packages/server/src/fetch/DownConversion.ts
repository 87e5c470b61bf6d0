import type { KafkaError } from "@tusk/protocol/KafkaError"
import type { OldMagic } from "@tusk/protocol/record/MessageSet"
import { isKafkaError } from "@tusk/storage/log/Log"
import type { PartitionRead } from "@tusk/storage/log/Log"
import * as Effect from "effect/Effect"

/** One batch as a message set; or why it cannot be one. */
export type ToMessageSet = (batch: Uint8Array, magic: OldMagic) => Effect.Effect<Uint8Array | KafkaError>

/**
 * Versions from which batches go out as they lie; message sets of magic 1 in versions 2 and 3, of magic 0 before, which
 * know no zstd. From version 10 on a client says that it reads zstd (KIP-110); many that ask by older ones do, too, and
 * one that does not says so better than one that is refused, and asks again.
 */
export const AS_THEY_LIE = 4

/** Bytes, as they are stored, beyond which an answer takes no further batch: each may become a hundred times as many. */
const MOST_BYTES = 256 * 1024

/**
 * The reads of a Fetch below version 4 as message sets: a batch, and more as long as they are few bytes. What is left
 * is asked for again, and comes first for another partition each time, `from` being a number that rises.
 */
export const downConvert = Effect.fnUntraced(function* (
  reads: ReadonlyArray<PartitionRead | KafkaError>,
  apiVersion: number,
  from: number,
  toMessageSet: ToMessageSet
) {
  const magic = apiVersion >= 2 ? 1 : 0
  const converted = [...reads]
  let taken = 0
  for (let i = 0; i < reads.length; i++) {
    const at = (from + i) % reads.length
    const read = reads[at]!
    if (isKafkaError(read)) continue
    const batches: Array<Uint8Array> = []
    let bytes = 0
    for (const batch of read.batches) {
      if (taken > 0 && taken + batch.byteLength > MOST_BYTES) break
      taken += batch.byteLength
      const messages = yield* toMessageSet(batch, magic)
      if (!isKafkaError(messages)) {
        batches.push(messages)
        bytes += messages.byteLength
        continue
      }
      // Those before it are read first.
      if (batches.length === 0) converted[at] = messages
      break
    }
    if (!isKafkaError(converted[at]!)) converted[at] = { ...read, batches, bytes }
  }
  return converted
})
