import { GroupIdNotFound, InvalidRequest, NotCoordinator, UnsupportedVersion } from "@tusk/protocol/KafkaError"
import type { KafkaError } from "@tusk/protocol/KafkaError"
import { Topics } from "@tusk/storage/topics/Topics"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { TaskAssignment } from "../../assignor/StickyTask.ts"
import { NOBODY } from "../machine/GroupMachine.ts"
import { unexpected, unlessRefused } from "./answers.ts"
import { GroupCells } from "./GroupCells.ts"
import { GroupConfigs } from "../machine/GroupConfigs.ts"
import type { CellOf } from "./GroupKinds.ts"
import type { AbsentGroup } from "./GroupRequests.ts"
import { describeGroup } from "../streams/StreamsDescription.ts"
import type { StreamsGroupDescription } from "../streams/StreamsDescription.ts"
import { isVacant, step } from "../streams/StreamsGroup.ts"
import { Event, empty } from "../streams/StreamsGroupState.ts"
import type { Answer, HeartbeatAnswer, StreamsHeartbeatEvent } from "../streams/StreamsGroupState.ts"
import type { TopicsView } from "../streams/TopicsView.ts"
import { taskIds } from "../streams/Tasks.ts"
import { invalidTopology, topologyFrom } from "../streams/Topology.ts"
import type { Subtopology } from "../streams/Topology.ts"

/** A subtopology as a member tells it. */
export interface ToldSubtopology extends Subtopology {
  readonly sourceTopicRegex: ReadonlyArray<string>
}

export type ToldTasks = ReadonlyArray<{ readonly subtopologyId: string; readonly partitions: ReadonlyArray<number> }>

/** StreamsGroupHeartbeat, as it came. */
export interface StreamsHeartbeat extends Omit<
  StreamsHeartbeatEvent,
  "waiter" | "topology" | "owned" | "topics" | "terms"
> {
  readonly groupId: string
  readonly instanceId: string | null
  readonly topology: { readonly epoch: number; readonly subtopologies: ReadonlyArray<ToldSubtopology> } | null
  readonly activeTasks: ToldTasks | null
  readonly standbyTasks: ToldTasks | null
  readonly warmupTasks: ToldTasks | null
  /** Offsets of its tasks are told; 4.3.1 takes none. */
  readonly tellsOffsets: boolean
}

/** MemberEpoch of a member that leaves, and of a static one that comes back. */
const LEAVE = -1
const STATIC_LEAVE = -2
/** What a member may tell of itself. */
const MAX_CHARACTERS = 64 * 1024

/**
 * What members of streams groups (KIP-1071) ask for; the rest is asked of `Groups`, as of groups of every kind. Internal
 * topics that are missing are told, to be created by the caller.
 */
export class StreamsGroups extends Context.Service<
  StreamsGroups,
  {
    /** Joins, stays, leaves; never waits for other members. */
    readonly heartbeat: (request: StreamsHeartbeat) => Effect.Effect<HeartbeatAnswer, KafkaError>
    /** GROUP_ID_NOT_FOUND for a group that is not there or of another kind; in order. */
    readonly describe: (
      groupIds: ReadonlyArray<string>
    ) => Effect.Effect<ReadonlyArray<StreamsGroupDescription | AbsentGroup>>
  }
>()("@tusk/coordinator/group/shell/StreamsGroups") {
  static readonly layer = Layer.effect(
    StreamsGroups,
    Effect.suspend(() => make())
  )
}

const make = Effect.fnUntraced(function* () {
  const cells = yield* GroupCells
  const configs = yield* GroupConfigs
  const topics = yield* Topics
  const view: TopicsView = {
    version: topics.version,
    find: (name) => {
      const topic = topics.byName(name)
      return topic && { topicId: topic.topicId, partitions: topic.partitionIds.length }
    }
  }

  const known = (groupId: string, absent: string): Effect.Effect<CellOf<"streams">, KafkaError> =>
    Effect.flatMap(cells.find(groupId), (cell) => {
      if (cell?.kind === "streams" && !isVacant(cell.cell.peek())) return Effect.succeed(cell)
      const isOther = cell !== null && cell.kind !== "streams"
      return Effect.fail(
        new GroupIdNotFound({ message: isOther ? `Group ${groupId} is not a streams group.` : absent })
      )
    })

  const ask = (groupId: string, joins: boolean, event: (waiter: number) => Event) =>
    cells.retrying(
      Effect.gen(function* () {
        const cell = joins
          ? yield* cells.findOrMake(groupId, "streams")
          : yield* known(groupId, `Streams group ${groupId} not found.`)
        if (cell.kind === "streams") return yield* cell.cell.ask(event)
        if (cell.kind === "classic") return yield* convert(cells, cell, event)
        return yield* new GroupIdNotFound({ message: `Group ${groupId} is not a streams group.` })
      })
    )

  const heartbeat = Effect.fnUntraced(function* (request: StreamsHeartbeat) {
    const { activeTasks, groupId, memberEpoch, memberId, shutdownApplication, standbyTasks, warmupTasks } = request
    yield* cells.admit({ ...request, groupInstanceId: request.instanceId })
    const terms = configs(groupId)
    if (!terms.rebalanceProtocols.includes("streams")) return yield* new UnsupportedVersion()
    const refused = requestError(request)
    if (refused !== null) return yield* Effect.fail(refused)
    if (memberEpoch === LEAVE) {
      const left = yield* ask(groupId, false, (waiter) => Event.Leave({ waiter, memberId, shutdownApplication }))
      yield* unlessRefused(left)
      return goodbye(memberId)
    }
    const topology = request.topology && topologyFrom(request.topology)
    const invalid = topology && invalidTopology(topology)
    if (invalid !== null) return yield* Effect.fail(invalid)
    const owned: TaskAssignment | null =
      activeTasks === null || standbyTasks === null || warmupTasks === null
        ? null
        : { active: taskIds(activeTasks), standby: taskIds(standbyTasks), warmup: taskIds(warmupTasks) }
    const answer = yield* ask(groupId, memberEpoch === 0, (waiter) =>
      Event.Heartbeat({ ...request, waiter, topology, owned, terms, topics: view })
    )
    if (answer._tag === "Heard") return answer
    return yield* unexpected(answer)
  })

  const describe = (groupId: string) =>
    known(groupId, `Group ${groupId} not found.`).pipe(
      Effect.map(({ cell }) => describeGroup(groupId, cell.peek())),
      Effect.catch((error) => Effect.succeed({ groupId, error }))
    )

  return StreamsGroups.of({ heartbeat, describe: (groupIds) => Effect.forEach(groupIds, describe) })
})

