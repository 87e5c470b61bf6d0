import { type Api, api } from "../codec/Api.ts"
import { array, field, int16, int32, nullable, string, struct, type Value } from "../codec/Declare.ts"

export const MemberIdentity = struct("MemberIdentity", {
  memberId: field(string, "3+"),
  groupInstanceId: nullable(string, "3+", "3+", { default: null }),
  reason: nullable(string, "5+", "5+", { default: null, ignorable: true })
})
export interface MemberIdentity extends Value<typeof MemberIdentity> {}

export const LeaveGroupRequest = struct("LeaveGroupRequest", {
  groupId: field(string),
  memberId: field(string, "0-2"),
  members: field(array(MemberIdentity), "3+")
})
export interface LeaveGroupRequest extends Value<typeof LeaveGroupRequest> {}

export const MemberResponse = struct("MemberResponse", {
  memberId: field(string, "3+"),
  groupInstanceId: nullable(string, "3+"),
  errorCode: field(int16, "3+")
})
export interface MemberResponse extends Value<typeof MemberResponse> {}

export const LeaveGroupResponse = struct("LeaveGroupResponse", {
  throttleTimeMs: field(int32, "1+", { ignorable: true }),
  errorCode: field(int16),
  members: field(array(MemberResponse), "3+")
})
export interface LeaveGroupResponse extends Value<typeof LeaveGroupResponse> {}

/**
 * Leaves a classic group.
 *
 * Version 3 lets several members leave at once (KIP-345), 4 is flexible, 5 carries the reason (KIP-800).
 */
export const LeaveGroup: Api<LeaveGroupRequest, LeaveGroupResponse> = api({
  name: "LeaveGroup",
  key: 13,
  versions: "0-5",
  flexible: "4+",
  advertised: [0, 5],
  request: LeaveGroupRequest,
  response: LeaveGroupResponse
})
