import { type Api, api } from "../codec/Api.ts"
import { array, bytes, field, int16, int32, int64, nullable, string, struct, type Value } from "../codec/Declare.ts"

export const CreatableRenewers = struct("CreatableRenewers", {
  principalType: field(string),
  principalName: field(string)
})
export interface CreatableRenewers extends Value<typeof CreatableRenewers> {}

export const CreateDelegationTokenRequest = struct("CreateDelegationTokenRequest", {
  ownerPrincipalType: nullable(string, "3+"),
  ownerPrincipalName: nullable(string, "3+"),
  renewers: field(array(CreatableRenewers)),
  maxLifetimeMs: field(int64)
})
export interface CreateDelegationTokenRequest extends Value<typeof CreateDelegationTokenRequest> {}

export const CreateDelegationTokenResponse = struct("CreateDelegationTokenResponse", {
  errorCode: field(int16),
  principalType: field(string),
  principalName: field(string),
  tokenRequesterPrincipalType: field(string, "3+"),
  tokenRequesterPrincipalName: field(string, "3+"),
  issueTimestampMs: field(int64),
  expiryTimestampMs: field(int64),
  maxTimestampMs: field(int64),
  tokenId: field(string),
  hmac: field(bytes),
  throttleTimeMs: field(int32)
})
export interface CreateDelegationTokenResponse extends Value<typeof CreateDelegationTokenResponse> {}

/**
 * Creates a delegation token (KIP-48).
 *
 * Version 2 is flexible, 3 lets one user ask for another (KIP-373). Version 0 ended with Kafka 4.
 */
export const CreateDelegationToken: Api<CreateDelegationTokenRequest, CreateDelegationTokenResponse> = api({
  name: "CreateDelegationToken",
  key: 38,
  versions: "0-3",
  flexible: "2+",
  advertised: [1, 3],
  request: CreateDelegationTokenRequest,
  response: CreateDelegationTokenResponse
})
