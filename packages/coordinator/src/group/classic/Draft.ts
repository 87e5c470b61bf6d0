import type { KafkaError } from "@tusk/protocol/KafkaError"
import { FencedInstanceId, UnknownMemberId } from "@tusk/protocol/KafkaError"
import { ownMap, ownSet } from "../machine/ownCopy.ts"
import { Answer, NO_ASSIGNMENT } from "./ClassicGroupState.ts"
import type {
  ClassicGroupConfig,
  ClassicGroupState,
  InitialWindow,
  JoinAnswer,
  Member,
  MemberProtocol,
  Output,
  PersistedGroup,
  Phase
} from "./ClassicGroupState.ts"

export const refusedJoin = (error: KafkaError, memberId: string): JoinAnswer => ({
  error,
  memberId,
  generationId: -1,
  protocolType: null,
  protocolName: null,
  leader: "",
  skipAssignment: false,
  members: []
})

/**
 * One step's working copy of a group: collections are copied at the first change, so that the state it began with stays
 * whole. Keeps the counts right, answers all that wait for a member that goes, and collects the outputs.
 */
export class Draft {
  readonly config: ClassicGroupConfig
  readonly now: number
  readonly outputs: Array<Output> = []
  phase: Phase
  generationId: number
  protocolType: string | null
  protocolName: string | null
  leaderId: string | null
  initialWindow: InitialWindow | null
  joining: number
  members: ReadonlyMap<string, Member>
  staticMembers: ReadonlyMap<string, string>
  pendingMembers: ReadonlyMap<string, number>
  pendingSync: ReadonlySet<string>
  private protocolCounts: ReadonlyMap<string, number>
  private joinDeadlineMs: number
  private syncDeadlineMs: number
  private wakeAtMs: number
  private earliestMs = Infinity
  private readonly from: ClassicGroupState

  constructor(state: ClassicGroupState, now: number) {
    this.from = state
    this.config = state.config
    this.now = now
    this.phase = state.phase
    this.generationId = state.generationId
    this.protocolType = state.protocolType
    this.protocolName = state.protocolName
    this.leaderId = state.leaderId
    this.initialWindow = state.initialWindow
    this.joining = state.joining
    this.members = state.members
    this.staticMembers = state.staticMembers
    this.pendingMembers = state.pendingMembers
    this.pendingSync = state.pendingSync
    this.protocolCounts = state.protocolCounts
    this.joinDeadlineMs = state.joinDeadlineMs
    this.syncDeadlineMs = state.syncDeadlineMs
    this.wakeAtMs = state.wakeAtMs
  }

  // -- copies at the first change -------------------------------------------------------------------------------------

  private ownMembers(): Map<string, Member> {
    return (this.members = ownMap(this.members, this.from.members))
  }
  private ownStatic(): Map<string, string> {
    return (this.staticMembers = ownMap(this.staticMembers, this.from.staticMembers))
  }
  private ownPending(): Map<string, number> {
    return (this.pendingMembers = ownMap(this.pendingMembers, this.from.pendingMembers))
  }
  private ownPendingSync(): Set<string> {
    return (this.pendingSync = ownSet(this.pendingSync, this.from.pendingSync))
  }
  private ownCounts(): Map<string, number> {
    return (this.protocolCounts = ownMap(this.protocolCounts, this.from.protocolCounts))
  }

  // -- members --------------------------------------------------------------------------------------------------------

  get allJoined(): boolean {
    return this.joining === this.members.size && this.pendingMembers.size === 0
  }

  /** Changes what is known of a member; nothing that is counted. */
  put(member: Member): void {
    this.ownMembers().set(member.memberId, member)
  }

  private countProtocols(protocols: ReadonlyArray<MemberProtocol>, by: 1 | -1): void {
    const counts = this.ownCounts()
    for (const { name } of protocols) {
      const count = (counts.get(name) ?? 0) + by
      if (count === 0) counts.delete(name)
      else counts.set(name, count)
    }
  }

  /** A member that waits for the rebalance it joins. */
  add(member: Member): void {
    if (member.groupInstanceId !== null) this.ownStatic().set(member.groupInstanceId, member.memberId)
    this.leaderId ??= member.memberId
    this.dropPending(member.memberId)
    this.countProtocols(member.protocols, 1)
    if (member.joinWaiter !== null) this.joining++
    this.put(member)
  }

