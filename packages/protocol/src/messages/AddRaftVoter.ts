import { type Api, api } from "../codec/Api.ts"
import {
  array,
  bool,
  field,
  int16,
  int32,
  nullable,
  string,
  struct,
  uint16,
  uuid,
  type Value
} from "../codec/Declare.ts"

export const AddRaftVoterRequestListener = struct("Listener", {
  name: field(string),
  host: field(string),
  port: field(uint16)
})
export interface AddRaftVoterRequestListener extends Value<typeof AddRaftVoterRequestListener> {}

export const AddRaftVoterRequest = struct("AddRaftVoterRequest", {
  clusterId: nullable(string),
  timeoutMs: field(int32),
  voterId: field(int32),
  voterDirectoryId: field(uuid),
  listeners: field(array(AddRaftVoterRequestListener)),
  ackWhenCommitted: field(bool, "1+", { default: true })
})
export interface AddRaftVoterRequest extends Value<typeof AddRaftVoterRequest> {}

export const AddRaftVoterResponse = struct("AddRaftVoterResponse", {
  throttleTimeMs: field(int32),
  errorCode: field(int16),
  errorMessage: nullable(string)
})
export interface AddRaftVoterResponse extends Value<typeof AddRaftVoterResponse> {}

/**
 * Adds a controller to the quorum (KIP-853).
 *
 * Version 1 may answer before the change is committed (KIP-1186).
 */
export const AddRaftVoter: Api<AddRaftVoterRequest, AddRaftVoterResponse> = api({
  name: "AddRaftVoter",
  key: 80,
  versions: "0-1",
  flexible: "0+",
  advertised: [0, 1],
  request: AddRaftVoterRequest,
  response: AddRaftVoterResponse
})
