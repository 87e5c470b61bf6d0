import { OffsetCommit } from "@tusk/protocol/messages/OffsetCommit"
import type { Wire } from "./Wire.ts"

/** Commits offsets of one topic, by partition, as a member of either protocol; the code of each. */
export const commitOffsets = async (
  wire: Wire,
  topic: string,
  offsets: ReadonlyMap<number, bigint>,
  who: {
    readonly groupId: string
    readonly generationIdOrMemberEpoch: number
    readonly memberId: string
    readonly groupInstanceId: string | null
  }
): Promise<ReadonlyArray<number>> => {
  const partitions = Array.from(offsets, ([partitionIndex, committedOffset]) => ({
    partitionIndex,
    committedOffset,
    committedMetadata: ""
  }))
  const answer = await wire.call(OffsetCommit, 9, { ...who, topics: [{ name: topic, partitions }] })
  return answer.topics.flatMap((one) => one.partitions.map(({ errorCode }) => errorCode))
}
