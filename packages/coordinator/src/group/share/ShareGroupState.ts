import type { KafkaError } from "@tusk/protocol/KafkaError"
import * as Data from "effect/Data"
import type { GroupOutput } from "../machine/GroupOutput.ts"

/** Kafka's names, as ShareGroupDescribe and ListGroups show them. */
export type SharePhase = "Empty" | "Stable" | "Dead"

export const LEAVE = -1
export const RESTORED = -2

/** Partition indexes, in order, by topic id. */
export type ShareAssignment = ReadonlyMap<string, ReadonlyArray<number>>

/** What is kept of a member. */
export interface PersistedShareMember {
  readonly memberId: string
  readonly rackId: string | null
  readonly clientId: string
  readonly clientHost: string
  /** In order, no name twice. */
  readonly subscribedTopicNames: ReadonlyArray<string>
  readonly memberEpoch: number
  readonly previousMemberEpoch: number
}

export interface ShareMember extends PersistedShareMember {
  readonly sessionDeadlineMs: number
  /** What the member was last told; null: nothing since this broker serves. */
  readonly told: ShareAssignment | null
}

/** What is kept of a group besides its members. */
export interface PersistedShareGroup {
  /** Rises with each change of members, subscriptions or topics that changes the assignment. */
  readonly groupEpoch: number
  /** Of the assignment as it is; behind the group's if members have gone since. */
  readonly assignmentEpoch: number
}

/** Changes to be stored together. */
export interface ShareGroupChange {
  /** Null: as it was. */
  readonly group: PersistedShareGroup | null
  readonly members: ReadonlyArray<PersistedShareMember>
  /** Member ids. */
  readonly removed: ReadonlyArray<string>
}

/** Topics as they are. */
export interface TopicsSeen {
  /** Rises with each change. */
  readonly version: number
  readonly find: (name: string) => { readonly topicId: string; readonly partitions: number } | undefined
}

/** A share group's members. Never changed in place. Times in milliseconds of the clock that gives `step` its `now`. */
export interface ShareGroupState extends PersistedShareGroup {
  readonly dead: boolean
  readonly isStored: boolean
  /** Of the topics the assignment was made of; -1: none was made yet; `RESTORED`: it was, by a broker before this one. */
  readonly topicsVersion: number
  /** In order of joining. */
  readonly members: ReadonlyMap<string, ShareMember>
  readonly assignment: ReadonlyMap<string, ShareAssignment>
  readonly wakeAtMs: number
}

export interface ShareTerms {
  readonly sessionTimeoutMs: number
  readonly maxSize: number
}

export interface ShareHeartbeatEvent {
  readonly waiter: number
  readonly memberId: string
  /** 0: joins, -1: leaves. */
  readonly memberEpoch: number
  readonly rackId: string | null
  /** Null: as before. */
  readonly subscribedTopicNames: ReadonlyArray<string> | null
  readonly clientId: string
  readonly clientHost: string
  readonly topics: TopicsSeen
  readonly terms: ShareTerms
}

export type Event = Data.TaggedEnum<{
  Heartbeat: ShareHeartbeatEvent
  /** A client wants the group to be there, without joining it. */
  Make: { readonly waiter: number }
  Delete: { readonly waiter: number }
  /** Share groups commit no offsets: always refused. */
  Commit: { readonly waiter: number }
  /** The timer went off. */
  Tick: {}
}>
export const Event = Data.taggedEnum<Event>()

export type Answer = Data.TaggedEnum<{
  /** `assignment`: null if it is what the member was told before. */
  Beat: { readonly memberEpoch: number; readonly assignment: ShareAssignment | null }
  Done: {}
  Refused: { readonly error: KafkaError }
}>
export const Answer = Data.taggedEnum<Answer>()

export type Output = GroupOutput<Answer, ShareGroupChange>

export const empty: ShareGroupState = {
  // As Apache Kafka counts.
  groupEpoch: 1,
  assignmentEpoch: 0,
  dead: false,
  isStored: false,
  topicsVersion: -1,
  members: new Map(),
  assignment: new Map(),
  wakeAtMs: Number.POSITIVE_INFINITY
}

export const phaseOf = ({ dead, members }: ShareGroupState): SharePhase =>
  dead ? "Dead" : members.size === 0 ? "Empty" : "Stable"
