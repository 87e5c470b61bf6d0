import { StreamsGroups } from "@tusk/coordinator/group/streams/StreamsGroups"
import { errorCode, errorMessage, NONE } from "@tusk/protocol/KafkaError"
import { StreamsGroupDescribe } from "@tusk/protocol/messages/StreamsGroupDescribe"
import type { StreamsGroupDescribeRequest } from "@tusk/protocol/messages/StreamsGroupDescribe"
import * as Effect from "effect/Effect"
import { GROUP_OPERATIONS, OPERATIONS_NOT_ASKED } from "../AuthorizedOperations.ts"
import { handler } from "../Handler.ts"

const absent = (groupId: string, code: number, message: string | null) => ({
  errorCode: code,
  errorMessage: message,
  groupId,
  groupState: "",
  groupEpoch: 0,
  assignmentEpoch: 0,
  topology: null,
  members: [],
  authorizedOperations: OPERATIONS_NOT_ASKED
})

export const streamsGroupDescribe = handler({
  api: StreamsGroupDescribe,
  make: Effect.gen(function* () {
    const groups = yield* StreamsGroups
    return (request: StreamsGroupDescribeRequest) =>
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
                topology: group.topology,
                members: group.members.map((member) => ({
                  ...member,
                  instanceId: null,
                  taskOffsets: [],
                  taskEndOffsets: [],
                  isClassic: false
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
