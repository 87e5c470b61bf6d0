import type { KafkaError } from "@tusk/protocol/KafkaError"
import {
  GroupIdNotFound,
  GroupSubscribedToTopic,
  IllegalGeneration,
  InvalidGroupId,
  NonEmptyGroup,
  NotCoordinator,
  OffsetMetadataTooLarge,
  UnknownMemberId
} from "@tusk/protocol/KafkaError"
import type { GroupStore } from "@tusk/storage/GroupStore"
import { Offsets } from "@tusk/storage/Offsets"
import type { CommittedOffset } from "@tusk/storage/Offsets"
import { randomUuid } from "@tusk/storage/Uuid"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import { Answer, Event, NO_ASSIGNMENT } from "./classic/ClassicGroupState.ts"
import type { JoinAnswer, LeaveResult, SyncAnswer } from "./classic/ClassicGroupState.ts"
import { refusedJoin } from "./classic/Draft.ts"
import { CONSUMER, readSubscription, subscribedTopics } from "./classic/SubscribedTopics.ts"
import { makeGroupCells } from "./GroupCells.ts"
import type { ClassicCell } from "./GroupCells.ts"
import { defaultGroupConfig } from "./GroupConfig.ts"
import type { GroupConfig } from "./GroupConfig.ts"
import type * as Asked from "./GroupRequests.ts"
import { expireOffsets } from "./OffsetExpiry.ts"

/**
 * The group coordinator. Members, generations and assignments are kept by `GroupStore`, offsets by `Offsets`. An answer
 * leaves after what it tells is stored. Where that fails, and after a take-over, the group is loaded again and who
 * waited gets NOT_COORDINATOR. Interrupting a call gives up the wait, not what was asked.
 */
export class Groups extends Context.Service<
  Groups,
  {
    /** Waits for the rebalance to end. Refusals come in the answer, for MEMBER_ID_REQUIRED carries a member id. */
    readonly joinGroup: (request: Asked.JoinGroup) => Effect.Effect<JoinAnswer>
    /** Waits for the leader's assignment. */
    readonly syncGroup: (request: Asked.SyncGroup) => Effect.Effect<SyncAnswer, KafkaError>
    readonly heartbeat: (request: Asked.Heartbeat) => Effect.Effect<void, KafkaError>
    /** A result for each member named, in order. */
    readonly leaveGroup: (request: Asked.LeaveGroup) => Effect.Effect<ReadonlyArray<LeaveResult>, KafkaError>
    /** Whether this member may commit now; counts as a sign of life. */
    readonly validateCommit: (request: Asked.Committing) => Effect.Effect<void, KafkaError>
    /** A result for each offset, in order. Commits of one group are stored in the order they were found valid. */
    readonly commitOffsets: (
      request: Asked.CommitOffsets
    ) => Effect.Effect<ReadonlyArray<KafkaError | null>, KafkaError>
    /** By partition id; empty for a group that is not known. */
    readonly fetchOffsets: (groupId: string) => Effect.Effect<ReadonlyMap<number, CommittedOffset>, KafkaError>
    readonly describeGroups: (groupIds: ReadonlyArray<string>) => Effect.Effect<ReadonlyArray<Asked.GroupDescription>>
    readonly listGroups: (request: Asked.ListGroups) => Effect.Effect<ReadonlyArray<Asked.ListedGroup>, KafkaError>
    /** With all their offsets. NON_EMPTY_GROUP, GROUP_ID_NOT_FOUND; null: deleted. In order. */
    readonly deleteGroups: (groupIds: ReadonlyArray<string>) => Effect.Effect<ReadonlyArray<KafkaError | null>>
    /** A result for each topic, in order: GROUP_SUBSCRIBED_TO_TOPIC or null. */
    readonly deleteOffsets: (
      request: Asked.DeleteOffsets
    ) => Effect.Effect<ReadonlyArray<KafkaError | null>, KafkaError>
  }
>()("@tusk/coordinator/group/Groups") {
  static readonly layer = (config: Partial<GroupConfig> = {}): Layer.Layer<Groups, KafkaError, GroupStore | Offsets> =>
    Layer.effect(Groups, make({ ...defaultGroupConfig, ...config }))
}

