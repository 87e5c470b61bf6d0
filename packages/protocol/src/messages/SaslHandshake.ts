import { type Api, api } from "../codec/Api.ts"
import { array, field, int16, string, struct, type Value } from "../codec/Declare.ts"

export const SaslHandshakeRequest = struct("SaslHandshakeRequest", {
  mechanism: field(string)
})
export interface SaslHandshakeRequest extends Value<typeof SaslHandshakeRequest> {}

export const SaslHandshakeResponse = struct("SaslHandshakeResponse", {
  errorCode: field(int16),
  mechanisms: field(array(string))
})
export interface SaslHandshakeResponse extends Value<typeof SaslHandshakeResponse> {}

/**
 * Agrees on a SASL mechanism.
 *
 * From version 1 the exchange goes through SaslAuthenticate (KIP-152); after 0 it is raw bytes.
 */
export const SaslHandshake: Api<SaslHandshakeRequest, SaslHandshakeResponse> = api({
  name: "SaslHandshake",
  key: 17,
  versions: "0-1",
  flexible: "none",
  advertised: [0, 1],
  request: SaslHandshakeRequest,
  response: SaslHandshakeResponse
})
