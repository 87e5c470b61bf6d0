import { ShareGroups } from "@tusk/coordinator/group/share/ShareGroups"
import { errorCode, errorMessage, NONE } from "@tusk/protocol/KafkaError"
import { ShareGroupDescribe } from "@tusk/protocol/messages/ShareGroupDescribe"
import type { ShareGroupDescribeRequest } from "@tusk/protocol/messages/ShareGroupDescribe"
import * as Effect from "effect/Effect"
import { GROUP_OPERATIONS, OPERATIONS_NOT_ASKED } from "../AuthorizedOperations.ts"
import { handler } from "../Handler.ts"

/** The one assignor of share groups. */
const ASSIGNOR = "simple"

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

export const shareGroupDescribe = handler({
  api: ShareGroupDescribe,
  // Version 0 was a preview.
  versions: [1, 1],
  make: Effect.gen(function* () {
    const groups = yield* ShareGroups
    return (request: ShareGroupDescribeRequest) =>
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
                assignorName: ASSIGNOR,
                members: group.members.map(({ assignment, ...member }) => ({
                  ...member,
                  assignment: { topicPartitions: assignment }
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
