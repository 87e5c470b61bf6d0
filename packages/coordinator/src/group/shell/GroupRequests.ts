import type { KafkaError } from "@tusk/protocol/KafkaError"
import type { JoinEvent, Phase, SyncEvent } from "../classic/ClassicGroupState.ts"
import type { MayDescribe } from "../consumer/TopicPatterns.ts"
import type { Committing } from "../machine/GroupKind.ts"
import type { MemberIdentity } from "../machine/MemberIdentity.ts"

/** JoinGroup. What the machine needs besides comes from `apiVersion`. */
export interface JoinGroup extends Omit<
  JoinEvent,
  "waiter" | "newMemberId" | "requireKnownMemberId" | "supportsSkippingAssignment"
> {
  readonly groupId: string
  readonly apiVersion: number
  /** Why the client joins (KIP-800), for the log. */
  readonly reason: string | null
  readonly mayDescribe?: MayDescribe
}

export interface SyncGroup extends Omit<SyncEvent, "waiter"> {
  readonly groupId: string
}

export interface Heartbeat extends MemberIdentity {
  readonly groupId: string
  readonly generationId: number
  readonly mayDescribe?: MayDescribe
}

export interface LeaveGroup {
  readonly groupId: string
  /** One below LeaveGroup 3. */
  readonly members: ReadonlyArray<MemberIdentity>
}

export interface OffsetToCommit {
  readonly partitionId: number
  readonly offset: bigint
  readonly leaderEpoch: number
  readonly metadata: string | null
}

export interface CommitOffsets extends Committing {
  /** OffsetCommit 2-4; -1: the broker's retention holds. */
  readonly retentionTimeMs: bigint
  readonly offsets: ReadonlyArray<OffsetToCommit>
}

export interface DescribedMember extends MemberIdentity {
  readonly clientId: string
  readonly clientHost: string
  /** Empty unless the group is stable. */
  readonly metadata: Uint8Array
  readonly assignment: Uint8Array
}

export interface GroupDescription {
  readonly groupId: string
  /** GROUP_ID_NOT_FOUND, with state Dead: answered as an error from DescribeGroups 6 on, before that as a dead group. */
  readonly error: KafkaError | null
  readonly state: Phase
  readonly protocolType: string
  readonly protocolName: string
  readonly members: ReadonlyArray<DescribedMember>
}

/** Why there is nothing to tell of a group that was asked for. */
export interface AbsentGroup {
  readonly groupId: string
  readonly error: KafkaError
}

export interface ListedGroup {
  readonly groupId: string
  readonly protocolType: string
  /** As its kind names it. */
  readonly state: string
  /** As ListGroups 5 names it: "classic", "consumer", "share", "streams". */
  readonly type: string
  readonly members: number
}

/** Empty lists let all pass; names in any case. */
export interface ListGroups {
  readonly states: ReadonlyArray<string>
  readonly types: ReadonlyArray<string>
}

export interface DeleteOffsets {
  readonly groupId: string
  readonly topics: ReadonlyArray<{ readonly name: string; readonly partitionIds: ReadonlyArray<number> }>
}
