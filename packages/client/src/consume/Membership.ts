/** Membership of a classic group, which every Kafka since 0.9 has: JoinGroup, SyncGroup, Heartbeat, LeaveGroup. */
import { ConsumerProtocolAssignment } from "@tusk/protocol/embedded/ConsumerProtocolAssignment"
import { ConsumerProtocolSubscription } from "@tusk/protocol/embedded/ConsumerProtocolSubscription"
import { decodeVersioned, encodeVersioned } from "@tusk/protocol/embedded/Versioned"
import { Heartbeat } from "@tusk/protocol/messages/Heartbeat"
import { JoinGroup } from "@tusk/protocol/messages/JoinGroup"
import type { JoinGroupResponse } from "@tusk/protocol/messages/JoinGroup"
import { LeaveGroup } from "@tusk/protocol/messages/LeaveGroup"
import { SyncGroup } from "@tusk/protocol/messages/SyncGroup"
import * as Effect from "effect/Effect"
import { refusalOf } from "../ClientError.ts"
import type { ClientError } from "../ClientError.ts"
import { KafkaClient } from "../KafkaClient.ts"
import type { TopicPartition } from "../Metadata.ts"
import { rangeAssignment } from "./rangeAssignment.ts"

/** A place in one generation of a group. */
export interface Membership {
  readonly group: string
  readonly memberId: string
  readonly generation: number
  readonly assigned: ReadonlyArray<TopicPartition>
}

const SESSION_TIMEOUT_MS = 45_000
const REBALANCE_TIMEOUT_MS = 60_000
const HEARTBEAT_MS = 3000

const ILLEGAL_GENERATION = 22
const UNKNOWN_MEMBER_ID = 25
const REBALANCE_IN_PROGRESS = 27
const MEMBER_ID_REQUIRED = 79

/** The group has a new generation, or this member is not known any more: it has to join anew. */
const REJOIN: ReadonlySet<number> = new Set([ILLEGAL_GENERATION, UNKNOWN_MEMBER_ID, REBALANCE_IN_PROGRESS])

/** Whether an error means that the member has to join anew, and not that anything is wrong. */
export const mustRejoin = (error: ClientError): boolean => error._tag === "Refused" && REJOIN.has(error.code)

const PROTOCOL = "range"

const joinOnce = (group: string, topics: ReadonlyArray<string>, memberId: string) =>
  Effect.gen(function* () {
    const client = yield* KafkaClient
    const subscription = { ...ConsumerProtocolSubscription.defaults(), topics }
    const metadata = encodeVersioned(ConsumerProtocolSubscription, 1, subscription)
    const body = {
      ...JoinGroup.request.defaults(),
      groupId: group,
      sessionTimeoutMs: SESSION_TIMEOUT_MS,
      rebalanceTimeoutMs: REBALANCE_TIMEOUT_MS,
      memberId,
      protocolType: "consumer",
      protocols: [{ name: PROTOCOL, metadata }]
    }
    return yield* client.ask(
      client.coordinator(group),
      JoinGroup,
      body,
      ({ errorCode }) => (errorCode === MEMBER_ID_REQUIRED ? undefined : refusalOf(errorCode, `group ${group}`)),
      { minVersion: 1, waitsMs: REBALANCE_TIMEOUT_MS }
    )
  })

/** What the leader tells SyncGroup; of any other member nothing. */
const assignments = (joined: JoinGroupResponse) =>
  Effect.gen(function* () {
    if (joined.leader !== joined.memberId) return []
    const client = yield* KafkaClient
    const members = new Map(
      joined.members.map(({ memberId, metadata }) => [
        memberId,
        decodeVersioned(ConsumerProtocolSubscription, metadata).value.topics
      ])
    )
    const { topics } = yield* client.metadata([...new Set([...members.values()].flat())])
    const assigned = rangeAssignment(members, (topic) => topics.get(topic)?.partitions.length ?? 0)
    return Array.from(assigned, ([memberId, list]) => ({
      memberId,
      assignment: encodeVersioned(ConsumerProtocolAssignment, 1, { assignedPartitions: list, userData: null })
    }))
  })

/** One try. `known` hears the member's id as soon as the group gave one: a member that comes as another stays behind. */
const attempt = (group: string, topics: ReadonlyArray<string>, memberId: string, known: (memberId: string) => void) =>
  Effect.gen(function* () {
    const client = yield* KafkaClient
    let joined = yield* joinOnce(group, topics, memberId)
    known(joined.memberId)
    if (joined.errorCode === MEMBER_ID_REQUIRED) joined = yield* joinOnce(group, topics, joined.memberId)
    const body = {
      ...SyncGroup.request.defaults(),
      groupId: group,
      generationId: joined.generationId,
      memberId: joined.memberId,
      protocolType: "consumer",
      protocolName: PROTOCOL,
      assignments: yield* assignments(joined)
    }
    const synced = yield* client.ask(
      client.coordinator(group),
      SyncGroup,
      body,
      ({ errorCode }) => refusalOf(errorCode, `group ${group}`),
      { waitsMs: REBALANCE_TIMEOUT_MS }
    )
    const { value } =
      synced.assignment.byteLength === 0
        ? { value: { assignedPartitions: [] } }
        : decodeVersioned(ConsumerProtocolAssignment, synced.assignment)
    return {
      group,
      memberId: joined.memberId,
      generation: joined.generationId,
      assigned: value.assignedPartitions.flatMap(({ partitions, topic }) =>
        partitions.map((partition) => ({ topic, partition }))
      )
    } satisfies Membership
  })

/** Joins, or joins anew as the member it was; returns once the group has assigned. */
export const joinGroup = (
  group: string,
  topics: ReadonlyArray<string>,
  before: string
): Effect.Effect<Membership, ClientError, KafkaClient> =>
  Effect.gen(function* () {
    let memberId = before
    for (;;) {
      const outcome = yield* Effect.result(attempt(group, topics, memberId, (known) => (memberId = known)))
      if (outcome._tag === "Success") return outcome.success
      const error = outcome.failure
      if (!mustRejoin(error)) return yield* error
      if (error._tag === "Refused" && error.code === UNKNOWN_MEMBER_ID) memberId = ""
    }
  })

/** Keeps a member alive; returns once it has to join anew. */
export const heartbeats = ({
  generation,
  group,
  memberId
}: Membership): Effect.Effect<void, ClientError, KafkaClient> =>
  Effect.gen(function* () {
    const client = yield* KafkaClient
    const body = { groupId: group, generationId: generation, memberId, groupInstanceId: null }
    const beat = client.ask(client.coordinator(group), Heartbeat, body, ({ errorCode }) =>
      refusalOf(errorCode, `group ${group}`)
    )
    for (;;) {
      yield* Effect.sleep(HEARTBEAT_MS)
      yield* beat
    }
  }).pipe(Effect.catchIf(mustRejoin, () => Effect.void))

/** Goes, so that the others need not wait for its session to end. */
export const leaveGroup = ({ group, memberId }: Membership): Effect.Effect<void, ClientError, KafkaClient> =>
  Effect.gen(function* () {
    const client = yield* KafkaClient
    yield* client.ask(
      client.coordinator(group),
      LeaveGroup,
      (version) => ({
        groupId: group,
        memberId: version < 3 ? memberId : "",
        members: version < 3 ? [] : [{ memberId, groupInstanceId: null, reason: null }]
      }),
      ({ errorCode }) => refusalOf(errorCode, `group ${group}`)
    )
  })
