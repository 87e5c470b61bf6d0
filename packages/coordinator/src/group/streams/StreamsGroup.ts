/**
 * The streams group protocol as a pure machine, by Apache Kafka 4.3.1 (KIP-1071).
 *
 * | event        | Empty          | NotReady             | Assigning, Reconciling, Stable                       | Dead |
 * |--------------|----------------|----------------------|------------------------------------------------------|------|
 * | Heartbeat 0  | member, [1]    | member               | member                                               | NA   |
 * | Heartbeat n  | UNKNOWN_MEMBER | status tells why     | target if due, next step of reconciliation           | NA   |
 * | Leave        | UNKNOWN_MEMBER | goes, epoch + 1      | goes, epoch + 1                                      | NA   |
 * | Commit       | epoch -1 only  | fenced by epoch      | fenced by epoch, or by the epoch of each task [2]    | NA   |
 * | Delete       | Dead, Remove   | NON_EMPTY_GROUP      | NON_EMPTY_GROUP                                      | [3]  |
 * | Tick         | -              | sessions, delay over | sessions, revocations, delay over: first assignment  | -    |
 *
 * [1] the first member of an empty group opens the window of `streams.initial.rebalance.delay.ms`, in which none gets
 *     a task. [2] an older epoch passes for partitions of tasks the member has had since. [3] GROUP_ID_NOT_FOUND.
 * NA: COORDINATOR_NOT_AVAILABLE. The group's epoch rises with each change of members, of what they tell of themselves, of
 * the topology, of its topics and of the number of standbys; an assignment is made for an epoch, not more often than
 * `streams.assignment.interval.ms`, with the next heartbeat of any member. NotReady: topics are missing or do not fit.
 * Persist: whenever an epoch, a target, a member or its tasks changed; not for a heartbeat that changes nothing.
 *
 * Differences from Kafka: a member that joins again is not turned away by a full group; a member that says it has
 * other tasks than it was told is told again, for the answer may have been lost. As in 4.3.1 there are no
 * static members, no warm-ups, no updates of the topology and no regular expressions.
 */
import {
  CoordinatorNotAvailable,
  GroupIdNotFound,
  NonEmptyGroup,
  StaleMemberEpoch,
  UnsupportedVersion
} from "@tusk/protocol/KafkaError"
import type { KafkaError } from "@tusk/protocol/KafkaError"
import type { Fetching } from "../machine/GroupKind.ts"
import { assign, heartbeat, topicOfId, unknownMember } from "./StreamsHeartbeat.ts"
import { StreamsDraft, refused } from "./StreamsDraft.ts"
import { Answer, empty } from "./StreamsGroupState.ts"
import type {
  CommittedPartition,
  Event,
  Output,
  PersistedStreamsGroup,
  PersistedStreamsMember,
  StreamsGroupState,
  StreamsMember
} from "./StreamsGroupState.ts"
import { readerOf } from "./Topology.ts"

type Step = readonly [StreamsGroupState, ReadonlyArray<Output>]

/** `now` in milliseconds of one clock that never goes back. */
export const step = (state: StreamsGroupState, event: Event, now: number): Step => {
  if (event._tag === "Tick") return state.dead ? [state, []] : tick(new StreamsDraft(state, now))
  if (state.dead) {
    return refused(state, event.waiter, event._tag === "Delete" ? new GroupIdNotFound() : new CoordinatorNotAvailable())
  }
  const draft = new StreamsDraft(state, now)
  switch (event._tag) {
    case "Heartbeat": {
      const error = heartbeat(draft, event)
      return error === null ? draft.finish() : refused(state, event.waiter, error)
    }
    case "Leave": {
      if (!state.members.has(event.memberId)) return refused(state, event.waiter, unknownMember(event.memberId))
      if (event.shutdownApplication) draft.group.shutdownBy ??= event.memberId
      draft.remove(event.memberId)
      break
    }
    case "Commit": {
      const error = commitError(state, event)
      if (error !== null) return refused(state, event.waiter, error)
      break
    }
    case "Delete":
      if (state.members.size > 0) return refused(state, event.waiter, new NonEmptyGroup())
      draft.die()
      break
  }
  draft.reply(event.waiter, Answer.Done())
  return draft.finish()
}

