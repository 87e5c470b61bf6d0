import { type Api, api } from "../codec/Api.ts"
import { array, field, int16, int32, string, struct, type Value } from "../codec/Declare.ts"

export const OffsetDeleteRequestPartition = struct("OffsetDeleteRequestPartition", {
  partitionIndex: field(int32)
})
export interface OffsetDeleteRequestPartition extends Value<typeof OffsetDeleteRequestPartition> {}

export const OffsetDeleteRequestTopic = struct("OffsetDeleteRequestTopic", {
  name: field(string),
  partitions: field(array(OffsetDeleteRequestPartition))
})
export interface OffsetDeleteRequestTopic extends Value<typeof OffsetDeleteRequestTopic> {}

export const OffsetDeleteRequest = struct("OffsetDeleteRequest", {
  groupId: field(string),
  topics: field(array(OffsetDeleteRequestTopic))
})
export interface OffsetDeleteRequest extends Value<typeof OffsetDeleteRequest> {}

export const OffsetDeleteResponsePartition = struct("OffsetDeleteResponsePartition", {
  partitionIndex: field(int32),
  errorCode: field(int16)
})
export interface OffsetDeleteResponsePartition extends Value<typeof OffsetDeleteResponsePartition> {}

export const OffsetDeleteResponseTopic = struct("OffsetDeleteResponseTopic", {
  name: field(string),
  partitions: field(array(OffsetDeleteResponsePartition))
})
export interface OffsetDeleteResponseTopic extends Value<typeof OffsetDeleteResponseTopic> {}

export const OffsetDeleteResponse = struct("OffsetDeleteResponse", {
  errorCode: field(int16),
  throttleTimeMs: field(int32),
  topics: field(array(OffsetDeleteResponseTopic))
})
export interface OffsetDeleteResponse extends Value<typeof OffsetDeleteResponse> {}

/**
 * Deletes a group's committed offsets (KIP-496).
 */
export const OffsetDelete: Api<OffsetDeleteRequest, OffsetDeleteResponse> = api({
  name: "OffsetDelete",
  key: 47,
  versions: "0",
  flexible: "none",
  advertised: [0, 0],
  request: OffsetDeleteRequest,
  response: OffsetDeleteResponse
})
