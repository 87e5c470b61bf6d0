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

/** What is to be done next with objects. */
export type MergeStep =
  /** Their batches are put together, in one object. */
  | { readonly _tag: "Merge"; readonly objectIds: ReadonlyArray<bigint> }
  /** They are as large as one that would be made of them: they stay as they are. */
  | { readonly _tag: "Leave"; readonly objectIds: ReadonlyArray<bigint> }
  /** Nothing is worth it. */
  | { readonly _tag: "Rest" }

/** Few objects are not merged for their number alone. */
const LEAST_OBJECTS = 8
/** How many times as large as the largest of them what is made of small objects has to be: each byte is moved seldom. */
const GROWTH = 4

const REST: MergeStep = { _tag: "Rest" }

const merge = (objects: ReadonlyArray<Mergeable>): MergeStep => ({
  _tag: "Merge",
  objectIds: objects.map(({ objectId }) => objectId)
})

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
 * Objects that are not merged yet, oldest first. What is urgent comes first; then the oldest, if all together fill an object;
 * else small ones, where many of them become one that is much larger: so a byte is moved a few times at most, until it lies in
 * an object that is merged for good (`isMerged`).
 */
export const nextMerge = (objects: ReadonlyArray<Mergeable>, { bytes }: MergeLimits): MergeStep => {
  const urgent = objects.filter(({ isUrgent }) => isUrgent)
  if (urgent.length > 0) return merge(upTo(urgent, bytes))
  const large = objects.filter((object) => object.bytes >= bytes)
  if (large.length > 0) return { _tag: "Leave", objectIds: large.map(({ objectId }) => objectId) }
  const filling = upTo(objects, bytes)
  const isFull = filling.reduce((sum, object) => sum + object.bytes, 0) >= bytes
  const chosen = isFull ? filling : small(objects)
  return chosen.length === 0 ? REST : merge(chosen)
}

/** Whether what was made of others is not merged again. */
export const isMerged = (made: { readonly bytes: number; readonly batches: number }, limits: MergeLimits): boolean =>
  2 * made.bytes >= limits.bytes || 2 * made.batches >= limits.batches
