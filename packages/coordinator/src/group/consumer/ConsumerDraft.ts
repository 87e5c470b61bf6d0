import type { KafkaError } from "@tusk/protocol/KafkaError"
import { NOTHING } from "../../assignor/Assignor.ts"
import type { Assignment, Assignor, AssignorMember } from "../../assignor/Assignor.ts"
import { range } from "../../assignor/Range.ts"
import { uniform } from "../../assignor/Uniform.ts"
import { ownMap } from "../machine/ownCopy.ts"
import { Answer, NEVER_STORED } from "./ConsumerGroupState.ts"
import type {
  Assigned,
  ConsumerGroupState,
  ConsumerTerms,
  GroupChange,
  Member,
  Output,
  PersistedGroup,
  PersistedMember
} from "./ConsumerGroupState.ts"
import { NOTHING_KNOWN } from "./Subscription.ts"
import type { Resolved, Subscriptions } from "./Subscription.ts"

const assignors: ReadonlyMap<string, Assignor> = new Map([
  ["uniform", uniform],
  ["range", range]
])

/** A topic's partitions while no member owns any. */
const NOBODYS: ReadonlyMap<number, string> = new Map()

/** Part of the least time from one assignment to the next that nothing has to change for the next one to come early. */
const QUIET = 0.2

/** What `group.consumer.assignors` may name. */
export const ASSIGNOR_NAMES: ReadonlyArray<string> = Array.from(assignors.keys())

/**
 * One step's working copy of a group: collections are copied at the first change, so that the state it began with stays
 * whole. Keeps owners and static members right, and collects what has to be stored and answered.
 */
export class ConsumerDraft {
  readonly now: number
  groupEpoch: number
  assignmentEpoch: number
  metadataHash: number
  topicsVersion: number
  hashIsStale: boolean
  dead: boolean
  members: ReadonlyMap<string, Member>
  staticMembers: ReadonlyMap<string, string>
  target: ReadonlyMap<string, Assignment>
  private owners: ReadonlyMap<string, ReadonlyMap<number, string>>
  private resolved: Resolved
  private resolvedAtMs: number
  private assignedAtMs: number
  private bumpedAtMs: number
  private wakeAtMs: number
  private earliestMs = Infinity
  private readonly changed = new Set<string>()
  private readonly removed = new Set<string>()
  private readonly replies: Array<Output> = []
  private readonly from: ConsumerGroupState

  constructor(state: ConsumerGroupState, now: number) {
    this.from = state
    this.now = now
    this.groupEpoch = state.groupEpoch
    this.assignmentEpoch = state.assignmentEpoch
    this.metadataHash = state.metadataHash
    this.topicsVersion = state.topicsVersion
    this.hashIsStale = state.hashIsStale
    this.dead = state.dead
    this.members = state.members
    this.staticMembers = state.staticMembers
    this.target = state.target
    this.owners = state.owners
    this.resolved = state.resolved
    this.resolvedAtMs = state.resolvedAtMs
    this.assignedAtMs = state.assignedAtMs
    this.bumpedAtMs = state.bumpedAtMs
    this.wakeAtMs = state.wakeAtMs
  }

  // -- copies at the first change -------------------------------------------------------------------------------------

  private ownMembers(): Map<string, Member> {
    return (this.members = ownMap(this.members, this.from.members))
  }
  private ownStatic(): Map<string, string> {
    return (this.staticMembers = ownMap(this.staticMembers, this.from.staticMembers))
  }
  private ownTarget(): Map<string, Assignment> {
    return (this.target = ownMap(this.target, this.from.target))
  }
  private ownOwners(topicId: string): Map<number, string> {
    const all = (this.owners = ownMap(this.owners, this.from.owners))
    const own = ownMap(all.get(topicId) ?? NOBODYS, this.from.owners.get(topicId) ?? NOBODYS)
    all.set(topicId, own)
    return own
  }

  // -- members --------------------------------------------------------------------------------------------------------

  ownerOf = (topicId: string, partition: number): string | undefined => this.owners.get(topicId)?.get(partition)

