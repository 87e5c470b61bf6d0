import { type Api, api } from "../codec/Api.ts"
import { field, int16, int32, nullable, string, struct, type Value } from "../codec/Declare.ts"

export const UnregisterBrokerRequest = struct("UnregisterBrokerRequest", {
  brokerId: field(int32)
})
export interface UnregisterBrokerRequest extends Value<typeof UnregisterBrokerRequest> {}

export const UnregisterBrokerResponse = struct("UnregisterBrokerResponse", {
  throttleTimeMs: field(int32),
  errorCode: field(int16),
  errorMessage: nullable(string)
})
export interface UnregisterBrokerResponse extends Value<typeof UnregisterBrokerResponse> {}

/**
 * Removes a broker's registration (KIP-631).
 */
export const UnregisterBroker: Api<UnregisterBrokerRequest, UnregisterBrokerResponse> = api({
  name: "UnregisterBroker",
  key: 64,
  versions: "0",
  flexible: "0+",
  advertised: [0, 0],
  request: UnregisterBrokerRequest,
  response: UnregisterBrokerResponse
})
