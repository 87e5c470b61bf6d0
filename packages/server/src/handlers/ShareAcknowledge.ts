// Serves: ShareAcknowledge 1 and 2: acknowledges records that a member of a share group acquired (KIP-932).
// Left out: version 0.
// Why: it was a preview, which no client of today sends.

import {
  GroupAuthorizationFailed,
  InvalidRequest,
  InvalidShareSessionEpoch,
  NotLeaderOrFollower
} from "@tusk/protocol/KafkaError"
import { ShareAcknowledge } from "@tusk/protocol/messages/ShareAcknowledge"
import type { ShareAcknowledgeRequest } from "@tusk/protocol/messages/ShareAcknowledge"
import * as Effect from "effect/Effect"
import { handler } from "../request/Handler.ts"
import type { RequestContext } from "../request/RequestContext.ts"
import { refuseShare, SHARE_RIGHTS, ShareRequests, shareResources } from "../share/ShareRequests.ts"
import { FINAL_EPOCH, INITIAL_EPOCH } from "../share/ShareSessions.ts"

export const shareAcknowledge = handler({
  api: ShareAcknowledge,
  resources: ({ groupId, topics }) => shareResources(groupId, topics),
  versions: [1, 2],
  reads: true,
  later: () => new NotLeaderOrFollower(),
  asks: SHARE_RIGHTS,
  make: Effect.gen(function* () {
    const requests = yield* ShareRequests.make
    return Effect.fnUntraced(function* (request: ShareAcknowledgeRequest, context: RequestContext) {
      const { groupId, isRenewAck, memberId, shareSessionEpoch } = request
      if (groupId !== null && !context.may("read", "group", groupId)) return yield* new GroupAuthorizationFailed()
      const { connection } = context
      const idOf = requests.readableBy(context)
      if (groupId === null || groupId === "" || memberId === null || memberId === "") {
        return yield* new InvalidRequest({ message: "GroupId and MemberId can't be empty." })
      }
      const idError = requests.idError(groupId, memberId)
      if (idError !== null) return yield* Effect.fail(idError)
      // A session begins with a fetch.
      if (shareSessionEpoch === INITIAL_EPOCH) return yield* new InvalidShareSessionEpoch()
      const session = requests.open({ groupId, memberId, epoch: shareSessionEpoch, added: [], forgotten: [] })
      if ("_tag" in session) return yield* Effect.fail(session)
      const responses = yield* Effect.forEach(request.topics, ({ partitions, topicId }) =>
        Effect.map(
          Effect.forEach(partitions, ({ acknowledgementBatches: batches, partitionIndex }) =>
            Effect.map(
              requests.acknowledge(session, { topicId, partitionIndex, batches, isRenewAck, idOf }),
              (acknowledged) => ({ partitionIndex, ...acknowledged })
            )
          ),
          (results) => ({ topicId, partitions: results })
        )
      )
      if (shareSessionEpoch === FINAL_EPOCH) yield* requests.close(session)
      return requests.answer(groupId, responses, connection.listener)
    })
  }),
  refuse: refuseShare
})
