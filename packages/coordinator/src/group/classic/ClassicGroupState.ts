import type { KafkaError } from "@tusk/protocol/KafkaError"
import * as Data from "effect/Data"
import type { GroupOutput } from "../machine/GroupOutput.ts"
import type { MemberIdentity } from "../machine/MemberIdentity.ts"

/** Kafka's names, as DescribeGroups and ListGroups show them. */
export type Phase = "Empty" | "PreparingRebalance" | "CompletingRebalance" | "Stable" | "Dead"

/** Limits and delays of one group, from the broker's settings. */
export interface ClassicGroupConfig {
  /** `group.min.session.timeout.ms` and `group.max.session.timeout.ms`. */
  readonly minSessionTimeoutMs: number
  readonly maxSessionTimeoutMs: number
  /** `group.initial.rebalance.delay.ms`: how long the first rebalance of an empty group waits for more members. */
  readonly initialRebalanceDelayMs: number
  /** `group.max.size`, members of one group; also the most members that were given an id and have not come back. */
  readonly maxSize: number
  /** A new member is dropped, if its client has gone away, from a rebalance after this time (Kafka: 5 minutes). */
  readonly newMemberJoinTimeoutMs: number
  /** Greatest sum of protocol names and metadata of one member. */
  readonly memberMaxBytes: number
  /** Greatest sum of the metadata, and of the assignments, of one group. */
  readonly groupMaxBytes: number
}

/** One of the assignment strategies a member offers, with whatever its client wants the leader to know. */
export interface MemberProtocol {
  readonly name: string
  readonly metadata: Uint8Array
}

/** What is kept of a member. */
export interface PersistedMember {
  readonly memberId: string
  /** `group.instance.id` of a static member (KIP-345). */
  readonly groupInstanceId: string | null
  readonly clientId: string
  readonly clientHost: string
  readonly sessionTimeoutMs: number
  readonly rebalanceTimeoutMs: number
  /** In the member's order of preference, no name twice. */
  readonly protocols: ReadonlyArray<MemberProtocol>
  readonly assignment: Uint8Array
}

export interface Member extends PersistedMember {
  /** Joined since the last completed rebalance: its session counts even while its join waits. */
  readonly isNew: boolean
  /** The JoinGroup, the SyncGroup that waits for an answer. */
  readonly joinWaiter: number | null
  readonly syncWaiter: number | null
  readonly sessionDeadlineMs: number
}

/** A stable generation, or an empty group: all that is kept of a group. */
export interface PersistedGroup {
  readonly generationId: number
  readonly protocolType: string | null
  readonly protocolName: string | null
  readonly leaderId: string | null
  /** In order of joining. */
  readonly members: ReadonlyArray<PersistedMember>
}

/** The window in which the first rebalance of an empty group waits for more members. */
export interface InitialWindow {
  readonly delayMs: number
  readonly remainingMs: number
  readonly newMemberAdded: boolean
}

/**
 * A classic group. Never changed in place: a step that fails leaves it as it was. Times are milliseconds of the clock
 * that gives `step` its `now`; `Infinity`: no deadline.
 */
export interface ClassicGroupState {
  readonly config: ClassicGroupConfig
  readonly phase: Phase
  /** Grows with each completed rebalance. */
  readonly generationId: number
  readonly protocolType: string | null
  /** The strategy the group agreed upon for this generation. */
  readonly protocolName: string | null
  readonly leaderId: string | null
  readonly members: ReadonlyMap<string, Member>
  /** Member ids by group instance id. */
  readonly staticMembers: ReadonlyMap<string, string>
  /** Ids given with MEMBER_ID_REQUIRED that no member has joined with yet, and until when one may. */
  readonly pendingMembers: ReadonlyMap<string, number>
  /** Members of this generation that have not sent SyncGroup yet. */
  readonly pendingSync: ReadonlySet<string>
  /** How many members offer each protocol. */
  readonly protocolCounts: ReadonlyMap<string, number>
  /** How many members wait for the answer to a JoinGroup. */
  readonly joining: number
  readonly initialWindow: InitialWindow | null
  readonly joinDeadlineMs: number
  readonly syncDeadlineMs: number
  /** When the group's timer goes off: no later than any deadline. */
  readonly wakeAtMs: number
}

