/** An object that may be merged with others. */
export interface Mergeable {
  readonly objectId: bigint
  /** Bytes of the batches that lie in it, at most. */
  readonly bytes: number
  /** Worth it alone: it holds what was erased, or little but what is gone. */
  readonly isUrgent: boolean
}

export interface MergeLimits {
  /** Bytes of an object that is made of others; one more may come to it. */
  readonly bytes: number
  /** Batches of one. */
  readonly batches: number
}

/** Few objects are not merged for their number alone. */
const LEAST_OBJECTS = 8
/** How many times as large as the largest of them what is made of small objects has to be: each byte is moved seldom. */
const GROWTH = 4

/** As many from the first on as it takes to have so many bytes. */
const upTo = (objects: ReadonlyArray<Mergeable>, bytes: number): ReadonlyArray<Mergeable> => {
  let sum = 0
  const found = objects.findIndex((object) => (sum += object.bytes) >= bytes)
  return found < 0 ? objects : objects.slice(0, found + 1)
}

/** The smallest ones, as many of them as make something much larger than each of them is. */
const small = (objects: ReadonlyArray<Mergeable>): ReadonlyArray<Mergeable> => {
  const bySize = objects.toSorted((a, b) => a.bytes - b.bytes)
  let sum = 0
  let count = 0
  for (const [i, { bytes }] of bySize.entries()) {
    sum += bytes
    if (i + 1 >= LEAST_OBJECTS && sum >= GROWTH * bytes) count = i + 1
  }
  return bySize.slice(0, count)
}

/**
 * Which of these objects, which are not merged yet and come oldest first, are put together now; none: it is not worth it. What is
 * urgent comes first; then the oldest, if all together fill an object; else small ones, where many of them become one that is
 * much larger: so a byte is moved a few times at most, until it lies in an object that is merged for good (`isMerged`).
 */
export const nextMerge = (objects: ReadonlyArray<Mergeable>, { bytes }: MergeLimits): ReadonlyArray<Mergeable> => {
  const urgent = objects.filter(({ isUrgent }) => isUrgent)
  if (urgent.length > 0) return upTo(urgent, bytes)
  const filling = upTo(objects, bytes)
  const isFull = filling.reduce((sum, object) => sum + object.bytes, 0) >= bytes
  return isFull ? filling : small(objects)
}

/** Whether what was made of others is not merged again. */
export const isMerged = (made: { readonly bytes: number; readonly batches: number }, limits: MergeLimits): boolean =>
  2 * made.bytes >= limits.bytes || 2 * made.batches >= limits.batches
