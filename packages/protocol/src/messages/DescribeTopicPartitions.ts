import { type Api, api } from "../codec/Api.ts"
import { array, bool, field, int16, int32, nullable, string, struct, uuid, type Value } from "../codec/Declare.ts"

export const DescribeTopicPartitionsRequestTopicRequest = struct("TopicRequest", {
  name: field(string)
})
export interface DescribeTopicPartitionsRequestTopicRequest extends Value<
  typeof DescribeTopicPartitionsRequestTopicRequest
> {}

export const DescribeTopicPartitionsRequestCursor = struct("Cursor", {
  topicName: field(string),
  partitionIndex: field(int32)
})
export interface DescribeTopicPartitionsRequestCursor extends Value<typeof DescribeTopicPartitionsRequestCursor> {}

export const DescribeTopicPartitionsRequest = struct("DescribeTopicPartitionsRequest", {
  topics: field(array(DescribeTopicPartitionsRequestTopicRequest)),
  responsePartitionLimit: field(int32, "0+", { default: 2000 }),
  cursor: nullable(DescribeTopicPartitionsRequestCursor, "0+", "0+", { default: null })
})
export interface DescribeTopicPartitionsRequest extends Value<typeof DescribeTopicPartitionsRequest> {}

export const DescribeTopicPartitionsResponsePartition = struct("DescribeTopicPartitionsResponsePartition", {
  errorCode: field(int16),
  partitionIndex: field(int32),
  leaderId: field(int32),
  leaderEpoch: field(int32, "0+", { default: -1 }),
  replicaNodes: field(array(int32)),
  isrNodes: field(array(int32)),
  eligibleLeaderReplicas: nullable(array(int32), "0+", "0+", { default: null }),
  lastKnownElr: nullable(array(int32), "0+", "0+", { default: null }),
  offlineReplicas: field(array(int32))
})
export interface DescribeTopicPartitionsResponsePartition extends Value<
  typeof DescribeTopicPartitionsResponsePartition
> {}

export const DescribeTopicPartitionsResponseTopic = struct("DescribeTopicPartitionsResponseTopic", {
  errorCode: field(int16),
  name: nullable(string),
  topicId: field(uuid),
  isInternal: field(bool),
  partitions: field(array(DescribeTopicPartitionsResponsePartition)),
  topicAuthorizedOperations: field(int32, "0+", { default: -2147483648 })
})
export interface DescribeTopicPartitionsResponseTopic extends Value<typeof DescribeTopicPartitionsResponseTopic> {}

export const DescribeTopicPartitionsResponseCursor = struct("Cursor", {
  topicName: field(string),
  partitionIndex: field(int32)
})
export interface DescribeTopicPartitionsResponseCursor extends Value<typeof DescribeTopicPartitionsResponseCursor> {}

export const DescribeTopicPartitionsResponse = struct("DescribeTopicPartitionsResponse", {
  throttleTimeMs: field(int32),
  topics: field(array(DescribeTopicPartitionsResponseTopic)),
  nextCursor: nullable(DescribeTopicPartitionsResponseCursor, "0+", "0+", { default: null })
})
export interface DescribeTopicPartitionsResponse extends Value<typeof DescribeTopicPartitionsResponse> {}

/**
 * Topics with their partitions, a page at a time (KIP-966).
 */
export const DescribeTopicPartitions: Api<DescribeTopicPartitionsRequest, DescribeTopicPartitionsResponse> = api({
  name: "DescribeTopicPartitions",
  key: 75,
  versions: "0",
  flexible: "0+",
  advertised: [0, 0],
  request: DescribeTopicPartitionsRequest,
  response: DescribeTopicPartitionsResponse
})
