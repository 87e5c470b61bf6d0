import type { KafkaError } from "@tusk/protocol/KafkaError"
import * as Data from "effect/Data"
import type { TaskAssignment } from "../../assignor/StickyTask.ts"
import type { GroupOutput } from "../machine/GroupOutput.ts"
import type { ConfiguredTopology } from "./ConfiguredTopology.ts"
import type { EndpointPartitions, Reachable, UserEndpoint } from "./Endpoints.ts"
import type { StreamsStatus } from "./StreamsStatus.ts"
import type { Held } from "./Tasks.ts"
import type { TopicsView } from "./TopicsView.ts"
import type { InternalTopicInfo, Topology } from "./Topology.ts"

/** Kafka's names, as StreamsGroupDescribe and ListGroups show them. */
export type StreamsGroupPhase = "Empty" | "NotReady" | "Assigning" | "Reconciling" | "Stable" | "Dead"

export interface ClientTag {
  readonly key: string
  readonly value: string
}

/** What is kept of a member. */
export interface PersistedStreamsMember extends Reachable {
  readonly memberId: string
  readonly memberEpoch: number
  readonly previousEpoch: number
  readonly phase: "Stable" | "UnrevokedTasks" | "UnreleasedTasks"
  readonly rackId: string | null
  readonly clientId: string
  readonly clientHost: string
  readonly rebalanceTimeoutMs: number
  readonly topologyEpoch: number
  readonly processId: string
  readonly clientTags: ReadonlyArray<ClientTag>
  /** What it was told it has no more, and has not told yet that it gave up. */
  readonly revoking: Held
  /** What it shall have by the last assignment. */
  readonly target: TaskAssignment
}

export interface StreamsMember extends PersistedStreamsMember {
  readonly sessionDeadlineMs: number
  /** By when it has to have given up what it must; Infinity: nothing. */
  readonly rebalanceDeadlineMs: number
}

export interface PersistedStreamsGroup {
  /** Rises with each change of members, topology, topics or configs. */
  readonly groupEpoch: number
  /** The group's epoch for which the targets were made. */
  readonly assignmentEpoch: number
  readonly topology: Topology | null
  /** The epoch of the topology that was found ready last; -1: it is not. */
  readonly validatedTopologyEpoch: number
  /** The topics it is made for, as they were then: a line each, of id, partitions, name. */
  readonly topicsSeen: string
  readonly standbyReplicas: number
}

/** What of a group is to be stored anew. */
export interface StreamsGroupChange {
  /** Null: as it was. */
  readonly group: PersistedStreamsGroup | null
  readonly members: ReadonlyArray<PersistedStreamsMember>
  /** Member ids. */
  readonly removed: ReadonlyArray<string>
  /** What was stored of members before counts for nothing. */
  readonly all: boolean
}

/** A streams group. Never changed in place. Times are milliseconds of the clock that gives `step` its `now`. */
export interface StreamsGroupState extends PersistedStreamsGroup {
  readonly dead: boolean
  readonly members: ReadonlyMap<string, StreamsMember>
  /** When targets were made last; null: not since the group was loaded. */
  readonly assignedAtMs: number | null
  /** Null after a restart, until a member is heard. */
  readonly configured: ConfiguredTopology | null
  /** The view's version for which `topicsSeen` was worked out. */
  readonly topicsVersion: number | null
  readonly endpointEpoch: number
  /** The member that wants the whole application to stop. */
  readonly shutdownBy: string | null
  /** Until when the first assignment waits for more members; Infinity: no such window. */
  readonly initialDeadlineMs: number
  /** When the group's timer goes off: no later than any deadline. */
  readonly wakeAtMs: number
}

/** What a streams group goes by, of its configs. */
export interface StreamsGroupTerms {
  readonly streamsSessionTimeoutMs: number
  readonly streamsHeartbeatIntervalMs: number
  readonly streamsAssignmentIntervalMs: number
  readonly streamsNumStandbyReplicas: number
  readonly streamsInitialRebalanceDelayMs: number
  readonly streamsMaxSize: number
}

export interface StreamsHeartbeatEvent {
  readonly waiter: number
  readonly memberId: string
  /** 0: joins, or joins again. */
  readonly memberEpoch: number
  readonly endpointEpoch: number
  readonly clientId: string
  readonly clientHost: string
  readonly rackId: string | null
  /** -1: as before. */
  readonly rebalanceTimeoutMs: number
  /** With a join only; checked by `invalidTopology`. */
  readonly topology: Topology | null
  /** What it says it has; null: as before. */
  readonly owned: TaskAssignment | null
  readonly processId: string | null
  readonly userEndpoint: UserEndpoint | null
  readonly clientTags: ReadonlyArray<ClientTag> | null
  readonly shutdownApplication: boolean
  readonly terms: StreamsGroupTerms
  readonly topics: TopicsView
}

/** A partition for which an offset is to be committed. */
export interface CommittedPartition {
  readonly topicId: string
  readonly partition: number
}

export type Event = Data.TaggedEnum<{
  Heartbeat: StreamsHeartbeatEvent
  Leave: { readonly waiter: number; readonly memberId: string; readonly shutdownApplication: boolean }
  /** May this member commit offsets now? Epoch -1: a client that is no member. */
  Commit: {
    readonly waiter: number
    readonly memberId: string
    readonly groupInstanceId: string | null
    readonly memberEpoch: number
    readonly apiVersion: number
    readonly transactional: boolean
    /** Null: not known. */
    readonly partitions: ReadonlyArray<CommittedPartition> | null
  }
  Delete: { readonly waiter: number }
  /** The timer went off. */
  Tick: {}
}>
export const Event = Data.taggedEnum<Event>()

export interface HeartbeatAnswer {
  readonly memberId: string
  readonly memberEpoch: number
  readonly heartbeatIntervalMs: number
  readonly status: ReadonlyArray<StreamsStatus>
  /** Null: as told before. */
  readonly tasks: Held | null
  readonly endpointEpoch: number
  /** Null: as told before. */
  readonly endpoints: ReadonlyArray<EndpointPartitions> | null
  /** To be created by the caller that answers. */
  readonly missingTopics: ReadonlyArray<InternalTopicInfo>
}

export type Answer = Data.TaggedEnum<{
  Heard: HeartbeatAnswer
  Done: {}
  Refused: { readonly error: KafkaError }
}>
export const Answer = Data.taggedEnum<Answer>()

export type Output = GroupOutput<Answer, StreamsGroupChange>

/** A group that no member has joined yet. */
export const empty: StreamsGroupState = {
  dead: false,
  groupEpoch: 1,
  assignmentEpoch: 1,
  topology: null,
  validatedTopologyEpoch: -1,
  topicsSeen: "",
  standbyReplicas: 0,
  members: new Map(),
  assignedAtMs: null,
  configured: null,
  topicsVersion: null,
  endpointEpoch: 0,
  shutdownBy: null,
  initialDeadlineMs: Infinity,
  wakeAtMs: Infinity
}

/** As Kafka names it. */
export const phaseOf = (state: StreamsGroupState): StreamsGroupPhase => {
  if (state.dead) return "Dead"
  if (state.members.size === 0) return "Empty"
  if (state.topology?.epoch !== state.validatedTopologyEpoch) return "NotReady"
  if (state.groupEpoch > state.assignmentEpoch) return "Assigning"
  for (const { memberEpoch, phase } of state.members.values()) {
    if (phase !== "Stable" || memberEpoch !== state.assignmentEpoch) return "Reconciling"
  }
  return "Stable"
}