  /** Each request that waits for the member gets UNKNOWN_MEMBER_ID. The eldest member follows a leader that goes. */
  remove(memberId: string): void {
    this.dropPending(memberId)
    const member = this.members.get(memberId)
    if (member === undefined) return
    this.answerJoin(member, refusedJoin(new UnknownMemberId(), ""))
    this.answerSync(member, Answer.Refused({ error: new UnknownMemberId() }))
    this.ownMembers().delete(memberId)
    this.countProtocols(member.protocols, -1)
    if (member.groupInstanceId !== null) this.ownStatic().delete(member.groupInstanceId)
    if (this.pendingSync.has(memberId)) this.ownPendingSync().delete(memberId)
    if (this.leaderId === memberId) this.leaderId = this.members.keys().next().value ?? null
  }

  /** A member that joins again: its earlier JoinGroup, if one still waits, is told to repeat. */
  rejoin(
    member: Member,
    change: Pick<Member, "protocols" | "sessionTimeoutMs" | "rebalanceTimeoutMs" | "joinWaiter">,
    superseded: KafkaError
  ): Member {
    const current = this.answerJoin(member, refusedJoin(superseded, member.memberId))
    this.countProtocols(current.protocols, -1)
    this.countProtocols(change.protocols, 1)
    if (change.joinWaiter !== null) this.joining++
    const next = { ...current, ...change }
    this.put(next)
    return next
  }

  /** The static member comes back under a new member id; the old id is fenced at once (KIP-345). */
  replaceStatic(old: Member, newMemberId: string): Member {
    this.answerJoin(old, refusedJoin(new FencedInstanceId(), old.memberId))
    this.answerSync(old, Answer.Refused({ error: new FencedInstanceId() }))
    const members = this.ownMembers()
    members.delete(old.memberId)
    const next = { ...old, memberId: newMemberId, isNew: false, joinWaiter: null, syncWaiter: null }
    members.set(newMemberId, next)
    if (this.leaderId === old.memberId) this.leaderId = newMemberId
    if (old.groupInstanceId !== null) this.ownStatic().set(old.groupInstanceId, newMemberId)
    if (this.pendingSync.has(old.memberId)) {
      const pending = this.ownPendingSync()
      pending.delete(old.memberId)
      pending.add(newMemberId)
    }
    return next
  }

  addPending(memberId: string, deadlineMs: number): void {
    this.ownPending().set(memberId, deadlineMs)
    this.touch(deadlineMs)
  }
  dropPending(memberId: string): void {
    if (this.pendingMembers.has(memberId)) this.ownPending().delete(memberId)
  }

  setPendingSync(memberIds: Iterable<string>): void {
    this.pendingSync = new Set(memberIds)
  }
  synced(memberId: string): void {
    if (this.pendingSync.has(memberId)) this.ownPendingSync().delete(memberId)
    if (this.pendingSync.size === 0) this.syncDeadlineMs = Infinity
  }

  /** UNKNOWN_MEMBER_ID, or FENCED_INSTANCE_ID for a member that lost its instance id to a newer member. */
  validate(memberId: string, groupInstanceId: string | null): KafkaError | null {
    if (groupInstanceId !== null) {
      const holder = this.staticMembers.get(groupInstanceId)
      if (holder === undefined) return new UnknownMemberId()
      if (holder !== memberId) return new FencedInstanceId()
    }
    return this.members.has(memberId) ? null : new UnknownMemberId()
  }

  // -- protocols ------------------------------------------------------------------------------------------------------

  /** Whether a member of this kind and these strategies can be in the group as it is. */
  supports(protocolType: string, protocols: ReadonlyArray<MemberProtocol>): boolean {
    if (this.phase === "Empty") return protocolType !== "" && protocols.length > 0
    return (
      protocolType === this.protocolType &&
      protocols.some(({ name }) => (this.protocolCounts.get(name) ?? 0) === this.members.size)
    )
  }

  /** Each member votes for the first of its strategies that all have; ties go to what was voted for first. */
  selectProtocol(): string {
    const votes = new Map<string, number>()
    for (const member of this.members.values()) {
      const choice = member.protocols.find(({ name }) => this.protocolCounts.get(name) === this.members.size)
      if (choice === undefined) throw new Error("a member shares no protocol with its group")
      votes.set(choice.name, (votes.get(choice.name) ?? 0) + 1)
    }
    let winner = ""
    let most = 0
    for (const [name, count] of votes) {
      if (count > most) [winner, most] = [name, count]
    }
    return winner
  }

  /** Sum of what members told about themselves. */
  metadataBytes(): number {
    let bytes = 0
    for (const member of this.members.values()) bytes += protocolBytes(member.protocols)
    return bytes
  }

  // -- answers --------------------------------------------------------------------------------------------------------

  reply(waiter: number, answer: Answer): void {
    this.outputs.push({ _tag: "Reply", waiter, answer })
  }
  refuse(waiter: number, error: KafkaError): void {
    this.reply(waiter, Answer.Refused({ error }))
  }

