// Serves: ShareFetch 1 and 2: acquires records for a member of a share group, and acknowledges others (KIP-932).
// Left out: version 0.
// Why: it was a preview, which no client of today sends.

import {
  errorCode,
  errorMessage,
  GroupAuthorizationFailed,
  InvalidRequest,
  isKafkaError,
  NONE,
  NotLeaderOrFollower
} from "@tusk/protocol/KafkaError"
import { ShareFetch } from "@tusk/protocol/messages/ShareFetch"
import type { ShareFetchRequest, ShareFetchResponse } from "@tusk/protocol/messages/ShareFetch"
import * as Effect from "effect/Effect"
import { handler } from "../request/Handler.ts"
import type { RequestContext } from "../request/RequestContext.ts"
import { NO_LEADER } from "../request/Placement.ts"
import { monotonicMs } from "../request/monotonic.ts"
import { wireClock } from "../request/WireClock.ts"
import { ClientQuotas } from "../security/quota/ClientQuotas.ts"
import { FETCH } from "../security/quota/QuotaKinds.ts"
import { shareAcquiring } from "../share/ShareAcquiring.ts"
import type { Found } from "../share/ShareAcquiring.ts"
import { refuseShare, SHARE_RIGHTS, ShareRequests, shareResources } from "../share/ShareRequests.ts"
import type { PartitionIdOf } from "../share/ShareRequests.ts"
import { FINAL_EPOCH, INITIAL_EPOCH, ShareSessions } from "../share/ShareSessions.ts"
import type { SharedPartition, ShareSession } from "../share/ShareSessions.ts"

type PartitionData = ShareFetchResponse["responses"][number]["partitions"][number]

const NO_RECORDS: ReadonlyArray<Uint8Array> = []

/** What a request would do that it may not. */
const problemOf = (request: ShareFetchRequest): string | undefined => {
  const acknowledges = request.topics.some(({ partitions }) =>
    partitions.some(({ acknowledgementBatches }) => acknowledgementBatches.length > 0)
  )
  if (request.groupId === null || request.groupId === "") return "GroupId can't be empty."
  if (request.memberId === null || request.memberId === "") return "MemberId can't be empty."
  if (request.shareSessionEpoch === INITIAL_EPOCH && acknowledges) return "A new session acknowledges nothing."
  if (
    request.isRenewAck &&
    (request.maxRecords > 0 || request.maxBytes > 0 || request.minBytes > 0 || request.maxWaitMs > 0)
  ) {
    return "A request that renews fetches nothing."
  }
  return undefined
}

