import type { Api } from "@tusk/protocol/codec/Api"
import { ConsumerProtocolAssignment } from "@tusk/protocol/embedded/ConsumerProtocolAssignment"
import { decodeVersioned } from "@tusk/protocol/embedded/Versioned"
import { ConsumerGroupDescribe } from "@tusk/protocol/messages/ConsumerGroupDescribe"
import { DeleteGroups } from "@tusk/protocol/messages/DeleteGroups"
import { DescribeGroups } from "@tusk/protocol/messages/DescribeGroups"
import type { DescribedGroupMember } from "@tusk/protocol/messages/DescribeGroups"
import { ListGroups } from "@tusk/protocol/messages/ListGroups"
import { ShareGroupDescribe } from "@tusk/protocol/messages/ShareGroupDescribe"
import { StreamsGroupDescribe } from "@tusk/protocol/messages/StreamsGroupDescribe"
import * as Effect from "effect/Effect"
import type { BrokerConnection } from "../BrokerConnection.ts"
import { Refused, refusalOf } from "../ClientError.ts"
import type { ClientError } from "../ClientError.ts"
import { KafkaClient } from "../KafkaClient.ts"

/** The kinds of groups: JoinGroup's, KIP-848's, KIP-932's, KIP-1071's. */
export const GROUP_TYPES = ["classic", "consumer", "share", "streams"] as const
export type GroupType = (typeof GROUP_TYPES)[number]

/** A group as a list tells of it. */
export interface GroupListing {
  readonly group: string
  readonly type: GroupType
  /** `consumer`, `connect`, `share`, ...; empty for a group that only has offsets. */
  readonly protocol: string
  /** Kafka's name: `Stable`, `Empty`; null from a broker older than 2.6. */
  readonly state: string | null
}

/** What a member has: partitions of topics, or of a Streams group its active tasks, `SUBTOPOLOGY` in place of a topic. */
export interface AssignedTopic {
  readonly topic: string
  readonly partitions: ReadonlyArray<number>
}

/** A member of a group. */
export interface GroupMember {
  readonly memberId: string
  readonly instanceId: string | null
  readonly clientId: string
  readonly host: string
  readonly assignment: ReadonlyArray<AssignedTopic>
}

/** A group with its members. */
export interface GroupDescription {
  readonly group: string
  readonly type: GroupType
  readonly state: string
  /** Null where the kind has none. */
  readonly epoch: number | null
  /** What assigns: `range`, `uniform`; null if nothing does yet. */
  readonly assignor: string | null
  readonly members: ReadonlyArray<GroupMember>
}

const typeOf = (text: string): GroupType => GROUP_TYPES.find((type) => type === text.toLowerCase()) ?? "classic"

const listedBy = (from: Effect.Effect<BrokerConnection, ClientError>) =>
  Effect.gen(function* () {
    const client = yield* KafkaClient
    const { groups } = yield* client.ask(from, ListGroups, { statesFilter: [], typesFilter: [] }, ({ errorCode }) =>
      refusalOf(errorCode, "the list of groups")
    )
    return groups.map(({ groupId, groupState, groupType, protocolType }): GroupListing => ({
      group: groupId,
      type: typeOf(groupType),
      protocol: protocolType,
      state: groupState === "" ? null : groupState
    }))
  })

/** All groups of the cluster, by name: each broker knows those that it coordinates. */
export const listGroups: Effect.Effect<ReadonlyArray<GroupListing>, ClientError, KafkaClient> = Effect.gen(
  function* () {
    const client = yield* KafkaClient
    const { brokers } = yield* client.metadata([])
    const lists = yield* Effect.forEach(brokers.keys(), (id) => listedBy(client.broker(id)), { concurrency: 10 })
    return lists.flat().sort((a, b) => (a.group < b.group ? -1 : 1))
  }
)

const GROUP_ID_NOT_FOUND = 69

/** What a list tells of one group; undefined if there is none of this name. */
export const findGroup = (group: string): Effect.Effect<GroupListing | undefined, ClientError, KafkaClient> =>
  Effect.gen(function* () {
    const client = yield* KafkaClient
    return (yield* listedBy(client.coordinator(group))).find((listed) => listed.group === group)
  })

/** One answer of a describing API. */
const described = <Req, Group extends { readonly errorCode: number; readonly errorMessage: string | null }>(
  group: string,
  api: Api<Req, { readonly groups: ReadonlyArray<Group> }>,
  body: Req
) =>
  Effect.gen(function* () {
    const client = yield* KafkaClient
    const answer = yield* client.ask(client.coordinator(group), api, body, ({ groups: [found] }) =>
      refusalOf(found?.errorCode ?? GROUP_ID_NOT_FOUND, `group ${group}`, found?.errorMessage ?? null)
    )
    return answer.groups[0]!
  })

