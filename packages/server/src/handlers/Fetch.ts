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
import { makeFetchSessions, openFetch } from "../FetchSession.ts"
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

    /** Reads what is there now: results in order of `states`. */
    const readOnce = (
      states: ReadonlyArray<FetchPartitionState>,
      byId: boolean,
      maxBytes: number,
      atLeastOne: boolean
    ): Effect.Effect<ReadonlyArray<Fetched>> => {
      const found = states.map((state) => partitionOf(state, byId))
      const requests: Array<ReadRequest> = []
      for (let i = 0; i < states.length; i++) {
        const partitionId = found[i]!
        if (typeof partitionId !== "number") continue
        requests.push({ partitionId, from: states[i]!.fetchOffset, maxBytes: states[i]!.maxBytes })
      }
      if (requests.length === states.length) return log.read(requests, { maxBytes, atLeastOne })
      return Effect.map(log.read(requests, { maxBytes, atLeastOne }), (reads) => {
        let next = 0
        return found.map((partitionId): Fetched => (typeof partitionId === "number" ? reads[next++]! : partitionId))
      })
    }

    /** What the high watermarks were, of partitions that can be waited for. */
    const positions = (
      states: ReadonlyArray<FetchPartitionState>,
      byId: boolean,
      results: ReadonlyArray<Fetched>
    ): Array<{ readonly partitionId: number; readonly highWatermark: bigint }> => {
      const at: Array<{ readonly partitionId: number; readonly highWatermark: bigint }> = []
      for (let i = 0; i < states.length; i++) {
        const partitionId = partitionOf(states[i]!, byId)
        const result = results[i]!
        if (typeof partitionId !== "number" || isKafkaError(result)) continue
        at.push({ partitionId, highWatermark: result.highWatermark })
      }
      return at
    }

    /** Reads, and where that is too little waits to be woken by an append, until the time is over. */
    const readEnough = Effect.fnUntraced(function* (
      request: FetchRequest,
      context: FetchContext,
      { apiVersion, connection }: RequestContext
    ) {
      const byId = apiVersion >= TOPIC_IDS
      const maxBytes = Math.max(0, Math.min(request.maxBytes, settings.fetchMaxBytes))
      const minBytes = Math.min(request.minBytes, maxBytes)
      const deadline = clock.currentTimeMillisUnsafe() + request.maxWaitMs
      while (true) {
        const results = yield* readOnce(context.partitions, byId, maxBytes, apiVersion > 2)
        let bytes = 0
        let failed = false
        for (const result of results) {
          if (isKafkaError(result)) failed = true
          else bytes += result.bytes
        }
        const left = deadline - clock.currentTimeMillisUnsafe()
        if (failed || bytes >= minBytes || left <= 0 || results.length === 0) return results
        let gone = false
        yield* log.awaitBytes(positions(context.partitions, byId, results), minBytes - bytes, [
          (wake) => deadlines.at(deadline, wake),
          (wake) =>
            connection.onHungUp(() => {
              gone = true
              wake()
            })
        ])
        if (gone) return results
      }
    })

    return Effect.fnUntraced(function* (request: FetchRequest, requestContext: RequestContext) {
      const { apiVersion } = requestContext
      const context = openFetch(
        sessions,
        request,
        apiVersion >= TOPIC_IDS,
        clock.currentTimeMillisUnsafe(),
        newSessionId
      )
      if (isKafkaError(context)) return yield* Effect.fail(context)
      const results = yield* readEnough(request, context, requestContext)
      const responses: Array<{ topic: string; topicId: string; partitions: Array<PartitionData> }> = []
      for (let i = 0; i < results.length; i++) {
        const state = context.partitions[i]!
        const data = partitionData(state, results[i]!, request, apiVersion, settings.decompressedMaxBytes)
        if (context.incremental && !changed(state, data)) continue
        state.sent = data
        if (data.records !== null && data.records.length > 0) context.served(state)
        const last = responses[responses.length - 1]
        if (last !== undefined && last.topicId === state.topicId && last.topic === state.topic) {
          last.partitions.push(data)
        } else {
          responses.push({ topic: state.topic, topicId: state.topicId, partitions: [data] })
        }
      }
      return { throttleTimeMs: 0, errorCode: NONE, sessionId: context.sessionId, responses, nodeEndpoints: [] }
    })
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

/** Whether an incremental answer has to name the partition (KIP-227). */
const changed = (state: FetchPartitionState, data: PartitionData): boolean =>
  data.errorCode !== NONE ||
  (data.records !== null && data.records.length > 0) ||
  state.sent === undefined ||
  state.sent.highWatermark !== data.highWatermark ||
  state.sent.logStartOffset !== data.logStartOffset ||
  state.sent.lastStableOffset !== data.lastStableOffset
