import { type Api, api } from "../codec/Api.ts"
import { field, int16, int32, nullable, string, struct, type Value } from "../codec/Declare.ts"

export const HeartbeatRequest = struct("HeartbeatRequest", {
  groupId: field(string),
  generationId: field(int32),
  memberId: field(string),
  groupInstanceId: nullable(string, "3+", "3+", { default: null })
})
export interface HeartbeatRequest extends Value<typeof HeartbeatRequest> {}

export const HeartbeatResponse = struct("HeartbeatResponse", {
  throttleTimeMs: field(int32, "1+", { ignorable: true }),
  errorCode: field(int16)
})
export interface HeartbeatResponse extends Value<typeof HeartbeatResponse> {}

/**
 * Keeps a member of a classic group alive.
 *
 * Version 3 brought static members (KIP-345), 4 the flexible encoding.
 */
export const Heartbeat: Api<HeartbeatRequest, HeartbeatResponse> = api({
  name: "Heartbeat",
  key: 12,
  versions: "0-4",
  flexible: "4+",
  advertised: [0, 4],
  request: HeartbeatRequest,
  response: HeartbeatResponse
})
