import { type Api, api } from "../codec/Api.ts"
import { array, field, int16, int32, int64, nullable, string, struct, uuid, type Value } from "../codec/Declare.ts"

export const OffsetCommitRequestPartition = struct("OffsetCommitRequestPartition", {
  partitionIndex: field(int32),
  committedOffset: field(int64),
  committedLeaderEpoch: field(int32, "6+", { default: -1, ignorable: true }),
  commitTimestamp: field(int64, "1", { default: -1n }),
  committedMetadata: nullable(string)
})
export interface OffsetCommitRequestPartition extends Value<typeof OffsetCommitRequestPartition> {}

export const OffsetCommitRequestTopic = struct("OffsetCommitRequestTopic", {
  name: field(string, "0-9", { ignorable: true }),
  topicId: field(uuid, "10+", { ignorable: true }),
  partitions: field(array(OffsetCommitRequestPartition))
})
export interface OffsetCommitRequestTopic extends Value<typeof OffsetCommitRequestTopic> {}

export const OffsetCommitRequest = struct("OffsetCommitRequest", {
  groupId: field(string),
  generationIdOrMemberEpoch: field(int32, "1+", { default: -1, ignorable: true }),
  memberId: field(string, "1+", { ignorable: true }),
  groupInstanceId: nullable(string, "7+", "7+", { default: null }),
  retentionTimeMs: field(int64, "2-4", { default: -1n, ignorable: true }),
  topics: field(array(OffsetCommitRequestTopic))
})
export interface OffsetCommitRequest extends Value<typeof OffsetCommitRequest> {}

export const OffsetCommitResponsePartition = struct("OffsetCommitResponsePartition", {
  partitionIndex: field(int32),
  errorCode: field(int16)
})
export interface OffsetCommitResponsePartition extends Value<typeof OffsetCommitResponsePartition> {}

export const OffsetCommitResponseTopic = struct("OffsetCommitResponseTopic", {
  name: field(string, "0-9", { ignorable: true }),
  topicId: field(uuid, "10+", { ignorable: true }),
  partitions: field(array(OffsetCommitResponsePartition))
})
export interface OffsetCommitResponseTopic extends Value<typeof OffsetCommitResponseTopic> {}

export const OffsetCommitResponse = struct("OffsetCommitResponse", {
  throttleTimeMs: field(int32, "3+", { ignorable: true }),
  topics: field(array(OffsetCommitResponseTopic))
})
export interface OffsetCommitResponse extends Value<typeof OffsetCommitResponse> {}

/**
 * Stores a group's offsets.
 *
 * Version 1 brought members and generations, 2 retention (until 4), 6 leader epochs (KIP-320), 7 static members (KIP-345),
 * 8 the flexible encoding, 9 the new group protocol (KIP-848), 10 topic ids. Versions 0 and 1 ended with Kafka 4.
 */
export const OffsetCommit: Api<OffsetCommitRequest, OffsetCommitResponse> = api({
  name: "OffsetCommit",
  key: 8,
  versions: "0-10",
  flexible: "8+",
  advertised: [2, 10],
  request: OffsetCommitRequest,
  response: OffsetCommitResponse
})
