import type { KafkaError } from "@tusk/protocol/KafkaError"
import { GroupIdNotFound, InconsistentGroupProtocol, InvalidGroupId, UnknownMemberId } from "@tusk/protocol/KafkaError"
import { randomUuid } from "@tusk/storage/port/Uuid"
import { logDebugOf, ofArea } from "@tusk/storage/logging"
import * as Effect from "effect/Effect"
import { Answer, Event, NO_ASSIGNMENT } from "../classic/ClassicGroupState.ts"
import type { JoinAnswer, LeaveResult, SyncAnswer } from "../classic/ClassicGroupState.ts"
import { refusedJoin } from "../classic/Draft.ts"
import type { ClassicInConsumer } from "./ClassicInConsumer.ts"
import { unexpected } from "./answers.ts"
import type { CellClosed } from "./GroupCell.ts"
import type { GroupAsker, GroupCells } from "./GroupCells.ts"
import type { GroupConversion } from "./GroupConversion.ts"
import type { CellOf } from "./GroupKinds.ts"
import type * as Asked from "./GroupRequests.ts"
import { newMemberIdOf } from "../machine/Ids.ts"

/** What members of classic groups ask for, and those of consumer groups that speak the classic protocol. */
export interface ClassicGroups {
  /** Waits for the rebalance to end. Refusals come in the answer, for MEMBER_ID_REQUIRED carries a member id. */
  readonly joinGroup: (request: Asked.JoinGroup) => Effect.Effect<JoinAnswer>
  /** Waits for the leader's assignment. */
  readonly syncGroup: (request: Asked.SyncGroup) => Effect.Effect<SyncAnswer, KafkaError>
  readonly heartbeat: (request: Asked.Heartbeat) => Effect.Effect<void, KafkaError>
  /** A result for each member named, in order. */
  readonly leaveGroup: (request: Asked.LeaveGroup) => Effect.Effect<ReadonlyArray<LeaveResult>, KafkaError>
  readonly describeGroups: (groupIds: ReadonlyArray<string>) => Effect.Effect<ReadonlyArray<Asked.GroupDescription>>
}

export const named = (groupId: string): Effect.Effect<void, KafkaError> =>
  groupId === "" ? Effect.fail(new InvalidGroupId()) : Effect.void

/** A group in which classic members may be: their own, or a consumer group in the midst of an upgrade or downgrade. */
type Place = CellOf<"classic"> | CellOf<"consumer">

const admitted = (cells: GroupCells["Service"], request: GroupAsker): Effect.Effect<void, KafkaError> =>
  Effect.andThen(named(request.groupId), cells.admit(request))

/** Finds groups, and asks them in the words of their kind. */
const makePlaces = (cells: GroupCells["Service"], conversion: GroupConversion["Service"]) => {
  /** A group that exists. Once its last consumer member is gone, it becomes a classic group by being asked. */
  const known = (groupId: string): Effect.Effect<Place, KafkaError> =>
    Effect.gen(function* () {
      let cell = yield* cells.find(groupId)
      if (cell?.kind === "consumer") {
        yield* conversion.downgradeIfDue(cell)
        cell = yield* cells.find(groupId)
      }
      return cell?.kind === "classic" || cell?.kind === "consumer" ? cell : yield* new UnknownMemberId()
    })

  const madeForJoin = (groupId: string): Effect.Effect<Place, KafkaError> =>
    Effect.gen(function* () {
      const cell = yield* cells.findOrMake(groupId, "classic")
      if (cell.kind === "classic") return cell
      const isEmptyStreams = cell.kind === "streams" && cell.cell.peek().members.size === 0
      if (cell.kind !== "consumer" && !isEmptyStreams) {
        return yield* new InconsistentGroupProtocol({ message: `Group ${groupId} is not a classic group.` })
      }
      yield* conversion.downgradeEmpty(cell)
      return yield* known(groupId)
    })

  /** Asks a group that exists, in the words of its kind. */
  const ask = <A>(
    groupId: string,
    classic: (cell: CellOf<"classic">) => Effect.Effect<A, KafkaError | CellClosed>,
    consumer: (cell: CellOf<"consumer">) => Effect.Effect<A, KafkaError | CellClosed>,
    find: Effect.Effect<Place, KafkaError> = known(groupId)
  ): Effect.Effect<A, KafkaError> =>
    cells.retrying(Effect.flatMap(find, (cell) => (cell.kind === "classic" ? classic(cell) : consumer(cell))))

  return { known, madeForJoin, ask }
}
type Places = ReturnType<typeof makePlaces>