  /** A member that is new or has changed in what is kept of it. */
  put(member: Member): void {
    const before = this.members.get(member.memberId)
    if (before?.assigned !== member.assigned || before.pendingRevocation !== member.pendingRevocation) {
      if (before !== undefined) this.disown(before)
      this.claim(member.memberId, member.assigned)
      this.claim(member.memberId, member.pendingRevocation)
    }
    if (member.instanceId !== null && this.staticMembers.get(member.instanceId) !== member.memberId) {
      this.ownStatic().set(member.instanceId, member.memberId)
    }
    this.ownMembers().set(member.memberId, member)
    this.changed.add(member.memberId)
    this.removed.delete(member.memberId)
  }

  /** Only its deadlines have changed. */
  touchMember(member: Member): void {
    this.ownMembers().set(member.memberId, member)
  }

  remove(member: Member): void {
    const { instanceId, memberId } = member
    this.disown(member)
    this.ownMembers().delete(memberId)
    if (instanceId !== null && this.staticMembers.get(instanceId) === memberId) this.ownStatic().delete(instanceId)
    if (this.target.has(memberId)) this.ownTarget().delete(memberId)
    this.changed.delete(memberId)
    this.removed.add(memberId)
  }

  /** The member goes, whatever it owned is free, and the group has to be assigned anew. */
  fence(member: Member): void {
    this.remove(member)
    this.bump()
    this.hashIsStale = true
  }

  /** A static member came back under another member id: all that was the old one's is its own. */
  replace(old: Member, memberId: string): Member {
    const target = this.target.get(old.memberId)
    this.remove(old)
    const next = { ...old, memberId, memberEpoch: 0, previousMemberEpoch: 0 }
    this.put(next)
    if (target !== undefined) this.ownTarget().set(memberId, target)
    return next
  }

  private claim(memberId: string, assigned: Assigned): void {
    for (const [topicId, partitions] of assigned) {
      const owners = this.ownOwners(topicId)
      for (const partition of partitions.keys()) {
        const owner = owners.get(partition)
        if (owner !== undefined && owner !== memberId) throw new Error("a partition was given to a second member")
        owners.set(partition, memberId)
      }
    }
  }

  private disown(member: Member): void {
    for (const assigned of [member.assigned, member.pendingRevocation]) {
      for (const [topicId, partitions] of assigned) {
        const owners = this.ownOwners(topicId)
        for (const partition of partitions.keys()) {
          if (owners.get(partition) === member.memberId) owners.delete(partition)
        }
      }
    }
  }

  // -- assignment -----------------------------------------------------------------------------------------------------

  /** Topics have come or gone since regular expressions were looked up, or that is too long ago. */
  isOutdated(topicsVersion: number, { regexRefreshIntervalMs }: ConsumerTerms): boolean {
    return this.topicsVersion !== topicsVersion || this.now >= this.resolvedAtMs + regexRefreshIntervalMs
  }

  /** What regular expressions stand for, for all members, until it is outdated. */
  known(topicsVersion: number, terms: ConsumerTerms): Resolved {
    return this.isOutdated(topicsVersion, terms) ? NOTHING_KNOWN : this.resolved
  }

  /** Looks at the topics that there are now; a new epoch if that or a subscription calls for one. */
  refresh(subscriptions: Subscriptions, terms: ConsumerTerms, subscriptionChanged: boolean): void {
    if (this.isOutdated(subscriptions.topics.version, terms)) this.resolvedAtMs = this.now
    const hash = subscriptions.hash(this.members.values())
    if (subscriptionChanged || (hash !== this.metadataHash && !this.hashIsStale)) this.bump()
    this.metadataHash = hash
    this.hashIsStale = false
    this.resolved = subscriptions.resolved
    this.topicsVersion = subscriptions.topics.version
  }

  /** The group has to be assigned anew. */
  bump(): void {
    this.groupEpoch++
    this.bumpedAtMs = this.now
  }

