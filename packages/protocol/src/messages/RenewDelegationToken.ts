import { type Api, api } from "../codec/Api.ts"
import { bytes, field, int16, int32, int64, struct, type Value } from "../codec/Declare.ts"

export const RenewDelegationTokenRequest = struct("RenewDelegationTokenRequest", {
  hmac: field(bytes),
  renewPeriodMs: field(int64)
})
export interface RenewDelegationTokenRequest extends Value<typeof RenewDelegationTokenRequest> {}

export const RenewDelegationTokenResponse = struct("RenewDelegationTokenResponse", {
  errorCode: field(int16),
  expiryTimestampMs: field(int64),
  throttleTimeMs: field(int32)
})
export interface RenewDelegationTokenResponse extends Value<typeof RenewDelegationTokenResponse> {}

/**
 * Lengthens a delegation token's life (KIP-48).
 *
 * Version 2 is flexible. Version 0 ended with Kafka 4.
 */
export const RenewDelegationToken: Api<RenewDelegationTokenRequest, RenewDelegationTokenResponse> = api({
  name: "RenewDelegationToken",
  key: 39,
  versions: "0-2",
  flexible: "2+",
  advertised: [1, 2],
  request: RenewDelegationTokenRequest,
  response: RenewDelegationTokenResponse
})
