/**
 * The classic group protocol as a pure machine, by Apache Kafka 4.3.1 (KIP-62, 345, 394, 559, 814).
 *
 * | event     | Empty            | PreparingRebalance   | CompletingRebalance    | Stable                    | Dead |
 * |-----------|------------------|----------------------|------------------------|---------------------------|------|
 * | Join new  | rebalance [1]    | waits; last one ends | rebalance              | rebalance                 | NA   |
 * | Join old  | UNKNOWN_MEMBER   | waits; last one ends | answer, or [2]         | answer, or [2]            | NA   |
 * | Join inst.| as new           | takes the old's turn | fences, rebalance      | fences, answer [3]        | NA   |
 * | Sync      | UNKNOWN_MEMBER   | REBALANCE            | waits; leader: Stable  | assignment                | NA   |
 * | Heartbeat | UNKNOWN_MEMBER   | renews, REBALANCE    | renews                 | renews                    | NA   |
 * | Leave     | UNKNOWN_MEMBER   | goes; may end it     | goes, rebalance        | goes, rebalance           | NA   |
 * | Commit    | simple only      | fenced, renews       | REBALANCE              | fenced, renews            | NA   |
 * | Delete    | Dead, Remove     | NON_EMPTY_GROUP      | NON_EMPTY_GROUP        | NON_EMPTY_GROUP           | [4]  |
 * | HandOver  | -                | waiting: REBALANCE   | waiting: REBALANCE     | -                         | -    |
 * | Tick      | pending ids      | sessions, end it     | sessions, missing Sync | sessions, missing Sync    | -    |
 *
 * [1] at once if the initial rebalance delay is 0, else when its window is over. A dynamic joiner of JoinGroup 4+
 *     without an id first gets one with MEMBER_ID_REQUIRED, which changes nothing but the pending ids.
 * [2] rebalance if its strategies changed, in Stable also if it leads. [3] rebalance if the agreed strategy changes.
 * [4] GROUP_ID_NOT_FOUND. NA: COORDINATOR_NOT_AVAILABLE. REBALANCE: REBALANCE_IN_PROGRESS.
 * A rebalance is PreparingRebalance, or CompletingRebalance at once if none is missing; without members it ends Empty.
 * Persist: on becoming Stable, on becoming Empty, and when a static member is replaced in Stable.
 *
 * Differences from Kafka: a request that waits for a removed member, or that still waits when the member repeats its
 * JoinGroup or SyncGroup, is answered (Kafka leaves it hanging); an id given out that leaves before it joined starts no
 * rebalance.
 */
import {
  CoordinatorNotAvailable,
  GroupIdNotFound,
  IllegalGeneration,
  InconsistentGroupProtocol,
  InvalidRequest,
  NonEmptyGroup,
  RebalanceInProgress,
  UnknownMemberId
} from "@tusk/protocol/KafkaError"
import type { KafkaError } from "@tusk/protocol/KafkaError"
import type { MemberIdentity } from "../machine/MemberIdentity.ts"
import { Answer, NO_ASSIGNMENT, empty } from "./ClassicGroupState.ts"
import type {
  ClassicGroupConfig,
  ClassicGroupState,
  Event,
  LeaveResult,
  Output,
  PersistedGroup,
  SyncEvent
} from "./ClassicGroupState.ts"
import { Draft, refusedJoin } from "./Draft.ts"
import { join } from "./Join.ts"
import { completeIfAllJoined, prepareRebalance, rebalance, tick } from "./Rebalance.ts"

/** `now` in milliseconds of one clock that never goes back. */
export const step = (
  state: ClassicGroupState,
  event: Event,
  now: number
): readonly [ClassicGroupState, ReadonlyArray<Output>] => {
  const draft = new Draft(state, now)
  switch (event._tag) {
    case "Join":
      join(draft, event)
      break
    case "Sync":
      sync(draft, event)
      break
    case "Heartbeat":
      heartbeat(draft, event)
      break
    case "Leave":
      leave(draft, event)
      break
    case "Commit":
      commit(draft, event)
      break
    case "Delete":
      remove(draft, event.waiter)
      break
    case "HandOver":
      for (const member of draft.members.values()) {
        const answered = draft.answerJoin(member, refusedJoin(new RebalanceInProgress(), member.memberId))
        draft.answerSync(answered, Answer.Refused({ error: new RebalanceInProgress() }))
      }
      break
    case "Tick":
      if (draft.phase !== "Dead") tick(draft)
      break
  }
  return draft.finish()
}