export const makeClassicGroups = (
  cells: GroupCells["Service"],
  conversion: GroupConversion["Service"],
  inConsumer: ClassicInConsumer
): ClassicGroups => {
  const places = makePlaces(cells, conversion)
  const { ask, known, madeForJoin } = places

  const joinGroup = (request: Asked.JoinGroup) =>
    Effect.gen(function* () {
      const { groupId, apiVersion, mayDescribe: _, reason, ...terms } = request
      yield* admitted(cells, request)
      const newMemberId = newMemberIdOf(request.groupInstanceId ?? request.clientId, yield* randomUuid)
      const event = (waiter: number) =>
        Event.Join({
          ...terms,
          waiter,
          newMemberId,
          requireKnownMemberId: apiVersion >= 4,
          supportsSkippingAssignment: apiVersion >= 9
        })
      const answer = yield* ask(
        groupId,
        ({ cell }) =>
          Effect.flatMap(cell.ask(event), (answer) =>
            Answer.$is("Joined")(answer) ? Effect.succeed<JoinAnswer>(answer) : unexpected(answer)
          ),
        (cell) => inConsumer.joinGroup(cell, request, newMemberId),
        request.memberId === "" ? madeForJoin(groupId) : known(groupId)
      )
      yield* logDebugOf(() =>
        ofArea("groups")(Effect.logDebug("JoinGroup", { groupId, memberId: request.memberId, reason }))
      )
      return answer
    }).pipe(Effect.catch((error) => Effect.succeed(refusedJoin(error, request.memberId))))

  const syncGroup = Effect.fnUntraced(function* (request: Asked.SyncGroup) {
    yield* admitted(cells, request)
    return yield* ask(
      request.groupId,
      ({ cell }) =>
        Effect.flatMap(
          cell.ask((waiter) => Event.Sync({ ...request, waiter })),
          (answer) => (Answer.$is("Synced")(answer) ? Effect.succeed<SyncAnswer>(answer) : unexpected(answer))
        ),
      (cell) => inConsumer.syncGroup(cell, request)
    )
  })

  const heartbeat = Effect.fnUntraced(function* (request: Asked.Heartbeat) {
    yield* admitted(cells, request)
    yield* ask(
      request.groupId,
      ({ cell }) =>
        Effect.flatMap(
          cell.ask((waiter) => Event.Heartbeat({ ...request, waiter })),
          (answer) => (Answer.$is("Done")(answer) ? Effect.void : unexpected(answer))
        ),
      (cell) => inConsumer.heartbeat(cell, request)
    )
  })

  const describeGroup = (groupId: string): Effect.Effect<Asked.GroupDescription> =>
    cells.find(groupId).pipe(
      Effect.flatMap((cell) => {
        if (cell?.kind === "classic") return Effect.succeed(describe(groupId, cell))
        const why = cell === null ? "not found" : "is not a classic group"
        return Effect.fail(new GroupIdNotFound({ message: `Group ${groupId} ${why}.` }))
      }),
      Effect.catch((error) => Effect.succeed(absentGroup(groupId, error)))
    )

  return {
    joinGroup,
    syncGroup,
    heartbeat,
    leaveGroup: makeLeaveGroup(cells, places, inConsumer),
    describeGroups: (groupIds) => Effect.forEach(groupIds, describeGroup)
  }
}

const makeLeaveGroup = (cells: GroupCells["Service"], { ask }: Places, inConsumer: ClassicInConsumer) => {
  const leave = Effect.fnUntraced(function* (request: Asked.LeaveGroup) {
    const { groupId, members } = request
    const kind = (yield* cells.find(groupId))?.kind
    if (kind !== "classic" && kind !== "consumer") {
      return members.map((member) => ({ ...member, error: new UnknownMemberId() }))
    }
    return yield* ask(
      groupId,
      ({ cell }) =>
        Effect.flatMap(
          cell.ask((waiter) => Event.Leave({ waiter, members })),
          (answer) => (Answer.$is("Left")(answer) ? Effect.succeed(answer.members) : unexpected(answer))
        ),
      (cell) => inConsumer.leaveGroup(cell, request)
    )
  })

  /** An id that no member can have is its own member's error. */
  return Effect.fnUntraced(function* ({ groupId, members }: Asked.LeaveGroup) {
    yield* admitted(cells, { groupId })
    const wrong = members.map((member) => cells.idError({ groupId, ...member }))
    const left = yield* leave({ groupId, members: members.filter((_, i) => wrong[i] === null) })
    let next = 0
    return members.map((member, i): LeaveResult => {
      const error = wrong[i]!
      return error === null ? left[next++]! : { ...member, error }
    })
  })
}

const absentGroup = (groupId: string, error: KafkaError): Asked.GroupDescription => ({
  groupId,
  error,
  state: "Dead",
  protocolType: "",
  protocolName: "",
  members: []
})

/** Only a stable group shows its strategy and what members told about themselves. */
const describe = (groupId: string, { cell }: CellOf<"classic">): Asked.GroupDescription => {
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