const make = Effect.fnUntraced(function* (config: GroupConfig) {
  const offsets = yield* Offsets
  const scope = yield* Effect.scope
  const cells = yield* makeGroupCells(config)
  yield* Effect.forkScoped(expireOffsets(config, cells, offsets))

  const named = (groupId: string): Effect.Effect<void, KafkaError> =>
    groupId === "" ? Effect.fail(new InvalidGroupId()) : Effect.void
  const known = (groupId: string, absent: () => KafkaError): Effect.Effect<ClassicCell, KafkaError> =>
    Effect.flatMap(cells.find(groupId), (cell) => (cell === null ? Effect.fail(absent()) : Effect.succeed(cell)))
  const unknownMember = () => new UnknownMemberId()
  const notFound = () => new GroupIdNotFound()

  /** Asks a group that exists. */
  const ask = (
    groupId: string,
    absent: () => KafkaError,
    event: (waiter: number) => Event
  ): Effect.Effect<Answer, KafkaError> =>
    cells.retrying(Effect.flatMap(known(groupId, absent), (cell) => cell.ask(event)))

  const joinGroup = (request: Asked.JoinGroup) =>
    Effect.gen(function* () {
      const { groupId, apiVersion, reason, ...terms } = request
      yield* named(groupId)
      const newMemberId = `${request.groupInstanceId ?? request.clientId}-${yield* randomUuid}`
      const event = (waiter: number) =>
        Event.Join({
          ...terms,
          waiter,
          newMemberId,
          requireKnownMemberId: apiVersion >= 4,
          supportsSkippingAssignment: apiVersion >= 9
        })
      const cell = request.memberId === "" ? cells.findOrMake(groupId) : known(groupId, unknownMember)
      const answer = yield* cells.retrying(Effect.flatMap(cell, (found) => found.ask(event)))
      yield* Effect.logDebug("JoinGroup", { groupId, memberId: request.memberId, reason })
      return Answer.$is("Joined")(answer) ? answer : yield* unexpected(answer)
    }).pipe(Effect.catch((error) => Effect.succeed(refusedJoin(error, request.memberId))))

  const syncGroup = Effect.fnUntraced(function* (request: Asked.SyncGroup) {
    yield* named(request.groupId)
    const answer = yield* ask(request.groupId, unknownMember, (waiter) => Event.Sync({ ...request, waiter }))
    return Answer.$is("Synced")(answer) ? answer : yield* unexpected(answer)
  })

  const heartbeat = Effect.fnUntraced(function* (request: Asked.Heartbeat) {
    yield* named(request.groupId)
    const answer = yield* ask(request.groupId, unknownMember, (waiter) => Event.Heartbeat({ ...request, waiter }))
    if (!Answer.$is("Done")(answer)) yield* unexpected(answer)
  })

  const leaveGroup = Effect.fnUntraced(function* (request: Asked.LeaveGroup) {
    const { groupId, members } = request
    yield* named(groupId)
    if ((yield* cells.find(groupId)) === null) {
      return members.map((member) => ({ ...member, error: new UnknownMemberId() }))
    }
    const answer = yield* ask(groupId, unknownMember, (waiter) => Event.Leave({ waiter, members }))
    return Answer.$is("Left")(answer) ? answer.members : yield* unexpected(answer)
  })

  /** A commit without a generation makes a group where there is none: a simple consumer's. */
  const committingCell = (request: Asked.Committing): Effect.Effect<ClassicCell, KafkaError> =>
    request.generationId < 0
      ? cells.findOrMake(request.groupId)
      : known(request.groupId, () =>
          request.apiVersion >= 9 && !request.transactional ? new GroupIdNotFound() : new IllegalGeneration()
        )
  const commitEvent = (request: Asked.Committing) => (waiter: number) =>
    Event.Commit({
      waiter,
      memberId: request.memberId,
      groupInstanceId: request.groupInstanceId,
      generationId: request.generationId,
      transactional: request.transactional
    })

  const validateCommit = Effect.fnUntraced(function* (request: Asked.Committing) {
    const answer = yield* cells.retrying(
      Effect.flatMap(committingCell(request), (cell) => cell.ask(commitEvent(request)))
    )
    if (!Answer.$is("Done")(answer)) yield* unexpected(answer)
  })

  const commitOffsets = Effect.fnUntraced(function* (request: Asked.CommitOffsets) {
    const { groupId, retentionTimeMs } = request
    const now = BigInt(yield* Clock.currentTimeMillis)
    const errors = request.offsets.map(({ metadata }) =>
      (metadata?.length ?? 0) > config.offsetMetadataMaxBytes ? new OffsetMetadataTooLarge() : null
    )
    const entries = request.offsets
      .filter((_, i) => errors[i] === null)
      .map((offset): CommittedOffset => ({
        ...offset,
        commitTimestamp: now,
        expireTimestamp: retentionTimeMs < 0n ? -1n : now + retentionTimeMs
      }))
    // the group stays in memory, and is not expired, until its offsets are there
    yield* Effect.acquireUseRelease(
      Effect.sync(() => cells.hold(groupId)),
      () => validateThenCommit(request, entries),
      () =>
        Effect.sync(() => {
          cells.release(groupId)
          cells.settle(groupId)
        })
    )
    return errors
  })

  /** The commit is admitted before any later step of the group, and goes on if its client does not wait. */
  const validateThenCommit = (request: Asked.CommitOffsets, entries: ReadonlyArray<CommittedOffset>) =>
    Effect.gen(function* () {
      let commit: Fiber.Fiber<void, KafkaError> | undefined
      const admit = (answer: Answer | undefined) =>
        answer?._tag !== "Done" || entries.length === 0
          ? Effect.void
          : Effect.map(
              Effect.forkIn(offsets.commit(request.groupId, entries), scope, { startImmediately: true }),
              (fiber) => {
                commit = fiber
              }
            )
      const answer = yield* cells.retrying(
        Effect.flatMap(committingCell(request), (cell) => cell.ask(commitEvent(request), admit))
      )
      if (!Answer.$is("Done")(answer)) return yield* unexpected(answer)
      if (commit !== undefined) {
        yield* Effect.mapError(Fiber.join(commit), notStored)
      }
    })

  const fetchOffsets = (groupId: string) => Effect.sync(() => offsets.fetch(groupId))

  const describeGroup = (groupId: string): Effect.Effect<Asked.GroupDescription> =>
    known(groupId, notFound).pipe(
      Effect.map((cell) => describe(groupId, cell)),
      Effect.catch((error) => Effect.succeed(absentGroup(groupId, error)))
    )

  const listGroups = Effect.fnUntraced(function* (request: Asked.ListGroups) {
    const states = lowerCase(request.states)
    const types = lowerCase(request.types)
    const listed: Array<Asked.ListedGroup> = []
    for (const cell of yield* cells.all) {
      const { phase, protocolType } = cell.peek()
      if (states.size > 0 && !states.has(phase.toLowerCase())) continue
      if (types.size > 0 && !types.has("classic")) continue
      listed.push({ groupId: cell.groupId, protocolType: protocolType ?? "", state: phase, type: "classic" })
    }
    return listed
  })

  const deleteGroup = (groupId: string): Effect.Effect<KafkaError | null> =>
    ask(groupId, notFound, (waiter) => Event.Delete({ waiter })).pipe(
      Effect.map((answer) => (answer._tag === "Refused" ? answer.error : null)),
      Effect.catch((error) => Effect.succeed(error))
    )

  const deleteOffsets = Effect.fnUntraced(function* (request: Asked.DeleteOffsets) {
    yield* named(request.groupId)
    const cell = yield* known(request.groupId, notFound)
    const results: Array<KafkaError | null> = []
    yield* cell.exclusive(() =>
      Effect.gen(function* () {
        const state = cell.peek()
        if (state.phase === "Dead") return yield* new GroupIdNotFound()
        const empty = state.phase === "Empty"
        if (!empty && state.protocolType !== CONSUMER) return yield* new NonEmptyGroup()
        const subscribed = empty ? new Set<string>() : subscribedTopics(state, readSubscription)
        const partitionIds: Array<number> = []
        for (const topic of request.topics) {
          const inUse = subscribed === null || subscribed.has(topic.name)
          results.push(inUse ? new GroupSubscribedToTopic() : null)
          if (!inUse) partitionIds.push(...topic.partitionIds)
        }
        const held = offsets.fetch(request.groupId)
        const there = partitionIds.filter((partitionId) => held.has(partitionId))
        if (there.length > 0) yield* Effect.mapError(offsets.remove(request.groupId, there), notStored)
      })
    )
    if (!cell.isOpen() && results.length === 0) return yield* new NotCoordinator()
    return results
  })

  return Groups.of({
    joinGroup,
    syncGroup,
    heartbeat,
    leaveGroup,
    validateCommit,
    commitOffsets,
    fetchOffsets,
    describeGroups: (groupIds) => Effect.forEach(groupIds, describeGroup),
    listGroups,
    deleteGroups: (groupIds) => Effect.forEach(groupIds, deleteGroup),
    deleteOffsets
  })
})

