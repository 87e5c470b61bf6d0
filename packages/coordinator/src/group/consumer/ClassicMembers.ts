/**
 * Members that speak the classic protocol to a consumer group, for the time of an upgrade or downgrade (KIP-848). They
 * are members like all others, brought to their target by JoinGroup, as others are by heartbeats.
 *
 * | event            | answer                                                                                            |
 * |------------------|---------------------------------------------------------------------------------------------------|
 * | ClassicJoin      | at once: the member's epoch as generation; a follower's part for every member                     |
 * | ClassicSync      | what it was told to own; REBALANCE_IN_PROGRESS if there is a newer target meanwhile               |
 * | ClassicHeartbeat | REBALANCE_IN_PROGRESS when it has to join again: a newer target, something to give up or to get   |
 * | ClassicLeave     | all that are named go, of either protocol; one new epoch for them                                 |
 *
 * An unknown member id is taken, for that is how ids given out come back, unless its member owns partitions. Its
 * generation is its member epoch. A member goes if within its rebalance timeout it does not join again when told to, or
 * does not send SyncGroup after it has joined.
 */
import {
  FencedInstanceId,
  IllegalGeneration,
  InconsistentGroupProtocol,
  MemberIdRequired,
  RebalanceInProgress,
  UnknownMemberId
} from "@tusk/protocol/KafkaError"
import type { KafkaError } from "@tusk/protocol/KafkaError"
import type { ConsumerDraft } from "./ConsumerDraft.ts"
import { Answer } from "./ConsumerGroupState.ts"
import type { ClassicJoinEvent, ClassicMemberEvent, ClassicProtocol, Event, Member } from "./ConsumerGroupState.ts"
import {
  advance,
  fullFor,
  holderError,
  holderOf,
  inOrder,
  newMember,
  settle,
  unknownMember
} from "./ConsumerHeartbeat.ts"
import { Subscriptions } from "./Subscription.ts"

const CONSUMER = "consumer"

export const classicJoin = (draft: ConsumerDraft, event: ClassicJoinEvent): void => {
  const { instanceId, waiter } = event
  const memberId = event.memberId === "" ? event.newMemberId : event.memberId
  const refuse = (error: KafkaError, as: string): void =>
    draft.reply(waiter, Answer.Joined({ error, memberId: as, generationId: -1, protocolName: null }))

  const error = fullFor(draft, memberId, event.terms) ?? protocolsError(draft, event.protocols)
  if (error !== null) return refuse(error, event.memberId)
  if (event.memberId === "" && instanceId === null && event.requireKnownMemberId) {
    return refuse(new MemberIdRequired(), memberId)
  }
  const found = memberFor(draft, event, memberId)
  if ("error" in found) return refuse(found.error, event.memberId)
  const { isNew, member } = found
  const updated: Member = {
    ...member,
    instanceId: instanceId ?? member.instanceId,
    rackId: event.rackId ?? member.rackId,
    rebalanceTimeoutMs: event.rebalanceTimeoutMs,
    subscribedTopicNames: inOrder(event.subscribedTopicNames) ?? [],
    subscribedTopicRegex: "",
    clientId: event.clientId,
    clientHost: event.clientHost,
    classic: sameTerms(member, event) ?? { sessionTimeoutMs: event.sessionTimeoutMs, protocols: event.protocols },
    sessionDeadlineMs: draft.now + event.sessionTimeoutMs,
    rebalanceDeadlineMs: draft.now + event.rebalanceTimeoutMs
  }
  const now = settle(draft, member, updated, { ...event, isNew, owned: event.ownedPartitions })
  draft.reply(
    waiter,
    Answer.Joined({
      error: null,
      memberId: now.memberId,
      generationId: now.memberEpoch,
      protocolName: event.protocols[0]!.name
    })
  )
}

/** There has to be one strategy that all classic members offer. */
const protocolsError = (draft: ConsumerDraft, protocols: ReadonlyArray<ClassicProtocol>): KafkaError | null => {
  const classic = Array.from(draft.members.values()).flatMap(({ classic }) => (classic === null ? [] : [classic]))
  const common = protocols.some(({ name }) =>
    classic.every((terms) => terms.protocols.some((protocol) => protocol.name === name))
  )
  return common ? null : new InconsistentGroupProtocol()
}

/** What is kept stays the same object if nothing in it changed, so that it is not stored again. */
const sameTerms = ({ classic }: Member, { protocols, sessionTimeoutMs }: ClassicJoinEvent) => {
  const same =
    classic !== null &&
    classic.sessionTimeoutMs === sessionTimeoutMs &&
    classic.protocols.length === protocols.length &&
    classic.protocols.every(
      ({ metadata, name }, i) => name === protocols[i]!.name && Buffer.compare(metadata, protocols[i]!.metadata) === 0
    )
  return same ? classic : null
}

type Found = { readonly member: Member; readonly isNew: boolean } | { readonly error: KafkaError }

