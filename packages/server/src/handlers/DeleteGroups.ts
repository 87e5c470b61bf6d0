// Serves: DeleteGroups in all versions, for groups of every kind.
// Left out: nothing.

import { Groups } from "@tusk/coordinator/group/shell/Groups"
import { CoordinatorNotAvailable, errorCode, GroupAuthorizationFailed, NONE } from "@tusk/protocol/KafkaError"
import { DeleteGroups } from "@tusk/protocol/messages/DeleteGroups"
import type { DeleteGroupsRequest } from "@tusk/protocol/messages/DeleteGroups"
import * as Effect from "effect/Effect"
import { parted, permits } from "../request/authorizing.ts"
import { handler } from "../request/Handler.ts"
import type { RequestContext } from "../request/RequestContext.ts"

export const deleteGroups = handler({
  api: DeleteGroups,
  resources: ({ groupsNames }) => ({ groups: groupsNames }),
  reads: false,
  later: () => new CoordinatorNotAvailable(),
  asks: [{ operation: "delete", resourceType: "group" }],
  make: Effect.gen(function* () {
    const groups = yield* Groups
    return (request: DeleteGroupsRequest, context: RequestContext) => {
      const names = Array.from(new Set(request.groupsNames))
      const { allowed, refused } = parted(names, permits(context, "delete", "group"), (groupId) => groupId)
      return Effect.map(groups.deleteGroups(allowed), (errors) => {
        const results = allowed.map((groupId, i) => {
          const error = errors[i]
          return { groupId, errorCode: error ? errorCode(error) : NONE }
        })
        const code = errorCode(new GroupAuthorizationFailed())
        return { results: [...results, ...refused.map((groupId) => ({ groupId, errorCode: code }))] }
      })
    }
  }),
  refuse: (request, code) => ({
    results: request.groupsNames.map((groupId) => ({ groupId, errorCode: code }))
  })
})
