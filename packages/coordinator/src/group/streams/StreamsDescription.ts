import type { TaskAssignment } from "../../assignor/StickyTask.ts"
import type { UserEndpoint } from "./Endpoints.ts"
import { phaseOf } from "./StreamsGroupState.ts"
import type { ClientTag, StreamsGroupPhase, StreamsGroupState } from "./StreamsGroupState.ts"
import type { Held, HeldTasks } from "./Tasks.ts"
import type { TaskIds } from "../../assignor/StickyTask.ts"
import type { InternalTopicInfo } from "./Topology.ts"

/** Tasks of one subtopology, as StreamsGroupDescribe tells them. */
export interface DescribedTasks {
  readonly subtopologyId: string
  readonly partitions: ReadonlyArray<number>
}

export interface DescribedAssignment {
  readonly activeTasks: ReadonlyArray<DescribedTasks>
  readonly standbyTasks: ReadonlyArray<DescribedTasks>
  readonly warmupTasks: ReadonlyArray<DescribedTasks>
}

export interface DescribedSubtopology {
  readonly subtopologyId: string
  readonly sourceTopics: ReadonlyArray<string>
  readonly repartitionSinkTopics: ReadonlyArray<string>
  readonly stateChangelogTopics: ReadonlyArray<InternalTopicInfo>
  readonly repartitionSourceTopics: ReadonlyArray<InternalTopicInfo>
}

export interface DescribedStreamsMember {
  readonly memberId: string
  readonly memberEpoch: number
  readonly rackId: string | null
  readonly clientId: string
  readonly clientHost: string
  readonly topologyEpoch: number
  readonly processId: string
  readonly userEndpoint: UserEndpoint | null
  readonly clientTags: ReadonlyArray<ClientTag>
  readonly assignment: DescribedAssignment
  readonly targetAssignment: DescribedAssignment
}

export interface StreamsGroupDescription {
  readonly groupId: string
  readonly state: StreamsGroupPhase
  readonly groupEpoch: number
  readonly assignmentEpoch: number
  readonly topology: { readonly epoch: number; readonly subtopologies: ReadonlyArray<DescribedSubtopology> } | null
  readonly members: ReadonlyArray<DescribedStreamsMember>
}

/** Topics with partitions decided once the topology is ready, as told before. All lists in order. */
export const describeGroup = (groupId: string, state: StreamsGroupState): StreamsGroupDescription => {
  const { configured, topology } = state
  return {
    groupId,
    state: phaseOf(state),
    groupEpoch: state.groupEpoch,
    assignmentEpoch: state.assignmentEpoch,
    topology: topology && {
      epoch: topology.epoch,
      subtopologies: topology.subtopologies.map((told) => {
        const found = configured?.problem === null ? configured.subtopologies?.get(told.subtopologyId) : undefined
        const { repartitionSinkTopics, repartitionSourceTopics, sourceTopics, stateChangelogTopics } = found ?? told
        return {
          subtopologyId: told.subtopologyId,
          sourceTopics: sourceTopics.toSorted(),
          repartitionSinkTopics: repartitionSinkTopics.toSorted(),
          stateChangelogTopics: byName(stateChangelogTopics),
          repartitionSourceTopics: byName(repartitionSourceTopics)
        }
      })
    },
    members: Array.from(state.members.values(), (member) => ({
      memberId: member.memberId,
      memberEpoch: member.memberEpoch,
      rackId: member.rackId,
      clientId: member.clientId,
      clientHost: member.clientHost,
      topologyEpoch: member.topologyEpoch,
      processId: member.processId,
      userEndpoint: member.userEndpoint,
      clientTags: member.clientTags,
      assignment: describeTasks(member.held),
      targetAssignment: describeTasks(member.target)
    }))
  }
}

const byName = (topics: ReadonlyArray<InternalTopicInfo>): ReadonlyArray<InternalTopicInfo> =>
  topics.toSorted((a, b) => compare(a.name, b.name))

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

/** As the wire tells tasks, in order of subtopologies and partitions. */
export const describeTasks = ({ active, standby, warmup }: Held | TaskAssignment): DescribedAssignment => ({
  activeTasks: tasksOf(active),
  standbyTasks: tasksOf(standby),
  warmupTasks: tasksOf(warmup)
})

const tasksOf = (tasks: HeldTasks | TaskIds): ReadonlyArray<DescribedTasks> =>
  Array.from(tasks as ReadonlyMap<string, { keys(): Iterable<number> }>, ([subtopologyId, partitions]) => ({
    subtopologyId,
    partitions: Array.from(partitions.keys()).sort((a, b) => a - b)
  })).sort((a, b) => compare(a.subtopologyId, b.subtopologyId))
