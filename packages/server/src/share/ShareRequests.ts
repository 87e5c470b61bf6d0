import { GroupConfigs } from "@tusk/coordinator/group/machine/GroupConfigs"
import { SharePartitions } from "@tusk/coordinator/group/shell/SharePartitions"
import { RENEW } from "@tusk/coordinator/group/share/SharePartitionState"
import {
  errorCode,
  errorMessage,
  InvalidRequest,
  NONE,
  TopicAuthorizationFailed,
  UnknownTopicId,
  UnknownTopicOrPartition
} from "@tusk/protocol/KafkaError"
import type { KafkaError } from "@tusk/protocol/KafkaError"
import { Topics } from "@tusk/storage/topics/Topics"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { permits } from "../request/authorizing.ts"
import type { Listener } from "../request/ConnectionInfo.ts"
import { endpointsOf, leadershipFor, NO_LEADER, notLedHere, Placement } from "../request/Placement.ts"
import type { Leadership } from "../request/Placement.ts"
import type { Right } from "../request/Handler.ts"
import type { RequestContext } from "../request/RequestContext.ts"
import type { Resources } from "../request/Resources.ts"
import { monotonicMs } from "../request/monotonic.ts"
import { ShareSessions } from "./ShareSessions.ts"
import type { SharedPartition, ShareSession } from "./ShareSessions.ts"

/** As both ShareFetch and ShareAcknowledge carry them. */
export interface AcknowledgementBatch {
  readonly firstOffset: bigint
  readonly lastOffset: bigint
  readonly acknowledgeTypes: ReadonlyArray<number>
}

/** What is wrong with acknowledgements, before anybody is asked. */
const problemOf = (batches: ReadonlyArray<AcknowledgementBatch>, isRenewAck: boolean): KafkaError | undefined => {
  let before = -1n
  for (const { acknowledgeTypes, firstOffset, lastOffset } of batches) {
    const size = lastOffset - firstOffset + 1n
    const isSized = acknowledgeTypes.length === 1 || BigInt(acknowledgeTypes.length) === size
    if (firstOffset <= before || size < 1n || !isSized) {
      return new InvalidRequest({
        message: `Acknowledgements of offsets ${firstOffset} to ${lastOffset} are malformed.`
      })
    }
    for (const type of acknowledgeTypes) {
      if (type < 0 || type > (isRenewAck ? RENEW : RENEW - 1)) {
        return new InvalidRequest({ message: `There is no acknowledge type ${type} here.` })
      }
    }
    before = lastOffset
  }
  return undefined
}

/** What both ask for. */
export const SHARE_RIGHTS: ReadonlyArray<Right> = [
  { operation: "read", resourceType: "group" },
  { operation: "read", resourceType: "topic" }
]

/** What both requests name. */
export const shareResources = (
  groupId: string | null,
  topics: ReadonlyArray<{ readonly topicId: string }>
): Resources => ({ topicIds: topics.map(({ topicId }) => topicId), groups: groupId === null ? [] : [groupId] })

/** The answer of both if the request is refused as a whole. */
export const refuseShare = (_request: unknown, code: number, error: KafkaError) => ({
  errorCode: code,
  errorMessage: errorMessage(error),
  acquisitionLockTimeoutMs: 0,
  responses: [],
  nodeEndpoints: []
})

const servicesOf = Effect.gen(function* () {
  return {
    clock: yield* Clock.Clock,
    configs: yield* GroupConfigs,
    partitions: yield* SharePartitions,
    placement: yield* Placement,
    sessions: yield* ShareSessions,
    topics: yield* Topics
  }
})

/** A partition of a request that acknowledges. */
interface Acknowledged {
  readonly topicId: string
  readonly partitionIndex: number
  readonly batches: ReadonlyArray<AcknowledgementBatch>
  readonly isRenewAck: boolean
  readonly idOf: PartitionIdOf
}

/** A partition as the log knows it, or why it is not served. */
export type PartitionIdOf = (topicId: string, partition: number) => number | KafkaError

/** The session that a request belongs to, and what the request changes of it. */
interface Opened {
  readonly groupId: string
  readonly memberId: string
  readonly epoch: number
  readonly added: ReadonlyArray<SharedPartition>
  readonly forgotten: ReadonlyArray<SharedPartition>
}

/** What ShareFetch and ShareAcknowledge have in common: a session, acknowledgements in it, the frame of the answer. */
export class ShareRequests {
  readonly #services: Effect.Success<typeof servicesOf>

  constructor(services: Effect.Success<typeof servicesOf>) {
    this.#services = services
  }

  static readonly make = Effect.map(servicesOf, (services) => new ShareRequests(services))

