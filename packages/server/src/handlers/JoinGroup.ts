// Serves: JoinGroup in all versions: a member enters a classic group, or stays in it through a rebalance.
// Left out: nothing.

import { Groups } from "@tusk/coordinator/group/shell/Groups"
import { CoordinatorNotAvailable, errorCode, GroupAuthorizationFailed, NONE } from "@tusk/protocol/KafkaError"
import { JoinGroup } from "@tusk/protocol/messages/JoinGroup"
import type { JoinGroupRequest } from "@tusk/protocol/messages/JoinGroup"
import { Active } from "@tusk/storage/commit/Active"
import * as Effect from "effect/Effect"
import { visibleTopics } from "../groups/visibleTopics.ts"
import { failingAtEnd } from "../request/ConnectionInfo.ts"
import { handler } from "../request/Handler.ts"
import type { RequestContext } from "../request/RequestContext.ts"

export const joinGroup = handler({
  api: JoinGroup,
  resources: ({ groupId }) => ({ groups: [groupId] }),
  reads: true,
  waitsMs: ({ rebalanceTimeoutMs, sessionTimeoutMs }) => Math.max(rebalanceTimeoutMs, sessionTimeoutMs, 0),
  later: () => new CoordinatorNotAvailable(),
  asks: [{ operation: "read", resourceType: "group" }],
  make: Effect.gen(function* () {
    const { whenElsewhere } = yield* Active
    const groups = yield* Groups
    return Effect.fnUntraced(function* (request: JoinGroupRequest, context: RequestContext) {
      const { apiVersion, clientId, connection } = context
      if (!context.may("read", "group", request.groupId)) return refused(FORBIDDEN, "", apiVersion)
      const joining = groups.joinGroup({
        ...request,
        apiVersion,
        clientId,
        clientHost: `/${connection.clientHost}`,
        mayDescribe: visibleTopics(context)
      })
      // Waits for other members, which may be long in coming.
      const answer = yield* Effect.raceFirst(
        joining,
        failingAtEnd(connection, whenElsewhere, () => new CoordinatorNotAvailable())
      )
      return {
        errorCode: answer.error === null ? NONE : errorCode(answer.error),
        generationId: answer.generationId,
        protocolType: answer.protocolType,
        // Null has a place from version 7 on.
        protocolName: answer.protocolName ?? (apiVersion >= 7 ? null : ""),
        leader: answer.leader,
        skipAssignment: answer.skipAssignment,
        memberId: answer.memberId,
        members: answer.members
      }
    })
  }),
  refuse: ({ memberId }, code, _error, { apiVersion }) => refused(code, memberId, apiVersion)
})

const FORBIDDEN = errorCode(new GroupAuthorizationFailed())

const refused = (code: number, memberId: string, apiVersion: number) => ({
  errorCode: code,
  generationId: -1,
  protocolType: null,
  protocolName: apiVersion >= 7 ? null : "",
  leader: "",
  skipAssignment: false,
  memberId,
  members: []
})
