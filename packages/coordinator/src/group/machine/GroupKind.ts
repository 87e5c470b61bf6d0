import type { KafkaError } from "@tusk/protocol/KafkaError"
import type { StoredGroup } from "@tusk/storage/groups/GroupStore"
import type * as Result from "effect/Result"
import type { GroupMachine, Listed, Stepped } from "./GroupMachine.ts"
import type { MemberIdentity } from "./MemberIdentity.ts"

/** What a group's machine begins with after a restart. */
export interface Restored<State, Answer, Group> {
  /** Milliseconds since the epoch at which the group came into this state. */
  readonly savedAtMs: number
  /** Members with rows that cannot be read, and why: they are not in the group any more, and join again. */
  readonly unread?: ReadonlyArray<string>
  /** `nowMs`: of the monotonic clock. */
  readonly start: (nowMs: number) => Stepped<State, Answer, Group>
}

/** The reader of offsets; OffsetFetch 9 and later. Null and -1: a client outside the group. */
export interface Fetching {
  readonly memberId: string | null
  readonly memberEpoch: number
}

/** The client that wants to commit. A simple consumer: generation -1, no member id. */
export interface Committing extends MemberIdentity {
  readonly groupId: string
  readonly generationId: number
  /** OffsetCommit's: decides what is answered for a group that does not exist. */
  readonly apiVersion: number
  /** True for TxnOffsetCommit. */
  readonly transactional: boolean
  /** Which partitions, for members of consumer groups; absent: as if none. */
  readonly partitions?: ReadonlyArray<{ readonly topicId: string; readonly partition: number }>
}

/** How `offsets.retention.minutes` treats a group (KIP-211). */
export interface Expiry {
  /** The time counts from each commit, or from when the group came into its state. */
  readonly since: "commit" | "state"
  /** Something besides offsets is stored of it: it is deleted though it has none. */
  readonly isStored: boolean
  /** What members are subscribed to, which never expires; null: there are none, and the group goes with its offsets. */
  readonly keeps: ((topic: string) => boolean) | null
}

/** A kind of group: its machine, and what is asked of every kind. */
export interface GroupKind<Kind extends string, State, Event, Answer, Group> extends GroupMachine<
  State,
  Event,
  Answer,
  Group
> {
  readonly kind: Kind
  /** A group that no member has joined yet. */
  readonly begin: (groupId: string) => State
  /** From what `encode` wrote, or why it cannot be that. */
  readonly restore: (stored: StoredGroup) => Result.Result<Restored<State, Answer, Group>, string>
  /** Deleted: nothing is asked of it any more. */
  readonly isDead: (state: State) => boolean
  /** Nothing to keep, unless it has offsets. */
  readonly isVacant: (state: State) => boolean
  /** As ListGroups tells it, with the number of members. */
  readonly listed: (state: State) => Listed
  /** Deletes a group that has no members; answered by a refusal or not. */
  readonly remove: (waiter: number) => Event
  /** May this member commit now? Answered by a refusal or not. */
  readonly commit: (request: Committing, waiter: number) => Event
  readonly refusal: (answer: Answer) => KafkaError | null
  /** Why this member may not read the group's offsets. */
  readonly fetchError: (state: State, fetching: Fetching) => KafkaError | null
  /** Which topics' offsets may not be deleted, or why none may. */
  readonly inUse: (state: State) => KafkaError | ((topic: string) => boolean)
  /** Null: nothing expires now, as what its members are subscribed to is not settled. */
  readonly expiry: (state: State) => Expiry | null
}