/** A refusal is the answer; anything else is a bug. */
const unexpected = (answer: Answer): Effect.Effect<never, KafkaError> =>
  answer._tag === "Refused" ? Effect.fail(answer.error) : Effect.die(new Error(`answered with ${answer._tag}`))

/** As Kafka answers where a group's data cannot be written: clients look the coordinator up again and repeat. */
const notStored = (cause: KafkaError): KafkaError => new NotCoordinator({ cause })

const lowerCase = (names: ReadonlyArray<string>): ReadonlySet<string> =>
  new Set(names.map((name) => name.toLowerCase()))

const absentGroup = (groupId: string, error: KafkaError): Asked.GroupDescription => ({
  groupId,
  error,
  state: "Dead",
  protocolType: "",
  protocolName: "",
  members: []
})

/** Only a stable group shows its strategy and what members told about themselves. */
const describe = (groupId: string, cell: ClassicCell): Asked.GroupDescription => {
  const { phase, protocolType, protocolName, members } = cell.peek()
  const stable = phase === "Stable"
  return {
    groupId,
    error: null,
    state: phase,
    protocolType: protocolType ?? "",
    protocolName: stable ? (protocolName ?? "") : "",
    members: Array.from(members.values(), (member) => ({
      memberId: member.memberId,
      groupInstanceId: member.groupInstanceId,
      clientId: member.clientId,
      clientHost: member.clientHost,
      metadata: (stable && member.protocols.find(({ name }) => name === protocolName)?.metadata) || NO_ASSIGNMENT,
      assignment: member.assignment
    }))
  }
}
