import { type Api, api } from "../codec/Api.ts"
import { field, int16, int32, nullable, string, struct, uuid, type Value } from "../codec/Declare.ts"

export const RemoveRaftVoterRequest = struct("RemoveRaftVoterRequest", {
  clusterId: nullable(string),
  voterId: field(int32),
  voterDirectoryId: field(uuid)
})
export interface RemoveRaftVoterRequest extends Value<typeof RemoveRaftVoterRequest> {}

export const RemoveRaftVoterResponse = struct("RemoveRaftVoterResponse", {
  throttleTimeMs: field(int32),
  errorCode: field(int16),
  errorMessage: nullable(string)
})
export interface RemoveRaftVoterResponse extends Value<typeof RemoveRaftVoterResponse> {}

/**
 * Removes a controller from the quorum (KIP-853).
 */
export const RemoveRaftVoter: Api<RemoveRaftVoterRequest, RemoveRaftVoterResponse> = api({
  name: "RemoveRaftVoter",
  key: 81,
  versions: "0",
  flexible: "0+",
  advertised: [0, 0],
  request: RemoveRaftVoterRequest,
  response: RemoveRaftVoterResponse
})
