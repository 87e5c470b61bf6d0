import {
  FencedInstanceId,
  FencedMemberEpoch,
  GroupMaxSizeReached,
  UnknownMemberId,
  UnreleasedInstanceId
} from "@tusk/protocol/KafkaError"
import type { KafkaError } from "@tusk/protocol/KafkaError"
import { NOTHING } from "../../assignor/Assignor.ts"
import type { ConsumerDraft } from "./ConsumerDraft.ts"
import { Answer, NONE_ASSIGNED, STATIC_LEAVE, isReconciledTo } from "./ConsumerGroupState.ts"
import type { Assigned, ConsumerTerms, HeartbeatEvent, Member, TopicPartitions } from "./ConsumerGroupState.ts"
import { isSame, isSubset, reconcile } from "./CurrentAssignment.ts"
import { Subscriptions } from "./Subscription.ts"
import type { TopicsView } from "./Subscription.ts"

/** One heartbeat of a member (KIP-848): it joins, goes on or, with a negative epoch, leaves. */
export const heartbeat = (draft: ConsumerDraft, event: HeartbeatEvent): void => {
  if (event.memberEpoch < 0) return leave(draft, event)
  const refused = fullFor(draft, event.memberId, event.terms)
  if (refused !== null) return draft.refuse(event.waiter, refused)
  const found = memberFor(draft, event)
  if ("error" in found) return draft.refuse(event.waiter, found.error)
  const { isNew, member } = found
  const updated: Member = {
    ...member,
    instanceId: event.instanceId ?? member.instanceId,
    rackId: event.rackId ?? member.rackId,
    rebalanceTimeoutMs: event.rebalanceTimeoutMs === -1 ? member.rebalanceTimeoutMs : event.rebalanceTimeoutMs,
    subscribedTopicNames: inOrder(event.subscribedTopicNames) ?? member.subscribedTopicNames,
    subscribedTopicRegex: event.subscribedTopicRegex ?? member.subscribedTopicRegex,
    serverAssignor: event.serverAssignor ?? member.serverAssignor,
    clientId: event.clientId,
    clientHost: event.clientHost,
    classic: null,
    sessionDeadlineMs: draft.now + event.terms.sessionTimeoutMs
  }
  const now = settle(draft, member, updated, { ...event, isNew, owned: event.topicPartitions })
  const isFull =
    event.rebalanceTimeoutMs !== -1 &&
    (event.subscribedTopicNames !== null || event.subscribedTopicRegex !== null) &&
    event.topicPartitions !== null
  // A member that names other partitions than it was given has not heard of them: told again; Kafka says nothing.
  const told =
    event.memberEpoch === 0 ||
    isFull ||
    !isSame(member.assigned, now.assigned) ||
    (event.topicPartitions !== null && !owns(event.topicPartitions, now.assigned))
  draft.reply(
    event.waiter,
    Answer.Beat({
      memberId: now.memberId,
      memberEpoch: now.memberEpoch,
      heartbeatIntervalMs: event.terms.heartbeatIntervalMs,
      assignment: told ? now.assigned : null
    })
  )
}

/** Why the group does not take this member; null: there is room, or it is a member already. */
export const fullFor = (draft: ConsumerDraft, memberId: string, { maxSize }: ConsumerTerms): KafkaError | null =>
  draft.members.size < maxSize || draft.members.has(memberId)
    ? null
    : new GroupMaxSizeReached({
        message: `The consumer group has reached its maximum capacity of ${maxSize} members.`
      })

/** Exactly these. */
const owns = (owned: ReadonlyArray<TopicPartitions>, assigned: Assigned): boolean => {
  let count = 0
  for (const partitions of assigned.values()) count -= partitions.size
  for (const { partitions } of owned) count += partitions.length
  return count === 0 && isSubset(owned, assigned)
}

interface Circumstances {
  readonly isNew: boolean
  readonly owned: ReadonlyArray<TopicPartitions> | null
  readonly topics: TopicsView
  readonly terms: ConsumerTerms
}

