import { ConsumerProtocolAssignment } from "@tusk/protocol/embedded/ConsumerProtocolAssignment"
import { ConsumerProtocolSubscription } from "@tusk/protocol/embedded/ConsumerProtocolSubscription"
import type { ConsumerProtocolSubscriptionData } from "@tusk/protocol/embedded/ConsumerProtocolSubscription"
import { decodeVersioned, encodeVersioned } from "@tusk/protocol/embedded/Versioned"
import { GroupIdNotFound } from "@tusk/protocol/KafkaError"
import type { KafkaError } from "@tusk/protocol/KafkaError"
import { ProtocolError } from "@tusk/protocol/ProtocolError"
import { Topics } from "@tusk/storage/topics/Topics"
import { ofArea } from "@tusk/storage/logging"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { takeOver } from "../classic/ClassicGroup.ts"
import type { ClassicGroupState, PersistedGroup } from "../classic/ClassicGroupState.ts"
import { Event as ClassicEvent } from "../classic/ClassicGroupState.ts"
import { CONSUMER } from "../classic/SubscribedTopics.ts"
import type { Assigned, ConsumerGroupState, TopicPartitions } from "../consumer/ConsumerGroupState.ts"
import { empty, phaseOf } from "../consumer/ConsumerGroupState.ts"
import { fromClassic, isAllClassic } from "../consumer/FromClassic.ts"
import type { ClassicConsumer } from "../consumer/FromClassic.ts"
import { makeTopicPatterns } from "../consumer/TopicPatterns.ts"
import type { TopicPatterns } from "../consumer/TopicPatterns.ts"
import { GroupCells } from "./GroupCells.ts"
import type { GroupConfig } from "./GroupConfig.ts"
import { GroupConfigs } from "../machine/GroupConfigs.ts"
import type { AnyCell, CellOf } from "./GroupKinds.ts"

type AllTopics = Context.Service.Shape<typeof Topics>

/** How groups of classic consumers become consumer groups, and back (KIP-848, `group.consumer.migration.policy`). */
export class GroupConversion extends Context.Service<
  GroupConversion,
  {
    readonly patterns: TopicPatterns
    /** A member of the consumer protocol comes: the group of its name is a consumer group then, or GROUP_ID_NOT_FOUND. */
    readonly upgrade: (cell: CellOf<"classic">) => Effect.Effect<void, KafkaError>
    /** The last member of the consumer protocol is gone: the members that are left are a classic group again. */
    readonly downgradeIfDue: (cell: AnyCell) => Effect.Effect<void>
    /** A classic member comes to a group without members. */
    readonly downgradeEmpty: (cell: CellOf<"consumer"> | CellOf<"streams">) => Effect.Effect<void>
  }
>()("@tusk/coordinator/group/shell/GroupConversion") {
  static readonly layer = (config: GroupConfig): Layer.Layer<GroupConversion, never, GroupCells | Topics> =>
    Layer.effect(GroupConversion, make(config))
}

const make = Effect.fnUntraced(function* (config: GroupConfig) {
  const cells = yield* GroupCells
  const configs = yield* GroupConfigs
  const topics = yield* Topics
  const patterns = makeTopicPatterns(topics)

  const upgrade = (cell: CellOf<"classic">): Effect.Effect<void, KafkaError> =>
    cell.cell.exclusive((send) =>
      Effect.gen(function* () {
        const state = cell.cell.peek()
        if (state.members.size === 0) return void (yield* cells.convert(cell, "consumer", () => [empty, []]))
        const refused = upgradeError(cell.groupId, state, configs(cell.groupId))
        if (refused !== null) return yield* refused
        const members = readMembers(state, topics)
        if (members === null) {
          return yield* new GroupIdNotFound({
            message: `Cannot upgrade classic group ${cell.groupId} to consumer group because the embedded consumer protocol is malformed.`
          })
        }
        yield* send(ClassicEvent.HandOver())
        yield* cells.convert(cell, "consumer", (nowMs) =>
          fromClassic(state.generationId, members, patterns.view(), nowMs)
        )
        yield* ofArea("groups")(Effect.logInfo(`group ${JSON.stringify(cell.groupId)} is a consumer group from now on`))
      })
    )

  const allowsDowngrade = (groupId: string, state: ConsumerGroupState): boolean => {
    const policy = configs(groupId).consumerMigrationPolicy
    return (policy === "downgrade" || policy === "bidirectional") && state.members.size <= config.maxSize
  }

  const downgradeIfDue = (cell: AnyCell): Effect.Effect<void> => {
    if (cell.kind !== "consumer") return Effect.void
    const isDue = (): boolean => {
      const state = cell.cell.peek()
      return isAllClassic(state) && allowsDowngrade(cell.groupId, state)
    }
    if (!isDue()) return Effect.void
    return cell.exclusive(() =>
      Effect.gen(function* () {
        if (!isDue()) return
        const state = cell.cell.peek()
        yield* toClassic(cell, classicGroupOf(state, topics), phaseOf(state) === "Stable")
        yield* ofArea("groups")(Effect.logInfo(`group ${JSON.stringify(cell.groupId)} is a classic group from now on`))
      })
    )
  }

  const toClassic = (cell: AnyCell, group: PersistedGroup, isStable: boolean) =>
    cells.convert(cell, "classic", (nowMs) => takeOver(config, group, isStable, nowMs))

  const downgradeEmpty = (cell: CellOf<"consumer"> | CellOf<"streams">): Effect.Effect<void> =>
    cell.exclusive(() => {
      const { assignmentEpoch, groupEpoch, members } = cell.cell.peek()
      if (members.size > 0) return Effect.void
      const generationId = Math.max(groupEpoch, assignmentEpoch)
      const group = { generationId, protocolType: null, protocolName: null, leaderId: null, members: [] }
      return Effect.asVoid(toClassic(cell, group, true))
    })

  return GroupConversion.of({ patterns, upgrade, downgradeIfDue, downgradeEmpty })
})

