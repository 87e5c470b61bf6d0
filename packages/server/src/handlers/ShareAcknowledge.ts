import { GroupConfigs } from "@tusk/coordinator/group/machine/GroupConfigs"
import { SharePartitions } from "@tusk/coordinator/group/shell/SharePartitions"
import {
  errorCode,
  errorMessage,
  InvalidRequest,
  InvalidShareSessionEpoch,
  NONE,
  NotLeaderOrFollower
} from "@tusk/protocol/KafkaError"
import { ShareAcknowledge } from "@tusk/protocol/messages/ShareAcknowledge"
import type { ShareAcknowledgeRequest } from "@tusk/protocol/messages/ShareAcknowledge"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { handler } from "../request/Handler.ts"
import { monotonicMs } from "../request/monotonic.ts"
import type { RequestContext } from "../request/Handler.ts"
import { shareAcknowledging } from "../share/ShareAcknowledging.ts"
import { FINAL_EPOCH, INITIAL_EPOCH, ShareSessions } from "../share/ShareSessions.ts"

export const shareAcknowledge = handler({
  api: ShareAcknowledge,
  // Version 0 was a preview.
  versions: [1, 2],
  reads: true,
  later: () => new NotLeaderOrFollower(),
  make: Effect.gen(function* () {
    const clock = yield* Clock.Clock
    const configs = yield* GroupConfigs
    const sessions = yield* ShareSessions
    const shared = yield* SharePartitions
    const { acknowledge, endpoints, leadership, release } = yield* shareAcknowledging

    return Effect.fnUntraced(function* (request: ShareAcknowledgeRequest, { connection }: RequestContext) {
      const { groupId, isRenewAck, memberId, shareSessionEpoch } = request
      if (groupId === null || groupId === "" || memberId === null || memberId === "") {
        return yield* new InvalidRequest({ message: "GroupId and MemberId can't be empty." })
      }
      const idError = shared.idError(groupId, memberId)
      if (idError !== null) return yield* Effect.fail(idError)
      const config = configs(groupId)
      // A session begins with a fetch.
      if (shareSessionEpoch === INITIAL_EPOCH) return yield* new InvalidShareSessionEpoch()
      const session = sessions.use(
        {
          groupId,
          memberId,
          epoch: shareSessionEpoch,
          added: [],
          forgotten: [],
          maxSessions: config.shareMaxShareSessions
        },
        monotonicMs(clock)
      )
      if ("_tag" in session) return yield* Effect.fail(session)
      const responses = yield* Effect.forEach(request.topics, ({ partitions, topicId }) =>
        Effect.map(
          Effect.forEach(partitions, ({ acknowledgementBatches, partitionIndex }) =>
            Effect.map(acknowledge(session, topicId, partitionIndex, acknowledgementBatches, isRenewAck), (error) => ({
              partitionIndex,
              errorCode: error === null ? NONE : errorCode(error),
              errorMessage: error === null ? null : errorMessage(error),
              currentLeader: leadership(error, topicId, partitionIndex)
            }))
          ),
          (results) => ({ topicId, partitions: results })
        )
      )
      if (shareSessionEpoch === FINAL_EPOCH) {
        sessions.close(session)
        yield* release(session)
      }
      return {
        throttleTimeMs: 0,
        errorCode: NONE,
        errorMessage: null,
        acquisitionLockTimeoutMs: config.shareRecordLockDurationMs,
        responses,
        nodeEndpoints: endpoints(
          responses.flatMap(({ partitions }) => partitions.map(({ currentLeader }) => currentLeader)),
          connection.listener
        )
      }
    })
  }),
  refuse: (_request, code, error) => ({
    throttleTimeMs: 0,
    errorCode: code,
    errorMessage: errorMessage(error),
    acquisitionLockTimeoutMs: 0,
    responses: [],
    nodeEndpoints: []
  })
})
