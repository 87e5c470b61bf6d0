import { type Api, api } from "../codec/Api.ts"
import { bytes, field, int16, int64, nullable, string, struct, type Value } from "../codec/Declare.ts"

export const SaslAuthenticateRequest = struct("SaslAuthenticateRequest", {
  authBytes: field(bytes)
})
export interface SaslAuthenticateRequest extends Value<typeof SaslAuthenticateRequest> {}

export const SaslAuthenticateResponse = struct("SaslAuthenticateResponse", {
  errorCode: field(int16),
  errorMessage: nullable(string),
  authBytes: field(bytes),
  sessionLifetimeMs: field(int64, "1+", { ignorable: true })
})
export interface SaslAuthenticateResponse extends Value<typeof SaslAuthenticateResponse> {}

/**
 * One step of a SASL exchange (KIP-152).
 *
 * Version 1 brought the session's lifetime (KIP-368), 2 the flexible encoding.
 */
export const SaslAuthenticate: Api<SaslAuthenticateRequest, SaslAuthenticateResponse> = api({
  name: "SaslAuthenticate",
  key: 36,
  versions: "0-2",
  flexible: "2+",
  advertised: [0, 2],
  request: SaslAuthenticateRequest,
  response: SaslAuthenticateResponse
})
