import { type Api, api } from "../codec/Api.ts"
import { array, bool, field, int16, int32, nullable, string, struct, uuid, type Value } from "../codec/Declare.ts"

export const ShareGroupDescribeRequest = struct("ShareGroupDescribeRequest", {
  groupIds: field(array(string)),
  includeAuthorizedOperations: field(bool)
})
export interface ShareGroupDescribeRequest extends Value<typeof ShareGroupDescribeRequest> {}

export const ShareGroupDescribeResponseTopicPartitions = struct("TopicPartitions", {
  topicId: field(uuid),
  topicName: field(string),
  partitions: field(array(int32))
})
export interface ShareGroupDescribeResponseTopicPartitions extends Value<
  typeof ShareGroupDescribeResponseTopicPartitions
> {}

export const ShareGroupDescribeResponseAssignment = struct("Assignment", {
  topicPartitions: field(array(ShareGroupDescribeResponseTopicPartitions))
})
export interface ShareGroupDescribeResponseAssignment extends Value<typeof ShareGroupDescribeResponseAssignment> {}

export const ShareGroupDescribeResponseMember = struct("Member", {
  memberId: field(string),
  rackId: nullable(string, "0+", "0+", { default: null }),
  memberEpoch: field(int32),
  clientId: field(string),
  clientHost: field(string),
  subscribedTopicNames: field(array(string)),
  assignment: field(ShareGroupDescribeResponseAssignment)
})
export interface ShareGroupDescribeResponseMember extends Value<typeof ShareGroupDescribeResponseMember> {}

export const ShareGroupDescribeResponseDescribedGroup = struct("DescribedGroup", {
  errorCode: field(int16),
  errorMessage: nullable(string, "0+", "0+", { default: null }),
  groupId: field(string),
  groupState: field(string),
  groupEpoch: field(int32),
  assignmentEpoch: field(int32),
  assignorName: field(string),
  members: field(array(ShareGroupDescribeResponseMember)),
  authorizedOperations: field(int32, "0+", { default: -2147483648 })
})
export interface ShareGroupDescribeResponseDescribedGroup extends Value<
  typeof ShareGroupDescribeResponseDescribedGroup
> {}

export const ShareGroupDescribeResponse = struct("ShareGroupDescribeResponse", {
  throttleTimeMs: field(int32),
  groups: field(array(ShareGroupDescribeResponseDescribedGroup))
})
export interface ShareGroupDescribeResponse extends Value<typeof ShareGroupDescribeResponse> {}

/**
 * State and members of share groups (KIP-932).
 *
 * Version 0 was a preview of Kafka 3.9 and 4.0.
 */
export const ShareGroupDescribe: Api<ShareGroupDescribeRequest, ShareGroupDescribeResponse> = api({
  name: "ShareGroupDescribe",
  key: 77,
  versions: "0-1",
  flexible: "0+",
  advertised: [1, 1],
  request: ShareGroupDescribeRequest,
  response: ShareGroupDescribeResponse
})
