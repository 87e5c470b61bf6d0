import { SharePartitions } from "@tusk/coordinator/group/shell/SharePartitions"
import { RENEW } from "@tusk/coordinator/group/share/SharePartitionState"
import { InvalidRequest, UnknownTopicId, UnknownTopicOrPartition } from "@tusk/protocol/KafkaError"
import type { KafkaError } from "@tusk/protocol/KafkaError"
import { Topics } from "@tusk/storage/topics/Topics"
import * as Effect from "effect/Effect"
import type { Listener } from "../request/Handler.ts"
import { endpointsOf, leadershipFor, NO_LEADER, notLedHere, Placement } from "../request/Placement.ts"
import type { BrokerNode, Leadership } from "../request/Placement.ts"
import type { ShareSession } from "./ShareSessions.ts"

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

/** What both requests that acknowledge have in common. */
export const shareAcknowledging = Effect.gen(function* () {
  const partitions = yield* SharePartitions
  const placement = yield* Placement
  const topics = yield* Topics

  const partitionIdOf = (topicId: string, partition: number): number | KafkaError => {
    const topic = topics.byId(topicId)
    if (topic === undefined) return new UnknownTopicId()
    const partitionId = topic.partitionIds[partition]
    if (partitionId === undefined) return new UnknownTopicOrPartition()
    return notLedHere(placement, partitionId, -1) ?? partitionId
  }

  /** Null: taken. */
  const acknowledge = (
    session: ShareSession,
    topicId: string,
    partition: number,
    batches: ReadonlyArray<AcknowledgementBatch>,
    isRenewAck: boolean
  ): Effect.Effect<KafkaError | null> => {
    const partitionId = partitionIdOf(topicId, partition)
    if (typeof partitionId !== "number") return Effect.succeed(partitionId)
    const problem = problemOf(batches, isRenewAck)
    if (problem !== undefined) return Effect.succeed(problem)
    const { groupId, memberId } = session
    return partitions
      .acknowledge({
        groupId,
        memberId,
        partitionId,
        batches: batches.map(({ acknowledgeTypes, firstOffset, lastOffset }) => ({
          first: firstOffset,
          last: lastOffset,
          types: acknowledgeTypes
        }))
      })
      .pipe(
        Effect.as(null),
        Effect.catch((error) => Effect.succeed(error))
      )
  }

  /** The member has ended its session, or is gone: what it holds is free again. */
  const release = ({ groupId, memberId, partitions: shared }: ShareSession): Effect.Effect<void> => {
    const ids: Array<number> = []
    for (const { partition, topicId } of shared.values()) {
      const partitionId = partitionIdOf(topicId, partition)
      if (typeof partitionId === "number") ids.push(partitionId)
    }
    // Else it is free when its locks are over.
    return Effect.ignore(partitions.releaseMember(groupId, memberId, ids))
  }

  /** Where to turn to for a partition that is refused for its leader's sake. */
  const leadership = (error: KafkaError | null, topicId: string, partition: number): Leadership =>
    error === null ? NO_LEADER : leadershipFor(error, placement, topics.byId(topicId)?.partitionIds[partition])
  const endpoints = (leaders: Iterable<Leadership>, listener: Listener): ReadonlyArray<BrokerNode> =>
    endpointsOf(
      Array.from(leaders, ({ leaderId }) => leaderId),
      placement,
      listener
    )

  return { acknowledge, endpoints, leadership, partitionIdOf, release }
})
