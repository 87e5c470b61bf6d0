// Serves: OffsetFetch in all versions, of one group or of several.
// Left out: nothing.

import { Groups } from "@tusk/coordinator/group/shell/Groups"
import { ZERO_UUID } from "@tusk/protocol/codec/Uuid"
import {
  CoordinatorNotAvailable,
  errorCode,
  GroupAuthorizationFailed,
  NONE,
  TopicAuthorizationFailed,
  UnknownTopicId,
  UnstableOffsetCommit
} from "@tusk/protocol/KafkaError"
import type { KafkaError } from "@tusk/protocol/KafkaError"
import { OffsetFetch } from "@tusk/protocol/messages/OffsetFetch"
import type { OffsetFetchRequest, OffsetFetchResponse } from "@tusk/protocol/messages/OffsetFetch"
import { Offsets } from "@tusk/storage/offsets/Offsets"
import type { CommittedOffset } from "@tusk/storage/offsets/Offsets"
import { Topics } from "@tusk/storage/topics/Topics"
import * as Effect from "effect/Effect"
import { permits } from "../request/authorizing.ts"
import { handler } from "../request/Handler.ts"
import type { Answer } from "../request/Handler.ts"
import type { RequestContext } from "../request/RequestContext.ts"

type GroupResponse = OffsetFetchResponse["groups"][number]
type GroupTopics = GroupResponse["topics"]

/** Versions from which a request names several groups. */
const BATCHED = 8
const TOPIC_IDS = 10

/** Whether the principal may know of a topic. */
type Visible = (topic: string) => boolean

/** Whether an open transaction has an offset for a partition, and the client wants to hear of it (KIP-447). */
type Unstable = (partitionId: number) => boolean

interface AskedGroup {
  readonly groupId: string
  /** Version 9 and later; null and -1: a client outside the group. */
  readonly memberId: string | null
  readonly memberEpoch: number
  /** Null: all that the group has committed. */
  readonly topics: ReadonlyArray<{
    readonly name: string
    readonly topicId: string
    readonly partitionIndexes: ReadonlyArray<number>
  }> | null
}

export const offsetFetch = handler({
  api: OffsetFetch,
  resources: ({ groupId, groups }) => ({
    groups: groups.length > 0 ? groups.map((group) => group.groupId) : [groupId]
  }),
  reads: true,
  later: () => new CoordinatorNotAvailable(),
  asks: [
    { operation: "describe", resourceType: "group" },
    { operation: "describe", resourceType: "topic", of: "each topic that is told" }
  ],
  make: Effect.gen(function* () {
    const groups = yield* Groups
    const topics = yield* Topics
    const offsets = yield* Offsets

    const all = (
      committed: ReadonlyMap<number, CommittedOffset>,
      isUnstable: Unstable,
      mayDescribe: Visible
    ): GroupTopics => {
      const byTopic = new Map<
        string,
        { name: string; topicId: string; partitions: Array<GroupTopics[number]["partitions"][number]> }
      >()
      for (const [partitionId, offset] of committed) {
        const place = topics.ofPartition(partitionId)
        if (place === undefined) continue
        const { name, topicId } = place.topic
        let entry = byTopic.get(topicId)
        if (entry === undefined) byTopic.set(topicId, (entry = { name, topicId, partitions: [] }))
        entry.partitions.push(isUnstable(partitionId) ? unstable(place.index) : found(place.index, offset))
      }
      return Array.from(byTopic.values()).filter(({ name }) => mayDescribe(name))
    }

    const some = (
      asked: NonNullable<AskedGroup["topics"]>,
      committed: ReadonlyMap<number, CommittedOffset>,
      byId: boolean,
      isUnstable: Unstable,
      mayDescribe: Visible
    ): GroupTopics => {
      const told: Array<GroupTopics[number]> = []
      const refused: Array<GroupTopics[number]> = []
      for (const { name, partitionIndexes, topicId } of asked) {
        const topic = byId ? topics.byId(topicId) : topics.byName(name)
        const error = refusalOf(byId ? topic?.name : name, mayDescribe)
        const partitions = partitionIndexes.map((index) => {
          if (error !== undefined) return found(index, undefined, errorCode(error))
          const partitionId = topic?.partitionIds[index]
          if (partitionId === undefined) return found(index, undefined)
          return isUnstable(partitionId) ? unstable(index) : found(index, committed.get(partitionId))
        })
        if (error === undefined) told.push({ name, topicId, partitions })
        else refused.push({ name, topicId, partitions })
      }
      // In Apache Kafka's order.
      return [...told, ...refused]
    }

    const one = (
      asked: AskedGroup,
      { byId, mayDescribe, requireStable }: { byId: boolean; mayDescribe: Visible; requireStable: boolean }
    ): Effect.Effect<GroupResponse> =>
      Effect.match(groups.fetchOffsets(asked.groupId, asked), {
        onFailure: (error) => refused(asked, error),
        onSuccess: (committed) => {
          const pending = offsets.pending(asked.groupId)
          const isUnstable: Unstable = (partitionId) => requireStable && pending.has(partitionId)
          const found =
            asked.topics === null
              ? all(committed, isUnstable, mayDescribe)
              : some(asked.topics, committed, byId, isUnstable, mayDescribe)
          return { groupId: asked.groupId, topics: found, errorCode: NONE }
        }
      })

    return Effect.fnUntraced(function* (request: OffsetFetchRequest, context: RequestContext) {
      const { apiVersion } = context
      const { requireStable } = request
      const so = { byId: apiVersion >= TOPIC_IDS, mayDescribe: permits(context, "describe", "topic"), requireStable }
      const results = yield* Effect.forEach(askedGroups(request, apiVersion), (asked) =>
        context.may("describe", "group", asked.groupId)
          ? one(asked, so)
          : Effect.succeed(refused(asked, new GroupAuthorizationFailed()))
      )
      return answer(results, apiVersion)
    })
  }),
  refuse: (request, _code, error, { apiVersion }) =>
    answer(
      askedGroups(request, apiVersion).map((asked) => refused(asked, error)),
      apiVersion
    )
})