const upgradeError = (
  groupId: string,
  { members, protocolType }: ClassicGroupState,
  {
    consumerMaxSize,
    consumerMigrationPolicy
  }: { readonly consumerMaxSize: number; readonly consumerMigrationPolicy: string }
): GroupIdNotFound | null => {
  const refuse = (why: string) =>
    new GroupIdNotFound({ message: `Cannot upgrade classic group ${groupId} to consumer group because ${why}.` })
  if (consumerMigrationPolicy !== "upgrade" && consumerMigrationPolicy !== "bidirectional") {
    return refuse("online upgrade is disabled")
  }
  if (protocolType !== CONSUMER) return refuse("the group does not use the consumer embedded protocol")
  return members.size > consumerMaxSize ? refuse("the group size exceeds the consumer group maximum size") : null
}

/** A member's subscription in the strategy that it names first; null if it is none. */
export const readSubscription = (metadata: Uint8Array): ConsumerProtocolSubscriptionData | null =>
  orNull(() => decodeVersioned(ConsumerProtocolSubscription, metadata).value)

/** Topics that do not exist are left out. */
export const toTopicIds = (
  owned: ReadonlyArray<{ readonly topic: string; readonly partitions: ReadonlyArray<number> }>,
  topics: AllTopics
): ReadonlyArray<TopicPartitions> =>
  owned.flatMap(({ partitions, topic: name }) => {
    const topic = topics.byName(name)
    return topic === undefined ? [] : [{ topicId: topic.topicId, partitions }]
  })

/** As a consumer with this subscription reads it. */
export const encodeAssignment = (assigned: Assigned, metadata: Uint8Array, topics: AllTopics): Uint8Array => {
  const version = orNull(() => decodeVersioned(ConsumerProtocolSubscription, metadata).version) ?? 0
  const assignedPartitions = Array.from(assigned).flatMap(([topicId, partitions]) => {
    const topic = topics.byId(topicId)
    return topic === undefined ? [] : [{ topic: topic.name, partitions: Array.from(partitions.keys()) }]
  })
  const { maxVersion } = ConsumerProtocolAssignment
  return encodeVersioned(ConsumerProtocolAssignment, Math.min(version, maxVersion), {
    assignedPartitions,
    userData: null
  })
}

const orNull = <A>(read: () => A): A | null => {
  try {
    return read()
  } catch (error) {
    if (error instanceof ProtocolError) return null
    throw error
  }
}

const readMembers = (state: ClassicGroupState, topics: AllTopics): ReadonlyArray<ClassicConsumer> | null => {
  const members: Array<ClassicConsumer> = []
  for (const member of state.members.values()) {
    const { assignment, clientHost, clientId, groupInstanceId, memberId, rebalanceTimeoutMs } = member
    const { protocols, sessionTimeoutMs } = member
    const agreed = protocols.find(({ name }) => name === state.protocolName) ?? protocols[0]
    const subscription = agreed === undefined ? null : readSubscription(agreed.metadata)
    // A member that has none yet has an assignment of no bytes at all.
    const assigned =
      assignment.byteLength === 0
        ? []
        : orNull(() => decodeVersioned(ConsumerProtocolAssignment, assignment).value.assignedPartitions)
    if (subscription === null || assigned === null) return null
    members.push({
      memberId,
      instanceId: groupInstanceId,
      rackId: subscription.rackId,
      clientId,
      clientHost,
      rebalanceTimeoutMs,
      subscribedTopicNames: subscription.topics,
      assigned: toTopicIds(assigned, topics),
      classic: { sessionTimeoutMs, protocols }
    })
  }
  return members
}

const classicGroupOf = (state: ConsumerGroupState, topics: AllTopics): PersistedGroup => ({
  generationId: state.assignmentEpoch,
  protocolType: CONSUMER,
  protocolName: null,
  leaderId: null,
  members: Array.from(state.members.values()).flatMap(({ assigned, classic, ...member }) => {
    if (classic === null) return []
    const { protocols, sessionTimeoutMs } = classic
    return [
      {
        memberId: member.memberId,
        groupInstanceId: member.instanceId,
        clientId: member.clientId,
        clientHost: member.clientHost,
        sessionTimeoutMs,
        rebalanceTimeoutMs: member.rebalanceTimeoutMs,
        protocols,
        assignment: encodeAssignment(assigned, protocols[0]?.metadata ?? new Uint8Array(0), topics)
      }
    ]
  })
})
