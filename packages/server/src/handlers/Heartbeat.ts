// Serves: Heartbeat in all versions: keeps a member of a classic group alive.
// Left out: nothing.

import { Groups } from "@tusk/coordinator/group/shell/Groups"
import { CoordinatorNotAvailable, NONE } from "@tusk/protocol/KafkaError"
import { Heartbeat } from "@tusk/protocol/messages/Heartbeat"
import type { HeartbeatRequest } from "@tusk/protocol/messages/Heartbeat"
import * as Effect from "effect/Effect"
import { handler } from "../request/Handler.ts"

export const heartbeat = handler({
  api: Heartbeat,
  resources: ({ groupId }) => ({ groups: [groupId] }),
  reads: true,
  later: () => new CoordinatorNotAvailable(),
  make: Effect.gen(function* () {
    const groups = yield* Groups
    return (request: HeartbeatRequest) => Effect.as(groups.heartbeat(request), { errorCode: NONE })
  }),
  refuse: (_request, errorCode) => ({ errorCode })
})
