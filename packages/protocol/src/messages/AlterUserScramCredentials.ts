import { type Api, api } from "../codec/Api.ts"
import { array, bytes, field, int16, int32, int8, nullable, string, struct, type Value } from "../codec/Declare.ts"

export const ScramCredentialDeletion = struct("ScramCredentialDeletion", {
  name: field(string),
  mechanism: field(int8)
})
export interface ScramCredentialDeletion extends Value<typeof ScramCredentialDeletion> {}

export const ScramCredentialUpsertion = struct("ScramCredentialUpsertion", {
  name: field(string),
  mechanism: field(int8),
  iterations: field(int32),
  salt: field(bytes),
  saltedPassword: field(bytes)
})
export interface ScramCredentialUpsertion extends Value<typeof ScramCredentialUpsertion> {}

export const AlterUserScramCredentialsRequest = struct("AlterUserScramCredentialsRequest", {
  deletions: field(array(ScramCredentialDeletion)),
  upsertions: field(array(ScramCredentialUpsertion))
})
export interface AlterUserScramCredentialsRequest extends Value<typeof AlterUserScramCredentialsRequest> {}

export const AlterUserScramCredentialsResult = struct("AlterUserScramCredentialsResult", {
  user: field(string),
  errorCode: field(int16),
  errorMessage: nullable(string)
})
export interface AlterUserScramCredentialsResult extends Value<typeof AlterUserScramCredentialsResult> {}

export const AlterUserScramCredentialsResponse = struct("AlterUserScramCredentialsResponse", {
  throttleTimeMs: field(int32),
  results: field(array(AlterUserScramCredentialsResult))
})
export interface AlterUserScramCredentialsResponse extends Value<typeof AlterUserScramCredentialsResponse> {}

/**
 * Sets and deletes SCRAM credentials (KIP-554).
 */
export const AlterUserScramCredentials: Api<AlterUserScramCredentialsRequest, AlterUserScramCredentialsResponse> = api({
  name: "AlterUserScramCredentials",
  key: 51,
  versions: "0",
  flexible: "0+",
  advertised: [0, 0],
  request: AlterUserScramCredentialsRequest,
  response: AlterUserScramCredentialsResponse
})
