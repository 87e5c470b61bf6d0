import * as Effect from "effect/Effect"
import { firstEndingAt } from "../../firstEndingAt.ts"
import type { ReadRequest } from "../../port/BatchReader.ts"
import { resolved } from "../../port/StoredBatch.ts"
import type { StoreError } from "../../port/StoreError.ts"
import type { Readers } from "./Readers.ts"
import { decodeRead, encodeRead } from "./readStatements.ts"
import type { FoundBatches as Found } from "./readStatements.ts"
import { Taking } from "./Taking.ts"
import type { ReadBatch } from "./Taking.ts"

const isInObject = ({ batch }: ReadBatch): boolean => !(batch instanceof Uint8Array)

/** Takes what is known already. Returns whether something was. */
const takeKnown = (taking: Taking, { pointers }: Readers): boolean => {
  let isAny = false
  for (let next = taking.next; next !== undefined; next = taking.next) {
    const run = pointers.find(next.partitionId, next.from)
    if (run === undefined) break
    isAny = true
    if (!taking.take(run.batches, firstEndingAt(run.batches, next.from))) taking.pass()
  }
  return isAny
}

const find = (
  readers: Readers,
  requests: ReadonlyArray<ReadRequest>
): Effect.Effect<ReadonlyArray<Found>, StoreError> =>
  Effect.suspend(() => {
    const { pointers } = readers
    const { changes } = pointers
    return Effect.map(
      readers.send((frame) => encodeRead(frame, requests)),
      (rows) => {
        const found = decodeRead(rows, requests.length)
        for (const [i, { batches }] of found.entries()) {
          const { from, partitionId } = requests[i]!
          if (batches.every(isInObject)) pointers.keep({ partitionId, from, batches }, changes)
        }
        return found
      }
    )
  })

/** Asks for the next requests, as many as get what they want, and takes what is found. */
const takeStored = Effect.fnUntraced(function* (taking: Taking, readers: Readers) {
  for (let here of yield* find(readers, taking.together)) {
    // What the first ones took may leave less than was thought: the first batch of all comes however large it is.
    if (taking.next === undefined) return
    while (taking.take(here.batches) && here.hasMore) here = (yield* find(readers, [taking.next]))[0]!
    taking.pass()
  }
})

const fill = Effect.fnUntraced(function* (taking: Taking, readers: Readers) {
  while (taking.next !== undefined) {
    yield* takeStored(taking, readers)
    takeKnown(taking, readers)
  }
  return yield* resolved(taking.taken)
})

/** As the port says (`BatchReader.read`). What is known of objects may have changed: then all is read anew. */
export const readBatches = (
  readers: Readers,
  requests: ReadonlyArray<ReadRequest>,
  maxBytes: number
): Effect.Effect<ReadonlyArray<ReadonlyArray<Uint8Array>>, StoreError> => {
  const taking = new Taking(requests, maxBytes)
  const isKnown = takeKnown(taking, readers)
  const read = fill(taking, readers)
  if (!isKnown) return read
  return Effect.catch(read, () => {
    for (const { partitionId } of requests) readers.pointers.forget(partitionId)
    return fill(new Taking(requests, maxBytes), readers)
  })
}
