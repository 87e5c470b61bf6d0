import { GroupIdNotFound, InvalidRequest, NonEmptyGroup } from "@tusk/protocol/KafkaError"
import type { KafkaError } from "@tusk/protocol/KafkaError"
import { Topics } from "@tusk/storage/topics/Topics"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { unexpected, unlessRefused } from "./answers.ts"
import { CellClosed } from "./GroupCell.ts"
import { GroupCells } from "./GroupCells.ts"
import { GroupConfigs } from "../machine/GroupConfigs.ts"
import type { CellOf } from "./GroupKinds.ts"
import type { AbsentGroup } from "./GroupRequests.ts"
import { Event, LEAVE, phaseOf } from "../share/ShareGroupState.ts"
import type {
  Answer,
  ShareAssignment,
  ShareGroupState,
  ShareHeartbeatEvent,
  SharePhase
} from "../share/ShareGroupState.ts"
import { SharePartitions } from "./SharePartitions.ts"

/** Of one member; Kafka has no such bound but that of a request. */
const MAX_SUBSCRIPTION_CHARACTERS = 1024 * 1024

/** ShareGroupHeartbeat, as it came. */
export interface ShareHeartbeat extends Omit<ShareHeartbeatEvent, "waiter" | "topics" | "terms"> {
  readonly groupId: string
}

export type Beat = Extract<Answer, { readonly _tag: "Beat" }>

export interface DescribedShareMember {
  readonly memberId: string
  readonly rackId: string | null
  readonly memberEpoch: number
  readonly clientId: string
  readonly clientHost: string
  readonly subscribedTopicNames: ReadonlyArray<string>
  readonly assignment: ReadonlyArray<{
    readonly topicId: string
    readonly topicName: string
    readonly partitions: ReadonlyArray<number>
  }>
}

export interface ShareGroupDescription {
  readonly groupId: string
  readonly state: SharePhase
  readonly groupEpoch: number
  readonly assignmentEpoch: number
  readonly members: ReadonlyArray<DescribedShareMember>
}

/** What members of share groups (KIP-932) ask for; the rest is asked of `Groups`, as of groups of every kind. */
export class ShareGroups extends Context.Service<
  ShareGroups,
  {
    /** Joins, stays, leaves. Partitions told have a start offset. */
    readonly heartbeat: (request: ShareHeartbeat) => Effect.Effect<Beat, KafkaError>
    /** The group is there from now on, with or without members. GROUP_ID_NOT_FOUND: it is of another kind. */
    readonly make: (groupId: string) => Effect.Effect<void, KafkaError>
    /** Runs while the group has no members, and none joins it. NON_EMPTY_GROUP, GROUP_ID_NOT_FOUND. */
    readonly whileEmpty: <A>(groupId: string, body: Effect.Effect<A, KafkaError>) => Effect.Effect<A, KafkaError>
    /** GROUP_ID_NOT_FOUND for a group that is not there or of another kind; in order. */
    readonly describe: (
      groupIds: ReadonlyArray<string>
    ) => Effect.Effect<ReadonlyArray<ShareGroupDescription | AbsentGroup>>
  }
>()("@tusk/coordinator/group/shell/ShareGroups") {
  static readonly layer = Layer.effect(
    ShareGroups,
    Effect.suspend(() => make())
  )
}

