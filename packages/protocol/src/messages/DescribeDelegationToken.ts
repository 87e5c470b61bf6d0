import { type Api, api } from "../codec/Api.ts"
import { array, bytes, field, int16, int32, int64, nullable, string, struct, type Value } from "../codec/Declare.ts"

export const DescribeDelegationTokenOwner = struct("DescribeDelegationTokenOwner", {
  principalType: field(string),
  principalName: field(string)
})
export interface DescribeDelegationTokenOwner extends Value<typeof DescribeDelegationTokenOwner> {}

export const DescribeDelegationTokenRequest = struct("DescribeDelegationTokenRequest", {
  owners: nullable(array(DescribeDelegationTokenOwner))
})
export interface DescribeDelegationTokenRequest extends Value<typeof DescribeDelegationTokenRequest> {}

export const DescribedDelegationTokenRenewer = struct("DescribedDelegationTokenRenewer", {
  principalType: field(string),
  principalName: field(string)
})
export interface DescribedDelegationTokenRenewer extends Value<typeof DescribedDelegationTokenRenewer> {}

export const DescribedDelegationToken = struct("DescribedDelegationToken", {
  principalType: field(string),
  principalName: field(string),
  tokenRequesterPrincipalType: field(string, "3+"),
  tokenRequesterPrincipalName: field(string, "3+"),
  issueTimestamp: field(int64),
  expiryTimestamp: field(int64),
  maxTimestamp: field(int64),
  tokenId: field(string),
  hmac: field(bytes),
  renewers: field(array(DescribedDelegationTokenRenewer))
})
export interface DescribedDelegationToken extends Value<typeof DescribedDelegationToken> {}

export const DescribeDelegationTokenResponse = struct("DescribeDelegationTokenResponse", {
  errorCode: field(int16),
  tokens: field(array(DescribedDelegationToken)),
  throttleTimeMs: field(int32)
})
export interface DescribeDelegationTokenResponse extends Value<typeof DescribeDelegationTokenResponse> {}

/**
 * Delegation tokens by owner (KIP-48).
 *
 * Version 2 is flexible, 3 names who asked for the token (KIP-373). Version 0 ended with Kafka 4.
 */
export const DescribeDelegationToken: Api<DescribeDelegationTokenRequest, DescribeDelegationTokenResponse> = api({
  name: "DescribeDelegationToken",
  key: 41,
  versions: "0-3",
  flexible: "2+",
  advertised: [1, 3],
  request: DescribeDelegationTokenRequest,
  response: DescribeDelegationTokenResponse
})
