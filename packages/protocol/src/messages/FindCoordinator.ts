import { type Api, api } from "../codec/Api.ts"
import { array, field, int16, int32, int8, nullable, string, struct, type Value } from "../codec/Declare.ts"

export const FindCoordinatorRequest = struct("FindCoordinatorRequest", {
  key: field(string, "0-3"),
  keyType: field(int8, "1+"),
  coordinatorKeys: field(array(string), "4+")
})
export interface FindCoordinatorRequest extends Value<typeof FindCoordinatorRequest> {}

export const Coordinator = struct("Coordinator", {
  key: field(string, "4+"),
  nodeId: field(int32, "4+"),
  host: field(string, "4+"),
  port: field(int32, "4+"),
  errorCode: field(int16, "4+"),
  errorMessage: nullable(string, "4+", "4+", { ignorable: true })
})
export interface Coordinator extends Value<typeof Coordinator> {}

export const FindCoordinatorResponse = struct("FindCoordinatorResponse", {
  throttleTimeMs: field(int32, "1+", { ignorable: true }),
  errorCode: field(int16, "0-3"),
  errorMessage: nullable(string, "1-3", "1-3", { ignorable: true }),
  nodeId: field(int32, "0-3"),
  host: field(string, "0-3"),
  port: field(int32, "0-3"),
  coordinators: field(array(Coordinator), "4+")
})
export interface FindCoordinatorResponse extends Value<typeof FindCoordinatorResponse> {}

/**
 * Finds the broker that coordinates a group, a transactional id or a share partition.
 *
 * Version 1 brought transactional ids (KIP-98), 3 the flexible encoding, 4 several keys at once (KIP-699), 5 one more error
 * code (KIP-890), 6 share groups (KIP-932).
 */
export const FindCoordinator: Api<FindCoordinatorRequest, FindCoordinatorResponse> = api({
  name: "FindCoordinator",
  key: 10,
  versions: "0-6",
  flexible: "3+",
  advertised: [0, 6],
  request: FindCoordinatorRequest,
  response: FindCoordinatorResponse
})
