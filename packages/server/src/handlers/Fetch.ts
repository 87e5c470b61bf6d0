import { ZERO_UUID } from "@tusk/protocol/codec/Uuid"
import {
  errorCode,
  FencedLeaderEpoch,
  NONE,
  UnknownLeaderEpoch,
  UnknownTopicId,
  UnknownTopicOrPartition
} from "@tusk/protocol/KafkaError"
import type { KafkaError } from "@tusk/protocol/KafkaError"
import { Fetch } from "@tusk/protocol/messages/Fetch"
import type { FetchRequest, FetchResponse } from "@tusk/protocol/messages/Fetch"
import { Active } from "@tusk/storage/Active"
import { isKafkaError, Log } from "@tusk/storage/log/Log"
import type { PartitionRead } from "@tusk/storage/log/Log"
import type { ReadRequest } from "@tusk/storage/Store"
import { Topics } from "@tusk/storage/Topics"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import { BrokerSettings } from "../BrokerSettings.ts"
import { downConvert } from "../DownConversion.ts"
import { makeFetchSessions, openFetch, served } from "../FetchSession.ts"
import type { FetchContext, FetchPartitionState } from "../FetchSession.ts"
import { Deadlines } from "../Deadlines.ts"
import { handler } from "../Handler.ts"
import type { RequestContext } from "../Handler.ts"

type PartitionData = FetchResponse["responses"][number]["partitions"][number]
type Fetched = PartitionRead | KafkaError

/** Versions from which topics go by id. */
const TOPIC_IDS = 13

export const fetch = handler({
  api: Fetch,
  make: Effect.gen(function* () {
    const active = yield* Active
    const deadlines = yield* Deadlines
    const log = yield* Log
    const topics = yield* Topics
    const clock = yield* Clock.Clock
    const random = yield* Random.Random
    const settings = yield* BrokerSettings
    const sessions = makeFetchSessions(
      settings.maxIncrementalFetchSessionCacheSlots,
      settings.fetchSessionMaxPartitions
    )
    const newSessionId = () => 1 + Math.floor(random.nextDoubleUnsafe() * 0x7ffffffe)

    const partitionOf = (state: FetchPartitionState, byId: boolean): number | KafkaError => {
      const topic = byId ? topics.byId(state.topicId) : topics.byName(state.topic)
      if (topic === undefined) return byId ? new UnknownTopicId() : new UnknownTopicOrPartition()
      const partitionId = topic.partitionIds[state.partition]
      if (partitionId === undefined) return new UnknownTopicOrPartition()
      if (state.currentLeaderEpoch >= 0) {
        const epoch = active.epoch()
        if (state.currentLeaderEpoch < epoch) return new FencedLeaderEpoch()
        if (state.currentLeaderEpoch > epoch) return new UnknownLeaderEpoch()
      }
      return partitionId
    }

    /** Partition errors by place, where there are any; the others are in `requests`, in order. */
    const requestsFor = (states: ReadonlyArray<FetchPartitionState>, byId: boolean) => {
      const requests: Array<ReadRequest> = []
      let errors: Array<KafkaError | undefined> | undefined
      for (let i = 0; i < states.length; i++) {
        const { fetchOffset, maxBytes } = states[i]!
        const partitionId = partitionOf(states[i]!, byId)
        if (typeof partitionId === "number") requests.push({ partitionId, from: fetchOffset, maxBytes })
        else (errors ??= [])[i] = partitionId
      }
      return { requests, errors }
    }

    // Plain functions, and nothing built that a fetch does not need: thousands of consumers wait at the end of their
    // partitions, and cost what each of their fetches allocates.
    const answerFetch = (
      request: FetchRequest,
      context: FetchContext,
      { apiVersion, connection }: RequestContext
    ): Effect.Effect<FetchResponse> => {
      const byId = apiVersion >= TOPIC_IDS
      const states = context.partitions
      const maxBytes = Math.max(0, Math.min(request.maxBytes, settings.fetchMaxBytes))
      const minBytes = Math.min(request.minBytes, maxBytes)
      const readOptions = { maxBytes, atLeastOne: apiVersion > 2 }
      const deadline = clock.currentTimeMillisUnsafe() + request.maxWaitMs
      let gone = false

      const ending = (wake: () => void): (() => void) => {
        const offDeadline = deadlines.at(deadline, wake)
        const offHungUp = connection.onHungUp(() => {
          gone = true
          wake()
        })
        return () => {
          offDeadline()
          offHungUp()
        }
      }
      const answer = (results: ReadonlyArray<Fetched>) =>
        Effect.succeed(responseOf(request, context, results, apiVersion, settings.decompressedMaxBytes))

      /** Where that is too little, waits to be woken by an append, until the time is over. */
      const judge = (reads: ReadonlyArray<Fetched>): Effect.Effect<FetchResponse> => {
        let bytes = 0
        for (const read of reads) {
          if (isKafkaError(read)) return answer(reads)
          bytes += read.bytes
        }
        const isOver = bytes >= minBytes || reads.length === 0 || deadline <= clock.currentTimeMillisUnsafe()
        if (isOver || gone) return answer(reads)
        const waiting = log.awaitBytes(reads as ReadonlyArray<PartitionRead>, minBytes - bytes, ending)
        return Effect.flatMap(waiting, look)
      }

      /** Reads what is there now. */
      const look = (): Effect.Effect<FetchResponse> => {
        const { errors, requests } = requestsFor(states, byId)
        if (errors !== undefined) {
          return Effect.flatMap(log.read(requests, readOptions), (reads) => {
            let next = 0
            return answer(states.map((_, i): Fetched => errors[i] ?? reads[next++]!))
          })
        }
        const reads = log.readNow(requests, readOptions)
        return reads === undefined ? Effect.flatMap(log.read(requests, readOptions), judge) : judge(reads)
      }
      return look()
    }

    return (request: FetchRequest, requestContext: RequestContext) => {
      const now = clock.currentTimeMillisUnsafe()
      const context = openFetch(sessions, request, requestContext.apiVersion >= TOPIC_IDS, now, newSessionId)
      return isKafkaError(context) ? Effect.fail(context) : answerFetch(request, context, requestContext)
    }
  }),
  refuse: (request, code, _error, { apiVersion }) => ({
    throttleTimeMs: 0,
    errorCode: code,
    sessionId: 0,
    // Before version 7 an answer has no place for an error but in its partitions.
    responses:
      apiVersion >= 7
        ? []
        : request.topics.map((topic) => ({
            topic: topic.topic,
            topicId: ZERO_UUID,
            partitions: topic.partitions.map(({ partition }) => empty(partition, code))
          })),
    nodeEndpoints: []
  })
})