/** What follows from a sign of life: a new epoch, a new target, a step of the member towards it. */
export const settle = (draft: ConsumerDraft, before: Member, updated: Member, so: Circumstances): Member => {
  const subscriptionChanged =
    before.subscribedTopicRegex !== updated.subscribedTopicRegex ||
    !sameNames(before.subscribedTopicNames, updated.subscribedTopicNames)
  const changed = so.isNew || subscriptionChanged || differ(before, updated)
  if (changed) draft.put(updated)
  const subscriptions = new Subscriptions(so.topics, draft.known(so.topics.version, so.terms))
  advance(draft, subscriptions, so.terms, subscriptionChanged)

  let now = updated
  if (subscriptionChanged || !isReconciledTo(updated, draft.assignmentEpoch)) {
    now = reconcile(updated, {
      epoch: draft.assignmentEpoch,
      target: draft.target.get(updated.memberId) ?? NOTHING,
      subscribed: subscriptions.of(updated),
      subscriptionChanged,
      owned: so.owned,
      ownerOf: draft.ownerOf
    })
  }
  if (now !== updated) {
    if (now.classic === null) {
      const toRevoke = now.state === "UnrevokedPartitions"
      now = { ...now, rebalanceDeadlineMs: toRevoke ? draft.now + now.rebalanceTimeoutMs : Infinity }
    }
    draft.put(now)
  } else if (!changed) {
    draft.touchMember(now)
  }
  draft.touch(Math.min(now.sessionDeadlineMs, now.rebalanceDeadlineMs))
  return now
}

/** A new epoch if topics, rights or subscriptions have changed, and its target assignment once it is time. */
export const advance = (
  draft: ConsumerDraft,
  subscriptions: Subscriptions,
  terms: ConsumerTerms,
  subscriptionChanged = false
): void => {
  if (subscriptionChanged || draft.hashIsStale || draft.isOutdated(subscriptions.topics.version, terms)) {
    draft.refresh(subscriptions, terms, subscriptionChanged)
  }
  if (draft.groupEpoch > draft.assignmentEpoch) draft.assign(subscriptions, terms)
}

const KEPT = [
  "instanceId",
  "rackId",
  "rebalanceTimeoutMs",
  "serverAssignor",
  "clientId",
  "clientHost",
  "classic"
] as const

const differ = (a: Member, b: Member): boolean => KEPT.some((field) => a[field] !== b[field])

const sameNames = (a: ReadonlyArray<string>, b: ReadonlyArray<string>): boolean =>
  a === b || (a.length === b.length && a.every((name, i) => name === b[i]))

export const inOrder = (names: ReadonlyArray<string> | null): ReadonlyArray<string> | null =>
  names === null ? null : Array.from(new Set(names)).sort()

type Found = { readonly member: Member; readonly isNew: boolean } | { readonly error: KafkaError }

/** The member that speaks, a new one, or the static one that it replaces. */
const memberFor = (draft: ConsumerDraft, event: HeartbeatEvent): Found => {
  const { instanceId, memberEpoch } = event
  const memberId = event.memberId === "" ? event.newMemberId : event.memberId
  if (instanceId === null) {
    const member = draft.members.get(memberId)
    if (member === undefined) {
      return memberEpoch === 0 ? { member: newMember(memberId), isNew: true } : { error: unknownMember(memberId) }
    }
    const error = epochError(member, memberEpoch, event.topicPartitions)
    return error === null ? { member, isNew: false } : { error }
  }
  const holder = holderOf(draft, instanceId)
  if (memberEpoch === 0) {
    if (holder === undefined) {
      // A member that was dynamic so far may become static.
      const member = draft.members.get(memberId)
      return { member: member ?? newMember(memberId), isNew: member === undefined }
    }
    // A member that repeats its own first heartbeat is let in; Kafka refuses it.
    if (holder.classic === null && holder.memberEpoch !== STATIC_LEAVE && holder.memberId !== memberId) {
      return {
        error: new UnreleasedInstanceId({
          message: `Static member ${memberId} with instance id ${instanceId} cannot join the group because the instance id is owned by ${holder.memberId} member.`
        })
      }
    }
    return { member: draft.replace(holder, memberId), isNew: false }
  }
  const error = holderError(holder, memberId, instanceId)
  if (error !== null) return { error }
  const fenced = epochError(holder!, memberEpoch, event.topicPartitions)
  return fenced === null ? { member: holder!, isNew: false } : { error: fenced }
}

