import { type Api, api } from "../codec/Api.ts"
import { array, field, int16, int32, int8, nullable, string, struct, type Value } from "../codec/Declare.ts"

export const UserName = struct("UserName", {
  name: field(string)
})
export interface UserName extends Value<typeof UserName> {}

export const DescribeUserScramCredentialsRequest = struct("DescribeUserScramCredentialsRequest", {
  users: nullable(array(UserName))
})
export interface DescribeUserScramCredentialsRequest extends Value<typeof DescribeUserScramCredentialsRequest> {}

export const CredentialInfo = struct("CredentialInfo", {
  mechanism: field(int8),
  iterations: field(int32)
})
export interface CredentialInfo extends Value<typeof CredentialInfo> {}

export const DescribeUserScramCredentialsResult = struct("DescribeUserScramCredentialsResult", {
  user: field(string),
  errorCode: field(int16),
  errorMessage: nullable(string),
  credentialInfos: field(array(CredentialInfo))
})
export interface DescribeUserScramCredentialsResult extends Value<typeof DescribeUserScramCredentialsResult> {}

export const DescribeUserScramCredentialsResponse = struct("DescribeUserScramCredentialsResponse", {
  throttleTimeMs: field(int32),
  errorCode: field(int16),
  errorMessage: nullable(string),
  results: field(array(DescribeUserScramCredentialsResult))
})
export interface DescribeUserScramCredentialsResponse extends Value<typeof DescribeUserScramCredentialsResponse> {}

/**
 * Which users have SCRAM credentials (KIP-554).
 */
export const DescribeUserScramCredentials: Api<
  DescribeUserScramCredentialsRequest,
  DescribeUserScramCredentialsResponse
> = api({
  name: "DescribeUserScramCredentials",
  key: 50,
  versions: "0",
  flexible: "0+",
  advertised: [0, 0],
  request: DescribeUserScramCredentialsRequest,
  response: DescribeUserScramCredentialsResponse
})
