import {
  GroupIdNotFound,
  InvalidRequest,
  NotCoordinator,
  UnknownMemberId,
  UnsupportedAssignor,
  UnsupportedVersion
} from "@tusk/protocol/KafkaError"
import type { KafkaError } from "@tusk/protocol/KafkaError"
import { Topics } from "@tusk/storage/topics/Topics"
import { randomUuid } from "@tusk/storage/port/Uuid"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { unexpected } from "./answers.ts"
import { GroupCells } from "./GroupCells.ts"
import { GroupConfigs } from "../machine/GroupConfigs.ts"
import type { GroupResourceConfig } from "../machine/GroupConfigs.ts"
import { GroupConversion } from "./GroupConversion.ts"
import type { CellOf } from "./GroupKinds.ts"
import type { AbsentGroup } from "./GroupRequests.ts"
import { preferredAssignor } from "../consumer/ConsumerDraft.ts"
import { Event, LEAVE, STATIC_LEAVE, phaseOf } from "../consumer/ConsumerGroupState.ts"
import type {
  Answer,
  Assigned,
  ConsumerGroupState,
  ConsumerTerms,
  HeartbeatEvent,
  Member,
  Phase
} from "../consumer/ConsumerGroupState.ts"
import { termsOf } from "../consumer/ConsumerTerms.ts"
import type { MayDescribe } from "../consumer/TopicPatterns.ts"

/** Of one member; Kafka has no such bound but that of a request. */
const MAX_SUBSCRIPTION_CHARACTERS = 1024 * 1024

/** ConsumerGroupHeartbeat, as it came. */
export interface ConsumerHeartbeat extends Omit<HeartbeatEvent, "waiter" | "newMemberId" | "topics" | "terms"> {
  readonly groupId: string
  readonly apiVersion: number
  readonly mayDescribe?: MayDescribe
}

export type Beat = Extract<Answer, { readonly _tag: "Beat" }>

export interface DescribedTopicPartitions {
  readonly topicId: string
  readonly topicName: string
  readonly partitions: ReadonlyArray<number>
}

export interface DescribedConsumer {
  readonly memberId: string
  readonly instanceId: string | null
  readonly rackId: string | null
  readonly memberEpoch: number
  readonly clientId: string
  readonly clientHost: string
  readonly subscribedTopicNames: ReadonlyArray<string>
  /** Empty: none. */
  readonly subscribedTopicRegex: string
  readonly assignment: ReadonlyArray<DescribedTopicPartitions>
  readonly targetAssignment: ReadonlyArray<DescribedTopicPartitions>
  readonly isClassic: boolean
}

export interface ConsumerGroupDescription {
  readonly groupId: string
  readonly state: Phase
  readonly groupEpoch: number
  readonly assignmentEpoch: number
  readonly assignorName: string
  readonly members: ReadonlyArray<DescribedConsumer>
}

/** What members of consumer groups (KIP-848) ask for; the rest is asked of `Groups`, as of groups of every kind. */
export class ConsumerGroups extends Context.Service<
  ConsumerGroups,
  {
    /** Joins, stays, leaves; never waits for other members. */
    readonly heartbeat: (request: ConsumerHeartbeat) => Effect.Effect<Beat, KafkaError>
    /** GROUP_ID_NOT_FOUND for a group that is not there or of another kind; in order. */
    readonly describe: (
      groupIds: ReadonlyArray<string>
    ) => Effect.Effect<ReadonlyArray<ConsumerGroupDescription | AbsentGroup>>
  }
>()("@tusk/coordinator/group/shell/ConsumerGroups") {
  static readonly layer = Layer.effect(
    ConsumerGroups,
    Effect.suspend(() => make())
  )
}

const make = Effect.fnUntraced(function* () {
  const cells = yield* GroupCells
  const configs = yield* GroupConfigs
  const topics = yield* Topics
  const { downgradeIfDue, patterns, upgrade } = yield* GroupConversion

  /** The group that is joined: a new one, or what becomes of a group of classic members. */
  const joined = (groupId: string, isSecond = false): Effect.Effect<CellOf<"consumer">, KafkaError> =>
    Effect.gen(function* () {
      const cell = yield* cells.findOrMake(groupId, "consumer")
      if (cell.kind === "consumer") return cell
      if (cell.kind !== "classic") {
        return yield* new GroupIdNotFound({ message: `Group ${groupId} is not a consumer group.` })
      }
      // What it became could not be stored.
      if (isSecond) return yield* new NotCoordinator()
      yield* upgrade(cell)
      return yield* joined(groupId, true)
    })

  const known = (groupId: string, name = "Group"): Effect.Effect<CellOf<"consumer">, KafkaError> =>
    Effect.flatMap(cells.find(groupId), (cell) => {
      if (cell?.kind === "consumer") return Effect.succeed(cell)
      const what = cell === null ? `${name} ${groupId} not found.` : `Group ${groupId} is not a consumer group.`
      return Effect.fail(new GroupIdNotFound({ message: what }))
    })

  const heartbeat = Effect.fnUntraced(function* (request: ConsumerHeartbeat) {
    yield* cells.admit({ ...request, groupInstanceId: request.instanceId })
    const config = configs(request.groupId)
    const refused = requestError(request, config)
    if (refused !== null) return yield* Effect.fail(refused)
    const { subscribedTopicRegex } = request
    if (subscribedTopicRegex !== null && subscribedTopicRegex !== "") {
      const invalid = patterns.invalid(subscribedTopicRegex)
      if (invalid !== null) return yield* invalid
    }
    const newMemberId = request.memberId === "" ? yield* randomUuid : ""
    const terms = termsOf(config)
    const { groupId, memberEpoch, memberId } = request
    const found = memberEpoch === 0 ? joined(groupId) : known(groupId, memberEpoch > 0 ? "Consumer group" : "Group")
    const answer = yield* cells.retrying(
      Effect.flatMap(found, ({ cell }) =>
        cell.ask((waiter) =>
          Event.Heartbeat({ ...request, waiter, newMemberId, topics: patterns.view(request.mayDescribe), terms })
        )
      )
    )
    if (answer._tag === "Beat") {
      if (request.memberEpoch < 0) {
        // It has left, whatever becomes of those that stay.
        yield* Effect.ignore(Effect.flatMap(known(request.groupId), downgradeIfDue))
      }
      return answer
    }
    if (answer._tag !== "Refused") return yield* unexpected(answer)
    return yield* answer.error._tag === "UnknownMemberId" && request.instanceId === null
      ? new UnknownMemberId({ message: `Member ${memberId} is not a member of group ${groupId}.` })
      : Effect.fail(answer.error)
  })

  const describe = (groupId: string) =>
    Effect.map(known(groupId), ({ cell }) =>
      describeGroup(groupId, cell.peek(), topics, termsOf(configs(groupId)))
    ).pipe(Effect.catch((error) => Effect.succeed({ groupId, error })))

  return ConsumerGroups.of({ heartbeat, describe: (groupIds) => Effect.forEach(groupIds, describe) })
})

