/**
 * The consumer group protocol (KIP-848) as a pure machine, by Apache Kafka 4.3.1. Members say by heartbeats what they
 * subscribe to and what they own; the group makes a target assignment and brings each member to it, one by one.
 *
 * | event            | Empty               | Assigning, Reconciling, Stable                                  | Dead |
 * |------------------|---------------------|-----------------------------------------------------------------|------|
 * | Heartbeat 0      | joins               | joins, begins anew, or takes a static member's place [1]        | NA   |
 * | Heartbeat n      | UNKNOWN_MEMBER_ID   | checked by epoch [2]; then new epoch? new target? step to it    | NA   |
 * | Heartbeat -1     | UNKNOWN_MEMBER_ID   | goes; new epoch; what it owned is free                          | NA   |
 * | Heartbeat -2     | UNKNOWN_MEMBER_ID   | a static member is away; what it owned stays its own            | NA   |
 * | ClassicJoin ...  | see ClassicMembers  | see ClassicMembers                                              | NA   |
 * | Commit           | epoch below 0: yes  | member's epoch, or older for partitions it had then [3]         | NA   |
 * | Delete           | Dead, Remove        | NON_EMPTY_GROUP                                                 | [4]  |
 * | Tick             | -                   | a member silent, or late to give up what it must, goes as by -1 | -    |
 *
 * [1] UNRELEASED_INSTANCE_ID while that is not away, GROUP_MAX_SIZE_REACHED. [2] FENCED_MEMBER_EPOCH, FENCED_INSTANCE_ID.
 * [3] STALE_MEMBER_EPOCH. [4] GROUP_ID_NOT_FOUND. NA: COORDINATOR_NOT_AVAILABLE.
 * Empty, Assigning (the target is older than the group's epoch), Reconciling (a member is not there yet) and Stable
 * follow from epochs and members (`phaseOf`). A new epoch: a member goes, subscribes to something else than before, or
 * topics subscribed to have changed. A member is given a partition only when no other owns it: a member owns what it
 * was told until it has said that it does not, or is gone.
 * Persist: with each change of what lasts, only members that changed; a heartbeat that changes nothing stores nothing.
 *
 * Differences from Kafka: an assignment comes before the group's assignment interval is over once nothing has
 * changed for a fifth of it; regular expressions are resolved at once and when topics change, by the rights of the member
 * that asks, a new one without the others; what they stood for is not stored; a static member that
 * repeats its first heartbeat is let in; a member of one subscription more than a mebibyte long is not; the target
 * assignment is not stored, so that a restart in the midst of a rebalance makes one more epoch.
 */
import {
  CoordinatorNotAvailable,
  GroupIdNotFound,
  IllegalGeneration,
  NonEmptyGroup,
  StaleMemberEpoch,
  UnsupportedVersion
} from "@tusk/protocol/KafkaError"
import type { KafkaError } from "@tusk/protocol/KafkaError"
import { classicHeartbeat, classicJoin, classicLeave, classicSync } from "./ClassicMembers.ts"
import { ConsumerDraft } from "./ConsumerDraft.ts"
import { Answer, NEVER_STORED, STATIC_LEAVE, empty } from "./ConsumerGroupState.ts"
import type {
  CommitEvent,
  ConsumerGroupState,
  Event,
  Member,
  Output,
  PersistedGroup,
  PersistedMember
} from "./ConsumerGroupState.ts"
import { heartbeat, unknownMember } from "./ConsumerHeartbeat.ts"

/** `now` in milliseconds of one clock that never goes back. */
export const step = (
  state: ConsumerGroupState,
  event: Event,
  now: number
): readonly [ConsumerGroupState, ReadonlyArray<Output>] => {
  const draft = new ConsumerDraft(state, now)
  if (draft.dead) refuseDead(draft, event)
  else act(draft, event)
  return draft.finish()
}

const act = (draft: ConsumerDraft, event: Event): void => {
  switch (event._tag) {
    case "Heartbeat":
      return heartbeat(draft, event)
    case "ClassicJoin":
      return classicJoin(draft, event)
    case "ClassicSync":
      return classicSync(draft, event)
    case "ClassicHeartbeat":
      return classicHeartbeat(draft, event)
    case "ClassicLeave":
      return classicLeave(draft, event)
    case "Commit": {
      const error = commitError(draft, event)
      return error === null ? draft.reply(event.waiter, Answer.Done()) : draft.refuse(event.waiter, error)
    }
    case "Delete":
      if (draft.members.size > 0) return draft.refuse(event.waiter, new NonEmptyGroup())
      draft.dead = true
      return draft.reply(event.waiter, Answer.Done())
    case "Tick":
      return tick(draft)
  }
}

