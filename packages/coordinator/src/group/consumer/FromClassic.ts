import { ConsumerDraft } from "./ConsumerDraft.ts"
import { empty } from "./ConsumerGroupState.ts"
import type {
  ClassicTerms,
  ConsumerGroupState,
  Output,
  PersistedMember,
  TopicPartitions
} from "./ConsumerGroupState.ts"
import { inOrder, newMember } from "./ConsumerHeartbeat.ts"
import { Subscriptions } from "./Subscription.ts"
import type { TopicsView } from "./Subscription.ts"

type Same = "memberId" | "instanceId" | "rackId" | "clientId" | "clientHost" | "rebalanceTimeoutMs"

/** A member of a classic group of consumers, its subscription and assignment read. */
export interface ClassicConsumer extends Pick<PersistedMember, Same> {
  readonly subscribedTopicNames: ReadonlyArray<string>
  readonly assigned: ReadonlyArray<TopicPartitions>
  readonly classic: ClassicTerms
}

/**
 * The consumer group that a group of classic consumers becomes: its generation is the epoch of the group, of its
 * assignment and of each member, so no member has to do anything. All of it is stored.
 */
export const fromClassic = (
  generationId: number,
  members: ReadonlyArray<ClassicConsumer>,
  topics: TopicsView,
  now: number
): readonly [ConsumerGroupState, ReadonlyArray<Output>] => {
  const target = new Map<string, ReadonlyMap<string, ReadonlySet<number>>>()
  const draft = new ConsumerDraft(
    { ...empty, groupEpoch: generationId, assignmentEpoch: generationId, target, topicsVersion: topics.version },
    now
  )
  for (const { assigned: given, ...member } of members) {
    const assigned = new Map<string, Map<number, number>>()
    for (const { partitions, topicId } of given) {
      // Should the leader have given a partition twice, the second has to do without.
      const own = partitions.filter((partition) => draft.ownerOf(topicId, partition) === undefined)
      if (own.length > 0) assigned.set(topicId, new Map(own.map((partition) => [partition, generationId])))
    }
    target.set(
      member.memberId,
      new Map(Array.from(assigned, ([topicId, partitions]) => [topicId, new Set(partitions.keys())]))
    )
    draft.put({
      ...newMember(member.memberId),
      ...member,
      subscribedTopicNames: inOrder(member.subscribedTopicNames) ?? [],
      memberEpoch: generationId,
      previousMemberEpoch: generationId,
      assigned,
      sessionDeadlineMs: now + member.classic.sessionTimeoutMs
    })
  }
  draft.metadataHash = new Subscriptions(topics).hash(draft.members.values())
  draft.timerWentOff()
  return draft.finish()
}

/** Members are left, but none of them speaks the consumer protocol. */
export const isAllClassic = ({ dead, members }: ConsumerGroupState): boolean => {
  if (dead || members.size === 0) return false
  for (const { classic } of members.values()) if (classic === null) return false
  return true
}