const describeGroup = (
  groupId: string,
  state: ConsumerGroupState,
  topics: Topics["Service"],
  terms: ConsumerTerms
): ConsumerGroupDescription => {
  const { assignmentEpoch, groupEpoch, members, target } = state
  const named = (
    assigned: ReadonlyMap<string, { keys(): Iterable<number> }>
  ): ReadonlyArray<DescribedTopicPartitions> =>
    Array.from(assigned).flatMap(([topicId, partitions]) => {
      const topic = topics.byId(topicId)
      return topic === undefined ? [] : [{ topicId, topicName: topic.name, partitions: inOrder(partitions.keys()) }]
    })
  return {
    groupId,
    state: phaseOf(state),
    groupEpoch,
    assignmentEpoch,
    assignorName: preferredAssignor(members.values(), terms),
    members: Array.from(members.values(), (member) => ({
      memberId: member.memberId,
      instanceId: member.instanceId,
      rackId: member.rackId,
      memberEpoch: member.memberEpoch,
      clientId: member.clientId,
      clientHost: member.clientHost,
      subscribedTopicNames: member.subscribedTopicNames,
      subscribedTopicRegex: member.subscribedTopicRegex,
      assignment: named(owned(member)),
      targetAssignment: named(target.get(member.memberId) ?? new Map()),
      isClassic: member.classic !== null
    }))
  }
}

/** What it still has to give up is told as its own, too. */
const owned = ({ assigned, pendingRevocation }: Pick<Member, "assigned" | "pendingRevocation">): Assigned => {
  if (pendingRevocation.size === 0) return assigned
  const all = new Map(assigned)
  for (const [topicId, partitions] of pendingRevocation) {
    all.set(topicId, new Map([...(assigned.get(topicId) ?? []), ...partitions]))
  }
  return all
}

/** What Apache Kafka 4.3.1 asks of the fields of a heartbeat, in its order. */
const requestError = (request: ConsumerHeartbeat, config: GroupResourceConfig): KafkaError | null => {
  const { memberEpoch } = request
  if (!config.rebalanceProtocols.includes("consumer")) return new UnsupportedVersion()
  const needsMemberId = request.apiVersion >= 1 || memberEpoch > 0 || memberEpoch === LEAVE
  const problem =
    (needsMemberId && isBlank(request.memberId) && "MemberId can't be empty.") ||
    (isBlank(request.groupId) && "GroupId can't be empty.") ||
    (isBlank(request.instanceId) && "InstanceId can't be empty.") ||
    (isBlank(request.rackId) && "RackId can't be empty.") ||
    (memberEpoch === 0 && joinProblem(request)) ||
    (memberEpoch === STATIC_LEAVE && request.instanceId === null && "InstanceId can't be null.") ||
    (memberEpoch < STATIC_LEAVE && "MemberEpoch is invalid.") ||
    (charactersOf(request.subscribedTopicNames) > MAX_SUBSCRIPTION_CHARACTERS && "SubscribedTopicNames are too many.")
  if (problem !== false) return new InvalidRequest({ message: problem })
  const { serverAssignor } = request
  const { assignors } = termsOf(config)
  if (serverAssignor === null || assignors.includes(serverAssignor)) return null
  return new UnsupportedAssignor({
    message: `ServerAssignor ${serverAssignor} is not supported. Supported assignors: ${assignors.join(", ")}.`
  })
}

const charactersOf = (names: ReadonlyArray<string> | null): number =>
  names === null ? 0 : names.reduce((sum, name) => sum + name.length, 0)

const joinProblem = (request: ConsumerHeartbeat): string | false => {
  if (request.rebalanceTimeoutMs === -1) return "RebalanceTimeoutMs must be provided in first request."
  if (request.topicPartitions === null || request.topicPartitions.length > 0) {
    return "TopicPartitions must be empty when (re-)joining."
  }
  return (
    request.subscribedTopicNames === null &&
    request.subscribedTopicRegex === null &&
    "Either SubscribedTopicNames or SubscribedTopicRegex must be non-null when (re-)joining."
  )
}

const isBlank = (text: string | null): boolean => text !== null && text.trim() === ""

/** What a member is told to own, as the wire has it. */
export const toTopicPartitions = (assigned: Assigned) =>
  Array.from(assigned, ([topicId, partitions]) => ({ topicId, partitions: inOrder(partitions.keys()) }))

const inOrder = (partitions: Iterable<number>): ReadonlyArray<number> => Array.from(partitions).sort((a, b) => a - b)
