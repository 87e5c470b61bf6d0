// Serves: SyncGroup in all versions: hands out the assignment that the leader of a classic group made.
// Left out: nothing.

import { Groups } from "@tusk/coordinator/group/shell/Groups"
import {
  CoordinatorNotAvailable,
  GroupAuthorizationFailed,
  InconsistentGroupProtocol,
  NONE
} from "@tusk/protocol/KafkaError"
import { SyncGroup } from "@tusk/protocol/messages/SyncGroup"
import type { SyncGroupRequest } from "@tusk/protocol/messages/SyncGroup"
import { Active } from "@tusk/storage/commit/Active"
import * as Effect from "effect/Effect"
import { failingAtEnd } from "../request/ConnectionInfo.ts"
import { handler } from "../request/Handler.ts"
import type { RequestContext } from "../request/RequestContext.ts"

export const syncGroup = handler({
  api: SyncGroup,
  resources: ({ groupId }) => ({ groups: [groupId] }),
  reads: true,
  waitsMs: () => Infinity,
  later: () => new CoordinatorNotAvailable(),
  asks: [{ operation: "read", resourceType: "group" }],
  make: Effect.gen(function* () {
    const { whenElsewhere } = yield* Active
    const groups = yield* Groups
    return (request: SyncGroupRequest, context: RequestContext) => {
      // Before it is asked who may: as Apache Kafka.
      if (context.apiVersion >= 5 && (request.protocolType === null || request.protocolName === null)) {
        return Effect.fail(new InconsistentGroupProtocol())
      }
      if (!context.may("read", "group", request.groupId)) return Effect.fail(new GroupAuthorizationFailed())
      const { connection } = context
      const stopped = failingAtEnd(connection, whenElsewhere, () => new CoordinatorNotAvailable())
      return Effect.map(
        Effect.raceFirst(groups.syncGroup(request), stopped),
        ({ assignment, protocolName, protocolType }) => ({
          errorCode: NONE,
          protocolType,
          protocolName,
          assignment
        })
      )
    }
  }),
  refuse: (_request, errorCode) => ({
    errorCode,
    protocolType: null,
    protocolName: null,
    assignment: new Uint8Array(0)
  })
})
