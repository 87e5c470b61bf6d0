import { ConsumerGroups } from "@tusk/coordinator/group/consumer/ConsumerGroups"
import { errorCode, errorMessage, NONE } from "@tusk/protocol/KafkaError"
import { ConsumerGroupDescribe } from "@tusk/protocol/messages/ConsumerGroupDescribe"
import type { ConsumerGroupDescribeRequest } from "@tusk/protocol/messages/ConsumerGroupDescribe"
import * as Effect from "effect/Effect"
import { GROUP_OPERATIONS, OPERATIONS_NOT_ASKED } from "../AuthorizedOperations.ts"
import { handler } from "../Handler.ts"

/** MemberType of version 1 (KIP-1099). */
const CLASSIC = 0
const CONSUMER = 1

const absent = (groupId: string, code: number, message: string | null) => ({
  errorCode: code,
  errorMessage: message,
  groupId,
  groupState: "",
  groupEpoch: 0,
  assignmentEpoch: 0,
  assignorName: "",
  members: [],
  authorizedOperations: OPERATIONS_NOT_ASKED
})

export const consumerGroupDescribe = handler({
  api: ConsumerGroupDescribe,
  make: Effect.gen(function* () {
    const groups = yield* ConsumerGroups
    return (request: ConsumerGroupDescribeRequest) =>
      Effect.map(groups.describe(request.groupIds), (described) => ({
        throttleTimeMs: 0,
        groups: described.map((group) =>
          "error" in group
            ? absent(group.groupId, errorCode(group.error), errorMessage(group.error))
            : {
                errorCode: NONE,
                errorMessage: null,
                groupId: group.groupId,
                groupState: group.state,
                groupEpoch: group.groupEpoch,
                assignmentEpoch: group.assignmentEpoch,
                assignorName: group.assignorName,
                members: group.members.map(({ assignment, isClassic, targetAssignment, ...member }) => ({
                  ...member,
                  assignment: { topicPartitions: assignment },
                  targetAssignment: { topicPartitions: targetAssignment },
                  memberType: isClassic ? CLASSIC : CONSUMER
                })),
                authorizedOperations: request.includeAuthorizedOperations ? GROUP_OPERATIONS : OPERATIONS_NOT_ASKED
              }
        )
      }))
  }),
  refuse: (request, code, error) => ({
    throttleTimeMs: 0,
    groups: request.groupIds.map((groupId) => absent(groupId, code, errorMessage(error)))
  })
})
