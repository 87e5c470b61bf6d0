// Serves: ListGroups in all versions: groups of all kinds, by state and type.
// Left out: nothing.

import { Groups } from "@tusk/coordinator/group/shell/Groups"
import { CoordinatorNotAvailable, NONE } from "@tusk/protocol/KafkaError"
import { ListGroups } from "@tusk/protocol/messages/ListGroups"
import type { ListGroupsRequest } from "@tusk/protocol/messages/ListGroups"
import * as Effect from "effect/Effect"
import { CLUSTER_NAME } from "../request/Authorization.ts"
import { permitsQuietly } from "../request/authorizing.ts"
import { handler } from "../request/Handler.ts"
import type { RequestContext } from "../request/RequestContext.ts"
import { CLUSTER } from "../request/Resources.ts"

export const listGroups = handler({
  api: ListGroups,
  resources: () => CLUSTER,
  reads: true,
  later: () => new CoordinatorNotAvailable(),
  asks: [
    { operation: "describe", resourceType: "cluster", of: "all groups" },
    { operation: "describe", resourceType: "group", of: "each that is told, in the place of Cluster" }
  ],
  make: Effect.gen(function* () {
    const groups = yield* Groups
    return (request: ListGroupsRequest, context: RequestContext) =>
      Effect.map(groups.listGroups({ states: request.statesFilter, types: request.typesFilter }), (listed) => {
        const isAll = context.mayQuietly("describe", "cluster", CLUSTER_NAME)
        const mayDescribe = permitsQuietly(context, "describe", "group")
        const told = isAll ? listed : listed.filter(({ groupId }) => mayDescribe(groupId))
        return {
          errorCode: NONE,
          groups: told.map(({ groupId, protocolType, state, type }) => ({
            groupId,
            protocolType,
            groupState: state,
            groupType: type
          }))
        }
      })
  }),
  refuse: (_request, errorCode) => ({ errorCode, groups: [] })
})