/** What is sent of it is remembered in the session. */
const responseOf = (
  request: FetchRequest,
  context: FetchContext,
  results: ReadonlyArray<Fetched>,
  apiVersion: number,
  maxDecompressedBytes: number
): FetchResponse => {
  const responses: Array<{ topic: string; topicId: string; partitions: Array<PartitionData> }> = []
  for (let i = 0; i < results.length; i++) {
    const state = context.partitions[i]!
    const result = results[i]!
    if (context.incremental && isUnchanged(state, result)) continue
    const data = partitionData(state, result, request, apiVersion, maxDecompressedBytes)
    state.sent = data
    if (data.records !== null && data.records.length > 0) served(context, state)
    const last = responses[responses.length - 1]
    if (last !== undefined && last.topicId === state.topicId && last.topic === state.topic) {
      last.partitions.push(data)
    } else {
      responses.push({ topic: state.topic, topicId: state.topicId, partitions: [data] })
    }
  }
  return { throttleTimeMs: 0, errorCode: NONE, sessionId: context.sessionId, responses, nodeEndpoints: NO_ENDPOINTS }
}

const NO_ENDPOINTS: FetchResponse["nodeEndpoints"] = []
const NO_EPOCH = { epoch: -1, endOffset: -1n }
const NO_LEADER = { leaderId: -1, leaderEpoch: -1 }
const NO_RECORDS: ReadonlyArray<Uint8Array> = []
const NO_TRANSACTIONS: FetchResponse["responses"][number]["partitions"][number]["abortedTransactions"] = []

const empty = (partitionIndex: number, code: number): PartitionData => ({
  partitionIndex,
  errorCode: code,
  highWatermark: -1n,
  lastStableOffset: -1n,
  logStartOffset: -1n,
  divergingEpoch: NO_EPOCH,
  currentLeader: NO_LEADER,
  snapshotId: NO_EPOCH,
  abortedTransactions: null,
  preferredReadReplica: -1,
  records: NO_RECORDS
})

const partitionData = (
  state: FetchPartitionState,
  result: Fetched,
  request: FetchRequest,
  apiVersion: number,
  maxDecompressedBytes: number
): PartitionData => {
  if (isKafkaError(result)) return empty(state.partition, errorCode(result))
  const records = downConvert(result.batches, apiVersion, maxDecompressedBytes)
  if (isKafkaError(records)) return empty(state.partition, errorCode(records))
  return {
    partitionIndex: state.partition,
    errorCode: NONE,
    highWatermark: result.highWatermark,
    lastStableOffset: result.lastStableOffset,
    logStartOffset: result.logStartOffset,
    divergingEpoch: NO_EPOCH,
    currentLeader: NO_LEADER,
    snapshotId: NO_EPOCH,
    abortedTransactions: request.isolationLevel === 1 ? NO_TRANSACTIONS : null,
    preferredReadReplica: -1,
    records
  }
}

/** Whether an incremental answer may leave the partition out (KIP-227). */
const isUnchanged = ({ sent }: FetchPartitionState, result: Fetched): boolean =>
  !isKafkaError(result) &&
  result.batches.length === 0 &&
  sent !== undefined &&
  sent.highWatermark === result.highWatermark &&
  sent.logStartOffset === result.logStartOffset &&
  sent.lastStableOffset === result.lastStableOffset