export const shareFetch = handler({
  api: ShareFetch,
  resources: ({ groupId, topics }) => shareResources(groupId, topics),
  versions: [1, 2],
  reads: true,
  waitsMs: ({ maxWaitMs }) => Math.max(0, maxWaitMs),
  later: () => new NotLeaderOrFollower(),
  asks: SHARE_RIGHTS,
  make: Effect.gen(function* () {
    const requests = yield* ShareRequests.make
    const acquire = yield* shareAcquiring()
    const sessions = yield* ShareSessions
    const services = yield* Effect.context<never>()
    const { clients: meters } = yield* ClientQuotas
    const clock = yield* wireClock

    /** With the connection it began on a session ends, as in Apache Kafka: what the member holds is free again. */
    const endWith = ({ onEnd }: RequestContext["connection"], session: ShareSession): void => {
      const hungUp = () => {
        if (sessions.close(session)) Effect.runForkWith(services)(requests.release(session))
      }
      onEnd.add(hungUp)
      session.ended = () => void onEnd.delete(hungUp)
    }

    /** What is acquired is told in any case: who acquires too much waits before it asks again. */
    const acquireFor = Effect.fnUntraced(function* (
      context: RequestContext,
      session: ShareSession,
      request: ShareFetchRequest,
      idOf: PartitionIdOf
    ) {
      if (!meters.isOn) return yield* acquire(session, request, context.connection, idOf)
      const maxBytes = Math.min(request.maxBytes, meters.mostFetched(context))
      const found = yield* acquire(session, { ...request, maxBytes }, context.connection, idOf)
      context.mute(meters.record(FETCH, context, bytesOf(found), monotonicMs(clock)))
      return found
    })

    return Effect.fnUntraced(function* (request: ShareFetchRequest, context: RequestContext) {
      if (request.groupId !== null && !context.may("read", "group", request.groupId)) {
        return yield* new GroupAuthorizationFailed()
      }
      const { connection } = context
      const idOf = requests.readableBy(context)
      const problem = problemOf(request)
      if (problem !== undefined) return yield* new InvalidRequest({ message: problem })
      const { isRenewAck, shareSessionEpoch: epoch } = request
      const [groupId, memberId] = [request.groupId!, request.memberId!]
      const idError = requests.idError(groupId, memberId)
      if (idError !== null) return yield* Effect.fail(idError)
      const session = requests.open({ groupId, memberId, epoch, added: added(request), forgotten: forgotten(request) })
      if ("_tag" in session) return yield* Effect.fail(session)
      const answers = new Answers()
      // As Apache Kafka: the first answer of a session names every partition, a later one those with something to tell.
      if (epoch === INITIAL_EPOCH) {
        endWith(connection, session)
        for (const { partition, topicId } of session.partitions.values()) answers.of(topicId, partition)
      }
      for (const { partitions, topicId } of request.topics) {
        for (const { acknowledgementBatches: batches, partitionIndex } of partitions) {
          if (batches.length === 0) continue
          const told = yield* requests.acknowledge(session, { topicId, partitionIndex, batches, isRenewAck, idOf })
          answers.put(topicId, partitionIndex, {
            acknowledgeErrorCode: told.errorCode,
            acknowledgeErrorMessage: told.errorMessage,
            currentLeader: told.currentLeader
          })
        }
      }
      if (epoch === FINAL_EPOCH) yield* requests.close(session)
      else if (!isRenewAck) answers.acquired(yield* acquireFor(context, session, request, idOf), requests)
      return requests.answer(groupId, answers.all(), connection.listener)
    })
  }),
  refuse: refuseShare
})

const bytesOf = (found: Found): number => {
  let bytes = 0
  for (const [, result] of found) {
    if (!isKafkaError(result)) for (const batch of result.batches) bytes += batch.byteLength
  }
  return bytes
}

const added = (request: ShareFetchRequest): ReadonlyArray<SharedPartition> =>
  request.topics.flatMap(({ partitions, topicId }) =>
    partitions.map(({ partitionIndex }) => ({ topicId, partition: partitionIndex }))
  )

const forgotten = (request: ShareFetchRequest): ReadonlyArray<SharedPartition> =>
  request.forgottenTopicsData.flatMap(({ partitions, topicId }) =>
    partitions.map((partition) => ({ topicId, partition }))
  )

/** What is told of partitions, in the order in which they came up, topic by topic. */
class Answers {
  readonly #topics = new Map<string, Map<number, PartitionData>>()

  of(topicId: string, partition: number): PartitionData {
    let partitions = this.#topics.get(topicId)
    if (partitions === undefined) this.#topics.set(topicId, (partitions = new Map()))
    const data = partitions.get(partition) ?? dataOf(partition)
    partitions.set(partition, data)
    return data
  }

  put(topicId: string, partition: number, change: Partial<PartitionData>): void {
    const data = this.of(topicId, partition)
    this.#topics.get(topicId)!.set(partition, { ...data, ...change })
  }

  acquired(found: Found, requests: ShareRequests): void {
    for (const [{ partition, topicId }, result] of found) {
      if (isKafkaError(result)) {
        this.put(topicId, partition, {
          errorCode: errorCode(result),
          errorMessage: errorMessage(result),
          currentLeader: requests.leadership(result, topicId, partition)
        })
        continue
      }
      const acquiredRecords = result.ranges.map(({ deliveryCount, first, last }) => ({
        firstOffset: first,
        lastOffset: last,
        deliveryCount
      }))
      this.put(topicId, partition, { records: result.batches, acquiredRecords })
    }
  }

  all() {
    return Array.from(this.#topics, ([topicId, partitions]) => ({
      topicId,
      partitions: Array.from(partitions.values())
    }))
  }
}

const dataOf = (partitionIndex: number): PartitionData => ({
  partitionIndex,
  errorCode: NONE,
  errorMessage: null,
  acknowledgeErrorCode: NONE,
  acknowledgeErrorMessage: null,
  currentLeader: NO_LEADER,
  records: NO_RECORDS,
  acquiredRecords: []
})