const memberFor = (draft: ConsumerDraft, event: ClassicJoinEvent, memberId: string): Found => {
  const { instanceId } = event
  const holder = instanceId === null ? undefined : holderOf(draft, instanceId)
  if (instanceId !== null && event.memberId !== "") {
    const error = holderError(holder, memberId, instanceId)
    return error === null ? { member: holder!, isNew: false } : { error }
  }
  // A static member is taken the place of, whichever protocol it speaks, as in a classic group.
  if (holder !== undefined) return { member: draft.replace(holder, memberId), isNew: false }
  const member = draft.members.get(memberId)
  // A member that was removed unnoticed still reads what others own by now; Kafka lets it in, and tells it later.
  if (member === undefined && event.ownedPartitions.length > 0) return { error: unknownMember(memberId) }
  return { member: member ?? newMember(memberId), isNew: member === undefined }
}

export const classicSync = (draft: ConsumerDraft, event: Extract<Event, { readonly _tag: "ClassicSync" }>): void => {
  const found = speaker(draft, event)
  if ("error" in found) return draft.refuse(event.waiter, found.error)
  const { classic, member } = found
  const [{ metadata, name: protocolName }] = classic.protocols as [ClassicProtocol]
  if (
    (event.protocolType !== null && event.protocolType !== CONSUMER) ||
    (event.protocolName !== null && event.protocolName !== protocolName)
  ) {
    return draft.refuse(event.waiter, new InconsistentGroupProtocol())
  }
  if (draft.assignmentEpoch > member.memberEpoch && member.state !== "UnrevokedPartitions") {
    return tellToJoin(draft, event.waiter, member)
  }
  touch(draft, {
    ...member,
    sessionDeadlineMs: draft.now + classic.sessionTimeoutMs,
    rebalanceDeadlineMs: Infinity
  })
  draft.reply(event.waiter, Answer.Synced({ protocolName, assigned: member.assigned, metadata }))
}

export const classicHeartbeat = (
  draft: ConsumerDraft,
  event: Extract<Event, { readonly _tag: "ClassicHeartbeat" }>
): void => {
  const found = speaker(draft, event)
  if ("error" in found) return draft.refuse(event.waiter, found.error)
  const { classic, member } = found
  const known = draft.known(event.topics.version, event.terms)
  advance(draft, new Subscriptions(event.topics, known), event.terms)
  const alive = { ...member, sessionDeadlineMs: draft.now + classic.sessionTimeoutMs }
  const hasToJoin =
    member.memberEpoch < draft.assignmentEpoch ||
    member.state === "UnrevokedPartitions" ||
    (member.state === "UnreleasedPartitions" && !waitsForOthers(draft, member))
  if (hasToJoin) return tellToJoin(draft, event.waiter, alive)
  touch(draft, alive)
  draft.reply(event.waiter, Answer.Done())
}

/** Something of its target is still another's. */
const waitsForOthers = (draft: ConsumerDraft, { assigned, memberId }: Member): boolean => {
  for (const [topicId, partitions] of draft.target.get(memberId) ?? []) {
    for (const partition of partitions) {
      if (assigned.get(topicId)?.has(partition)) continue
      const owner = draft.ownerOf(topicId, partition)
      if (owner !== undefined && owner !== memberId) return true
    }
  }
  return false
}

const tellToJoin = (draft: ConsumerDraft, waiter: number, member: Member): void => {
  const { rebalanceDeadlineMs, rebalanceTimeoutMs } = member
  touch(draft, { ...member, rebalanceDeadlineMs: Math.min(rebalanceDeadlineMs, draft.now + rebalanceTimeoutMs) })
  draft.refuse(waiter, new RebalanceInProgress())
}

const touch = (draft: ConsumerDraft, member: Member): void => {
  draft.touchMember(member)
  draft.touch(Math.min(member.sessionDeadlineMs, member.rebalanceDeadlineMs))
}

type Speaker =
  { readonly member: Member; readonly classic: NonNullable<Member["classic"]> } | { readonly error: KafkaError }

/** The classic member that speaks, in its generation. */
const speaker = (draft: ConsumerDraft, { generationId, groupInstanceId, memberId }: ClassicMemberEvent): Speaker => {
  const member = groupInstanceId === null ? draft.members.get(memberId) : holderOf(draft, groupInstanceId)
  if (groupInstanceId !== null) {
    const error = holderError(member, memberId, groupInstanceId)
    if (error !== null) return { error }
  }
  if (member === undefined || member.classic === null) return { error: unknownMember(memberId) }
  if (generationId !== member.memberEpoch) return { error: new IllegalGeneration() }
  return { member, classic: member.classic }
}

export const classicLeave = (draft: ConsumerDraft, event: Extract<Event, { readonly _tag: "ClassicLeave" }>): void => {
  const epoch = draft.groupEpoch
  const members = event.members.map(({ groupInstanceId, memberId }) => {
    const member = groupInstanceId === null ? draft.members.get(memberId) : holderOf(draft, groupInstanceId)
    const left = (error: KafkaError | null) => ({ memberId, groupInstanceId, error })
    if (member === undefined) return left(new UnknownMemberId())
    // An administrator names the instance id only.
    if (groupInstanceId !== null && memberId !== "" && member.memberId !== memberId) return left(new FencedInstanceId())
    draft.fence(member)
    return left(null)
  })
  if (draft.groupEpoch > epoch) draft.groupEpoch = epoch + 1
  draft.reply(event.waiter, Answer.Left({ members }))
}
