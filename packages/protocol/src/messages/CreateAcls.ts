import { type Api, api } from "../codec/Api.ts"
import { array, field, int16, int32, int8, nullable, string, struct, type Value } from "../codec/Declare.ts"

export const AclCreation = struct("AclCreation", {
  resourceType: field(int8),
  resourceName: field(string),
  resourcePatternType: field(int8, "1+", { default: 3 }),
  principal: field(string),
  host: field(string),
  operation: field(int8),
  permissionType: field(int8)
})
export interface AclCreation extends Value<typeof AclCreation> {}

export const CreateAclsRequest = struct("CreateAclsRequest", {
  creations: field(array(AclCreation))
})
export interface CreateAclsRequest extends Value<typeof CreateAclsRequest> {}

export const AclCreationResult = struct("AclCreationResult", {
  errorCode: field(int16),
  errorMessage: nullable(string)
})
export interface AclCreationResult extends Value<typeof AclCreationResult> {}

export const CreateAclsResponse = struct("CreateAclsResponse", {
  throttleTimeMs: field(int32),
  results: field(array(AclCreationResult))
})
export interface CreateAclsResponse extends Value<typeof CreateAclsResponse> {}

/**
 * Creates access rules (KIP-140).
 *
 * Version 1 brought patterns (KIP-290), 2 the flexible encoding, 3 users as resources (KIP-373). Version 0 ended with Kafka 4.
 */
export const CreateAcls: Api<CreateAclsRequest, CreateAclsResponse> = api({
  name: "CreateAcls",
  key: 30,
  versions: "0-3",
  flexible: "2+",
  advertised: [1, 3],
  request: CreateAclsRequest,
  response: CreateAclsResponse
})
