import { type Api, api } from "../codec/Api.ts"
import { array, field, int16, int32, int64, int8, string, struct, type Value } from "../codec/Declare.ts"

export const ListOffsetsPartition = struct("ListOffsetsPartition", {
  partitionIndex: field(int32),
  currentLeaderEpoch: field(int32, "4+", { default: -1, ignorable: true }),
  timestamp: field(int64),
  maxNumOffsets: field(int32, "0", { default: 1 })
})
export interface ListOffsetsPartition extends Value<typeof ListOffsetsPartition> {}

export const ListOffsetsTopic = struct("ListOffsetsTopic", {
  name: field(string),
  partitions: field(array(ListOffsetsPartition))
})
export interface ListOffsetsTopic extends Value<typeof ListOffsetsTopic> {}

export const ListOffsetsRequest = struct("ListOffsetsRequest", {
  replicaId: field(int32),
  isolationLevel: field(int8, "2+"),
  topics: field(array(ListOffsetsTopic)),
  timeoutMs: field(int32, "10+", { ignorable: true })
})
export interface ListOffsetsRequest extends Value<typeof ListOffsetsRequest> {}

export const ListOffsetsPartitionResponse = struct("ListOffsetsPartitionResponse", {
  partitionIndex: field(int32),
  errorCode: field(int16),
  oldStyleOffsets: field(array(int64), "0"),
  timestamp: field(int64, "1+", { default: -1n }),
  offset: field(int64, "1+", { default: -1n }),
  leaderEpoch: field(int32, "4+", { default: -1 })
})
export interface ListOffsetsPartitionResponse extends Value<typeof ListOffsetsPartitionResponse> {}

export const ListOffsetsTopicResponse = struct("ListOffsetsTopicResponse", {
  name: field(string),
  partitions: field(array(ListOffsetsPartitionResponse))
})
export interface ListOffsetsTopicResponse extends Value<typeof ListOffsetsTopicResponse> {}

export const ListOffsetsResponse = struct("ListOffsetsResponse", {
  throttleTimeMs: field(int32, "2+", { ignorable: true }),
  topics: field(array(ListOffsetsTopicResponse))
})
export interface ListOffsetsResponse extends Value<typeof ListOffsetsResponse> {}

/**
 * Finds offsets by time, and the ends of a partition.
 *
 * Version 1 answers one offset instead of several, 2 knows isolation levels (KIP-98), 4 leader epochs (KIP-320), 6 is
 * flexible, 7 finds the largest timestamp (KIP-734), 8 the local log's start (KIP-405), 9 the last tiered offset (KIP-1005),
 * 10 has a time-out for remote look-ups (KIP-1075), 11 the earliest offset not yet tiered (KIP-1023).
 */
export const ListOffsets: Api<ListOffsetsRequest, ListOffsetsResponse> = api({
  name: "ListOffsets",
  key: 2,
  versions: "0-11",
  flexible: "6+",
  advertised: [1, 11],
  request: ListOffsetsRequest,
  response: ListOffsetsResponse
})
