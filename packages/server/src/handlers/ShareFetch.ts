import { SharePartitions } from "@tusk/coordinator/group/shell/SharePartitions"
import type { AcquiredRecords } from "@tusk/coordinator/group/shell/ShareRequests"
import { GroupConfigs } from "@tusk/coordinator/group/machine/GroupConfigs"
import {
  errorCode,
  errorMessage,
  InvalidRequest,
  KafkaStorageError,
  NONE,
  NotLeaderOrFollower,
  UnknownTopicOrPartition
} from "@tusk/protocol/KafkaError"
import { isKafkaError, type KafkaError } from "@tusk/protocol/KafkaError"
import { ShareFetch } from "@tusk/protocol/messages/ShareFetch"
import type { ShareFetchRequest, ShareFetchResponse } from "@tusk/protocol/messages/ShareFetch"
import { isKafkaError as isRefused, Log } from "@tusk/storage/log/Log"
import { boundOf, offsetOf } from "@tusk/storage/log/partitions/Bound"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { AnswerBudget } from "../fetch/AnswerBudget.ts"
import type { Claim } from "../fetch/AnswerBudget.ts"
import { BrokerSettings } from "../config/BrokerSettings.ts"
import { Deadlines } from "../request/Deadlines.ts"
import { handler } from "../request/Handler.ts"
import type { RequestContext } from "../request/Handler.ts"
import { monotonicMs } from "../request/monotonic.ts"
import { NO_LEADER } from "../request/Placement.ts"
import { shareAcknowledging } from "../share/ShareAcknowledging.ts"
import { FINAL_EPOCH, INITIAL_EPOCH, served, ShareSessions } from "../share/ShareSessions.ts"
import type { SharedPartition, ShareSession } from "../share/ShareSessions.ts"

type PartitionData = ShareFetchResponse["responses"][number]["partitions"][number]

/** `share.acquire.mode` record_limit (KIP-1206): not one record more than asked for. */
const RECORD_LIMIT = 1

const NO_RECORDS: ReadonlyArray<Uint8Array> = []

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

/** A partition's error, of those that Java's consumer knows how to go on from: of others it throws. */
const fetchError = (error: KafkaError): KafkaError => {
  if (error._tag === "NotCoordinator") return new KafkaStorageError({ cause: error })
  return error._tag === "GroupIdNotFound" ? new UnknownTopicOrPartition({ cause: error }) : error
}

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

const added = (request: ShareFetchRequest): ReadonlyArray<SharedPartition> =>
  request.topics.flatMap(({ partitions, topicId }) =>
    partitions.map(({ partitionIndex }) => ({ topicId, partition: partitionIndex }))
  )
const forgotten = (request: ShareFetchRequest): ReadonlyArray<SharedPartition> =>
  request.forgottenTopicsData.flatMap(({ partitions, topicId }) =>
    partitions.map((partition) => ({ topicId, partition }))
  )