const make = Effect.fnUntraced(function* () {
  const cells = yield* GroupCells
  const configs = yield* GroupConfigs
  const topics = yield* Topics
  const partitions = yield* SharePartitions

  const notShare = (groupId: string, isThere: boolean) =>
    new GroupIdNotFound({ message: isThere ? `Group ${groupId} is not a share group.` : `Group ${groupId} not found.` })

  const find = (groupId: string, makes: boolean): Effect.Effect<CellOf<"share">, KafkaError> =>
    Effect.flatMap(makes ? cells.findOrMake(groupId, "share") : cells.find(groupId), (cell) =>
      cell?.kind === "share" ? Effect.succeed(cell) : Effect.fail(notShare(groupId, cell !== null))
    )

  const seen = () => ({
    version: topics.version(),
    find: (name: string) => {
      const topic = topics.byName(name)
      return topic === undefined ? undefined : { topicId: topic.topicId, partitions: topic.partitionIds.length }
    }
  })

  /** A group that was never in a partition begins there before its members hear of it. */
  const initialize = (groupId: string, assignment: ShareAssignment) => {
    const ids: Array<number> = []
    for (const [topicId, indexes] of assignment) {
      const topic = topics.byId(topicId)
      for (const index of indexes) {
        const partitionId = topic?.partitionIds[index]
        if (partitionId !== undefined) ids.push(partitionId)
      }
    }
    return partitions.initialize(groupId, ids)
  }

  const heartbeat = Effect.fnUntraced(function* (request: ShareHeartbeat) {
    const { groupId } = request
    yield* cells.admit(request)
    const config = configs(groupId)
    const refused = requestError(request)
    if (refused !== null) return yield* Effect.fail(refused)
    const terms = { sessionTimeoutMs: config.shareSessionTimeoutMs, maxSize: config.shareMaxSize }
    const answer = yield* cells.retrying(
      Effect.flatMap(find(groupId, request.memberEpoch === 0), ({ cell }) =>
        cell.ask((waiter) => Event.Heartbeat({ ...request, waiter, topics: seen(), terms }))
      )
    )
    if (answer._tag !== "Beat") return yield* unexpected(answer)
    if (answer.assignment !== null) yield* initialize(groupId, answer.assignment)
    return answer
  })

  const describe = (groupId: string) =>
    Effect.map(find(groupId, false), ({ cell }) => describeGroup(groupId, cell.peek(), topics)).pipe(
      Effect.catch((error) => Effect.succeed({ groupId, error }))
    )

  const makeGroup = (groupId: string) =>
    cells
      .retrying(Effect.flatMap(find(groupId, true), ({ cell }) => cell.ask((waiter) => Event.Make({ waiter }))))
      .pipe(Effect.flatMap(unlessRefused))

  const whileEmpty = <A>(groupId: string, body: Effect.Effect<A, KafkaError>): Effect.Effect<A, KafkaError> =>
    cells.retrying(Effect.flatMap(find(groupId, false), (group) => inEmpty(group, body)))

  return ShareGroups.of({
    heartbeat,
    make: makeGroup,
    whileEmpty,
    describe: (groupIds) => Effect.forEach(groupIds, describe)
  })
})

/** Runs while the group has no members, and none joins it. */
const inEmpty = <A>(
  group: CellOf<"share">,
  body: Effect.Effect<A, KafkaError>
): Effect.Effect<A, KafkaError | CellClosed> => {
  let done: { readonly value: A } | undefined
  const guarded = Effect.suspend(() => {
    if (group.cell.peek().members.size > 0) return Effect.fail(new NonEmptyGroup())
    return Effect.map(body, (value) => {
      done = { value }
    })
  })
  return Effect.flatMap(
    group.exclusive(() => guarded),
    () => (done === undefined ? Effect.fail(new CellClosed()) : Effect.succeed(done.value))
  )
}

const describeGroup = (groupId: string, state: ShareGroupState, topics: Topics["Service"]): ShareGroupDescription => {
  const named = (assignment: ShareAssignment): DescribedShareMember["assignment"] =>
    Array.from(assignment).flatMap(([topicId, indexes]) => {
      const topic = topics.byId(topicId)
      return topic === undefined ? [] : [{ topicId, topicName: topic.name, partitions: indexes }]
    })
  return {
    groupId,
    state: phaseOf(state),
    groupEpoch: state.groupEpoch,
    assignmentEpoch: state.assignmentEpoch,
    members: Array.from(state.members.values(), (member) => ({
      memberId: member.memberId,
      rackId: member.rackId,
      memberEpoch: member.memberEpoch,
      clientId: member.clientId,
      clientHost: member.clientHost,
      subscribedTopicNames: member.subscribedTopicNames,
      assignment: named(state.assignment.get(member.memberId) ?? new Map())
    }))
  }
}

/** What Apache Kafka asks of the fields of a heartbeat. */
const requestError = ({
  groupId,
  memberEpoch,
  memberId,
  rackId,
  subscribedTopicNames
}: ShareHeartbeat): KafkaError | null => {
  let characters = 0
  for (const name of subscribedTopicNames ?? []) characters += name.length
  const problem =
    (memberId.trim() === "" && "MemberId can't be empty.") ||
    (groupId.trim() === "" && "GroupId can't be empty.") ||
    (rackId !== null && rackId.trim() === "" && "RackId can't be empty.") ||
    (memberEpoch === 0 &&
      (subscribedTopicNames === null || subscribedTopicNames.length === 0) &&
      "SubscribedTopicNames must be set in first request.") ||
    (memberEpoch < LEAVE && "MemberEpoch is invalid.") ||
    (characters > MAX_SUBSCRIPTION_CHARACTERS && "SubscribedTopicNames are too many.")
  return problem === false ? null : new InvalidRequest({ message: problem })
}
