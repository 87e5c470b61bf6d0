// Serves: LeaveGroup in all versions: one member of a classic group leaves, or several do.
// Left out: the reason for it (KIP-800).
// Why: nothing that the group decides goes by it.

import { Groups } from "@tusk/coordinator/group/shell/Groups"
import { CoordinatorNotAvailable, errorCode, GroupAuthorizationFailed, NONE } from "@tusk/protocol/KafkaError"
import { LeaveGroup } from "@tusk/protocol/messages/LeaveGroup"
import type { LeaveGroupRequest } from "@tusk/protocol/messages/LeaveGroup"
import * as Effect from "effect/Effect"
import { handler } from "../request/Handler.ts"
import type { RequestContext } from "../request/RequestContext.ts"

export const leaveGroup = handler({
  api: LeaveGroup,
  resources: ({ groupId }) => ({ groups: [groupId] }),
  reads: false,
  later: () => new CoordinatorNotAvailable(),
  asks: [{ operation: "read", resourceType: "group" }],
  make: Effect.gen(function* () {
    const groups = yield* Groups
    return Effect.fnUntraced(function* (request: LeaveGroupRequest, context: RequestContext) {
      if (!context.may("read", "group", request.groupId)) return yield* new GroupAuthorizationFailed()
      const { apiVersion } = context
      const members = apiVersion >= 3 ? request.members : [{ memberId: request.memberId, groupInstanceId: null }]
      const results = yield* groups.leaveGroup({ groupId: request.groupId, members })
      // Before version 3 one member leaves, and its error is the answer's.
      const [first] = results
      const code = apiVersion < 3 && first?.error ? errorCode(first.error) : NONE
      return {
        errorCode: code,
        members:
          apiVersion < 3
            ? []
            : results.map(({ error, groupInstanceId, memberId }) => ({
                memberId,
                groupInstanceId,
                errorCode: error === null ? NONE : errorCode(error)
              }))
      }
    })
  }),
  refuse: (_request, code) => ({ errorCode: code, members: [] })
})
