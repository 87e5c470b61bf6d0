/** What groups have committed; of a share group where it begins. */
import { AlterShareGroupOffsets } from "@tusk/protocol/messages/AlterShareGroupOffsets"
import { DeleteShareGroupOffsets } from "@tusk/protocol/messages/DeleteShareGroupOffsets"
import { DescribeShareGroupOffsets } from "@tusk/protocol/messages/DescribeShareGroupOffsets"
import { OffsetCommit } from "@tusk/protocol/messages/OffsetCommit"
import { OffsetDelete } from "@tusk/protocol/messages/OffsetDelete"
import { OffsetFetch } from "@tusk/protocol/messages/OffsetFetch"
import type { OffsetFetchRequest } from "@tusk/protocol/messages/OffsetFetch"
import { ZERO_UUID } from "@tusk/protocol/codec/Uuid"
import * as Effect from "effect/Effect"
import { refusalOf } from "../ClientError.ts"
import type { ClientError, Refused } from "../ClientError.ts"
import { KafkaClient } from "../KafkaClient.ts"
import { byTopic, partitionText } from "../leaders.ts"
import type { TopicPartition } from "../Metadata.ts"

/** An offset of a group. */
export interface GroupOffset extends TopicPartition {
  readonly offset: bigint
  /** What the member said of it; none if not given. */
  readonly metadata?: string
}

/** Whose commits these are: a member's, or of somebody beside a group without members. */
export interface Committer {
  readonly group: string
  /** -1 for nobody's. */
  readonly generation: number
  readonly memberId: string
}

/** Versions from 10 on name topics by their ids. */
const BY_NAME = { maxVersion: 9 }

const fetchRequest = (group: string, version: number): OffsetFetchRequest =>
  version < 8
    ? { groupId: group, topics: null, groups: [], requireStable: false }
    : {
        groupId: "",
        topics: [],
        groups: [{ groupId: group, memberId: null, memberEpoch: -1, topics: null }],
        requireStable: false
      }

const inOrder = (a: TopicPartition, b: TopicPartition): number =>
  a.topic === b.topic ? a.partition - b.partition : a.topic < b.topic ? -1 : 1

/** All that a group has committed, by topic and partition. */
export const committedOffsets = (group: string): Effect.Effect<ReadonlyArray<GroupOffset>, ClientError, KafkaClient> =>
  Effect.gen(function* () {
    const client = yield* KafkaClient
    const answer = yield* client.ask(
      client.coordinator(group),
      OffsetFetch,
      (version) => fetchRequest(group, version),
      (found) => refusalOf(found.groups[0]?.errorCode ?? found.errorCode, `group ${group}`),
      { ...BY_NAME, minVersion: 2 }
    )
    const offsets = (answer.groups[0]?.topics ?? answer.topics).flatMap(({ name: topic, partitions }) =>
      partitions.flatMap(({ committedOffset: offset, metadata, partitionIndex: partition }) =>
        offset === -1n ? [] : [{ topic, partition, offset, metadata: metadata ?? "" }]
      )
    )
    return offsets.sort(inOrder)
  })

/** Where a share group begins in each partition; -1 where it has not begun. */
export const shareOffsets = (group: string): Effect.Effect<ReadonlyArray<GroupOffset>, ClientError, KafkaClient> =>
  Effect.gen(function* () {
    const client = yield* KafkaClient
    const answer = yield* client.ask(
      client.coordinator(group),
      DescribeShareGroupOffsets,
      { groups: [{ groupId: group, topics: null }] },
      ({ groups: [found] }) => refusalOf(found?.errorCode ?? 0, `group ${group}`, found?.errorMessage ?? null)
    )
    const offsets = (answer.groups[0]?.topics ?? []).flatMap(({ partitions, topicName: topic }) =>
      partitions.map(({ partitionIndex: partition, startOffset: offset }) => ({ topic, partition, offset }))
    )
    return offsets.sort(inOrder)
  })

type Code = TopicPartition & { readonly code: number }