const refuseDead = (draft: ConsumerDraft, event: Event): void => {
  if (event._tag === "Tick") return
  draft.refuse(event.waiter, event._tag === "Delete" ? new GroupIdNotFound() : new CoordinatorNotAvailable())
}

const tick = (draft: ConsumerDraft): void => {
  for (const member of Array.from(draft.members.values())) {
    if (Math.min(member.sessionDeadlineMs, member.rebalanceDeadlineMs) <= draft.now) draft.fence(member)
  }
  draft.timerWentOff()
}

const commitError = (draft: ConsumerDraft, event: CommitEvent): KafkaError | null => {
  const { memberEpoch } = event
  if (memberEpoch < 0 && draft.members.size === 0) return null
  const outsider = memberEpoch === -1 && event.memberId === "" && event.groupInstanceId === null
  if (event.transactional && outsider) return null
  const member = draft.members.get(event.memberId)
  if (member === undefined) return unknownMember(event.memberId)
  if (!event.transactional && member.classic === null && event.apiVersion < 9) {
    return new UnsupportedVersion({
      message: "OffsetCommit version 9 or above must be used by members using the consumer group protocol"
    })
  }
  if (memberEpoch === member.memberEpoch) return null
  if (memberEpoch > member.memberEpoch) return stale(member)
  for (const { partition, topicId } of event.partitions) {
    const since = member.assigned.get(topicId)?.get(partition) ?? member.pendingRevocation.get(topicId)?.get(partition)
    if (since === undefined || memberEpoch < since) return stale(member)
  }
  return null
}

const stale = (member: Member): KafkaError =>
  member.classic === null ? new StaleMemberEpoch() : new IllegalGeneration()

/** Why a member that says so may not read the group's offsets (OffsetFetch 9 and later). */
export const fetchError = (
  state: ConsumerGroupState,
  { memberEpoch, memberId }: { readonly memberId: string | null; readonly memberEpoch: number }
): KafkaError | null => {
  if (memberId === null && memberEpoch < 0) return null
  const member = state.members.get(memberId ?? "")
  if (member === undefined) return unknownMember(memberId ?? "")
  return member.memberEpoch === memberEpoch ? null : stale(member)
}

/**
 * The group after a restart: every session begins anew, so members that heartbeat in time go on as before. If all
 * had what they should, that is the target; else a new epoch brings them there.
 */
export const restore = (
  group: PersistedGroup,
  members: ReadonlyArray<PersistedMember>,
  sessionTimeoutMs: number,
  now: number
): readonly [ConsumerGroupState, ReadonlyArray<Output>] => {
  const target = new Map(
    members.map(({ assigned, memberId }) => [
      memberId,
      new Map(Array.from(assigned, ([topicId, partitions]) => [topicId, new Set(partitions.keys())]))
    ])
  )
  const settled =
    group.groupEpoch === group.assignmentEpoch &&
    members.every(
      ({ memberEpoch, state }) =>
        state === "Stable" && (memberEpoch === group.assignmentEpoch || memberEpoch === STATIC_LEAVE)
    )
  const draft = new ConsumerDraft({ ...empty, ...group, stored: group, target }, now)
  for (const persisted of members) {
    const timeoutMs = persisted.classic?.sessionTimeoutMs ?? sessionTimeoutMs
    const toRevoke = persisted.state === "UnrevokedPartitions" && persisted.classic === null
    draft.put({
      ...persisted,
      sessionDeadlineMs: now + timeoutMs,
      rebalanceDeadlineMs: toRevoke ? now + persisted.rebalanceTimeoutMs : Infinity
    })
  }
  if (!settled && members.length > 0) {
    draft.assignmentEpoch = draft.groupEpoch
    draft.groupEpoch++
  }
  draft.timerWentOff()
  const [state, outputs] = draft.finish()
  // It is stored as it is; a new epoch is stored before any member is told of it.
  return [{ ...state, stored: group }, outputs.filter(({ _tag }) => _tag === "WakeAt")]
}

/** Nothing to keep. */
export const isVacant = (state: ConsumerGroupState): boolean =>
  state.dead || (state.members.size === 0 && state.stored === NEVER_STORED)