  /**
   * Makes the target assignment of a new epoch, no more often than the group's terms say; but members that come
   * together need not wait so long once they are all there.
   */
  assign(subscriptions: Subscriptions, terms: ConsumerTerms): void {
    const { assignmentIntervalMs } = terms
    const sinceEpochMs = this.now - this.bumpedAtMs
    const isQuiet = sinceEpochMs >= assignmentIntervalMs * QUIET
    if (this.now < this.assignedAtMs + assignmentIntervalMs && !isQuiet) return
    const members = new Map<string, AssignorMember>()
    for (const [memberId, member] of this.members) {
      members.set(memberId, {
        instanceId: member.instanceId,
        topicIds: subscriptions.of(member),
        assigned: this.target.get(memberId) ?? NOTHING
      })
    }
    const { partitionCount } = subscriptions.topics
    const assignor = assignors.get(preferredAssignor(this.members.values(), terms)) ?? uniform
    this.target = assignor({ members, partitionCount })
    this.assignmentEpoch = this.groupEpoch
    this.assignedAtMs = this.now
  }

  // -- answers and outputs --------------------------------------------------------------------------------------------

  reply(waiter: number, answer: Answer): void {
    this.replies.push({ _tag: "Reply", waiter, answer })
  }
  refuse(waiter: number, error: KafkaError): void {
    this.reply(waiter, Answer.Refused({ error }))
  }

  private change(group: PersistedGroup): GroupChange | null {
    const { stored } = this.from
    const same =
      stored.groupEpoch === group.groupEpoch &&
      stored.assignmentEpoch === group.assignmentEpoch &&
      stored.metadataHash === group.metadataHash
    if (same && this.changed.size === 0 && this.removed.size === 0) return null
    // The first word of a group: whatever may lie there of members is of another one.
    const all = stored === NEVER_STORED
    return {
      group: same && !all ? null : group,
      members: Array.from(all ? this.members.keys() : this.changed, (memberId) =>
        persisted(this.members.get(memberId)!)
      ),
      removed: all ? [] : Array.from(this.removed),
      all
    }
  }

  // -- time -----------------------------------------------------------------------------------------------------------

  touch(atMs: number): void {
    if (atMs < this.earliestMs) this.earliestMs = atMs
  }
  /** The timer is spent: it has to be set again for whatever comes next. */
  timerWentOff(): void {
    this.wakeAtMs = Infinity
    for (const member of this.members.values())
      this.touch(Math.min(member.sessionDeadlineMs, member.rebalanceDeadlineMs))
  }

  finish(): readonly [ConsumerGroupState, ReadonlyArray<Output>] {
    const { assignmentEpoch, groupEpoch, metadataHash } = this
    const group = { groupEpoch, assignmentEpoch, metadataHash }
    const outputs: Array<Output> = []
    const change = this.dead ? null : this.change(group)
    if (change !== null) outputs.push({ _tag: "Persist", group: change })
    if (this.dead && !this.from.dead) outputs.push({ _tag: "Remove" })
    outputs.push(...this.replies)
    if (this.earliestMs < this.wakeAtMs && !this.dead) {
      this.wakeAtMs = this.earliestMs
      outputs.push({ _tag: "WakeAt", atMs: this.wakeAtMs })
    }
    return [
      {
        ...group,
        dead: this.dead,
        assignedAtMs: this.assignedAtMs,
        bumpedAtMs: this.bumpedAtMs,
        topicsVersion: this.topicsVersion,
        hashIsStale: this.hashIsStale,
        members: this.members,
        staticMembers: this.staticMembers,
        target: this.target,
        owners: this.owners,
        resolved: this.resolved,
        resolvedAtMs: this.resolvedAtMs,
        stored: change?.group ?? this.from.stored,
        wakeAtMs: this.wakeAtMs
      },
      outputs
    ]
  }
}

const persisted = (member: Member): PersistedMember => {
  const { rebalanceDeadlineMs: _rebalance, sessionDeadlineMs: _session, ...kept } = member
  return kept
}

/** The name of the assignor that most members ask for; the group's first if none asks. */
export const preferredAssignor = (
  members: Iterable<PersistedMember>,
  { assignors: [first] }: ConsumerTerms
): string => {
  const votes = new Map<string, number>()
  let name = first ?? "uniform"
  let most = 0
  for (const { serverAssignor } of members) {
    if (serverAssignor === null) continue
    const count = (votes.get(serverAssignor) ?? 0) + 1
    votes.set(serverAssignor, count)
    if (count > most) [name, most] = [serverAssignor, count]
  }
  return name
}
