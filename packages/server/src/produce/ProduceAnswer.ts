import { errorCode, NONE } from "@tusk/protocol/KafkaError"
import type { KafkaError } from "@tusk/protocol/KafkaError"
import type { ProduceRequest, ProduceResponse } from "@tusk/protocol/messages/Produce"
import { isKafkaError } from "@tusk/storage/log/Log"
import type { Appended } from "@tusk/storage/log/Log"
import type { Answer } from "../request/Handler.ts"
import { endpointsOf, leadershipFor, NO_LEADER } from "../request/Placement.ts"
import type { Leadership, Placement } from "../request/Placement.ts"
import type { RequestContext } from "../request/RequestContext.ts"
import type { Collected } from "./Collected.ts"

type PartitionResponse = ProduceResponse["responses"][number]["partitionResponses"][number]

/** The version from which an answer names the leader (KIP-951). */
const LEADERS = 10

/** The answer to a request of which `results` came, one for each of its appends. */
export const produceAnswer = (
  placement: Placement["Service"],
  request: ProduceRequest,
  { found, outcomes }: Collected,
  results: ReadonlyArray<Appended | KafkaError>,
  { apiVersion, connection }: RequestContext
): Answer<ProduceResponse> => {
  const leaders: Array<number> = []
  const refusal = (i: number, index: number, error: KafkaError): PartitionResponse => {
    const topic = found[i]!
    const partitionId = isKafkaError(topic) ? undefined : topic.partitionIds[index]
    const leader = apiVersion >= LEADERS ? leadershipFor(error, placement, partitionId) : NO_LEADER
    if (leader !== NO_LEADER) leaders.push(leader.leaderId)
    return refused(index, error, leader)
  }
  const responses = request.topicData.map((data, i) => ({
    name: data.name,
    topicId: data.topicId,
    partitionResponses: data.partitionData.map(({ index }, j) => {
      const outcome = outcomes[i]![j]!
      if (isKafkaError(outcome)) return refusal(i, index, outcome)
      const parts = outcome.map((place) => results[place]!)
      const failed = parts.find(isKafkaError)
      if (failed !== undefined) return refusal(i, index, failed)
      const first = parts[0] as Appended
      return {
        index,
        errorCode: NONE,
        baseOffset: first.baseOffset,
        logAppendTimeMs: first.logAppendTime,
        logStartOffset: first.logStartOffset,
        recordErrors: [],
        errorMessage: null,
        currentLeader: NO_LEADER
      }
    })
  }))
  return { responses, nodeEndpoints: endpointsOf(leaders, placement, connection.listener) }
}

/** The answer to a request that is refused as a whole. */
export const refusedAnswer = (request: ProduceRequest, code: number, error: KafkaError): Answer<ProduceResponse> => ({
  responses: request.topicData.map((data) => ({
    name: data.name,
    topicId: data.topicId,
    partitionResponses: data.partitionData.map(({ index }) => ({
      ...refused(index, error, NO_LEADER),
      errorCode: code
    }))
  })),
  nodeEndpoints: []
})

const refused = (index: number, error: KafkaError, currentLeader: Leadership): PartitionResponse => ({
  index,
  errorCode: errorCode(error),
  baseOffset: -1n,
  logAppendTimeMs: -1n,
  logStartOffset: -1n,
  recordErrors: (error.recordErrors ?? []).map(({ index, message }) => ({
    batchIndex: index,
    batchIndexErrorMessage: message
  })),
  errorMessage: error.message === "" ? null : (error.message ?? null),
  currentLeader
})