/** The first error of an answer that has one for each partition. */
const firstRefusal = (codes: ReadonlyArray<Code>): Refused | undefined => {
  const bad = codes.find(({ code }) => code !== 0)
  return bad === undefined ? undefined : refusalOf(bad.code, partitionText(bad))
}

/** Commits offsets. */
export const commitOffsets = (
  committer: Committer,
  offsets: ReadonlyArray<GroupOffset>
): Effect.Effect<void, ClientError, KafkaClient> =>
  Effect.gen(function* () {
    const client = yield* KafkaClient
    const { generation, group, memberId } = committer
    const topics = byTopic(offsets).map(([name, list]) => ({
      name,
      topicId: ZERO_UUID,
      partitions: list.map(({ metadata, offset, partition }) => ({
        partitionIndex: partition,
        committedOffset: offset,
        committedLeaderEpoch: -1,
        commitTimestamp: -1n,
        committedMetadata: metadata ?? ""
      }))
    }))
    yield* client.ask(
      client.coordinator(group),
      OffsetCommit,
      { ...OffsetCommit.request.defaults(), groupId: group, generationIdOrMemberEpoch: generation, memberId, topics },
      (answer) =>
        firstRefusal(
          answer.topics.flatMap(({ name: topic, partitions }) =>
            partitions.map(({ errorCode: code, partitionIndex: partition }) => ({ topic, partition, code }))
          )
        ),
      { ...BY_NAME, minVersion: 2 }
    )
  })

/** Sets where a share group without members begins. */
export const alterShareOffsets = (
  group: string,
  offsets: ReadonlyArray<GroupOffset>
): Effect.Effect<void, ClientError, KafkaClient> =>
  Effect.gen(function* () {
    const client = yield* KafkaClient
    const topics = byTopic(offsets).map(([topicName, list]) => ({
      topicName,
      partitions: list.map(({ offset: startOffset, partition: partitionIndex }) => ({ partitionIndex, startOffset }))
    }))
    yield* client.ask(
      client.coordinator(group),
      AlterShareGroupOffsets,
      { groupId: group, topics },
      (answer) =>
        refusalOf(answer.errorCode, `group ${group}`, answer.errorMessage) ??
        firstRefusal(
          answer.responses.flatMap(({ partitions, topicName: topic }) =>
            partitions.map(({ errorCode: code, partitionIndex: partition }) => ({ topic, partition, code }))
          )
        )
    )
  })

/** Forgets what a group has committed for partitions. */
export const deleteOffsets = (
  group: string,
  partitions: ReadonlyArray<TopicPartition>
): Effect.Effect<void, ClientError, KafkaClient> =>
  Effect.gen(function* () {
    const client = yield* KafkaClient
    const topics = byTopic(partitions).map(([name, list]) => ({
      name,
      partitions: list.map(({ partition: partitionIndex }) => ({ partitionIndex }))
    }))
    yield* client.ask(
      client.coordinator(group),
      OffsetDelete,
      { groupId: group, topics },
      (answer) =>
        refusalOf(answer.errorCode, `group ${group}`) ??
        firstRefusal(
          answer.topics.flatMap(({ name: topic, partitions: list }) =>
            list.map(({ errorCode: code, partitionIndex: partition }) => ({ topic, partition, code }))
          )
        )
    )
  })

/** Forgets topics of a share group. */
export const deleteShareOffsets = (
  group: string,
  topics: ReadonlyArray<string>
): Effect.Effect<void, ClientError, KafkaClient> =>
  Effect.gen(function* () {
    const client = yield* KafkaClient
    yield* client.ask(
      client.coordinator(group),
      DeleteShareGroupOffsets,
      { groupId: group, topics: topics.map((topicName) => ({ topicName })) },
      (answer) => {
        const bad = answer.responses.find(({ errorCode }) => errorCode !== 0)
        return (
          refusalOf(answer.errorCode, `group ${group}`, answer.errorMessage) ??
          (bad === undefined ? undefined : refusalOf(bad.errorCode, `topic ${bad.topicName}`, bad.errorMessage))
        )
      }
    )
  })
