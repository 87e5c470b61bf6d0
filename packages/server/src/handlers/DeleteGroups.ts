// Serves: DeleteGroups in all versions, for groups of every kind.
// Left out: nothing.

import { Groups } from "@tusk/coordinator/group/shell/Groups"
import { CoordinatorNotAvailable, errorCode, NONE } from "@tusk/protocol/KafkaError"
import { DeleteGroups } from "@tusk/protocol/messages/DeleteGroups"
import type { DeleteGroupsRequest } from "@tusk/protocol/messages/DeleteGroups"
import * as Effect from "effect/Effect"
import { handler } from "../request/Handler.ts"

export const deleteGroups = handler({
  api: DeleteGroups,
  resources: ({ groupsNames }) => ({ groups: groupsNames }),
  reads: false,
  later: () => new CoordinatorNotAvailable(),
  make: Effect.gen(function* () {
    const groups = yield* Groups
    return (request: DeleteGroupsRequest) => {
      const names = Array.from(new Set(request.groupsNames))
      return Effect.map(groups.deleteGroups(names), (errors) => ({
        results: names.map((groupId, i) => {
          const error = errors[i]
          return { groupId, errorCode: error ? errorCode(error) : NONE }
        })
      }))
    }
  }),
  refuse: (request, code) => ({
    results: request.groupsNames.map((groupId) => ({ groupId, errorCode: code }))
  })
})
