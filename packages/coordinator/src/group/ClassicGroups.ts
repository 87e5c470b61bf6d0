import type { KafkaError } from "@tusk/protocol/KafkaError"
import { GroupIdNotFound, InconsistentGroupProtocol, InvalidGroupId, UnknownMemberId } from "@tusk/protocol/KafkaError"
import { randomUuid } from "@tusk/storage/Uuid"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import { Answer, Event, NO_ASSIGNMENT } from "./classic/ClassicGroupState.ts"
import type { JoinAnswer, LeaveResult, SyncAnswer } from "./classic/ClassicGroupState.ts"
import { refusedJoin } from "./classic/Draft.ts"
import type { GroupCells } from "./GroupCells.ts"
import type { CellOf } from "./GroupKinds.ts"
import type * as Asked from "./GroupRequests.ts"

/** What members of classic groups ask for. */
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

export const makeClassicGroups = (cells: Context.Service.Shape<typeof GroupCells>): ClassicGroups => {
  const unknownMember = () => new UnknownMemberId()

  const known = (groupId: string, absent: () => KafkaError): Effect.Effect<CellOf<"classic">, KafkaError> =>
    Effect.flatMap(cells.find(groupId), (cell) =>
      cell?.kind === "classic" ? Effect.succeed(cell) : Effect.fail(absent())
    )

  /** Asks a group that exists. */
  const ask = (groupId: string, event: (waiter: number) => Event): Effect.Effect<Answer, KafkaError> =>
    cells.retrying(Effect.flatMap(known(groupId, unknownMember), ({ cell }) => cell.ask(event)))

  const madeForJoin = (groupId: string): Effect.Effect<CellOf<"classic">, KafkaError> =>
    Effect.flatMap(cells.findOrMake(groupId, "classic"), (cell) =>
      cell.kind === "classic"
        ? Effect.succeed(cell)
        : Effect.fail(new InconsistentGroupProtocol({ message: `Group ${groupId} is not a classic group.` }))
    )

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
      const found = request.memberId === "" ? madeForJoin(groupId) : known(groupId, unknownMember)
      const answer = yield* cells.retrying(Effect.flatMap(found, ({ cell }) => cell.ask(event)))
      yield* Effect.logDebug("JoinGroup", { groupId, memberId: request.memberId, reason })
      return Answer.$is("Joined")(answer) ? answer : yield* unexpected(answer)
    }).pipe(Effect.catch((error) => Effect.succeed(refusedJoin(error, request.memberId))))

  const syncGroup = Effect.fnUntraced(function* (request: Asked.SyncGroup) {
    yield* named(request.groupId)
    const answer = yield* ask(request.groupId, (waiter) => Event.Sync({ ...request, waiter }))
    return Answer.$is("Synced")(answer) ? answer : yield* unexpected(answer)
  })

  const heartbeat = Effect.fnUntraced(function* (request: Asked.Heartbeat) {
    yield* named(request.groupId)
    const answer = yield* ask(request.groupId, (waiter) => Event.Heartbeat({ ...request, waiter }))
    if (!Answer.$is("Done")(answer)) yield* unexpected(answer)
  })

  const leaveGroup = Effect.fnUntraced(function* (request: Asked.LeaveGroup) {
    const { groupId, members } = request
    yield* named(groupId)
    if ((yield* cells.find(groupId))?.kind !== "classic") {
      return members.map((member) => ({ ...member, error: new UnknownMemberId() }))
    }
    const answer = yield* ask(groupId, (waiter) => Event.Leave({ waiter, members }))
    return Answer.$is("Left")(answer) ? answer.members : yield* unexpected(answer)
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
    leaveGroup,
    describeGroups: (groupIds) => Effect.forEach(groupIds, describeGroup)
  }
}

/** A refusal is the answer; anything else is a bug. */
const unexpected = (answer: Answer): Effect.Effect<never, KafkaError> =>
  answer._tag === "Refused" ? Effect.fail(answer.error) : Effect.die(new Error(`answered with ${answer._tag}`))

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
