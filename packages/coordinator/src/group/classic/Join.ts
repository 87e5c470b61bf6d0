import {
  CoordinatorNotAvailable,
  GroupMaxSizeReached,
  InconsistentGroupProtocol,
  InvalidRequest,
  InvalidSessionTimeout,
  MemberIdRequired,
  RebalanceInProgress,
  UnknownMemberId
} from "@tusk/protocol/KafkaError"
import type { KafkaError } from "@tusk/protocol/KafkaError"
import { Answer, NO_ASSIGNMENT } from "./ClassicGroupState.ts"
import type { JoinEvent, Member, MemberProtocol } from "./ClassicGroupState.ts"
import { protocolBytes, refusedJoin } from "./Draft.ts"
import type { Draft } from "./Draft.ts"
import { completeIfAllJoined, prepareRebalance, rebalance } from "./Rebalance.ts"

/** JoinGroup, in the order in which Kafka refuses. */
export const join = (draft: Draft, event: JoinEvent): void => {
  const { config } = draft
  const refuse = (error: KafkaError, memberId: string) =>
    draft.reply(event.waiter, Answer.Joined(refusedJoin(error, memberId)))

  if (event.sessionTimeoutMs < config.minSessionTimeoutMs || event.sessionTimeoutMs > config.maxSessionTimeoutMs) {
    const message = `session.timeout.ms must be between ${config.minSessionTimeoutMs} and ${config.maxSessionTimeoutMs}`
    return refuse(new InvalidSessionTimeout({ message }), event.memberId)
  }
  const bytes = protocolBytes(event.protocols)
  if (bytes > config.memberMaxBytes) {
    const message = `a member's metadata is ${bytes} bytes, at most ${config.memberMaxBytes} are taken`
    return refuse(new InvalidRequest({ message }), event.memberId)
  }
  if (draft.phase === "Dead") return refuse(new CoordinatorNotAvailable(), event.memberId)
  const known = draft.members.get(event.memberId)
  const groupBytes = draft.metadataBytes() - protocolBytes(known?.protocols ?? []) + bytes
  if (!hasPlace(draft, known) || groupBytes > config.groupMaxBytes) {
    draft.remove(event.memberId)
    refuse(new GroupMaxSizeReached(), "")
    if (known === undefined) completeIfAllJoined(draft)
    else rebalance(draft)
    return
  }
  if (!draft.supports(event.protocolType, event.protocols)) {
    return refuse(new InconsistentGroupProtocol(), event.memberId)
  }
  if (event.memberId === "") return joinUnknown(draft, event, refuse)
  if (draft.pendingMembers.has(event.memberId) && event.groupInstanceId === null) {
    return addMember(draft, event, event.memberId)
  }
  const error = draft.validate(event.memberId, event.groupInstanceId)
  if (error !== null || known === undefined) return refuse(error ?? new UnknownMemberId(), event.memberId)
  joinKnown(draft, event, known)
}

/** In a rebalance only members that joined already count, so that of too many the first to come stay. */
const hasPlace = (draft: Draft, member: Member | undefined): boolean => {
  switch (draft.phase) {
    case "Empty":
    case "Dead":
      return true
    case "PreparingRebalance":
      return (member !== undefined && member.joinWaiter !== null) || draft.joining < draft.config.maxSize
    case "CompletingRebalance":
    case "Stable":
      return member !== undefined || draft.members.size < draft.config.maxSize
  }
}

const joinUnknown = (draft: Draft, event: JoinEvent, refuse: (error: KafkaError, memberId: string) => void): void => {
  if (event.groupInstanceId !== null) {
    const holder = draft.members.get(draft.staticMembers.get(event.groupInstanceId) ?? "")
    if (holder === undefined) addMember(draft, event, event.newMemberId)
    else joinReplacing(draft, event, holder)
    return
  }
  if (!event.requireKnownMemberId) return addMember(draft, event, event.newMemberId)
  if (draft.pendingMembers.size >= draft.config.maxSize) return refuse(new GroupMaxSizeReached(), "")
  draft.addPending(event.newMemberId, draft.now + event.sessionTimeoutMs)
  refuse(new MemberIdRequired(), event.newMemberId)
}

const addMember = (draft: Draft, event: JoinEvent, memberId: string): void => {
  if (draft.members.size === 0) draft.protocolType = event.protocolType
  if (draft.initialWindow !== null) draft.initialWindow = { ...draft.initialWindow, newMemberAdded: true }
  const member: Member = {
    memberId,
    groupInstanceId: event.groupInstanceId,
    clientId: event.clientId,
    clientHost: event.clientHost,
    ...terms(event),
    assignment: NO_ASSIGNMENT,
    isNew: true,
    syncWaiter: null,
    sessionDeadlineMs: Infinity
  }
  draft.add(member)
  draft.renewSession(member, draft.config.newMemberJoinTimeoutMs)
  rebalance(draft)
}

const joinKnown = (draft: Draft, event: JoinEvent, member: Member): void => {
  const repeated = sameProtocols(member.protocols, event.protocols)
  const answerable =
    draft.phase === "CompletingRebalance"
      ? repeated
      : draft.phase === "Stable"
        ? repeated && draft.leaderId !== member.memberId
        : false
  if (answerable) {
    // it lost the answer; nothing has changed since
    draft.reply(event.waiter, Answer.Joined(draft.joined(member.memberId)))
    return
  }
  draft.rejoin(member, terms(event), new RebalanceInProgress())
  rebalance(draft)
}

/** A static member that was restarted takes its place back. In a stable group no other member notices. */
const joinReplacing = (draft: Draft, event: JoinEvent, old: Member): void => {
  const leaderBefore = draft.leaderId
  const replaced = draft.replaceStatic(old, event.newMemberId)
  const member = draft.renewSession(draft.rejoin(replaced, terms(event), new RebalanceInProgress()))
  if (draft.phase === "CompletingRebalance") return prepareRebalance(draft)
  if (draft.phase !== "Stable") return completeIfAllJoined(draft)
  if (draft.selectProtocol() !== draft.protocolName) return rebalance(draft)
  draft.persist()
  const place = draft.joined(member.memberId)
  draft.answerJoin(
    member,
    event.supportsSkippingAssignment
      ? { ...place, skipAssignment: place.leader === member.memberId }
      : // an old client that saw itself as leader would assign anew: it is named its former id
        { ...place, leader: leaderBefore ?? "", members: [] }
  )
}

const terms = (event: JoinEvent) => ({
  sessionTimeoutMs: event.sessionTimeoutMs,
  rebalanceTimeoutMs: event.rebalanceTimeoutMs < 0 ? event.sessionTimeoutMs : event.rebalanceTimeoutMs,
  protocols: distinct(event.protocols),
  joinWaiter: event.waiter
})

/** A strategy named twice counts once, as it stood first. */
const distinct = (protocols: ReadonlyArray<MemberProtocol>): ReadonlyArray<MemberProtocol> => {
  const byName = new Map<string, MemberProtocol>()
  for (const protocol of protocols) if (!byName.has(protocol.name)) byName.set(protocol.name, protocol)
  return byName.size === protocols.length ? protocols : Array.from(byName.values())
}

const sameProtocols = (left: ReadonlyArray<MemberProtocol>, right: ReadonlyArray<MemberProtocol>): boolean =>
  left.length === right.length &&
  left.every((protocol, i) => {
    const other = right[i]!
    return protocol.name === other.name && sameBytes(protocol.metadata, other.metadata)
  })

const sameBytes = (left: Uint8Array, right: Uint8Array): boolean =>
  left.byteLength === right.byteLength && left.every((byte, i) => byte === right[i])
