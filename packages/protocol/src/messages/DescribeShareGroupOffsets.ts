import { type Api, api } from "../codec/Api.ts"
import { array, field, int16, int32, int64, nullable, string, struct, uuid, type Value } from "../codec/Declare.ts"

export const DescribeShareGroupOffsetsRequestTopic = struct("DescribeShareGroupOffsetsRequestTopic", {
  topicName: field(string),
  partitions: field(array(int32))
})
export interface DescribeShareGroupOffsetsRequestTopic extends Value<typeof DescribeShareGroupOffsetsRequestTopic> {}

export const DescribeShareGroupOffsetsRequestGroup = struct("DescribeShareGroupOffsetsRequestGroup", {
  groupId: field(string),
  topics: nullable(array(DescribeShareGroupOffsetsRequestTopic))
})
export interface DescribeShareGroupOffsetsRequestGroup extends Value<typeof DescribeShareGroupOffsetsRequestGroup> {}

export const DescribeShareGroupOffsetsRequest = struct("DescribeShareGroupOffsetsRequest", {
  groups: field(array(DescribeShareGroupOffsetsRequestGroup))
})
export interface DescribeShareGroupOffsetsRequest extends Value<typeof DescribeShareGroupOffsetsRequest> {}

export const DescribeShareGroupOffsetsResponsePartition = struct("DescribeShareGroupOffsetsResponsePartition", {
  partitionIndex: field(int32),
  startOffset: field(int64),
  leaderEpoch: field(int32),
  lag: field(int64, "1+", { default: -1n, ignorable: true }),
  errorCode: field(int16),
  errorMessage: nullable(string, "0+", "0+", { default: null })
})
export interface DescribeShareGroupOffsetsResponsePartition extends Value<
  typeof DescribeShareGroupOffsetsResponsePartition
> {}

export const DescribeShareGroupOffsetsResponseTopic = struct("DescribeShareGroupOffsetsResponseTopic", {
  topicName: field(string),
  topicId: field(uuid),
  partitions: field(array(DescribeShareGroupOffsetsResponsePartition))
})
export interface DescribeShareGroupOffsetsResponseTopic extends Value<typeof DescribeShareGroupOffsetsResponseTopic> {}

export const DescribeShareGroupOffsetsResponseGroup = struct("DescribeShareGroupOffsetsResponseGroup", {
  groupId: field(string),
  topics: field(array(DescribeShareGroupOffsetsResponseTopic)),
  errorCode: field(int16),
  errorMessage: nullable(string, "0+", "0+", { default: null })
})
export interface DescribeShareGroupOffsetsResponseGroup extends Value<typeof DescribeShareGroupOffsetsResponseGroup> {}

export const DescribeShareGroupOffsetsResponse = struct("DescribeShareGroupOffsetsResponse", {
  throttleTimeMs: field(int32),
  groups: field(array(DescribeShareGroupOffsetsResponseGroup))
})
export interface DescribeShareGroupOffsetsResponse extends Value<typeof DescribeShareGroupOffsetsResponse> {}

/**
 * Start offsets of a share group (KIP-932).
 *
 * Version 1 brought the lag (KIP-1226).
 */
export const DescribeShareGroupOffsets: Api<DescribeShareGroupOffsetsRequest, DescribeShareGroupOffsetsResponse> = api({
  name: "DescribeShareGroupOffsets",
  key: 90,
  versions: "0-1",
  flexible: "0+",
  advertised: [0, 1],
  request: DescribeShareGroupOffsetsRequest,
  response: DescribeShareGroupOffsetsResponse
})