/**
 * The group after a restart: every session begins anew, so members that heartbeat in time go on as before. The window for
 * the first members is over.
 */
export const restore = (
  group: PersistedStreamsGroup,
  members: ReadonlyArray<PersistedStreamsMember>,
  sessionTimeoutMs: number,
  now: number
): Step => {
  const draft = new StreamsDraft({ ...empty, ...group }, now)
  for (const member of members) {
    draft.put({
      ...member,
      sessionDeadlineMs: now + sessionTimeoutMs,
      rebalanceDeadlineMs: member.phase === "UnrevokedTasks" ? now + member.rebalanceTimeoutMs : Infinity
    })
  }
  const [state, outputs] = draft.finish()
  // It is stored as it is.
  return [state, outputs.filter(({ _tag }) => _tag === "WakeAt")]
}

/** Nothing to keep: no member ever joined. */
export const isVacant = ({ dead, members, topology }: StreamsGroupState): boolean =>
  dead || (members.size === 0 && topology === null)

/** All that is due: sessions, members that did not give up what they had to, the window for the first members. */
const tick = (draft: StreamsDraft): Step => {
  draft.timerWentOff()
  for (const member of Array.from(draft.group.members.values())) {
    if (Math.min(member.sessionDeadlineMs, member.rebalanceDeadlineMs) <= draft.now) draft.remove(member.memberId)
  }
  if (draft.group.initialDeadlineMs <= draft.now) {
    draft.group.initialDeadlineMs = Infinity
    if (draft.group.members.size > 0) assign(draft)
  }
  draft.touchAll()
  return draft.finish()
}

const commitError = (
  state: StreamsGroupState,
  event: Extract<Event, { readonly _tag: "Commit" }>
): KafkaError | null => {
  const { memberEpoch, memberId, transactional } = event
  if (memberEpoch < 0 && state.members.size === 0) return null
  if (transactional && memberEpoch === -1 && memberId === "" && event.groupInstanceId === null) return null
  const member = state.members.get(memberId)
  if (member === undefined) return unknownMember(memberId)
  if (!transactional && event.apiVersion < 9) {
    return new UnsupportedVersion({
      message: "OffsetCommit version 9 or above must be used by members using the streams group protocol"
    })
  }
  if (memberEpoch === member.memberEpoch) return null
  if (memberEpoch > member.memberEpoch || event.partitions === null) return staleEpoch(memberEpoch, member)
  return event.partitions.every((partition) => hadSince(state, member, memberEpoch, partition))
    ? null
    : staleEpoch(memberEpoch, member)
}

/** Whether the task that reads this partition has been the member's since this epoch or before. */
const hadSince = (
  { topicsSeen, topology }: StreamsGroupState,
  { held, revoking }: StreamsMember,
  epoch: number,
  { partition, topicId }: CommittedPartition
): boolean => {
  const topic = topicOfId(topicsSeen, topicId)
  const id = topology === null || topic === undefined ? undefined : readerOf(topology, topic)?.subtopologyId
  if (id === undefined) return false
  const since = held.active.get(id)?.get(partition) ?? revoking.active.get(id)?.get(partition)
  return since !== undefined && epoch >= since
}

/** Why this member may not read the group's offsets. */
export const fetchError = ({ members }: StreamsGroupState, { memberEpoch, memberId }: Fetching): KafkaError | null => {
  if (memberId === null && memberEpoch < 0) return null
  const member = members.get(memberId ?? "")
  if (member === undefined) return unknownMember(memberId ?? "")
  return memberEpoch === member.memberEpoch ? null : staleEpoch(memberEpoch, member)
}

const staleEpoch = (epoch: number, { memberEpoch }: StreamsMember): StaleMemberEpoch =>
  new StaleMemberEpoch({
    message: `The received member epoch ${epoch} does not match the expected member epoch ${memberEpoch}.`
  })
