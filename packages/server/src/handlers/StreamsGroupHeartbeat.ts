// Serves: StreamsGroupHeartbeat: membership of a streams group (KIP-1071); creates its internal topics.
// Left out: static members, offsets of tasks, warm-up tasks, source topics by regular expression: INVALID_REQUEST.
// Why: Apache Kafka 4.3.1 refuses them too.

import { describeTasks } from "@tusk/coordinator/group/streams/StreamsDescription"
import { StreamsGroups } from "@tusk/coordinator/group/shell/StreamsGroups"
import type { StreamsHeartbeat } from "@tusk/coordinator/group/shell/StreamsGroups"
import type { HeartbeatAnswer } from "@tusk/coordinator/group/streams/StreamsGroupState"
import { statusCodes } from "@tusk/coordinator/group/streams/StreamsStatus"
import { namedTopics } from "@tusk/coordinator/group/streams/Topology"
import {
  CoordinatorNotAvailable,
  errorMessage,
  GroupAuthorizationFailed,
  NONE,
  StreamsInvalidTopology,
  TopicAuthorizationFailed
} from "@tusk/protocol/KafkaError"
import type { KafkaError } from "@tusk/protocol/KafkaError"
import { StreamsGroupHeartbeat } from "@tusk/protocol/messages/StreamsGroupHeartbeat"
import type {
  StreamsGroupHeartbeatRequest,
  StreamsGroupHeartbeatResponse
} from "@tusk/protocol/messages/StreamsGroupHeartbeat"
import * as Effect from "effect/Effect"
import { CLUSTER_NAME } from "../request/Authorization.ts"
import { parted, permits } from "../request/authorizing.ts"
import { handler } from "../request/Handler.ts"
import type { Answer } from "../request/Handler.ts"
import type { RequestContext } from "../request/RequestContext.ts"
import { InternalTopics } from "../topics/InternalTopics.ts"
import type { NotCreated } from "../topics/InternalTopics.ts"
import { invalidTopicName, isInternalTopic } from "../topics/TopicNames.ts"

export const streamsGroupHeartbeat = handler({
  api: StreamsGroupHeartbeat,
  resources: ({ groupId }) => ({ groups: [groupId] }),
  reads: true,
  later: () => new CoordinatorNotAvailable(),
  asks: [
    { operation: "read", resourceType: "group" },
    { operation: "describe", resourceType: "topic", of: "each topic of the topology" },
    { operation: "create", resourceType: "cluster", of: "internal topics that are missing" },
    { operation: "create", resourceType: "topic", of: "each of them, in the place of Cluster" }
  ],
  make: Effect.gen(function* () {
    const groups = yield* StreamsGroups
    const internalTopics = yield* InternalTopics
    return Effect.fnUntraced(function* (request: StreamsGroupHeartbeatRequest, context: RequestContext) {
      const refused = refusalOf(request, context)
      if (refused !== null) return yield* Effect.fail(refused)
      const asked = toHeartbeat(request, context)
      const answer = yield* groups.heartbeat(asked)
      if (answer.missingTopics.length === 0) return response(answer)
      const forbidden = notCreatable(answer, context)
      if (forbidden.length > 0) return response(withForbidden(answer, forbidden))
      const failed = yield* internalTopics.create(answer.missingTopics)
      if (failed.length > 0) return response(withReasons(answer, failed))
      // now that they are there, the member need not wait for its next heartbeat
      const next = yield* groups.heartbeat({
        ...asked,
        memberEpoch: answer.memberEpoch,
        topology: null,
        endpointEpoch: answer.endpointEpoch
      })
      return response({ ...next, tasks: next.tasks ?? answer.tasks, endpoints: next.endpoints ?? answer.endpoints })
    })
  }),
  refuse: (_request, errorCode, error) => ({ ...SILENT, errorCode, errorMessage: errorMessage(error) })
})

/** Why the principal may not be a member of the group with such a topology. */
const refusalOf = (request: StreamsGroupHeartbeatRequest, context: RequestContext): KafkaError | null => {
  if (!context.may("read", "group", request.groupId)) return new GroupAuthorizationFailed()
  const invalid = wrongNames(request)
  if (invalid !== null || request.topology === null) return invalid
  const mayDescribe = permits(context, "describe", "topic")
  return Array.from(namedTopics(request.topology)).every(mayDescribe) ? null : new TopicAuthorizationFailed()
}

