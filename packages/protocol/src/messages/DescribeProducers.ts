import { type Api, api } from "../codec/Api.ts"
import { array, field, int16, int32, int64, nullable, string, struct, type Value } from "../codec/Declare.ts"

export const DescribeProducersRequestTopicRequest = struct("TopicRequest", {
  name: field(string),
  partitionIndexes: field(array(int32))
})
export interface DescribeProducersRequestTopicRequest extends Value<typeof DescribeProducersRequestTopicRequest> {}

export const DescribeProducersRequest = struct("DescribeProducersRequest", {
  topics: field(array(DescribeProducersRequestTopicRequest))
})
export interface DescribeProducersRequest extends Value<typeof DescribeProducersRequest> {}

export const ProducerState = struct("ProducerState", {
  producerId: field(int64),
  producerEpoch: field(int32),
  lastSequence: field(int32, "0+", { default: -1 }),
  lastTimestamp: field(int64, "0+", { default: -1n }),
  coordinatorEpoch: field(int32),
  currentTxnStartOffset: field(int64, "0+", { default: -1n })
})
export interface ProducerState extends Value<typeof ProducerState> {}

export const PartitionResponse = struct("PartitionResponse", {
  partitionIndex: field(int32),
  errorCode: field(int16),
  errorMessage: nullable(string, "0+", "0+", { default: null }),
  activeProducers: field(array(ProducerState))
})
export interface PartitionResponse extends Value<typeof PartitionResponse> {}

export const TopicResponse = struct("TopicResponse", {
  name: field(string),
  partitions: field(array(PartitionResponse))
})
export interface TopicResponse extends Value<typeof TopicResponse> {}

export const DescribeProducersResponse = struct("DescribeProducersResponse", {
  throttleTimeMs: field(int32),
  topics: field(array(TopicResponse))
})
export interface DescribeProducersResponse extends Value<typeof DescribeProducersResponse> {}

/**
 * Producers with state in a partition (KIP-664).
 */
export const DescribeProducers: Api<DescribeProducersRequest, DescribeProducersResponse> = api({
  name: "DescribeProducers",
  key: 61,
  versions: "0",
  flexible: "0+",
  advertised: [0, 0],
  request: DescribeProducersRequest,
  response: DescribeProducersResponse
})
