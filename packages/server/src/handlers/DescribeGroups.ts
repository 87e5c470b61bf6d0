// Serves: DescribeGroups in all versions, for classic groups.
// Left out: nothing.

import { Groups } from "@tusk/coordinator/group/shell/Groups"
import {
  CoordinatorNotAvailable,
  errorCode,
  errorMessage,
  GroupAuthorizationFailed,
  NONE
} from "@tusk/protocol/KafkaError"
import { DescribeGroups } from "@tusk/protocol/messages/DescribeGroups"
import type { DescribeGroupsRequest } from "@tusk/protocol/messages/DescribeGroups"
import * as Effect from "effect/Effect"
import { authorizedOperations, OPERATIONS_NOT_ASKED } from "../request/Authorization.ts"
import { parted, permits } from "../request/authorizing.ts"
import { handler } from "../request/Handler.ts"
import type { RequestContext } from "../request/RequestContext.ts"

export const describeGroups = handler({
  api: DescribeGroups,
  resources: ({ groups }) => ({ groups }),
  reads: true,
  later: () => new CoordinatorNotAvailable(),
  asks: [{ operation: "describe", resourceType: "group" }],
  make: Effect.gen(function* () {
    const groups = yield* Groups
    return (request: DescribeGroupsRequest, context: RequestContext) => {
      const { allowed, refused } = parted(request.groups, permits(context, "describe", "group"), (groupId) => groupId)
      return Effect.map(groups.describeGroups(allowed), (described) => {
        const present = described.map((group) => {
          // Before version 6 a group that is not there is told as a dead one (KIP-1043).
          const told = group.error !== null && (context.apiVersion >= 6 || group.error._tag !== "GroupIdNotFound")
          return {
            errorCode: told ? errorCode(group.error!) : NONE,
            errorMessage: told && context.apiVersion >= 6 ? errorMessage(group.error!) : null,
            groupId: group.groupId,
            groupState: group.state,
            protocolType: group.protocolType,
            protocolData: group.protocolName,
            members: group.members.map((member) => ({
              memberId: member.memberId,
              groupInstanceId: member.groupInstanceId,
              clientId: member.clientId,
              clientHost: member.clientHost,
              memberMetadata: member.metadata,
              memberAssignment: member.assignment
            })),
            authorizedOperations:
              request.includeAuthorizedOperations && !told
                ? authorizedOperations(context, "group", group.groupId)
                : OPERATIONS_NOT_ASKED
          }
        })
        return { groups: [...refused.map((groupId) => untold(groupId, FORBIDDEN)), ...present] }
      })
    }
  }),
  refuse: (request, code) => ({ groups: request.groups.map((groupId) => untold(groupId, code)) })
})

const FORBIDDEN = errorCode(new GroupAuthorizationFailed())

const untold = (groupId: string, code: number) => ({
  errorCode: code,
  errorMessage: null,
  groupId,
  groupState: "",
  protocolType: "",
  protocolData: "",
  members: [],
  authorizedOperations: OPERATIONS_NOT_ASKED
})
