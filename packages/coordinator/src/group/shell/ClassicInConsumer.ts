import { InconsistentGroupProtocol, InvalidSessionTimeout } from "@tusk/protocol/KafkaError"
import type { KafkaError } from "@tusk/protocol/KafkaError"
import type { Topics } from "@tusk/storage/topics/Topics"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type { JoinAnswer, LeaveResult, SyncAnswer } from "../classic/ClassicGroupState.ts"
import { refusedJoin } from "../classic/Draft.ts"
import { CONSUMER } from "../classic/SubscribedTopics.ts"
import type { Answer } from "../consumer/ConsumerGroupState.ts"
import { Event } from "../consumer/ConsumerGroupState.ts"
import { termsOf } from "../consumer/ConsumerTerms.ts"
import type { TopicPatterns } from "../consumer/TopicPatterns.ts"
import { unexpected } from "./answers.ts"
import type { CellClosed } from "./GroupCell.ts"
import type { GroupConfig } from "./GroupConfig.ts"
import type { GroupResourceConfig } from "../machine/GroupConfigs.ts"
import { encodeAssignment, readSubscription, toTopicIds } from "./GroupConversion.ts"
import type { CellOf } from "./GroupKinds.ts"
import type * as Asked from "./GroupRequests.ts"

type Cell = CellOf<"consumer">
type Asking<A> = Effect.Effect<A, KafkaError | CellClosed>

/** What classic members ask of a consumer group, in words of its machine. */
export interface ClassicInConsumer {
  readonly joinGroup: (cell: Cell, request: Asked.JoinGroup, newMemberId: string) => Asking<JoinAnswer>
  readonly syncGroup: (cell: Cell, request: Asked.SyncGroup) => Asking<SyncAnswer>
  readonly heartbeat: (cell: Cell, request: Asked.Heartbeat) => Asking<void>
  readonly leaveGroup: (cell: Cell, request: Asked.LeaveGroup) => Asking<ReadonlyArray<LeaveResult>>
}

/** Why a classic member may not join the consumer group. */
const joinError = (
  request: Asked.JoinGroup,
  { maxSessionTimeoutMs, memberMaxBytes, minSessionTimeoutMs }: GroupConfig,
  { consumerMigrationPolicy }: GroupResourceConfig
): KafkaError | null => {
  if (request.sessionTimeoutMs < minSessionTimeoutMs || request.sessionTimeoutMs > maxSessionTimeoutMs) {
    return new InvalidSessionTimeout()
  }
  if (consumerMigrationPolicy === "disabled") {
    return new InconsistentGroupProtocol({
      message: `Cannot join the consumer group ${request.groupId} with the classic protocol because the group migration is disabled.`
    })
  }
  let bytes = 0
  for (const { metadata, name } of request.protocols) bytes += name.length + metadata.byteLength
  return request.protocolType !== CONSUMER || bytes > memberMaxBytes ? new InconsistentGroupProtocol() : null
}

export const makeClassicInConsumer = (
  config: GroupConfig,
  configs: (groupId: string) => GroupResourceConfig,
  patterns: TopicPatterns,
  topics: Context.Service.Shape<typeof Topics>
): ClassicInConsumer => {
  const joinGroup = (cell: Cell, request: Asked.JoinGroup, newMemberId: string): Asking<JoinAnswer> => {
    const error = joinError(request, config, configs(request.groupId))
    if (error !== null) return Effect.fail(error)
    const [first] = request.protocols
    const subscription = first === undefined ? null : readSubscription(first.metadata)
    if (subscription === null) return Effect.fail(new InconsistentGroupProtocol())
    const { rebalanceTimeoutMs, sessionTimeoutMs } = request
    const asking = cell.cell.ask((waiter) =>
      Event.ClassicJoin({
        waiter,
        newMemberId,
        memberId: request.memberId,
        instanceId: request.groupInstanceId,
        clientId: request.clientId,
        clientHost: request.clientHost,
        sessionTimeoutMs,
        rebalanceTimeoutMs: rebalanceTimeoutMs < 0 ? sessionTimeoutMs : rebalanceTimeoutMs,
        protocols: request.protocols,
        subscribedTopicNames: subscription.topics,
        rackId: subscription.rackId,
        ownedPartitions: toTopicIds(subscription.ownedPartitions, topics),
        requireKnownMemberId: request.apiVersion >= 4,
        topics: patterns.view(request.mayDescribe),
        terms: termsOf(configs(request.groupId))
      })
    )
    return Effect.flatMap(asking, (answer) =>
      answer._tag === "Joined" ? Effect.succeed(joinAnswer(answer)) : unexpected(answer)
    )
  }

  const syncGroup = (cell: Cell, request: Asked.SyncGroup): Asking<SyncAnswer> => {
    const { generationId, groupInstanceId, memberId, protocolName, protocolType } = request
    return Effect.flatMap(
      cell.cell.ask((waiter) =>
        Event.ClassicSync({ waiter, memberId, groupInstanceId, generationId, protocolType, protocolName })
      ),
      (answer) =>
        answer._tag === "Synced"
          ? Effect.succeed({
              protocolType: CONSUMER,
              protocolName: answer.protocolName,
              assignment: encodeAssignment(answer.assigned, answer.metadata, topics)
            })
          : unexpected(answer)
    )
  }

  const heartbeat = (cell: Cell, request: Asked.Heartbeat): Asking<void> =>
    Effect.flatMap(
      cell.cell.ask((waiter) =>
        Event.ClassicHeartbeat({
          memberId: request.memberId,
          groupInstanceId: request.groupInstanceId,
          generationId: request.generationId,
          waiter,
          topics: patterns.view(request.mayDescribe),
          terms: termsOf(configs(request.groupId))
        })
      ),
      (answer) => (answer._tag === "Done" ? Effect.void : unexpected(answer))
    )

  const leaveGroup = (cell: Cell, { members }: Asked.LeaveGroup): Asking<ReadonlyArray<LeaveResult>> =>
    Effect.flatMap(
      cell.cell.ask((waiter) => Event.ClassicLeave({ waiter, members })),
      (answer) => (answer._tag === "Left" ? Effect.succeed(answer.members) : unexpected(answer))
    )

  return { joinGroup, syncGroup, heartbeat, leaveGroup }
}

/** The broker makes the assignment: every member follows. */
const joinAnswer = ({
  error,
  generationId,
  memberId,
  protocolName
}: Extract<Answer, { readonly _tag: "Joined" }>): JoinAnswer =>
  error !== null
    ? refusedJoin(error, memberId)
    : {
        error: null,
        memberId,
        generationId,
        protocolType: CONSUMER,
        protocolName,
        leader: "",
        skipAssignment: false,
        members: []
      }
