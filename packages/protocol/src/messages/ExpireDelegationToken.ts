import { type Api, api } from "../codec/Api.ts"
import { bytes, field, int16, int32, int64, struct, type Value } from "../codec/Declare.ts"

export const ExpireDelegationTokenRequest = struct("ExpireDelegationTokenRequest", {
  hmac: field(bytes),
  expiryTimePeriodMs: field(int64)
})
export interface ExpireDelegationTokenRequest extends Value<typeof ExpireDelegationTokenRequest> {}

export const ExpireDelegationTokenResponse = struct("ExpireDelegationTokenResponse", {
  errorCode: field(int16),
  expiryTimestampMs: field(int64),
  throttleTimeMs: field(int32)
})
export interface ExpireDelegationTokenResponse extends Value<typeof ExpireDelegationTokenResponse> {}

/**
 * Shortens a delegation token's life (KIP-48).
 *
 * Version 2 is flexible. Version 0 ended with Kafka 4.
 */
export const ExpireDelegationToken: Api<ExpireDelegationTokenRequest, ExpireDelegationTokenResponse> = api({
  name: "ExpireDelegationToken",
  key: 40,
  versions: "0-2",
  flexible: "2+",
  advertised: [1, 2],
  request: ExpireDelegationTokenRequest,
  response: ExpireDelegationTokenResponse
})
