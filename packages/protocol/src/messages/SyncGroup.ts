import { type Api, api } from "../codec/Api.ts"
import { array, bytes, field, int16, int32, nullable, string, struct, type Value } from "../codec/Declare.ts"

export const SyncGroupRequestAssignment = struct("SyncGroupRequestAssignment", {
  memberId: field(string),
  assignment: field(bytes)
})
export interface SyncGroupRequestAssignment extends Value<typeof SyncGroupRequestAssignment> {}

export const SyncGroupRequest = struct("SyncGroupRequest", {
  groupId: field(string),
  generationId: field(int32),
  memberId: field(string),
  groupInstanceId: nullable(string, "3+", "3+", { default: null }),
  protocolType: nullable(string, "5+", "5+", { default: null, ignorable: true }),
  protocolName: nullable(string, "5+", "5+", { default: null, ignorable: true }),
  assignments: field(array(SyncGroupRequestAssignment))
})
export interface SyncGroupRequest extends Value<typeof SyncGroupRequest> {}

export const SyncGroupResponse = struct("SyncGroupResponse", {
  throttleTimeMs: field(int32, "1+", { ignorable: true }),
  errorCode: field(int16),
  protocolType: nullable(string, "5+", "5+", { default: null, ignorable: true }),
  protocolName: nullable(string, "5+", "5+", { default: null, ignorable: true }),
  assignment: field(bytes)
})
export interface SyncGroupResponse extends Value<typeof SyncGroupResponse> {}

/**
 * Hands the leader's assignment to all members of a classic group.
 *
 * Version 3 brought static members (KIP-345), 4 the flexible encoding, 5 the protocol's type and name (KIP-559).
 */
export const SyncGroup: Api<SyncGroupRequest, SyncGroupResponse> = api({
  name: "SyncGroup",
  key: 14,
  versions: "0-5",
  flexible: "4+",
  advertised: [0, 5],
  request: SyncGroupRequest,
  response: SyncGroupResponse
})