  answerJoin(member: Member, answer: JoinAnswer): Member {
    if (member.joinWaiter === null) return member
    this.reply(member.joinWaiter, Answer.Joined(answer))
    this.joining--
    const next = { ...member, joinWaiter: null }
    this.put(next)
    return next
  }

  answerSync(member: Member, answer: Answer): Member {
    if (member.syncWaiter === null) return member
    this.reply(member.syncWaiter, answer)
    const next = { ...member, syncWaiter: null }
    this.put(next)
    return next
  }

  /** A member's place in the current generation; the leader gets all members' metadata. */
  joined(memberId: string): JoinAnswer {
    return {
      error: null,
      memberId,
      generationId: this.generationId,
      protocolType: this.protocolType,
      protocolName: this.protocolName,
      leader: this.leaderId ?? "",
      skipAssignment: false,
      members: memberId === this.leaderId ? this.memberMetadata() : []
    }
  }

  memberMetadata(): JoinAnswer["members"] {
    return Array.from(this.members.values(), ({ memberId, groupInstanceId, protocols }) => ({
      memberId,
      groupInstanceId,
      metadata: protocols.find(({ name }) => name === this.protocolName)?.metadata ?? NO_ASSIGNMENT
    }))
  }

  persist(): void {
    this.outputs.push({ _tag: "Persist", group: this.persisted() })
  }
  private persisted(): PersistedGroup {
    const { generationId, protocolType, protocolName, leaderId } = this
    const members = Array.from(this.members.values(), (member) => ({
      memberId: member.memberId,
      groupInstanceId: member.groupInstanceId,
      clientId: member.clientId,
      clientHost: member.clientHost,
      sessionTimeoutMs: member.sessionTimeoutMs,
      rebalanceTimeoutMs: member.rebalanceTimeoutMs,
      protocols: member.protocols,
      assignment: member.assignment
    }))
    return { generationId, protocolType, protocolName, leaderId, members }
  }

  // -- time -----------------------------------------------------------------------------------------------------------

  /** The longest any member may take for a rebalance. */
  rebalanceTimeoutMs(): number {
    let longest = 0
    for (const member of this.members.values()) longest = Math.max(longest, member.rebalanceTimeoutMs)
    return longest
  }

  renewSession(member: Member, timeoutMs: number = member.sessionTimeoutMs): Member {
    const next = { ...member, sessionDeadlineMs: this.now + timeoutMs }
    this.put(next)
    this.touch(next.sessionDeadlineMs)
    return next
  }

  get joinDueMs(): number {
    return this.joinDeadlineMs
  }
  get syncDueMs(): number {
    return this.syncDeadlineMs
  }
  setJoinDeadline(atMs: number): void {
    this.joinDeadlineMs = atMs
    this.touch(atMs)
  }
  setSyncDeadline(atMs: number): void {
    this.syncDeadlineMs = atMs
    this.touch(atMs)
  }

  private touch(atMs: number): void {
    if (atMs < this.earliestMs) this.earliestMs = atMs
  }

  /** The timer is spent: it has to be set again for whatever comes next. */
  timerWentOff(): void {
    this.wakeAtMs = Infinity
  }
  /** Looks at every deadline; in other steps only those that a step sets can come before the timer. */
  touchAll(): void {
    this.touch(this.joinDeadlineMs)
    this.touch(this.syncDeadlineMs)
    for (const deadlineMs of this.pendingMembers.values()) this.touch(deadlineMs)
    for (const member of this.members.values()) this.touch(member.sessionDeadlineMs)
  }

  finish(): readonly [ClassicGroupState, ReadonlyArray<Output>] {
    if (this.earliestMs < this.wakeAtMs && this.phase !== "Dead") {
      this.wakeAtMs = this.earliestMs
      this.outputs.push({ _tag: "WakeAt", atMs: this.wakeAtMs })
    }
    return [
      {
        config: this.config,
        phase: this.phase,
        generationId: this.generationId,
        protocolType: this.protocolType,
        protocolName: this.protocolName,
        leaderId: this.leaderId,
        members: this.members,
        staticMembers: this.staticMembers,
        pendingMembers: this.pendingMembers,
        pendingSync: this.pendingSync,
        protocolCounts: this.protocolCounts,
        joining: this.joining,
        initialWindow: this.initialWindow,
        joinDeadlineMs: this.joinDeadlineMs,
        syncDeadlineMs: this.syncDeadlineMs,
        wakeAtMs: this.wakeAtMs
      },
      this.outputs
    ]
  }
}

/** Size of what a member tells about itself. */
export const protocolBytes = (protocols: ReadonlyArray<MemberProtocol>): number => {
  let bytes = 0
  for (const { name, metadata } of protocols) bytes += name.length + metadata.byteLength
  return bytes
}
