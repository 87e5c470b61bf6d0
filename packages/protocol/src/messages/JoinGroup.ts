import { type Api, api } from "../codec/Api.ts"
import { array, bool, bytes, field, int16, int32, nullable, string, struct, type Value } from "../codec/Declare.ts"

export const JoinGroupRequestProtocol = struct("JoinGroupRequestProtocol", {
  name: field(string),
  metadata: field(bytes)
})
export interface JoinGroupRequestProtocol extends Value<typeof JoinGroupRequestProtocol> {}

export const JoinGroupRequest = struct("JoinGroupRequest", {
  groupId: field(string),
  sessionTimeoutMs: field(int32),
  rebalanceTimeoutMs: field(int32, "1+", { default: -1, ignorable: true }),
  memberId: field(string),
  groupInstanceId: nullable(string, "5+", "5+", { default: null }),
  protocolType: field(string),
  protocols: field(array(JoinGroupRequestProtocol)),
  reason: nullable(string, "8+", "8+", { default: null, ignorable: true })
})
export interface JoinGroupRequest extends Value<typeof JoinGroupRequest> {}

export const JoinGroupResponseMember = struct("JoinGroupResponseMember", {
  memberId: field(string),
  groupInstanceId: nullable(string, "5+", "5+", { default: null, ignorable: true }),
  metadata: field(bytes)
})
export interface JoinGroupResponseMember extends Value<typeof JoinGroupResponseMember> {}

export const JoinGroupResponse = struct("JoinGroupResponse", {
  throttleTimeMs: field(int32, "2+", { ignorable: true }),
  errorCode: field(int16),
  generationId: field(int32, "0+", { default: -1 }),
  protocolType: nullable(string, "7+", "7+", { default: null, ignorable: true }),
  protocolName: nullable(string, "0+", "7+"),
  leader: field(string),
  skipAssignment: field(bool, "9+"),
  memberId: field(string),
  members: field(array(JoinGroupResponseMember))
})
export interface JoinGroupResponse extends Value<typeof JoinGroupResponse> {}

/**
 * Enters a classic group or stays in it through a rebalance.
 *
 * Version 1 brought the rebalance time-out, 4 the member id that has to be asked for (KIP-394), 5 static members (KIP-345), 6
 * the flexible encoding, 7 the protocol's type in the answer (KIP-559), 8 the reason (KIP-800), 9 the leader that need not
 * assign (KIP-814).
 */
export const JoinGroup: Api<JoinGroupRequest, JoinGroupResponse> = api({
  name: "JoinGroup",
  key: 11,
  versions: "0-9",
  flexible: "6+",
  advertised: [0, 9],
  request: JoinGroupRequest,
  response: JoinGroupResponse
})
