// Serves: OffsetFetch in all versions, of one group or of several.
// Left out: nothing.

import { Groups } from "@tusk/coordinator/group/shell/Groups"
import { ZERO_UUID } from "@tusk/protocol/codec/Uuid"
import {
  CoordinatorNotAvailable,
  errorCode,
  NONE,
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
import { handler } from "../request/Handler.ts"
import type { Answer } from "../request/Handler.ts"
import type { RequestContext } from "../request/RequestContext.ts"

type GroupResponse = OffsetFetchResponse["groups"][number]
type GroupTopics = GroupResponse["topics"]

/** Versions from which a request names several groups. */
const BATCHED = 8
const TOPIC_IDS = 10

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
  make: Effect.gen(function* () {
    const groups = yield* Groups
    const topics = yield* Topics
    const offsets = yield* Offsets

    const all = (committed: ReadonlyMap<number, CommittedOffset>, isUnstable: Unstable): GroupTopics => {
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
      return Array.from(byTopic.values())
    }

    const some = (
      asked: NonNullable<AskedGroup["topics"]>,
      committed: ReadonlyMap<number, CommittedOffset>,
      byId: boolean,
      isUnstable: Unstable
    ): GroupTopics =>
      asked.map(({ name, partitionIndexes, topicId }) => {
        const topic = byId ? topics.byId(topicId) : topics.byName(name)
        const code = topic === undefined && byId ? errorCode(new UnknownTopicId()) : NONE
        return {
          name,
          topicId,
          partitions: partitionIndexes.map((index) => {
            const partitionId = topic?.partitionIds[index]
            if (partitionId === undefined) return found(index, undefined, code)
            return isUnstable(partitionId) ? unstable(index) : found(index, committed.get(partitionId), code)
          })
        }
      })

    const one = (asked: AskedGroup, byId: boolean, requireStable: boolean): Effect.Effect<GroupResponse> =>
      Effect.match(groups.fetchOffsets(asked.groupId, asked), {
        onFailure: (error) => refused(asked, error),
        onSuccess: (committed) => {
          const pending = offsets.pending(asked.groupId)
          const isUnstable: Unstable = (partitionId) => requireStable && pending.has(partitionId)
          const found =
            asked.topics === null ? all(committed, isUnstable) : some(asked.topics, committed, byId, isUnstable)
          return { groupId: asked.groupId, topics: found, errorCode: NONE }
        }
      })

    return Effect.fnUntraced(function* (request: OffsetFetchRequest, { apiVersion }: RequestContext) {
      const results = yield* Effect.forEach(askedGroups(request, apiVersion), (asked) =>
        one(asked, apiVersion >= TOPIC_IDS, request.requireStable)
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
  return { topics: group!.topics, errorCode: apiVersion >= 2 ? group!.errorCode : NONE, groups: [] }
}
