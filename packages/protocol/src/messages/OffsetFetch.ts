import { type Api, api } from "../codec/Api.ts"
import {
  array,
  bool,
  field,
  int16,
  int32,
  int64,
  nullable,
  string,
  struct,
  uuid,
  type Value
} from "../codec/Declare.ts"

export const OffsetFetchRequestTopic = struct("OffsetFetchRequestTopic", {
  name: field(string, "0-7"),
  partitionIndexes: field(array(int32), "0-7")
})
export interface OffsetFetchRequestTopic extends Value<typeof OffsetFetchRequestTopic> {}

export const OffsetFetchRequestTopics = struct("OffsetFetchRequestTopics", {
  name: field(string, "8-9", { ignorable: true }),
  topicId: field(uuid, "10+", { ignorable: true }),
  partitionIndexes: field(array(int32), "8+")
})
export interface OffsetFetchRequestTopics extends Value<typeof OffsetFetchRequestTopics> {}

export const OffsetFetchRequestGroup = struct("OffsetFetchRequestGroup", {
  groupId: field(string, "8+"),
  memberId: nullable(string, "9+", "9+", { default: null, ignorable: true }),
  memberEpoch: field(int32, "9+", { default: -1, ignorable: true }),
  topics: nullable(array(OffsetFetchRequestTopics), "8+")
})
export interface OffsetFetchRequestGroup extends Value<typeof OffsetFetchRequestGroup> {}

export const OffsetFetchRequest = struct("OffsetFetchRequest", {
  groupId: field(string, "0-7"),
  topics: nullable(array(OffsetFetchRequestTopic), "0-7", "2-7"),
  groups: field(array(OffsetFetchRequestGroup), "8+"),
  requireStable: field(bool, "7+")
})
export interface OffsetFetchRequest extends Value<typeof OffsetFetchRequest> {}

export const OffsetFetchResponsePartition = struct("OffsetFetchResponsePartition", {
  partitionIndex: field(int32, "0-7"),
  committedOffset: field(int64, "0-7"),
  committedLeaderEpoch: field(int32, "5-7", { default: -1, ignorable: true }),
  metadata: nullable(string, "0-7"),
  errorCode: field(int16, "0-7")
})
export interface OffsetFetchResponsePartition extends Value<typeof OffsetFetchResponsePartition> {}

export const OffsetFetchResponseTopic = struct("OffsetFetchResponseTopic", {
  name: field(string, "0-7"),
  partitions: field(array(OffsetFetchResponsePartition), "0-7")
})
export interface OffsetFetchResponseTopic extends Value<typeof OffsetFetchResponseTopic> {}

export const OffsetFetchResponsePartitions = struct("OffsetFetchResponsePartitions", {
  partitionIndex: field(int32, "8+"),
  committedOffset: field(int64, "8+"),
  committedLeaderEpoch: field(int32, "8+", { default: -1, ignorable: true }),
  metadata: nullable(string, "8+"),
  errorCode: field(int16, "8+")
})
export interface OffsetFetchResponsePartitions extends Value<typeof OffsetFetchResponsePartitions> {}

export const OffsetFetchResponseTopics = struct("OffsetFetchResponseTopics", {
  name: field(string, "8-9", { ignorable: true }),
  topicId: field(uuid, "10+", { ignorable: true }),
  partitions: field(array(OffsetFetchResponsePartitions), "8+")
})
export interface OffsetFetchResponseTopics extends Value<typeof OffsetFetchResponseTopics> {}

export const OffsetFetchResponseGroup = struct("OffsetFetchResponseGroup", {
  groupId: field(string, "8+"),
  topics: field(array(OffsetFetchResponseTopics), "8+"),
  errorCode: field(int16, "8+")
})
export interface OffsetFetchResponseGroup extends Value<typeof OffsetFetchResponseGroup> {}

export const OffsetFetchResponse = struct("OffsetFetchResponse", {
  throttleTimeMs: field(int32, "3+", { ignorable: true }),
  topics: field(array(OffsetFetchResponseTopic), "0-7"),
  errorCode: field(int16, "2-7", { ignorable: true }),
  groups: field(array(OffsetFetchResponseGroup), "8+")
})
export interface OffsetFetchResponse extends Value<typeof OffsetFetchResponse> {}

/**
 * Reads a group's committed offsets.
 *
 * Version 2 can ask for all topics, 5 has leader epochs (KIP-320), 6 is flexible, 7 waits for open transactions
 * (KIP-447), 8 asks for several groups (KIP-709), 9 knows the new group protocol (KIP-848), 10 topic ids. Version 0 ended
 * with Kafka 4.
 */
export const OffsetFetch: Api<OffsetFetchRequest, OffsetFetchResponse> = api({
  name: "OffsetFetch",
  key: 9,
  versions: "0-10",
  flexible: "6+",
  advertised: [1, 10],
  request: OffsetFetchRequest,
  response: OffsetFetchResponse
})
