import { errorCode, NONE } from "@tusk/protocol/KafkaError"
import type { KafkaError } from "@tusk/protocol/KafkaError"
import type { FetchRequest, FetchResponse } from "@tusk/protocol/messages/Fetch"
import { isKafkaError } from "@tusk/storage/log/Log"
import type { PartitionRead } from "@tusk/storage/log/Log"
import type { Listener } from "../request/ConnectionInfo.ts"
import type { Answer } from "../request/Handler.ts"
import { endpointsOf, leadershipFor, NO_LEADER } from "../request/Placement.ts"
import type { Leadership, Placement } from "../request/Placement.ts"
import { served } from "./FetchSession.ts"
import type { FetchContext, FetchPartitionState } from "./FetchSession.ts"

/** What comes of one partition. */
export type Fetched = PartitionRead | KafkaError

type PartitionData = FetchResponse["responses"][number]["partitions"][number]

/** What is sent of it is remembered in the session. */
export const responseOf = (
  request: FetchRequest,
  context: FetchContext,
  results: ReadonlyArray<Fetched>
): Answer<FetchResponse> => {
  const responses: Array<{ topic: string; topicId: string; partitions: Array<PartitionData> }> = []
  for (let i = 0; i < results.length; i++) {
    const state = context.partitions[i]!
    const result = results[i]!
    if (context.incremental && isUnchanged(state, result)) continue
    const data = partitionData(state, result, request)
    // Of it alone: what a session remembers would keep the bytes of its last answers alive.
    if (context.session !== undefined) state.sent = toldOf(data)
    if (data.records !== null && data.records.length > 0) served(context, state)
    const last = responses[responses.length - 1]
    if (last !== undefined && last.topicId === state.topicId && last.topic === state.topic) {
      last.partitions.push(data)
    } else {
      responses.push({ topic: state.topic, topicId: state.topicId, partitions: [data] })
    }
  }
  return { errorCode: NONE, sessionId: context.sessionId, responses, nodeEndpoints: NO_ENDPOINTS }
}

/** With the leaders of what is not led here, or by another epoch. */
export const withLeaders = (
  answer: Answer<FetchResponse>,
  { partitions }: FetchContext,
  results: ReadonlyArray<Fetched>,
  placement: Placement["Service"],
  listener: Listener
): Answer<FetchResponse> => {
  const leaders = new Map<string, Leadership>()
  for (let i = 0; i < results.length; i++) {
    const result = results[i]!
    if (!isKafkaError(result)) continue
    const { partition, partitionId, topicId } = partitions[i]!
    const leader = leadershipFor(result, placement, partitionId)
    if (leader !== NO_LEADER) leaders.set(`${topicId}:${partition}`, leader)
  }
  if (leaders.size === 0) return answer
  const leaderIds = Array.from(leaders.values(), ({ leaderId }) => leaderId)
  return {
    ...answer,
    responses: answer.responses.map((topic) => ({
      ...topic,
      partitions: topic.partitions.map((data) => ({
        ...data,
        currentLeader: leaders.get(`${topic.topicId}:${data.partitionIndex}`) ?? NO_LEADER
      }))
    })),
    nodeEndpoints: endpointsOf(leaderIds, placement, listener)
  }
}

const toldOf = ({ highWatermark, lastStableOffset, logStartOffset }: PartitionData): FetchPartitionState["sent"] => ({
  highWatermark,
  lastStableOffset,
  logStartOffset
})

/** Batches that lie side by side in one memory go out as one piece: each costs the socket as much as some KiB. */
export const inPieces = (batches: ReadonlyArray<Uint8Array>): ReadonlyArray<Uint8Array> => {
  if (batches.length < 2) return batches
  const pieces: Array<Uint8Array> = []
  let { buffer, byteLength, byteOffset: from } = batches[0]!
  let to = from + byteLength
  for (let i = 1; i < batches.length; i++) {
    const batch = batches[i]!
    if (batch.buffer === buffer && batch.byteOffset === to) {
      to += batch.byteLength
      continue
    }
    pieces.push(new Uint8Array(buffer, from, to - from))
    ;({ buffer, byteOffset: from } = batch)
    to = from + batch.byteLength
  }
  pieces.push(new Uint8Array(buffer, from, to - from))
  return pieces
}

const NO_ENDPOINTS: FetchResponse["nodeEndpoints"] = []
const NO_EPOCH = { epoch: -1, endOffset: -1n }
const NO_RECORDS: ReadonlyArray<Uint8Array> = []

/** What is told of a partition with an error. */
export const emptyPartition = (
  partitionIndex: number,
  code: number,
  abortedTransactions: PartitionData["abortedTransactions"] = []
): PartitionData => ({
  partitionIndex,
  errorCode: code,
  highWatermark: -1n,
  lastStableOffset: -1n,
  logStartOffset: -1n,
  divergingEpoch: NO_EPOCH,
  currentLeader: NO_LEADER,
  snapshotId: NO_EPOCH,
  abortedTransactions,
  preferredReadReplica: -1,
  records: NO_RECORDS
})

/** A partition that is there and the client's to read: of others Kafka does not even leave out the transactions. */
const isLookedFor = ({ _tag }: KafkaError): boolean =>
  _tag !== "UnknownTopicId" && _tag !== "UnknownTopicOrPartition" && _tag !== "TopicAuthorizationFailed"

const partitionData = (state: FetchPartitionState, result: Fetched, request: FetchRequest): PartitionData => {
  if (isKafkaError(result)) return emptyPartition(state.partition, errorCode(result), isLookedFor(result) ? null : [])
  return {
    partitionIndex: state.partition,
    errorCode: NONE,
    highWatermark: result.highWatermark,
    lastStableOffset: result.lastStableOffset,
    logStartOffset: result.logStartOffset,
    divergingEpoch: NO_EPOCH,
    currentLeader: NO_LEADER,
    snapshotId: NO_EPOCH,
    abortedTransactions: request.isolationLevel === 1 ? result.aborted : null,
    preferredReadReplica: -1,
    records: inPieces(result.batches)
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
