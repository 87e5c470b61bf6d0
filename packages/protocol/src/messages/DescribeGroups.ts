import { type Api, api } from "../codec/Api.ts"
import { array, bool, bytes, field, int16, int32, nullable, string, struct, type Value } from "../codec/Declare.ts"

export const DescribeGroupsRequest = struct("DescribeGroupsRequest", {
  groups: field(array(string)),
  includeAuthorizedOperations: field(bool, "3+")
})
export interface DescribeGroupsRequest extends Value<typeof DescribeGroupsRequest> {}

export const DescribedGroupMember = struct("DescribedGroupMember", {
  memberId: field(string),
  groupInstanceId: nullable(string, "4+", "4+", { default: null, ignorable: true }),
  clientId: field(string),
  clientHost: field(string),
  memberMetadata: field(bytes),
  memberAssignment: field(bytes)
})
export interface DescribedGroupMember extends Value<typeof DescribedGroupMember> {}

export const DescribeGroupsResponseDescribedGroup = struct("DescribedGroup", {
  errorCode: field(int16),
  errorMessage: nullable(string, "6+", "6+", { default: null }),
  groupId: field(string),
  groupState: field(string),
  protocolType: field(string),
  protocolData: field(string),
  members: field(array(DescribedGroupMember)),
  authorizedOperations: field(int32, "3+", { default: -2147483648 })
})
export interface DescribeGroupsResponseDescribedGroup extends Value<typeof DescribeGroupsResponseDescribedGroup> {}

export const DescribeGroupsResponse = struct("DescribeGroupsResponse", {
  throttleTimeMs: field(int32, "1+", { ignorable: true }),
  groups: field(array(DescribeGroupsResponseDescribedGroup))
})
export interface DescribeGroupsResponse extends Value<typeof DescribeGroupsResponse> {}

/**
 * State and members of classic groups.
 *
 * Version 3 brought authorized operations (KIP-430), 4 static members (KIP-345), 5 the flexible encoding, 6 the error for a
 * group that is not there, with a message (KIP-1043).
 */
export const DescribeGroups: Api<DescribeGroupsRequest, DescribeGroupsResponse> = api({
  name: "DescribeGroups",
  key: 15,
  versions: "0-6",
  flexible: "5+",
  advertised: [0, 6],
  request: DescribeGroupsRequest,
  response: DescribeGroupsResponse
})
