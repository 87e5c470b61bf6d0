import type { AbsentGroup } from "@tusk/coordinator/group/shell/GroupRequests"
import {
  errorCode,
  errorMessage,
  GroupAuthorizationFailed,
  NONE,
  TopicAuthorizationFailed
} from "@tusk/protocol/KafkaError"
import type { KafkaError } from "@tusk/protocol/KafkaError"
import * as Effect from "effect/Effect"
import { authorizedOperations, OPERATIONS_NOT_ASKED } from "../request/Authorization.ts"
import { parted, permits } from "../request/authorizing.ts"
import type { Right } from "../request/Handler.ts"
import type { RequestContext } from "../request/RequestContext.ts"

/** What is told of a group of every kind but the classic one. */
interface Described {
  readonly groupId: string
  readonly state: string
  readonly groupEpoch: number
  readonly assignmentEpoch: number
}

interface DescribeRequest {
  readonly groupIds: ReadonlyArray<string>
  readonly includeAuthorizedOperations: boolean
}

interface Kind<Group, Own> {
  /** The fields of a group that is not told. */
  readonly none: NoInfer<Own>
  readonly ownOf: (group: Group) => Own
  /** Names of the topics that are told with the group. */
  readonly topicsOf: (group: Group) => Iterable<string>
  /** What is said of a group with a topic that one may not know of. */
  readonly hidden: string
}

/** What all three ask for. */
export const DESCRIBE_RIGHTS: ReadonlyArray<Right> = [
  { operation: "describe", resourceType: "group" },
  { operation: "describe", resourceType: "topic", of: "each topic of the group: without one, nothing of it is told" }
]

/**
 * The answers of ConsumerGroupDescribe, ShareGroupDescribe and StreamsGroupDescribe. Groups that one may not describe come
 * first, as from Apache Kafka.
 */
export const groupDescriptions = <Group extends Described, Own extends object>({
  hidden,
  none,
  ownOf,
  topicsOf
}: Kind<Group, Own>) => {
  const absent = (groupId: string, code: number, error: KafkaError) => ({
    errorCode: code,
    errorMessage: errorMessage(error),
    groupId,
    groupState: "",
    groupEpoch: 0,
    assignmentEpoch: 0,
    ...none,
    authorizedOperations: OPERATIONS_NOT_ASKED
  })
  const refused = (groupId: string, error: KafkaError) => absent(groupId, errorCode(error), error)
  const present = (group: Group, authorizedOperations: number) => ({
    errorCode: NONE,
    errorMessage: null,
    groupId: group.groupId,
    groupState: group.state,
    groupEpoch: group.groupEpoch,
    assignmentEpoch: group.assignmentEpoch,
    ...ownOf(group),
    authorizedOperations
  })
  const isHidden = (context: RequestContext, group: Group): boolean => {
    if (!context.connection.authorizer.isOn) return false
    const mayDescribe = permits(context, "describe", "topic")
    return !Array.from(new Set(topicsOf(group))).every(mayDescribe)
  }
  return {
    answer: (
      { groupIds, includeAuthorizedOperations }: DescribeRequest,
      context: RequestContext,
      describe: (groupIds: ReadonlyArray<string>) => Effect.Effect<ReadonlyArray<Group | AbsentGroup>>
    ) => {
      const asked = parted(groupIds, permits(context, "describe", "group"), (groupId) => groupId)
      const operationsOn = (groupId: string): number =>
        includeAuthorizedOperations ? authorizedOperations(context, "group", groupId) : OPERATIONS_NOT_ASKED
      const told = (group: Group | AbsentGroup) => {
        if ("error" in group) return refused(group.groupId, group.error)
        if (isHidden(context, group)) return refused(group.groupId, new TopicAuthorizationFailed({ message: hidden }))
        return present(group, operationsOn(group.groupId))
      }
      return Effect.map(describe(asked.allowed), (described) => ({
        groups: [
          ...asked.refused.map((groupId) => refused(groupId, new GroupAuthorizationFailed())),
          ...described.map(told)
        ]
      }))
    },
    refuse: ({ groupIds }: DescribeRequest, code: number, error: KafkaError) => ({
      groups: groupIds.map((groupId) => absent(groupId, code, error))
    })
  }
}