/** Names of missing topics that the principal may not create. */
const notCreatable = ({ missingTopics }: HeartbeatAnswer, context: RequestContext): ReadonlyArray<string> => {
  if (context.mayQuietly("create", "cluster", CLUSTER_NAME)) return []
  return parted(missingTopics, permits(context, "create", "topic"), ({ name }) => name).refused.map(({ name }) => name)
}

const wrongNames = ({ topology }: StreamsGroupHeartbeatRequest): StreamsInvalidTopology | null => {
  if (topology === null) return null
  const names = Array.from(namedTopics(topology))
  const reserved = names.filter(isInternalTopic)
  if (reserved.length > 0) {
    const message = `Use of Kafka internal topics ${reserved.join(",")} in a Kafka Streams topology is prohibited.`
    return new StreamsInvalidTopology({ message })
  }
  const invalid = names.filter((name) => invalidTopicName(name) !== undefined)
  return invalid.length === 0
    ? null
    : new StreamsInvalidTopology({ message: `Topic names ${invalid.join(",")} are not valid topic names.` })
}

const toHeartbeat = (
  request: StreamsGroupHeartbeatRequest,
  { clientId, connection }: RequestContext
): StreamsHeartbeat => ({
  groupId: request.groupId,
  memberId: request.memberId,
  memberEpoch: request.memberEpoch,
  endpointEpoch: request.endpointInformationEpoch,
  instanceId: request.instanceId,
  rackId: request.rackId,
  rebalanceTimeoutMs: request.rebalanceTimeoutMs,
  topology: request.topology,
  activeTasks: request.activeTasks,
  standbyTasks: request.standbyTasks,
  warmupTasks: request.warmupTasks,
  processId: request.processId,
  userEndpoint: request.userEndpoint,
  clientTags: request.clientTags,
  shutdownApplication: request.shutdownApplication,
  tellsOffsets: request.taskOffsets !== null || request.taskEndOffsets !== null,
  clientId,
  clientHost: `/${connection.clientHost}`
})

/** As Apache Kafka 4.3.1 words it: three of them. */
const withReasons = (answer: HeartbeatAnswer, failed: ReadonlyArray<NotCreated>): HeartbeatAnswer => {
  const some = failed.slice(0, 3).map(({ name, reason }) => `${name} (${reason})`)
  const more = failed.length > 3 ? ` and ${failed.length - 3} more` : ""
  return whyMissing(answer, `Creation failed: ${some.join(", ")}${more}.`)
}

/** None of the topics is created, as from Apache Kafka. */
const withForbidden = (answer: HeartbeatAnswer, names: ReadonlyArray<string>): HeartbeatAnswer =>
  whyMissing(answer, `Unauthorized to CREATE on topics ${names.join(", ")}.`)

const whyMissing = (answer: HeartbeatAnswer, why: string): HeartbeatAnswer => ({
  ...answer,
  status: answer.status.map((status) =>
    status.name === "MISSING_INTERNAL_TOPICS" ? { ...status, detail: `${status.detail}; ${why}` } : status
  )
})

const SILENT: Answer<StreamsGroupHeartbeatResponse> = {
  errorCode: NONE,
  errorMessage: null,
  memberId: "",
  memberEpoch: 0,
  heartbeatIntervalMs: 0,
  acceptableRecoveryLag: 0,
  taskOffsetIntervalMs: 0,
  status: [],
  activeTasks: null,
  standbyTasks: null,
  warmupTasks: null,
  endpointInformationEpoch: 0,
  partitionsByUserEndpoint: null
}

const response = (answer: HeartbeatAnswer): Answer<StreamsGroupHeartbeatResponse> => ({
  ...SILENT,
  memberId: answer.memberId,
  memberEpoch: answer.memberEpoch,
  heartbeatIntervalMs: answer.heartbeatIntervalMs,
  status: answer.status.map(({ detail, name }) => ({ statusCode: statusCodes[name], statusDetail: detail })),
  ...(answer.tasks && describeTasks(answer.tasks)),
  endpointInformationEpoch: answer.endpointEpoch,
  partitionsByUserEndpoint:
    answer.endpoints &&
    answer.endpoints.map(({ active, standby, userEndpoint }) => ({
      userEndpoint,
      activePartitions: active,
      standbyPartitions: standby
    }))
})
