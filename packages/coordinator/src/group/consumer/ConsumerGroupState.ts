import type { KafkaError } from "@tusk/protocol/KafkaError"
import * as Data from "effect/Data"
import type { Assignment } from "../../assignor/Assignor.ts"
import type { GroupOutput } from "../machine/GroupOutput.ts"
import type { MemberIdentity } from "../machine/MemberIdentity.ts"
import type { Resolved, Subscriber, TopicsView } from "./Subscription.ts"

/** Kafka's names, as ConsumerGroupDescribe and ListGroups show them. */
export type Phase = "Empty" | "Assigning" | "Reconciling" | "Stable" | "Dead"

/** How far a member is on its way to its target assignment. */
export type MemberState = "Stable" | "UnrevokedPartitions" | "UnreleasedPartitions"

/** The epoch at which a member was given a partition, by partition index, by topic id. */
export type Assigned = ReadonlyMap<string, ReadonlyMap<number, number>>

/** The member epoch of a static member that left and means to come back. */
export const STATIC_LEAVE = -2
export const LEAVE = -1

/** One of the assignment strategies a classic member offers, with its subscription. */
export interface ClassicProtocol {
  readonly name: string
  readonly metadata: Uint8Array
}

/** What is kept of a member that speaks the classic protocol to a consumer group. */
export interface ClassicTerms {
  readonly sessionTimeoutMs: number
  readonly protocols: ReadonlyArray<ClassicProtocol>
}

/** What is kept of a member. */
export interface PersistedMember extends Subscriber {
  readonly memberId: string
  readonly instanceId: string | null
  readonly rackId: string | null
  readonly clientId: string
  readonly clientHost: string
  readonly rebalanceTimeoutMs: number
  readonly serverAssignor: string | null
  /** What the member was last told, or -2. */
  readonly memberEpoch: number
  readonly previousMemberEpoch: number
  readonly state: MemberState
  /** What it was told to own. */
  readonly assigned: Assigned
  /** What it was told to give up and has not confirmed: still its own. */
  readonly pendingRevocation: Assigned
  /** Null: it speaks the consumer protocol. */
  readonly classic: ClassicTerms | null
}

/** Times in milliseconds of the clock that gives `step` its `now`; `Infinity`: no deadline. */
export interface Member extends PersistedMember {
  readonly sessionDeadlineMs: number
  /** Until when it has to confirm what it gives up; of a classic member: to join again, or to send SyncGroup. */
  readonly rebalanceDeadlineMs: number
}

/** What is kept of a group besides its members. */
export interface PersistedGroup {
  /** Rises with each change that calls for a new assignment. */
  readonly groupEpoch: number
  /** The group epoch that the target assignment was made for. */
  readonly assignmentEpoch: number
  /** Of the topics subscribed to: tells after a restart whether they changed. */
  readonly metadataHash: number
}

/** Changes to be stored together. A target assignment is not stored: what members own tells as much. */
export interface GroupChange {
  /** Null: as it was. */
  readonly group: PersistedGroup | null
  readonly members: ReadonlyArray<PersistedMember>
  /** Member ids. */
  readonly removed: ReadonlyArray<string>
  /** What was stored of members before counts for nothing. */
  readonly all: boolean
}

/** A consumer group. Never changed in place: a step that fails leaves it as it was. */
export interface ConsumerGroupState extends PersistedGroup {
  readonly dead: boolean
  /** The target assignment's age, for the least time between two; -Infinity: none was made yet. */
  readonly assignedAtMs: number
  /** Since when the group has its epoch. */
  readonly bumpedAtMs: number
  /** Of the topics last looked at; -1: none. */
  readonly topicsVersion: number
  /** The members changed, but nothing had the hash looked at: it is to be made anew without a new epoch. */
  readonly hashIsStale: boolean
  readonly members: ReadonlyMap<string, Member>
  /** Member ids by instance id. */
  readonly staticMembers: ReadonlyMap<string, string>
  /** The target assignment, by member id. */
  readonly target: ReadonlyMap<string, Assignment>
  /** The owner of each partition: member ids by partition index, by topic id. */
  readonly owners: ReadonlyMap<string, ReadonlyMap<number, string>>
  /** Names of topics that each regular expression stood for, when last looked at. */
  readonly resolved: Resolved
  /** When all of them were; -Infinity: never. */
  readonly resolvedAtMs: number
  /** What was stored last; the group's row is written if it differs. */
  readonly stored: PersistedGroup
  readonly wakeAtMs: number
}

/** What a group goes by, at the time of a request. */
export interface ConsumerTerms {
  readonly sessionTimeoutMs: number
  readonly heartbeatIntervalMs: number
  readonly assignmentIntervalMs: number
  readonly maxSize: number
  /** Names; the first is the default. */
  readonly assignors: ReadonlyArray<string>
  /** For how long a regular expression stands for the same topics while none comes or goes: rights may change. */
  readonly regexRefreshIntervalMs: number
}

export interface TopicPartitions {
  readonly topicId: string
  readonly partitions: ReadonlyArray<number>
}

