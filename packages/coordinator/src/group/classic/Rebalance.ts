import { RebalanceInProgress } from "@tusk/protocol/KafkaError"
import { Answer, NO_ASSIGNMENT } from "./ClassicGroupState.ts"
import type { Member } from "./ClassicGroupState.ts"
import type { Draft } from "./Draft.ts"

/** Something changed that calls for a new generation: begins a rebalance, or ends the one that waited for this. */
export const rebalance = (draft: Draft): void => {
  if (draft.phase === "PreparingRebalance") completeIfAllJoined(draft)
  else prepareRebalance(draft)
}

/** Members are told by their next Heartbeat; it ends when all have joined again, or with the rebalance timeout. */
export const prepareRebalance = (draft: Draft): void => {
  if (draft.phase === "CompletingRebalance") {
    for (const member of draft.members.values()) {
      const unassigned = { ...member, assignment: NO_ASSIGNMENT }
      draft.put(unassigned)
      if (member.syncWaiter !== null) {
        draft.renewSession(draft.answerSync(unassigned, Answer.Refused({ error: new RebalanceInProgress() })))
      }
    }
  }
  draft.setPendingSync([])
  draft.setSyncDeadline(Infinity)
  const first = draft.phase === "Empty"
  draft.phase = "PreparingRebalance"
  if (!first) {
    if (draft.allJoined) completeJoin(draft)
    else draft.setJoinDeadline(draft.now + draft.rebalanceTimeoutMs())
    return
  }
  const delayMs = draft.config.initialRebalanceDelayMs
  if (delayMs <= 0) {
    completeJoin(draft)
    return
  }
  const remainingMs = Math.max(draft.rebalanceTimeoutMs() - delayMs, 0)
  draft.initialWindow = { delayMs, remainingMs, newMemberAdded: false }
  draft.setJoinDeadline(draft.now + delayMs)
}

/** Ends the rebalance early if no member is missing; the window of a first rebalance is always waited out. */
export const completeIfAllJoined = (draft: Draft): void => {
  if (draft.phase === "PreparingRebalance" && draft.initialWindow === null && draft.allJoined) completeJoin(draft)
}

/** Time for joining is up. In a first rebalance, members that came meanwhile win the next ones another delay. */
const joinTimedOut = (draft: Draft): void => {
  const window = draft.initialWindow
  if (window === null || !window.newMemberAdded || window.remainingMs === 0) {
    completeJoin(draft)
    return
  }
  const delayMs = Math.min(draft.config.initialRebalanceDelayMs, window.remainingMs)
  draft.initialWindow = {
    delayMs,
    remainingMs: Math.max(window.remainingMs - window.delayMs, 0),
    newMemberAdded: false
  }
  draft.setJoinDeadline(draft.now + delayMs)
}

/** The leader stays if it joined again; else the eldest that did leads. */
const electLeader = (draft: Draft): boolean => {
  const leader = draft.leaderId === null ? undefined : draft.members.get(draft.leaderId)
  if (leader !== undefined && leader.joinWaiter !== null) return true
  for (const member of draft.members.values()) {
    if (member.joinWaiter !== null) {
      draft.leaderId = member.memberId
      return true
    }
  }
  return false
}

/** Dynamic members that did not join again are out, static ones stay until their session ends; the rest begins anew. */
const completeJoin = (draft: Draft): void => {
  draft.setJoinDeadline(Infinity)
  draft.initialWindow = null
  for (const member of Array.from(draft.members.values())) {
    if (member.joinWaiter === null && member.groupInstanceId === null) draft.remove(member.memberId)
  }
  if (draft.members.size > 0 && !electLeader(draft)) {
    draft.setJoinDeadline(draft.now + draft.rebalanceTimeoutMs())
    return
  }
  draft.generationId++
  if (draft.members.size === 0) {
    becomeEmpty(draft)
    return
  }
  draft.phase = "CompletingRebalance"
  draft.protocolName = draft.selectProtocol()
  draft.setPendingSync(draft.members.keys())
  for (const member of Array.from(draft.members.values())) {
    const answered = draft.answerJoin(member, draft.joined(member.memberId))
    draft.renewSession({ ...answered, isNew: false })
  }
  draft.setSyncDeadline(draft.now + draft.rebalanceTimeoutMs())
}

const becomeEmpty = (draft: Draft): void => {
  draft.phase = "Empty"
  draft.protocolName = null
  draft.leaderId = null
  draft.setPendingSync([])
  draft.persist()
}

/** Members that never asked for their assignment hold up no others any longer. */
const syncTimedOut = (draft: Draft): void => {
  draft.setSyncDeadline(Infinity)
  if (draft.pendingSync.size === 0) return
  for (const memberId of Array.from(draft.pendingSync)) draft.remove(memberId)
  prepareRebalance(draft)
}

/** While it waits for others in a rebalance a member need not heartbeat, unless it is new: then it may be gone. */
const isWaiting = (member: Member): boolean =>
  !member.isNew && (member.joinWaiter !== null || member.syncWaiter !== null)

/** A member went: the others need a new generation. */
const removeMember = (draft: Draft, memberId: string): void => {
  draft.remove(memberId)
  rebalance(draft)
}

/** All that is due: sessions, ids that no member came back with, the rebalance, missing SyncGroups. */
export const tick = (draft: Draft): void => {
  draft.timerWentOff()
  const silent: Array<string> = []
  for (const member of draft.members.values()) {
    if (member.sessionDeadlineMs <= draft.now) silent.push(member.memberId)
  }
  for (const memberId of silent) {
    // an earlier removal may have ended the rebalance and begun this member's session anew
    const member = draft.members.get(memberId)
    if (member === undefined || member.sessionDeadlineMs > draft.now) continue
    if (isWaiting(member)) draft.put({ ...member, sessionDeadlineMs: Infinity })
    else removeMember(draft, memberId)
  }
  for (const [memberId, deadlineMs] of Array.from(draft.pendingMembers)) {
    if (deadlineMs > draft.now) continue
    draft.dropPending(memberId)
    completeIfAllJoined(draft)
  }
  if (draft.joinDueMs <= draft.now) joinTimedOut(draft)
  if (draft.syncDueMs <= draft.now) syncTimedOut(draft)
  draft.touchAll()
}
