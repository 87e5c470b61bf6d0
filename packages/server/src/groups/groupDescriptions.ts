import type { AbsentGroup } from "@tusk/coordinator/group/shell/GroupRequests"
import { errorCode, errorMessage, NONE } from "@tusk/protocol/KafkaError"
import type { KafkaError } from "@tusk/protocol/KafkaError"
import { authorizedOperations, OPERATIONS_NOT_ASKED } from "../request/Authorization.ts"
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

/**
 * The answers of ConsumerGroupDescribe, ShareGroupDescribe and StreamsGroupDescribe: `ownOf` gives the fields that one of
 * them has besides, `none` has them of a group that is not there.
 */
export const groupDescriptions = <Group extends Described, Own extends object>(
  none: NoInfer<Own>,
  ownOf: (group: Group) => Own
) => {
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
  return {
    answer:
      ({ includeAuthorizedOperations }: DescribeRequest, context: RequestContext) =>
      (described: ReadonlyArray<Group | AbsentGroup>) => {
        const operationsOn = (groupId: string): number =>
          includeAuthorizedOperations ? authorizedOperations(context, "group", groupId) : OPERATIONS_NOT_ASKED
        return {
          groups: described.map((group) =>
            "error" in group
              ? absent(group.groupId, errorCode(group.error), group.error)
              : present(group, operationsOn(group.groupId))
          )
        }
      },
    refuse: ({ groupIds }: DescribeRequest, code: number, error: KafkaError) => ({
      groups: groupIds.map((groupId) => absent(groupId, code, error))
    })
  }
}
