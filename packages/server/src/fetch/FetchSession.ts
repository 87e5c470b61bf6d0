import type { KafkaError } from "@tusk/protocol/KafkaError"
import { FetchSessionIdNotFound, FetchSessionTopicIdError, InvalidFetchSessionEpoch } from "@tusk/protocol/KafkaError"
import type { FetchRequest } from "@tusk/protocol/messages/Fetch"
import { ZERO_UUID } from "@tusk/protocol/codec/Uuid"

/**
 * Incremental fetch sessions (KIP-227, topic ids KIP-516): a client names only the partitions that change.
 *
 * | request's session id, epoch | what happens |
 * |---|---|
 * | any, -1 | the session, if any, is closed; a full fetch outside any session |
 * | any, 0 | the session, if any, is closed; a full fetch, and a new session if there is room |
 * | known, the expected epoch | incremental: the request changes the session's partitions |
 * | known, another epoch | `InvalidFetchSessionEpoch` |
 * | unknown, above 0 | `FetchSessionIdNotFound` |
 * | known, but by names though it was by ids (or the other way) | `FetchSessionTopicIdError` |
 */
export interface FetchSessions {
  readonly maxSessions: number
  readonly maxPartitions: number
  /** In order of last use. */
  readonly sessions: Map<number, FetchSession>
}

export interface FetchSession {
  readonly id: number
  readonly usesTopicIds: boolean
  /** The epoch of the next request. */
  epoch: number
  lastUsedMs: number
  /** In the order they are to be served. */
  readonly partitions: Map<string, FetchPartitionState>
  /** The same as a list, until they change: most requests of a session change nothing. */
  list: ReadonlyArray<FetchPartitionState> | undefined
}

/** A partition as it is fetched; `sent` is what the client was told of it last. */
export interface FetchPartitionState {
  /** Names it within its session. */
  readonly key: string
  readonly topicId: string
  readonly topic: string
  readonly partition: number
  /** What `topic` and `partition` stand for, set by each fetch. */
  partitionId: number
  /** The name by which its topic was found last. */
  foundAs: string | undefined
  from: bigint
  maxBytes: number
  currentLeaderEpoch: number
  lastFetchedEpoch: number
  sent:
    { readonly highWatermark: bigint; readonly logStartOffset: bigint; readonly lastStableOffset: bigint } | undefined
}

/** What a request fetches, and how its answer is to be cut. */
export interface FetchContext {
  readonly sessionId: number
  readonly partitions: ReadonlyArray<FetchPartitionState>
  /** Leave out what has not changed. */
  readonly incremental: boolean
  readonly session: FetchSession | undefined
}

export const makeFetchSessions = (maxSessions: number, maxPartitions: number): FetchSessions => ({
  maxSessions,
  maxPartitions,
  sessions: new Map()
})

/** Sessions idle for longer give way to new ones, as in Kafka. */
const EVICTION_MS = 120_000
const FINAL_EPOCH = -1
const INITIAL_EPOCH = 0

const nextEpoch = (epoch: number): number => (epoch === 0x7fffffff ? 1 : epoch + 1)

const keyOf = (topicId: string, topic: string, partition: number): string =>
  topicId === ZERO_UUID ? `n${topic}:${partition}` : `i${topicId}:${partition}`

/** `newId`: a random id above 0, for a session that may begin. */
export const openFetch = (
  cache: FetchSessions,
  request: FetchRequest,
  usesTopicIds: boolean,
  nowMs: number,
  newId: () => number
): FetchContext | KafkaError => {
  const { sessionEpoch, sessionId } = request
  if (sessionEpoch === FINAL_EPOCH || sessionEpoch === INITIAL_EPOCH) {
    cache.sessions.delete(sessionId)
    const partitions = new Map<string, FetchPartitionState>()
    update(partitions, request)
    const session = sessionEpoch === FINAL_EPOCH ? undefined : begin(cache, partitions, usesTopicIds, nowMs, newId)
    return {
      sessionId: session?.id ?? 0,
      partitions: Array.from(partitions.values()),
      incremental: false,
      session
    }
  }
  const session = cache.sessions.get(sessionId)
  if (session === undefined) return new FetchSessionIdNotFound()
  if (session.epoch !== sessionEpoch) return new InvalidFetchSessionEpoch()
  if (session.usesTopicIds !== usesTopicIds) return new FetchSessionTopicIdError()
  session.epoch = nextEpoch(sessionEpoch)
  session.lastUsedMs = nowMs
  cache.sessions.delete(sessionId)
  cache.sessions.set(sessionId, session)
  if (request.forgottenTopicsData.length > 0 || request.topics.length > 0) {
    session.list = undefined
    for (const topic of request.forgottenTopicsData) {
      for (const partition of topic.partitions) session.partitions.delete(keyOf(topic.topicId, topic.topic, partition))
    }
    update(session.partitions, request)
  }
  if (session.partitions.size > cache.maxPartitions) {
    cache.sessions.delete(sessionId)
    return new FetchSessionIdNotFound()
  }
  session.list ??= Array.from(session.partitions.values())
  return { sessionId, partitions: session.list, incremental: true, session }
}

/** A fetch that is told nothing (KIP-219): a session that it began is none, for its client begins anew. Tells its id. */
export const unanswered = (cache: FetchSessions, { incremental, sessionId }: FetchContext): number => {
  if (incremental) return sessionId
  cache.sessions.delete(sessionId)
  return 0
}

/** This partition's records go out: next time it is served last. */
export const served = ({ session }: FetchContext, state: FetchPartitionState): void => {
  if (session === undefined || !session.partitions.delete(state.key)) return
  session.partitions.set(state.key, state)
  session.list = undefined
}

const update = (partitions: Map<string, FetchPartitionState>, request: FetchRequest): void => {
  for (const topic of request.topics) {
    for (const asked of topic.partitions) {
      const key = keyOf(topic.topicId, topic.topic, asked.partition)
      const state = partitions.get(key)
      if (state === undefined) {
        partitions.set(key, {
          key,
          topicId: topic.topicId,
          topic: topic.topic,
          partition: asked.partition,
          partitionId: -1,
          foundAs: undefined,
          from: asked.fetchOffset,
          maxBytes: asked.partitionMaxBytes,
          currentLeaderEpoch: asked.currentLeaderEpoch,
          lastFetchedEpoch: asked.lastFetchedEpoch,
          sent: undefined
        })
        continue
      }
      state.from = asked.fetchOffset
      state.maxBytes = asked.partitionMaxBytes
      state.currentLeaderEpoch = asked.currentLeaderEpoch
      state.lastFetchedEpoch = asked.lastFetchedEpoch
    }
  }
}

const begin = (
  cache: FetchSessions,
  partitions: Map<string, FetchPartitionState>,
  usesTopicIds: boolean,
  nowMs: number,
  newId: () => number
): FetchSession | undefined => {
  if (partitions.size === 0 || partitions.size > cache.maxPartitions) return undefined
  if (cache.sessions.size >= cache.maxSessions) {
    const [oldest] = cache.sessions.values()
    if (oldest === undefined || nowMs - oldest.lastUsedMs < EVICTION_MS) return undefined
    cache.sessions.delete(oldest.id)
  }
  let id = newId()
  while (cache.sessions.has(id)) id = newId()
  const session: FetchSession = { id, usesTopicIds, epoch: 1, lastUsedMs: nowMs, partitions, list: undefined }
  cache.sessions.set(id, session)
  return session
}
