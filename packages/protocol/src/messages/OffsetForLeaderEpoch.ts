import { type Api, api } from "../codec/Api.ts"
import { array, field, int16, int32, int64, string, struct, type Value } from "../codec/Declare.ts"

export const OffsetForLeaderPartition = struct("OffsetForLeaderPartition", {
  partition: field(int32),
  currentLeaderEpoch: field(int32, "2+", { default: -1, ignorable: true }),
  leaderEpoch: field(int32)
})
export interface OffsetForLeaderPartition extends Value<typeof OffsetForLeaderPartition> {}

export const OffsetForLeaderTopic = struct("OffsetForLeaderTopic", {
  topic: field(string),
  partitions: field(array(OffsetForLeaderPartition))
})
export interface OffsetForLeaderTopic extends Value<typeof OffsetForLeaderTopic> {}

export const OffsetForLeaderEpochRequest = struct("OffsetForLeaderEpochRequest", {
  replicaId: field(int32, "3+", { default: -2, ignorable: true }),
  topics: field(array(OffsetForLeaderTopic))
})
export interface OffsetForLeaderEpochRequest extends Value<typeof OffsetForLeaderEpochRequest> {}

export const OffsetForLeaderEpochResponseEpochEndOffset = struct("EpochEndOffset", {
  errorCode: field(int16),
  partition: field(int32),
  leaderEpoch: field(int32, "1+", { default: -1, ignorable: true }),
  endOffset: field(int64, "0+", { default: -1n })
})
export interface OffsetForLeaderEpochResponseEpochEndOffset extends Value<
  typeof OffsetForLeaderEpochResponseEpochEndOffset
> {}

export const OffsetForLeaderTopicResult = struct("OffsetForLeaderTopicResult", {
  topic: field(string),
  partitions: field(array(OffsetForLeaderEpochResponseEpochEndOffset))
})
export interface OffsetForLeaderTopicResult extends Value<typeof OffsetForLeaderTopicResult> {}

export const OffsetForLeaderEpochResponse = struct("OffsetForLeaderEpochResponse", {
  throttleTimeMs: field(int32, "2+", { ignorable: true }),
  topics: field(array(OffsetForLeaderTopicResult))
})
export interface OffsetForLeaderEpochResponse extends Value<typeof OffsetForLeaderEpochResponse> {}

/**
 * Where a leader epoch ended, for finding truncation (KIP-101, KIP-320).
 *
 * Version 3 brought the replica's id, 4 the flexible encoding. Versions 0 and 1 ended with Kafka 4.
 */
export const OffsetForLeaderEpoch: Api<OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse> = api({
  name: "OffsetForLeaderEpoch",
  key: 23,
  versions: "0-4",
  flexible: "4+",
  advertised: [2, 4],
  request: OffsetForLeaderEpochRequest,
  response: OffsetForLeaderEpochResponse
})