export interface JoinEvent {
  readonly waiter: number
  /** Empty for a member that has none yet. */
  readonly memberId: string
  /** A member that has none gets this one. */
  readonly newMemberId: string
  readonly groupInstanceId: string | null
  readonly clientId: string
  readonly clientHost: string
  readonly sessionTimeoutMs: number
  /** Negative (JoinGroup 0 has none): the session timeout. */
  readonly rebalanceTimeoutMs: number
  readonly protocolType: string
  readonly protocols: ReadonlyArray<MemberProtocol>
  /** JoinGroup 4 and later: a dynamic member learns its id before it joins (KIP-394). */
  readonly requireKnownMemberId: boolean
  /** JoinGroup 9 and later: a static leader that came back is told to keep the assignment (KIP-814). */
  readonly supportsSkippingAssignment: boolean
}

export interface SyncEvent {
  readonly waiter: number
  readonly memberId: string
  readonly groupInstanceId: string | null
  readonly generationId: number
  /** Null below SyncGroup 5. */
  readonly protocolType: string | null
  readonly protocolName: string | null
  readonly assignments: ReadonlyArray<{ readonly memberId: string; readonly assignment: Uint8Array }>
}

export type Event = Data.TaggedEnum<{
  Join: JoinEvent
  Sync: SyncEvent
  Heartbeat: MemberIdentity & { readonly waiter: number; readonly generationId: number }
  Leave: { readonly waiter: number; readonly members: ReadonlyArray<MemberIdentity> }
  /** May this member commit offsets now? A simple consumer has generation -1 and no member id. */
  Commit: MemberIdentity & {
    readonly waiter: number
    readonly generationId: number
    /** From TxnOffsetCommit: the group's members may be of no concern to it. */
    readonly transactional: boolean
  }
  Delete: { readonly waiter: number }
  /** Another machine takes the group over: each member that waits is told to join again. */
  HandOver: {}
  /** The timer went off. */
  Tick: {}
}>
export const Event = Data.taggedEnum<Event>()

export interface JoinAnswer {
  /** Null: the member is in the generation named. MEMBER_ID_REQUIRED comes with the member id to use. */
  readonly error: KafkaError | null
  readonly memberId: string
  readonly generationId: number
  readonly protocolType: string | null
  readonly protocolName: string | null
  readonly leader: string
  readonly skipAssignment: boolean
  /** For the leader only. */
  readonly members: ReadonlyArray<MemberIdentity & { readonly metadata: Uint8Array }>
}

export interface SyncAnswer {
  readonly protocolType: string | null
  readonly protocolName: string | null
  readonly assignment: Uint8Array
}

export interface LeaveResult extends MemberIdentity {
  readonly error: KafkaError | null
}

export type Answer = Data.TaggedEnum<{
  Joined: JoinAnswer
  Synced: SyncAnswer
  /** In order of the request. */
  Left: { readonly members: ReadonlyArray<LeaveResult> }
  Done: {}
  Refused: { readonly error: KafkaError }
}>
export const Answer = Data.taggedEnum<Answer>()

export type Output = GroupOutput<Answer, PersistedGroup>

export const NO_ASSIGNMENT = new Uint8Array(0)

/** A group that no member has joined yet. */
export const empty = (config: ClassicGroupConfig): ClassicGroupState => ({
  config,
  phase: "Empty",
  generationId: 0,
  protocolType: null,
  protocolName: null,
  leaderId: null,
  members: new Map(),
  staticMembers: new Map(),
  pendingMembers: new Map(),
  pendingSync: new Set(),
  protocolCounts: new Map(),
  joining: 0,
  initialWindow: null,
  joinDeadlineMs: Infinity,
  syncDeadlineMs: Infinity,
  wakeAtMs: Infinity
})