const assignedTopics = (
  topics: ReadonlyArray<{ readonly topicName: string; readonly partitions: ReadonlyArray<number> }>
): ReadonlyArray<AssignedTopic> =>
  topics
    .map(({ partitions, topicName: topic }) => ({ topic, partitions: partitions.toSorted((a, b) => a - b) }))
    .sort((a, b) => (a.topic < b.topic ? -1 : 1))

const classicAssignment = (member: DescribedGroupMember, protocol: string): ReadonlyArray<AssignedTopic> => {
  if (protocol !== "consumer" || member.memberAssignment.byteLength === 0) return []
  try {
    const { value } = decodeVersioned(ConsumerProtocolAssignment, member.memberAssignment)
    return assignedTopics(value.assignedPartitions.map(({ partitions, topic }) => ({ topicName: topic, partitions })))
  } catch {
    // Bytes of another protocol that calls itself consumer.
    return []
  }
}

const describeClassic = (group: string) =>
  Effect.map(
    described(group, DescribeGroups, { groups: [group], includeAuthorizedOperations: false }),
    (found): GroupDescription => ({
      group,
      type: "classic",
      state: found.groupState,
      epoch: null,
      assignor: found.protocolData === "" ? null : found.protocolData,
      members: found.members.map((member) => ({
        memberId: member.memberId,
        instanceId: member.groupInstanceId,
        clientId: member.clientId,
        host: member.clientHost,
        assignment: classicAssignment(member, found.protocolType)
      }))
    })
  )

const body = (group: string) => ({ groupIds: [group], includeAuthorizedOperations: false })

const describeConsumer = (group: string) =>
  Effect.map(described(group, ConsumerGroupDescribe, body(group)), (found): GroupDescription => ({
    group,
    type: "consumer",
    state: found.groupState,
    epoch: found.groupEpoch,
    assignor: found.assignorName,
    members: found.members.map(({ assignment, clientHost: host, clientId, instanceId, memberId }) => {
      return { memberId, instanceId, clientId, host, assignment: assignedTopics(assignment.topicPartitions) }
    })
  }))

const describeShare = (group: string) =>
  Effect.map(described(group, ShareGroupDescribe, body(group)), (found): GroupDescription => ({
    group,
    type: "share",
    state: found.groupState,
    epoch: found.groupEpoch,
    assignor: found.assignorName,
    members: found.members.map(({ assignment, clientHost: host, clientId, memberId }) => {
      return { memberId, instanceId: null, clientId, host, assignment: assignedTopics(assignment.topicPartitions) }
    })
  }))

const describeStreams = (group: string) =>
  Effect.map(described(group, StreamsGroupDescribe, body(group)), (found): GroupDescription => ({
    group,
    type: "streams",
    state: found.groupState,
    epoch: found.groupEpoch,
    assignor: null,
    members: found.members.map(({ assignment, clientHost: host, clientId, instanceId, memberId }) => {
      const tasks = assignment.activeTasks.map(({ partitions, subtopologyId: topicName }) => ({
        topicName,
        partitions
      }))
      return { memberId, instanceId, clientId, host, assignment: assignedTopics(tasks) }
    })
  }))

const DESCRIBERS = {
  classic: describeClassic,
  consumer: describeConsumer,
  share: describeShare,
  streams: describeStreams
} as const

/** A group with its members, of whatever kind. */
export const describeGroup = (group: string): Effect.Effect<GroupDescription, ClientError, KafkaClient> =>
  Effect.gen(function* () {
    const listed = yield* findGroup(group)
    if (listed === undefined) {
      return yield* new Refused({
        code: GROUP_ID_NOT_FOUND,
        subject: `group ${group}`,
        detail: "there is no such group"
      })
    }
    return yield* DESCRIBERS[listed.type](group)
  })

/** Deletes a group that has no members, with its offsets. */
export const deleteGroup = (group: string): Effect.Effect<void, ClientError, KafkaClient> =>
  Effect.gen(function* () {
    const client = yield* KafkaClient
    yield* client.ask(client.coordinator(group), DeleteGroups, { groupsNames: [group] }, ({ results: [gone] }) =>
      refusalOf(gone?.errorCode ?? 0, `group ${group}`)
    )
  })