export const shareFetch = handler({
  api: ShareFetch,
  // Version 0 was a preview.
  versions: [1, 2],
  reads: true,
  waitsMs: ({ maxWaitMs }) => Math.max(0, maxWaitMs),
  later: () => new NotLeaderOrFollower(),
  make: Effect.gen(function* () {
    const budget = yield* AnswerBudget
    const clock = yield* Clock.Clock
    const configs = yield* GroupConfigs
    const deadlines = yield* Deadlines
    const log = yield* Log
    const sessions = yield* ShareSessions
    const settings = yield* BrokerSettings
    const shared = yield* SharePartitions
    const { acknowledge, endpoints, leadership, partitionIdOf, release } = yield* shareAcknowledging
    const services = yield* Effect.context<never>()

    /** With the connection it began on a session ends, as in Apache Kafka: what the member holds is free again. */
    const endWith = ({ onEnd }: RequestContext["connection"], session: ShareSession): void => {
      const hungUp = () => {
        if (sessions.close(session)) Effect.runForkWith(services)(release(session))
      }
      onEnd.add(hungUp)
      session.ended = () => void onEnd.delete(hungUp)
    }

    /** Partitions of the session in turn, as long as there is room. */
    const acquireOnce = Effect.fnUntraced(function* (session: ShareSession, request: ShareFetchRequest, claim: Claim) {
      const found: Array<readonly [SharedPartition, AcquiredRecords | KafkaError]> = []
      const given = claim.take(Math.max(0, Math.min(request.maxBytes, settings.fetchMaxBytes)))
      let bytes = given
      let records = request.maxRecords
      for (const partition of Array.from(session.partitions.values())) {
        if (bytes <= 0 || records <= 0) break
        const partitionId = partitionIdOf(partition.topicId, partition.partition)
        if (typeof partitionId !== "number") {
          found.push([partition, partitionId])
          continue
        }
        const acquired = yield* shared
          .acquire({
            groupId: session.groupId,
            memberId: session.memberId,
            partitionId,
            maxBytes: bytes,
            maxRecords: records,
            strict: request.shareAcquireMode === RECORD_LIMIT,
            batchSize: request.batchSize
          })
          .pipe(Effect.catch((error) => Effect.succeed(fetchError(error))))
        if (isKafkaError(acquired)) found.push([partition, acquired])
        else if (acquired.ranges.length > 0) {
          found.push([partition, acquired])
          served(session, partition)
          for (const { byteLength } of acquired.batches) bytes -= byteLength
          for (const { first, last } of acquired.ranges) records -= Number(last - first) + 1
        }
      }
      claim.keep(given - bytes)
      return found
    })

    /** Until there is something, the time is over, or the client has gone. */
    const acquireEnough = Effect.fnUntraced(function* (
      session: ShareSession,
      request: ShareFetchRequest,
      connection: RequestContext["connection"]
    ) {
      const deadline = monotonicMs(clock) + request.maxWaitMs
      const claim = budget.claim(connection)
      const bound = boundOf(configs(session.groupId).shareIsolationLevel)
      const room = budget.room()
      if (room !== undefined) yield* room
      /** How many could not be served at the first look: one more is news. */
      let known: number | undefined
      while (true) {
        // What is free from here on is not missed: it is looked for again.
        const ids: Array<number> = []
        for (const { partition, topicId } of session.partitions.values()) {
          const partitionId = partitionIdOf(topicId, partition)
          if (typeof partitionId === "number") ids.push(partitionId)
        }
        const ends = yield* log.ends(ids)
        const free = { isFreed: false, wake: () => {} }
        const freed = () => {
          free.isFreed = true
          free.wake()
        }
        const looked = Effect.gen(function* () {
          const found = yield* acquireOnce(session, request, claim)
          const errors = found.reduce((sum, [, result]) => (isKafkaError(result) ? sum + 1 : sum), 0)
          known ??= errors
          // What cannot be served is no reason to answer before there is a record: unless nothing else is asked for.
          const isDue = errors < found.length || errors > known || errors === session.partitions.size
          const left = deadline - monotonicMs(clock)
          if (isDue || left <= 0 || request.minBytes <= 0 || connection.isStopping) return found
          if (free.isFreed) return undefined
          const positions = ids.flatMap((partitionId, i) => {
            const end = ends[i]!
            return isRefused(end) ? [] : [{ partitionId, bound, readableEnd: offsetOf(bound, end) }]
          })
          let ringsAt = 0
          yield* log.awaitBytes(positions, 1, {
            begin: (ring) => {
              free.wake = ring
              ringsAt = deadlines.at(deadline, ring)
              connection.onEnding(ring)
            },
            end: (ring) => {
              deadlines.off(ringsAt, ring)
              connection.offEnding(ring)
            }
          })
          return connection.isGone ? [] : undefined
        })
        const answer = yield* shared.watchingFree(session.groupId, ids, freed, looked)
        if (answer !== undefined) return answer
      }
    })

    return Effect.fnUntraced(function* (request: ShareFetchRequest, { connection }: RequestContext) {
      const problem = problemOf(request)
      if (problem !== undefined) return yield* new InvalidRequest({ message: problem })
      const groupId = request.groupId!
      const idError = shared.idError(groupId, request.memberId!)
      if (idError !== null) return yield* Effect.fail(idError)
      const config = configs(groupId)
      const session = sessions.use(
        {
          groupId,
          memberId: request.memberId!,
          epoch: request.shareSessionEpoch,
          added: added(request),
          forgotten: forgotten(request),
          maxSessions: config.shareMaxShareSessions
        },
        monotonicMs(clock)
      )
      if ("_tag" in session) return yield* Effect.fail(session)
      const isFirst = request.shareSessionEpoch === INITIAL_EPOCH
      if (isFirst) endWith(connection, session)

      const answers = new Map<string, Map<number, PartitionData>>()
      const answerOf = (topicId: string, partition: number): PartitionData => {
        let partitions = answers.get(topicId)
        if (partitions === undefined) answers.set(topicId, (partitions = new Map()))
        const data = partitions.get(partition) ?? dataOf(partition)
        partitions.set(partition, data)
        return data
      }
      const put = (topicId: string, partition: number, change: Partial<PartitionData>): void => {
        const data = answerOf(topicId, partition)
        answers.get(topicId)!.set(partition, { ...data, ...change })
      }

      // As Apache Kafka: the first answer of a session names every partition, a later one those with something to tell.
      if (isFirst) for (const { partition, topicId } of session.partitions.values()) answerOf(topicId, partition)
      for (const { partitions, topicId } of request.topics) {
        for (const { acknowledgementBatches, partitionIndex } of partitions) {
          if (acknowledgementBatches.length === 0) continue
          const error = yield* acknowledge(session, topicId, partitionIndex, acknowledgementBatches, request.isRenewAck)
          put(topicId, partitionIndex, {
            acknowledgeErrorCode: error === null ? NONE : errorCode(error),
            acknowledgeErrorMessage: error === null ? null : errorMessage(error),
            currentLeader: leadership(error, topicId, partitionIndex)
          })
        }
      }
      if (request.shareSessionEpoch === FINAL_EPOCH) {
        sessions.close(session)
        yield* release(session)
      } else if (!request.isRenewAck) {
        for (const [{ partition, topicId }, found] of yield* acquireEnough(session, request, connection)) {
          put(
            topicId,
            partition,
            isKafkaError(found)
              ? {
                  errorCode: errorCode(found),
                  errorMessage: errorMessage(found),
                  currentLeader: leadership(found, topicId, partition)
                }
              : {
                  records: found.batches,
                  acquiredRecords: found.ranges.map(({ deliveryCount, first, last }) => ({
                    firstOffset: first,
                    lastOffset: last,
                    deliveryCount
                  }))
                }
          )
        }
      }
      const responses = Array.from(answers, ([topicId, partitions]) => ({
        topicId,
        partitions: Array.from(partitions.values())
      }))
      return {
        throttleTimeMs: 0,
        errorCode: NONE,
        errorMessage: null,
        acquisitionLockTimeoutMs: config.shareRecordLockDurationMs,
        responses,
        nodeEndpoints: endpoints(
          responses.flatMap(({ partitions }) => partitions.map(({ currentLeader }) => currentLeader)),
          connection.listener
        )
      }
    })
  }),
  refuse: (_request, code, error) => ({
    throttleTimeMs: 0,
    errorCode: code,
    errorMessage: errorMessage(error),
    acquisitionLockTimeoutMs: 0,
    responses: [],
    nodeEndpoints: []
  })
})