/**
 * The group after a restart: every session begins anew, so members that heartbeat in time go on as before. A group
 * with more members than are allowed now begins a rebalance, in which the first come stay.
 */
export const restore = (
  config: ClassicGroupConfig,
  group: PersistedGroup,
  now: number
): readonly [ClassicGroupState, ReadonlyArray<Output>] => {
  const draft = draftOf(config, group, now)
  if (draft.members.size > 0) {
    draft.protocolName = group.protocolName
    draft.leaderId = group.leaderId
    if (draft.members.size > config.maxSize) prepareRebalance(draft)
  }
  return draft.finish()
}

/**
 * The group of the members left of a group of another kind, its members and generation as given; it is stored. If
 * they do not yet have what they should (`isStable` is false) a rebalance begins; after a restart in that time they
 * join anew.
 */
export const takeOver = (
  config: ClassicGroupConfig,
  group: PersistedGroup,
  isStable: boolean,
  now: number
): readonly [ClassicGroupState, ReadonlyArray<Output>] => {
  const draft = draftOf(config, group, now)
  if (draft.members.size > 0 && isStable) draft.protocolName = draft.selectProtocol()
  if (draft.members.size === 0 || isStable) {
    draft.persist()
  } else {
    const nobody = { ...group, protocolName: null, leaderId: null, members: [] }
    draft.outputs.push({ _tag: "Persist", group: nobody })
    prepareRebalance(draft)
  }
  return draft.finish()
}

/** A stable group with these members, each with a new session; without any, an empty one. */
const draftOf = (config: ClassicGroupConfig, group: PersistedGroup, now: number): Draft => {
  const draft = new Draft({ ...empty(config), protocolType: group.protocolType, generationId: group.generationId }, now)
  for (const persisted of group.members) {
    const member = { ...persisted, isNew: false, joinWaiter: null, syncWaiter: null, sessionDeadlineMs: Infinity }
    draft.add(member)
    draft.renewSession(member)
  }
  if (draft.members.size > 0) draft.phase = "Stable"
  return draft
}

/** Nothing to keep: an empty group with no generation to remember and no id given out. */
export const isVacant = (state: ClassicGroupState): boolean =>
  state.phase === "Dead" || (state.phase === "Empty" && state.generationId === 0 && state.pendingMembers.size === 0)

const sync = (draft: Draft, event: SyncEvent): void => {
  const error = syncError(draft, event)
  const member = draft.members.get(event.memberId)
  if (error !== null || member === undefined) return draft.refuse(event.waiter, error ?? new UnknownMemberId())
  draft.synced(event.memberId)
  if (draft.phase === "Stable") {
    const { protocolType, protocolName } = draft
    return draft.reply(event.waiter, Answer.Synced({ protocolType, protocolName, assignment: member.assignment }))
  }
  const current = draft.answerSync(member, Answer.Refused({ error: new RebalanceInProgress() }))
  draft.put({ ...current, syncWaiter: event.waiter })
  if (event.memberId === draft.leaderId) assign(draft, event)
}

const syncError = (draft: Draft, event: SyncEvent): KafkaError | null => {
  if (draft.phase === "Dead") return new CoordinatorNotAvailable()
  const error = draft.validate(event.memberId, event.groupInstanceId)
  if (error !== null) return error
  if (event.generationId !== draft.generationId) return new IllegalGeneration()
  if (differ(event.protocolType, draft.protocolType) || differ(event.protocolName, draft.protocolName)) {
    return new InconsistentGroupProtocol()
  }
  if (draft.phase === "PreparingRebalance") return new RebalanceInProgress()
  if (draft.phase === "CompletingRebalance" && event.memberId === draft.leaderId) {
    let bytes = 0
    for (const { assignment } of event.assignments) bytes += assignment.byteLength
    const { groupMaxBytes } = draft.config
    if (bytes > groupMaxBytes) {
      return new InvalidRequest({ message: `the assignments are ${bytes} bytes, at most ${groupMaxBytes} are taken` })
    }
  }
  return null
}

const differ = (asked: string | null, held: string | null): boolean => asked !== null && held !== null && asked !== held

