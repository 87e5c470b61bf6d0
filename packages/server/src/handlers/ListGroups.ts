// Serves: ListGroups in all versions: groups of all kinds, by state and type.
// Left out: nothing.

import { Groups } from "@tusk/coordinator/group/shell/Groups"
import { CoordinatorNotAvailable, NONE } from "@tusk/protocol/KafkaError"
import { ListGroups } from "@tusk/protocol/messages/ListGroups"
import type { ListGroupsRequest } from "@tusk/protocol/messages/ListGroups"
import * as Effect from "effect/Effect"
import { handler } from "../request/Handler.ts"
import { CLUSTER } from "../request/Resources.ts"

export const listGroups = handler({
  api: ListGroups,
  resources: () => CLUSTER,
  reads: true,
  later: () => new CoordinatorNotAvailable(),
  make: Effect.gen(function* () {
    const groups = yield* Groups
    return (request: ListGroupsRequest) =>
      Effect.map(groups.listGroups({ states: request.statesFilter, types: request.typesFilter }), (listed) => ({
        errorCode: NONE,
        groups: listed.map(({ groupId, protocolType, state, type }) => ({
          groupId,
          protocolType,
          groupState: state,
          groupType: type
        }))
      }))
  }),
  refuse: (_request, errorCode) => ({ errorCode, groups: [] })
})