  /** A partition as the log knows it, or why it is not served here. */
  readonly partitionIdOf: PartitionIdOf = (topicId, partition) => {
    const { placement, topics } = this.#services
    const topic = topics.byId(topicId)
    if (topic === undefined) return new UnknownTopicId()
    const partitionId = topic.partitionIds[partition]
    if (partitionId === undefined) return new UnknownTopicOrPartition()
    return notLedHere(placement, partitionId, -1) ?? partitionId
  }

  /** The same for one who may read only some topics: TOPIC_AUTHORIZATION_FAILED of the others. */
  readableBy(context: RequestContext): PartitionIdOf {
    if (!context.connection.authorizer.isOn) return this.partitionIdOf
    const mayRead = permits(context, "read", "topic")
    return (topicId, partition) => {
      const name = this.#services.topics.byId(topicId)?.name
      return name === undefined || mayRead(name)
        ? this.partitionIdOf(topicId, partition)
        : new TopicAuthorizationFailed()
    }
  }

  /** What is wrong with the ids of group and member, if one of them is none; null: nothing. */
  idError(groupId: string, memberId: string): KafkaError | null {
    return this.#services.partitions.idError(groupId, memberId)
  }

  open(opened: Opened): ShareSession | KafkaError {
    const { clock, configs, sessions } = this.#services
    const maxSessions = configs(opened.groupId).shareMaxShareSessions
    return sessions.use({ ...opened, maxSessions }, monotonicMs(clock))
  }

  /** As answers tell it of a partition. */
  acknowledge(session: ShareSession, asked: Acknowledged) {
    return Effect.map(this.#acknowledge(session, asked), (error) => ({
      errorCode: error === null ? NONE : errorCode(error),
      errorMessage: error === null ? null : errorMessage(error),
      currentLeader: this.leadership(error, asked.topicId, asked.partitionIndex)
    }))
  }

  /** Null: taken. */
  #acknowledge(
    { groupId, memberId }: ShareSession,
    { batches, idOf, isRenewAck, partitionIndex, topicId }: Acknowledged
  ): Effect.Effect<KafkaError | null> {
    const partitionId = idOf(topicId, partitionIndex)
    if (typeof partitionId !== "number" && partitionId._tag !== "TopicAuthorizationFailed") {
      return Effect.succeed(partitionId)
    }
    // Before the right to the topic, as in Apache Kafka.
    const problem = problemOf(batches, isRenewAck)
    if (problem !== undefined) return Effect.succeed(problem)
    if (typeof partitionId !== "number") return Effect.succeed(partitionId)
    const ranges = batches.map(({ acknowledgeTypes, firstOffset, lastOffset }) => ({
      first: firstOffset,
      last: lastOffset,
      types: acknowledgeTypes
    }))
    return this.#services.partitions.acknowledge({ groupId, memberId, partitionId, batches: ranges }).pipe(
      Effect.as(null),
      Effect.catch((error) => Effect.succeed(error))
    )
  }

  /** The member ends its session. */
  close(session: ShareSession): Effect.Effect<void> {
    return Effect.suspend(() => {
      this.#services.sessions.close(session)
      return this.release(session)
    })
  }

  /** The member has ended its session, or is gone: what it holds is free again. */
  release({ groupId, memberId, partitions: shared }: ShareSession): Effect.Effect<void> {
    const ids: Array<number> = []
    for (const { partition, topicId } of shared.values()) {
      const partitionId = this.partitionIdOf(topicId, partition)
      if (typeof partitionId === "number") ids.push(partitionId)
    }
    // Else it is free when its locks are over.
    return Effect.ignore(this.#services.partitions.releaseMember(groupId, memberId, ids))
  }

  /** The leader to turn to for a partition that is refused for its leader's sake. */
  leadership(error: KafkaError | null, topicId: string, partition: number): Leadership {
    const { placement, topics } = this.#services
    return error === null ? NO_LEADER : leadershipFor(error, placement, topics.byId(topicId)?.partitionIds[partition])
  }

  answer<P extends { readonly currentLeader: Leadership }>(
    groupId: string,
    responses: ReadonlyArray<{ readonly topicId: string; readonly partitions: ReadonlyArray<P> }>,
    listener: Listener
  ) {
    const { configs, placement } = this.#services
    const leaders = responses.flatMap(({ partitions }) => partitions.map(({ currentLeader }) => currentLeader.leaderId))
    return {
      errorCode: NONE,
      errorMessage: null,
      acquisitionLockTimeoutMs: configs(groupId).shareRecordLockDurationMs,
      responses,
      nodeEndpoints: endpointsOf(leaders, placement, listener)
    }
  }
}