const askedGroups = (request: OffsetFetchRequest, apiVersion: number): ReadonlyArray<AskedGroup> =>
  apiVersion >= BATCHED
    ? request.groups
    : [
        {
          groupId: request.groupId,
          memberId: null,
          memberEpoch: -1,
          // Version 0 and 1 have no null: an empty list asks for nothing.
          topics: request.topics?.map((topic) => ({ ...topic, topicId: ZERO_UUID })) ?? null
        }
      ]

const found = (partitionIndex: number, offset: CommittedOffset | undefined, code = NONE) => ({
  partitionIndex,
  committedOffset: offset?.offset ?? -1n,
  committedLeaderEpoch: offset?.leaderEpoch ?? -1,
  metadata: offset === undefined ? "" : (offset.metadata ?? ""),
  errorCode: code
})

/** Why nothing is told of a topic; one without a name has an id that is not known. */
const refusalOf = (name: string | undefined, mayDescribe: Visible): KafkaError | undefined => {
  if (name === undefined) return new UnknownTopicId()
  return mayDescribe(name) ? undefined : new TopicAuthorizationFailed()
}

const unstable = (partitionIndex: number) => found(partitionIndex, undefined, UNSTABLE)
const UNSTABLE = errorCode(new UnstableOffsetCommit())

const refused = (asked: AskedGroup, error: KafkaError): GroupResponse => ({
  groupId: asked.groupId,
  topics: (asked.topics ?? []).map(({ name, partitionIndexes, topicId }) => ({
    name,
    topicId,
    partitions: partitionIndexes.map((index) => found(index, undefined, errorCode(error)))
  })),
  errorCode: errorCode(error)
})

const answer = (groups: ReadonlyArray<GroupResponse>, apiVersion: number): Answer<OffsetFetchResponse> => {
  if (apiVersion >= BATCHED) {
    return {
      topics: [],
      errorCode: NONE,
      groups: groups.map((group) => (group.errorCode === NONE ? group : { ...group, topics: [] }))
    }
  }
  const [group] = groups
  // Before version 2 there is no place for the group's error but in its partitions.
  const isWhole = apiVersion >= 2 && group!.errorCode !== NONE
  return { topics: isWhole ? [] : group!.topics, errorCode: apiVersion >= 2 ? group!.errorCode : NONE, groups: [] }
}
