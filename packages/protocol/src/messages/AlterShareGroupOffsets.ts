import { type Api, api } from "../codec/Api.ts"
import { array, field, int16, int32, int64, nullable, string, struct, uuid, type Value } from "../codec/Declare.ts"

export const AlterShareGroupOffsetsRequestPartition = struct("AlterShareGroupOffsetsRequestPartition", {
  partitionIndex: field(int32),
  startOffset: field(int64)
})
export interface AlterShareGroupOffsetsRequestPartition extends Value<typeof AlterShareGroupOffsetsRequestPartition> {}

export const AlterShareGroupOffsetsRequestTopic = struct("AlterShareGroupOffsetsRequestTopic", {
  topicName: field(string),
  partitions: field(array(AlterShareGroupOffsetsRequestPartition))
})
export interface AlterShareGroupOffsetsRequestTopic extends Value<typeof AlterShareGroupOffsetsRequestTopic> {}

export const AlterShareGroupOffsetsRequest = struct("AlterShareGroupOffsetsRequest", {
  groupId: field(string),
  topics: field(array(AlterShareGroupOffsetsRequestTopic))
})
export interface AlterShareGroupOffsetsRequest extends Value<typeof AlterShareGroupOffsetsRequest> {}

export const AlterShareGroupOffsetsResponsePartition = struct("AlterShareGroupOffsetsResponsePartition", {
  partitionIndex: field(int32),
  errorCode: field(int16),
  errorMessage: nullable(string, "0+", "0+", { default: null })
})
export interface AlterShareGroupOffsetsResponsePartition extends Value<
  typeof AlterShareGroupOffsetsResponsePartition
> {}

export const AlterShareGroupOffsetsResponseTopic = struct("AlterShareGroupOffsetsResponseTopic", {
  topicName: field(string),
  topicId: field(uuid),
  partitions: field(array(AlterShareGroupOffsetsResponsePartition))
})
export interface AlterShareGroupOffsetsResponseTopic extends Value<typeof AlterShareGroupOffsetsResponseTopic> {}

export const AlterShareGroupOffsetsResponse = struct("AlterShareGroupOffsetsResponse", {
  throttleTimeMs: field(int32),
  errorCode: field(int16),
  errorMessage: nullable(string, "0+", "0+", { default: null }),
  responses: field(array(AlterShareGroupOffsetsResponseTopic))
})
export interface AlterShareGroupOffsetsResponse extends Value<typeof AlterShareGroupOffsetsResponse> {}

/**
 * Sets a share group's start offsets (KIP-932).
 */
export const AlterShareGroupOffsets: Api<AlterShareGroupOffsetsRequest, AlterShareGroupOffsetsResponse> = api({
  name: "AlterShareGroupOffsets",
  key: 91,
  versions: "0",
  flexible: "0+",
  advertised: [0, 0],
  request: AlterShareGroupOffsetsRequest,
  response: AlterShareGroupOffsetsResponse
})
