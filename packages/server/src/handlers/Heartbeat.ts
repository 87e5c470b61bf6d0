// Serves: Heartbeat in all versions: keeps a member of a classic group alive.
// Left out: nothing.

import { Groups } from "@tusk/coordinator/group/shell/Groups"
import { CoordinatorNotAvailable, GroupAuthorizationFailed, NONE } from "@tusk/protocol/KafkaError"
import { Heartbeat } from "@tusk/protocol/messages/Heartbeat"
import type { HeartbeatRequest } from "@tusk/protocol/messages/Heartbeat"
import * as Effect from "effect/Effect"
import { visibleTopics } from "../groups/visibleTopics.ts"
import { handler } from "../request/Handler.ts"
import type { RequestContext } from "../request/RequestContext.ts"

export const heartbeat = handler({
  api: Heartbeat,
  resources: ({ groupId }) => ({ groups: [groupId] }),
  reads: true,
  later: () => new CoordinatorNotAvailable(),
  asks: [{ operation: "read", resourceType: "group" }],
  make: Effect.gen(function* () {
    const groups = yield* Groups
    return (request: HeartbeatRequest, context: RequestContext) =>
      context.may("read", "group", request.groupId)
        ? Effect.as(groups.heartbeat({ ...request, mayDescribe: visibleTopics(context) }), { errorCode: NONE })
        : Effect.fail(new GroupAuthorizationFailed())
  }),
  refuse: (_request, errorCode) => ({ errorCode })
})