/** What becomes of an empty group of classic members, as of an application that was stopped; its offsets stay. */
const convert = (cells: GroupCells["Service"], cell: CellOf<"classic">, event: (waiter: number) => Event) =>
  Effect.gen(function* () {
    let answer: Answer | undefined
    const joined = (nowMs: number) => {
      const after = step(empty, event(NOBODY), nowMs)
      for (const output of after[1]) if (output._tag === "Reply") answer = output.answer
      return after
    }
    yield* cell.exclusive(() => {
      if (cell.cell.peek().phase !== "Empty") return Effect.void
      joined(0)
      if (answer?._tag === "Refused") return Effect.void
      return Effect.map(cells.convert(cell, "streams", joined), (converted) => {
        if (!converted.isOpen()) answer = undefined
      })
    })
    if (answer !== undefined) return answer
    // Another one was faster, or it could not be stored.
    return yield* cell.isOpen()
      ? new GroupIdNotFound({ message: `Group ${cell.groupId} is not a streams group.` })
      : new NotCoordinator()
  })

const goodbye = (memberId: string): HeartbeatAnswer => ({
  memberId,
  memberEpoch: LEAVE,
  heartbeatIntervalMs: 0,
  status: [],
  tasks: null,
  endpointEpoch: 0,
  endpoints: null,
  missingTopics: []
})

/** What Apache Kafka 4.3.1 asks of the fields of a heartbeat, in its order. */
const requestError = (request: StreamsHeartbeat): KafkaError | null => {
  const { activeTasks, memberEpoch, standbyTasks, topology, warmupTasks } = request
  const someTasks = activeTasks !== null || standbyTasks !== null || warmupTasks !== null
  const allTasks = activeTasks !== null && standbyTasks !== null && warmupTasks !== null
  const problem =
    (request.instanceId !== null && "Static membership is not yet supported.") ||
    (request.tellsOffsets && "TaskOffsets are not supported yet.") ||
    (!isEmpty(warmupTasks) && "WarmupTasks are not supported yet.") ||
    (topology?.subtopologies.some(({ sourceTopicRegex }) => sourceTopicRegex.length > 0) === true &&
      "Regular expressions for source topics are not supported yet.") ||
    (isBlank(request.memberId) && "MemberId can't be empty.") ||
    (isBlank(request.groupId) && "GroupId can't be empty.") ||
    (isBlank(request.rackId) && "RackId can't be empty.") ||
    (memberEpoch === 0 && joinProblem(request)) ||
    (memberEpoch === STATIC_LEAVE && "InstanceId can't be null.") ||
    (memberEpoch < STATIC_LEAVE && `MemberEpoch is ${memberEpoch}, but must be greater than or equal to -2.`) ||
    (someTasks && !allTasks && "If one task-type is non-null, all must be non-null.") ||
    (memberEpoch !== 0 && topology !== null && "Topology can only be provided when (re-)joining.") ||
    (sizeOf(request) > MAX_CHARACTERS && "The member tells more of itself than this broker takes.")
  return problem === false ? null : new InvalidRequest({ message: problem })
}

const joinProblem = (request: StreamsHeartbeat): string | false =>
  (request.rebalanceTimeoutMs === -1 && "RebalanceTimeoutMs must be provided in first request.") ||
  (request.activeTasks?.length !== 0 && "ActiveTasks must be empty when (re-)joining.") ||
  (request.standbyTasks?.length !== 0 && "StandbyTasks must be empty when (re-)joining.") ||
  (request.topology === null && "Topology must be non-null when (re-)joining.")

const isBlank = (text: string | null): boolean => text !== null && text.trim() === ""
const isEmpty = (tasks: ToldTasks | null): boolean => tasks === null || tasks.length === 0

const sizeOf = ({ clientHost, clientId, clientTags, memberId, processId, rackId, userEndpoint }: StreamsHeartbeat) => {
  let characters = clientHost.length + clientId.length + memberId.length
  characters += (processId?.length ?? 0) + (rackId?.length ?? 0) + (userEndpoint?.host.length ?? 0)
  for (const { key, value } of clientTags ?? []) characters += key.length + value.length
  return characters
}
