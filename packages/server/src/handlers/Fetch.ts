// Serves: Fetch in all versions, with sessions (KIP-227), long polls, and message sets below version 4.
// Left out: fetches of replicas, a preferred replica, diverging epochs.
// Why: one broker leads all, and no log of its is ever cut back.

import { ZERO_UUID } from "@tusk/protocol/codec/Uuid"
import {
  InconsistentTopicId,
  NONE,
  NotLeaderOrFollower,
  OffsetOutOfRange,
  TopicAuthorizationFailed,
  UnknownTopicId,
  UnknownTopicOrPartition
} from "@tusk/protocol/KafkaError"
import type { KafkaError } from "@tusk/protocol/KafkaError"
import { Fetch } from "@tusk/protocol/messages/Fetch"
import type { FetchRequest } from "@tusk/protocol/messages/Fetch"
import { isKafkaError, Log } from "@tusk/storage/log/Log"
import { Topics } from "@tusk/storage/topics/Topics"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import { BrokerSettings } from "../config/BrokerSettings.ts"
import { AnswerBudget } from "../fetch/AnswerBudget.ts"
import { downConvert } from "../fetch/DownConversion.ts"
import { emptyPartition } from "../fetch/FetchAnswer.ts"
import type { Fetched } from "../fetch/FetchAnswer.ts"
import { makeFetchSessions, openFetch, unanswered } from "../fetch/FetchSession.ts"
import type { FetchPartitionState } from "../fetch/FetchSession.ts"
import { Poll, TOPIC_IDS } from "../fetch/Poll.ts"
import type { PollParts } from "../fetch/Poll.ts"
import { Recompression } from "../produce/Recompression.ts"
import { Deadlines } from "../request/Deadlines.ts"
import { mayCluster, permits } from "../request/authorizing.ts"
import type { Permits } from "../request/authorizing.ts"
import { handler } from "../request/Handler.ts"
import { monotonicMs } from "../request/monotonic.ts"
import { notLedHere, Placement } from "../request/Placement.ts"
import type { RequestContext } from "../request/RequestContext.ts"
import { wireClock } from "../request/WireClock.ts"
import { topicsOf } from "../request/Resources.ts"
import { RequestCounts } from "../request/ServerCounts.ts"
import { ClientQuotas } from "../security/quota/ClientQuotas.ts"
import { emptyRead, isEmptyPartition, topicById, topicByName } from "../topics/CoordinatorTopics.ts"

export const fetch = handler({
  api: Fetch,
  resources: ({ topics }) => topicsOf(topics.map(({ topic, topicId }) => ({ name: topic, topicId }))),
  asks: [
    { operation: "read", resourceType: "topic" },
    { operation: "clusterAction", resourceType: "cluster", of: "in the place of the topics, as a follower" }
  ],
  reads: true,
  waitsMs: () => Infinity,
  ownWaitMs: ({ maxWaitMs }) => Math.max(0, maxWaitMs),
  later: () => new NotLeaderOrFollower(),
  make: Effect.gen(function* () {
    const budget = yield* AnswerBudget
    const placement = yield* Placement
    const deadlines = yield* Deadlines
    const log = yield* Log
    const topics = yield* Topics
    const clock = yield* wireClock
    const random = yield* Random.Random
    const settings = yield* BrokerSettings
    const sessions = makeFetchSessions(
      settings.maxIncrementalFetchSessionCacheSlots,
      settings.fetchSessionMaxPartitions
    )
    const counts = yield* RequestCounts
    counts.fetchSessions = () => sessions.sessions.size
    const newSessionId = () => 1 + Math.floor(random.nextDoubleUnsafe() * 0x7ffffffe)

    const locate = (state: FetchPartitionState, byId: boolean, mayRead: Permits): Fetched | undefined => {
      const topic = byId ? topicById(topics, state.topicId) : topicByName(topics, state.topic)
      const name = byId ? (topic?.name ?? state.foundAs) : state.topic
      // Before it is told whether it is there.
      if (mayRead === NOTHING || (name !== undefined && !mayRead(name))) return new TopicAuthorizationFailed()
      if (topic === undefined) return byId ? unknownId(topics, state) : new UnknownTopicOrPartition()
      state.foundAs = topic.name
      const partitionId = topic.partitionIds[state.partition]
      if (partitionId === undefined) return new UnknownTopicOrPartition()
      state.partitionId = partitionId
      const elsewhere = notLedHere(placement, partitionId, state.currentLeaderEpoch)
      if (elsewhere !== undefined || !isEmptyPartition(partitionId)) return elsewhere
      return state.from === 0n ? emptyRead(partitionId) : new OffsetOutOfRange()
    }

    const recompression = yield* Recompression
    let conversions = 0
    const convert: PollParts["convert"] = (reads, apiVersion) =>
      downConvert(reads, apiVersion, conversions++, recompression.downConvert)
    const { clients: meters } = yield* ClientQuotas
    const parts: PollParts = {
      budget,
      clock,
      convert,
      deadlines,
      locate,
      log,
      mayRead,
      meters,
      placement,
      settings,
      unanswered: (context) => unanswered(sessions, context)
    }
    return (request: FetchRequest, requestContext: RequestContext) => {
      const now = monotonicMs(clock)
      const context = openFetch(sessions, request, requestContext.apiVersion >= TOPIC_IDS, now, newSessionId)
      if (isKafkaError(context)) return Effect.fail(context)
      const poll = new Poll(parts, request, context, requestContext, now + request.maxWaitMs)
      const room = budget.room()
      return room === undefined ? poll.look() : Effect.flatMap(room, () => poll.look())
    }
  }),
  refuse: (request, code, _error, { apiVersion }) => ({
    errorCode: code,
    sessionId: 0,
    // Before version 7 an answer has no place for an error but in its partitions.
    responses:
      apiVersion >= 7
        ? []
        : request.topics.map((topic) => ({
            topic: topic.topic,
            topicId: ZERO_UUID,
            partitions: topic.partitions.map(({ partition }) => emptyPartition(partition, code))
          })),
    nodeEndpoints: []
  }),
  refuseTopics: (request, code) => ({
    errorCode: NONE,
    sessionId: 0,
    responses: request.topics.map(({ partitions, topic, topicId }) => ({
      topic,
      topicId,
      partitions: partitions.map(({ partition }) => emptyPartition(partition, code))
    })),
    nodeEndpoints: []
  })
})

const NOTHING: Permits = () => false

/** A follower reads by its right to act for the cluster: all topics, or none. */
const mayRead: PollParts["mayRead"] = ({ replicaId, replicaState }, context) => {
  if (Math.max(replicaId, replicaState.replicaId) < 0) return permits(context, "read", "topic")
  return mayCluster(context, "clusterAction") ? () => true : NOTHING
}

/** As Apache Kafka tells it: an id that once was found is missed by its topic's name. */
const unknownId = (topics: Topics["Service"], { foundAs }: FetchPartitionState): KafkaError => {
  if (foundAs === undefined) return new UnknownTopicId()
  return topics.byName(foundAs) === undefined ? new UnknownTopicOrPartition() : new InconsistentTopicId()
}
