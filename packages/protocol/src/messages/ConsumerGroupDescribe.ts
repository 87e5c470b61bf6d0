import { type Api, api } from "../codec/Api.ts"
import { array, bool, field, int16, int32, int8, nullable, string, struct, uuid, type Value } from "../codec/Declare.ts"

export const ConsumerGroupDescribeRequest = struct("ConsumerGroupDescribeRequest", {
  groupIds: field(array(string)),
  includeAuthorizedOperations: field(bool)
})
export interface ConsumerGroupDescribeRequest extends Value<typeof ConsumerGroupDescribeRequest> {}

export const ConsumerGroupDescribeResponseTopicPartitions = struct("TopicPartitions", {
  topicId: field(uuid),
  topicName: field(string),
  partitions: field(array(int32))
})
export interface ConsumerGroupDescribeResponseTopicPartitions extends Value<
  typeof ConsumerGroupDescribeResponseTopicPartitions
> {}

export const ConsumerGroupDescribeResponseAssignment = struct("Assignment", {
  topicPartitions: field(array(ConsumerGroupDescribeResponseTopicPartitions))
})
export interface ConsumerGroupDescribeResponseAssignment extends Value<
  typeof ConsumerGroupDescribeResponseAssignment
> {}

export const ConsumerGroupDescribeResponseMember = struct("Member", {
  memberId: field(string),
  instanceId: nullable(string, "0+", "0+", { default: null }),
  rackId: nullable(string, "0+", "0+", { default: null }),
  memberEpoch: field(int32),
  clientId: field(string),
  clientHost: field(string),
  subscribedTopicNames: field(array(string)),
  subscribedTopicRegex: nullable(string, "0+", "0+", { default: null }),
  assignment: field(ConsumerGroupDescribeResponseAssignment),
  targetAssignment: field(ConsumerGroupDescribeResponseAssignment),
  memberType: field(int8, "1+", { default: -1, ignorable: true })
})
export interface ConsumerGroupDescribeResponseMember extends Value<typeof ConsumerGroupDescribeResponseMember> {}

export const ConsumerGroupDescribeResponseDescribedGroup = struct("DescribedGroup", {
  errorCode: field(int16),
  errorMessage: nullable(string, "0+", "0+", { default: null }),
  groupId: field(string),
  groupState: field(string),
  groupEpoch: field(int32),
  assignmentEpoch: field(int32),
  assignorName: field(string),
  members: field(array(ConsumerGroupDescribeResponseMember)),
  authorizedOperations: field(int32, "0+", { default: -2147483648 })
})
export interface ConsumerGroupDescribeResponseDescribedGroup extends Value<
  typeof ConsumerGroupDescribeResponseDescribedGroup
> {}

export const ConsumerGroupDescribeResponse = struct("ConsumerGroupDescribeResponse", {
  throttleTimeMs: field(int32),
  groups: field(array(ConsumerGroupDescribeResponseDescribedGroup))
})
export interface ConsumerGroupDescribeResponse extends Value<typeof ConsumerGroupDescribeResponse> {}

/**
 * State and members of groups of KIP-848.
 *
 * Version 1 tells each member's kind (KIP-1099).
 */
export const ConsumerGroupDescribe: Api<ConsumerGroupDescribeRequest, ConsumerGroupDescribeResponse> = api({
  name: "ConsumerGroupDescribe",
  key: 69,
  versions: "0-1",
  flexible: "0+",
  advertised: [0, 1],
  request: ConsumerGroupDescribeRequest,
  response: ConsumerGroupDescribeResponse
})