/** ConsumerGroupHeartbeat, found well-formed. */
export interface HeartbeatEvent {
  readonly waiter: number
  /** A member that has none gets this one. */
  readonly newMemberId: string
  readonly memberId: string
  /** 0: joins, -1: leaves, -2: leaves for a while, as a static member. */
  readonly memberEpoch: number
  readonly instanceId: string | null
  readonly rackId: string | null
  /** -1: as before. Null too, in what follows. */
  readonly rebalanceTimeoutMs: number
  readonly subscribedTopicNames: ReadonlyArray<string> | null
  readonly subscribedTopicRegex: string | null
  readonly serverAssignor: string | null
  /** What the member owns; null: as it was told. */
  readonly topicPartitions: ReadonlyArray<TopicPartitions> | null
  readonly clientId: string
  readonly clientHost: string
  readonly topics: TopicsView
  readonly terms: ConsumerTerms
}

/** JoinGroup of a classic member, its subscription read. */
export interface ClassicJoinEvent {
  readonly waiter: number
  readonly newMemberId: string
  readonly memberId: string
  readonly instanceId: string | null
  readonly clientId: string
  readonly clientHost: string
  readonly sessionTimeoutMs: number
  readonly rebalanceTimeoutMs: number
  readonly protocols: ReadonlyArray<ClassicProtocol>
  readonly subscribedTopicNames: ReadonlyArray<string>
  readonly rackId: string | null
  readonly ownedPartitions: ReadonlyArray<TopicPartitions>
  readonly requireKnownMemberId: boolean
  readonly topics: TopicsView
  readonly terms: ConsumerTerms
}

export interface ClassicMemberEvent {
  readonly waiter: number
  readonly memberId: string
  readonly groupInstanceId: string | null
  readonly generationId: number
}

export interface CommitEvent {
  readonly waiter: number
  readonly memberId: string
  readonly groupInstanceId: string | null
  /** -1: a client outside the group. */
  readonly memberEpoch: number
  /** OffsetCommit's. */
  readonly apiVersion: number
  readonly transactional: boolean
  /** Which partitions; a commit of an older epoch is good for those that were the member's already. */
  readonly partitions: ReadonlyArray<{ readonly topicId: string; readonly partition: number }>
}

export type Event = Data.TaggedEnum<{
  Heartbeat: HeartbeatEvent
  ClassicJoin: ClassicJoinEvent
  ClassicSync: ClassicMemberEvent & { readonly protocolType: string | null; readonly protocolName: string | null }
  ClassicHeartbeat: ClassicMemberEvent & { readonly topics: TopicsView; readonly terms: ConsumerTerms }
  ClassicLeave: { readonly waiter: number; readonly members: ReadonlyArray<MemberIdentity> }
  Commit: CommitEvent
  Delete: { readonly waiter: number }
  /** The timer went off. */
  Tick: {}
}>
export const Event = Data.taggedEnum<Event>()

export type Answer = Data.TaggedEnum<{
  Beat: {
    readonly memberId: string
    readonly memberEpoch: number
    readonly heartbeatIntervalMs: number
    /** Null: as it was told before. */
    readonly assignment: Assigned | null
  }
  /** MEMBER_ID_REQUIRED comes with the member id to use. */
  Joined: {
    readonly error: KafkaError | null
    readonly memberId: string
    readonly generationId: number
    readonly protocolName: string | null
  }
  Synced: { readonly protocolName: string; readonly assigned: Assigned; readonly metadata: Uint8Array }
  /** In order of the request. */
  Left: { readonly members: ReadonlyArray<MemberIdentity & { readonly error: KafkaError | null }> }
  Done: {}
  Refused: { readonly error: KafkaError }
}>
export const Answer = Data.taggedEnum<Answer>()

export type Output = GroupOutput<Answer, GroupChange>

/** Of a member that was given nothing. */
export const NONE_ASSIGNED: Assigned = new Map()

/** What there is of a group that was never stored. It begins at epoch 1, without an assignment. */
export const NEVER_STORED: PersistedGroup = { groupEpoch: 1, assignmentEpoch: 0, metadataHash: 0 }

/** A group that no member has joined yet. */
export const empty: ConsumerGroupState = {
  ...NEVER_STORED,
  dead: false,
  assignedAtMs: -Infinity,
  bumpedAtMs: -Infinity,
  topicsVersion: -1,
  hashIsStale: false,
  members: new Map(),
  staticMembers: new Map(),
  target: new Map(),
  owners: new Map(),
  resolved: new Map(),
  resolvedAtMs: -Infinity,
  stored: NEVER_STORED,
  wakeAtMs: Infinity
}

export const isReconciledTo = (member: Member, epoch: number): boolean =>
  member.state === "Stable" && member.memberEpoch === epoch

export const phaseOf = (state: ConsumerGroupState): Phase => {
  if (state.dead) return "Dead"
  if (state.members.size === 0) return "Empty"
  if (state.groupEpoch > state.assignmentEpoch) return "Assigning"
  for (const member of state.members.values()) {
    if (!isReconciledTo(member, state.assignmentEpoch)) return "Reconciling"
  }
  return "Stable"
}