export const holderOf = (draft: ConsumerDraft, instanceId: string): Member | undefined => {
  const memberId = draft.staticMembers.get(instanceId)
  return memberId === undefined ? undefined : draft.members.get(memberId)
}

/** A member that names an instance id has to be the one that holds it. */
export const holderError = (holder: Member | undefined, memberId: string, instanceId: string): KafkaError | null => {
  if (holder === undefined) return new UnknownMemberId({ message: `Instance id ${instanceId} is unknown.` })
  if (holder.memberId === memberId) return null
  return new FencedInstanceId({
    message: `Static member ${memberId} with instance id ${instanceId} was fenced by member ${holder.memberId}.`
  })
}

export const newMember = (memberId: string): Member => ({
  memberId,
  instanceId: null,
  rackId: null,
  clientId: "",
  clientHost: "",
  rebalanceTimeoutMs: -1,
  subscribedTopicNames: [],
  subscribedTopicRegex: "",
  serverAssignor: null,
  memberEpoch: 0,
  previousMemberEpoch: -1,
  state: "Stable",
  assigned: NONE_ASSIGNED,
  pendingRevocation: NONE_ASSIGNED,
  classic: null,
  sessionDeadlineMs: Infinity,
  rebalanceDeadlineMs: Infinity
})

export const unknownMember = (memberId: string): KafkaError =>
  new UnknownMemberId({ message: `Member ${memberId} is not a member of the group.` })

/**
 * A member at the epoch before is believed if it owns no more than it was given: the answer with the new epoch may
 * have been lost. Epoch 0 is a member that begins anew.
 */
const epochError = (
  member: Member,
  memberEpoch: number,
  owned: ReadonlyArray<TopicPartitions> | null
): KafkaError | null => {
  if (memberEpoch === 0 || memberEpoch === member.memberEpoch) return null
  if (memberEpoch > member.memberEpoch) return fenced("greater", memberEpoch, member.memberEpoch)
  const believed = memberEpoch === member.previousMemberEpoch && isSubset(owned, member.assigned)
  return believed ? null : fenced("smaller", memberEpoch, member.memberEpoch)
}

const fenced = (what: string, received: number, known: number): KafkaError =>
  new FencedMemberEpoch({
    message: `The consumer group member has a ${what} member epoch (${received}) than the one known by the group coordinator (${known}). The member must abandon all its partitions and rejoin.`
  })

const leave = (draft: ConsumerDraft, event: HeartbeatEvent): void => {
  const { instanceId, memberEpoch, memberId } = event
  const member = instanceId === null ? draft.members.get(memberId) : holderOf(draft, instanceId)
  const error =
    instanceId === null
      ? member === undefined
        ? unknownMember(memberId)
        : null
      : holderError(member, memberId, instanceId)
  if (error !== null || member === undefined) return draft.refuse(event.waiter, error ?? unknownMember(memberId))
  if (memberEpoch === STATIC_LEAVE) {
    // It comes back under another member id, until its session times out; what it owned waits for it.
    draft.put({
      ...member,
      memberEpoch: STATIC_LEAVE,
      assigned: epochsForgotten(member.assigned),
      pendingRevocation: NONE_ASSIGNED,
      rebalanceDeadlineMs: Infinity
    })
  } else {
    draft.fence(member)
  }
  draft.reply(
    event.waiter,
    Answer.Beat({ memberId: member.memberId, memberEpoch, heartbeatIntervalMs: 0, assignment: null })
  )
}

/** So that the successor may commit what the member consumed, with whichever epoch it has. */
const epochsForgotten = (assigned: Assigned): Assigned =>
  new Map(
    Array.from(assigned, ([topicId, partitions]) => [
      topicId,
      new Map(Array.from(partitions.keys(), (partition) => [partition, 0]))
    ])
  )
