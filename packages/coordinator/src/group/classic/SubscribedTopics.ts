import type { ClassicGroupState } from "./ClassicGroupState.ts"

/** The protocol type of consumers; others keep in their metadata what only they understand. */
export const CONSUMER = "consumer"

/** Topic names out of one member's ConsumerProtocolSubscription; null if it is none. */
export type ReadSubscription = (metadata: Uint8Array) => ReadonlyArray<string> | null

/**
 * What the members of a consumer group are subscribed to; null if that cannot be known, as in a rebalance in which
 * members changed their strategies.
 */
export const subscribedTopics = (state: ClassicGroupState, read: ReadSubscription): ReadonlySet<string> | null => {
  const topics = new Set<string>()
  for (const member of state.members.values()) {
    const offered = state.protocolType === CONSUMER ? member.protocols : []
    const agreed = offered.find(({ name }) => name === state.protocolName)
    const subscribed = agreed === undefined ? null : read(agreed.metadata)
    if (subscribed === null) return null
    for (const topic of subscribed) topics.add(topic)
  }
  return topics
}

/** Names of more are not read: the bytes of one request could be tens of millions. */
const MAX_TOPICS = 100_000

const decoder = new TextDecoder("utf-8", { fatal: true })

/**
 * Reads version 0's part, with which every version of the message begins: version, topics. Bounded by the bytes there
 * are; the rest of the message is left alone.
 */
export const readSubscription: ReadSubscription = (metadata) => {
  const view = new DataView(metadata.buffer, metadata.byteOffset, metadata.byteLength)
  try {
    const topics: Array<string> = []
    let at = 6
    const count = view.getInt32(2)
    if (count > MAX_TOPICS) return null
    for (let left = count; left > 0; left--) {
      const length = view.getInt16(at)
      at += 2
      if (length < 0 || at + length > metadata.byteLength) return null
      topics.push(decoder.decode(metadata.subarray(at, at + length)))
      at += length
    }
    return topics
  } catch (error) {
    if (error instanceof RangeError || error instanceof TypeError) return null
    throw error
  }
}
