import { type Api, api } from "../codec/Api.ts"
import { array, field, int16, int32, nullable, string, struct, uuid, type Value } from "../codec/Declare.ts"

export const ConsumerGroupHeartbeatRequestTopicPartitions = struct("TopicPartitions", {
  topicId: field(uuid),
  partitions: field(array(int32))
})
export interface ConsumerGroupHeartbeatRequestTopicPartitions extends Value<
  typeof ConsumerGroupHeartbeatRequestTopicPartitions
> {}

export const ConsumerGroupHeartbeatRequest = struct("ConsumerGroupHeartbeatRequest", {
  groupId: field(string),
  memberId: field(string),
  memberEpoch: field(int32),
  instanceId: nullable(string, "0+", "0+", { default: null }),
  rackId: nullable(string, "0+", "0+", { default: null }),
  rebalanceTimeoutMs: field(int32, "0+", { default: -1 }),
  subscribedTopicNames: nullable(array(string), "0+", "0+", { default: null }),
  subscribedTopicRegex: nullable(string, "1+", "1+", { default: null }),
  serverAssignor: nullable(string, "0+", "0+", { default: null }),
  topicPartitions: nullable(array(ConsumerGroupHeartbeatRequestTopicPartitions), "0+", "0+", { default: null })
})
export interface ConsumerGroupHeartbeatRequest extends Value<typeof ConsumerGroupHeartbeatRequest> {}

export const ConsumerGroupHeartbeatResponseTopicPartitions = struct("TopicPartitions", {
  topicId: field(uuid),
  partitions: field(array(int32))
})
export interface ConsumerGroupHeartbeatResponseTopicPartitions extends Value<
  typeof ConsumerGroupHeartbeatResponseTopicPartitions
> {}

export const ConsumerGroupHeartbeatResponseAssignment = struct("Assignment", {
  topicPartitions: field(array(ConsumerGroupHeartbeatResponseTopicPartitions))
})
export interface ConsumerGroupHeartbeatResponseAssignment extends Value<
  typeof ConsumerGroupHeartbeatResponseAssignment
> {}

export const ConsumerGroupHeartbeatResponse = struct("ConsumerGroupHeartbeatResponse", {
  throttleTimeMs: field(int32),
  errorCode: field(int16),
  errorMessage: nullable(string, "0+", "0+", { default: null }),
  memberId: nullable(string, "0+", "0+", { default: null }),
  memberEpoch: field(int32),
  heartbeatIntervalMs: field(int32),
  assignment: nullable(ConsumerGroupHeartbeatResponseAssignment, "0+", "0+", { default: null })
})
export interface ConsumerGroupHeartbeatResponse extends Value<typeof ConsumerGroupHeartbeatResponse> {}

/**
 * Membership of a group for which the broker makes the assignment (KIP-848).
 *
 * Version 1 brought subscription by regular expression, and member ids made by the client (KIP-1082).
 */
export const ConsumerGroupHeartbeat: Api<ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse> = api({
  name: "ConsumerGroupHeartbeat",
  key: 68,
  versions: "0-1",
  flexible: "0+",
  advertised: [0, 1],
  request: ConsumerGroupHeartbeatRequest,
  response: ConsumerGroupHeartbeatResponse
})
