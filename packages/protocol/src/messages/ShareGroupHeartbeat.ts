import { type Api, api } from "../codec/Api.ts"
import { array, field, int16, int32, nullable, string, struct, uuid, type Value } from "../codec/Declare.ts"

export const ShareGroupHeartbeatRequest = struct("ShareGroupHeartbeatRequest", {
  groupId: field(string),
  memberId: field(string),
  memberEpoch: field(int32),
  rackId: nullable(string, "0+", "0+", { default: null }),
  subscribedTopicNames: nullable(array(string), "0+", "0+", { default: null })
})
export interface ShareGroupHeartbeatRequest extends Value<typeof ShareGroupHeartbeatRequest> {}

export const ShareGroupHeartbeatResponseTopicPartitions = struct("TopicPartitions", {
  topicId: field(uuid),
  partitions: field(array(int32))
})
export interface ShareGroupHeartbeatResponseTopicPartitions extends Value<
  typeof ShareGroupHeartbeatResponseTopicPartitions
> {}

export const ShareGroupHeartbeatResponseAssignment = struct("Assignment", {
  topicPartitions: field(array(ShareGroupHeartbeatResponseTopicPartitions))
})
export interface ShareGroupHeartbeatResponseAssignment extends Value<typeof ShareGroupHeartbeatResponseAssignment> {}

export const ShareGroupHeartbeatResponse = struct("ShareGroupHeartbeatResponse", {
  throttleTimeMs: field(int32),
  errorCode: field(int16),
  errorMessage: nullable(string, "0+", "0+", { default: null }),
  memberId: nullable(string, "0+", "0+", { default: null }),
  memberEpoch: field(int32),
  heartbeatIntervalMs: field(int32),
  assignment: nullable(ShareGroupHeartbeatResponseAssignment, "0+", "0+", { default: null })
})
export interface ShareGroupHeartbeatResponse extends Value<typeof ShareGroupHeartbeatResponse> {}

/**
 * Membership of a share group (KIP-932).
 *
 * Version 0 was a preview of Kafka 3.9 and 4.0.
 */
export const ShareGroupHeartbeat: Api<ShareGroupHeartbeatRequest, ShareGroupHeartbeatResponse> = api({
  name: "ShareGroupHeartbeat",
  key: 76,
  versions: "0-1",
  flexible: "0+",
  advertised: [1, 1],
  request: ShareGroupHeartbeatRequest,
  response: ShareGroupHeartbeatResponse
})
