import { Groups } from "@tusk/coordinator/group/shell/Groups"
import { CoordinatorNotAvailable, NONE } from "@tusk/protocol/KafkaError"
import { ListGroups } from "@tusk/protocol/messages/ListGroups"
import type { ListGroupsRequest } from "@tusk/protocol/messages/ListGroups"
import * as Effect from "effect/Effect"
import { handler } from "../request/Handler.ts"

export const listGroups = handler({
  api: ListGroups,
  reads: true,
  later: () => new CoordinatorNotAvailable(),
  make: Effect.gen(function* () {
    const groups = yield* Groups
    return (request: ListGroupsRequest) =>
      Effect.map(groups.listGroups({ states: request.statesFilter, types: request.typesFilter }), (listed) => ({
        throttleTimeMs: 0,
        errorCode: NONE,
        groups: listed.map(({ groupId, protocolType, state, type }) => ({
          groupId,
          protocolType,
          groupState: state,
          groupType: type
        }))
      }))
  }),
  refuse: (_request, errorCode) => ({ throttleTimeMs: 0, errorCode, groups: [] })
})