/** The leader's word makes the generation stable; a member that it forgot gets nothing. */
const assign = (draft: Draft, event: SyncEvent): void => {
  const assignments = new Map(event.assignments.map(({ memberId, assignment }) => [memberId, assignment] as const))
  for (const member of draft.members.values()) {
    draft.put({ ...member, assignment: assignments.get(member.memberId) ?? NO_ASSIGNMENT })
  }
  draft.phase = "Stable"
  draft.persist()
  const { protocolType, protocolName } = draft
  for (const member of draft.members.values()) {
    if (member.syncWaiter === null) continue
    const { assignment } = member
    draft.renewSession(draft.answerSync(member, Answer.Synced({ protocolType, protocolName, assignment })))
  }
}

const heartbeat = (draft: Draft, event: Extract<Event, { readonly _tag: "Heartbeat" }>): void => {
  if (draft.phase === "Dead") return draft.refuse(event.waiter, new CoordinatorNotAvailable())
  const error = draft.validate(event.memberId, event.groupInstanceId)
  const member = draft.members.get(event.memberId)
  if (error !== null || member === undefined) return draft.refuse(event.waiter, error ?? new UnknownMemberId())
  if (event.generationId !== draft.generationId) return draft.refuse(event.waiter, new IllegalGeneration())
  draft.renewSession(member)
  if (draft.phase === "PreparingRebalance") return draft.refuse(event.waiter, new RebalanceInProgress())
  draft.reply(event.waiter, Answer.Done())
}

const leave = (draft: Draft, event: Extract<Event, { readonly _tag: "Leave" }>): void => {
  if (draft.phase === "Dead") return draft.refuse(event.waiter, new CoordinatorNotAvailable())
  let left = false
  const members = event.members.map(({ memberId, groupInstanceId }): LeaveResult => {
    if (draft.pendingMembers.has(memberId)) {
      draft.dropPending(memberId)
      return { memberId, groupInstanceId, error: null }
    }
    const [leaving, error] = whoLeaves(draft, memberId, groupInstanceId)
    if (error === null) {
      draft.remove(leaving)
      left = true
    }
    return { memberId, groupInstanceId, error }
  })
  if (left) rebalance(draft)
  else completeIfAllJoined(draft)
  draft.reply(event.waiter, Answer.Left({ members }))
}

/** A static member may be named by its instance id alone. */
const whoLeaves = (
  draft: Draft,
  memberId: string,
  groupInstanceId: string | null
): readonly [string, KafkaError | null] => {
  if (memberId !== "") return [memberId, draft.validate(memberId, groupInstanceId)]
  const holder = groupInstanceId === null ? undefined : draft.staticMembers.get(groupInstanceId)
  return holder === undefined ? ["", new UnknownMemberId()] : [holder, null]
}

const commit = (draft: Draft, event: Extract<Event, { readonly _tag: "Commit" }>): void => {
  const error = commitError(draft, event)
  if (error !== null) return draft.refuse(event.waiter, error)
  const member = draft.members.get(event.memberId)
  // committing is a sign of life
  if (member !== undefined && !event.transactional) draft.renewSession(member)
  draft.reply(event.waiter, Answer.Done())
}

const commitError = (
  draft: Draft,
  event: MemberIdentity & { readonly generationId: number; readonly transactional: boolean }
): KafkaError | null => {
  if (draft.phase === "Dead") return new CoordinatorNotAvailable()
  if (event.generationId < 0 && draft.phase === "Empty") return null
  if (event.generationId >= 0 || event.memberId !== "" || event.groupInstanceId !== null) {
    const error = draft.validate(event.memberId, event.groupInstanceId)
    if (error !== null) return error
    if (event.generationId !== draft.generationId) return new IllegalGeneration()
  } else if (!event.transactional && draft.phase !== "Empty") {
    return new UnknownMemberId()
  }
  return !event.transactional && draft.phase === "CompletingRebalance" ? new RebalanceInProgress() : null
}

const remove = (draft: Draft, waiter: number): void => {
  if (draft.phase === "Dead") return draft.refuse(waiter, new GroupIdNotFound())
  if (draft.phase !== "Empty") return draft.refuse(waiter, new NonEmptyGroup())
  draft.phase = "Dead"
  draft.outputs.push({ _tag: "Remove" })
  draft.reply(waiter, Answer.Done())
}
