import { type Api, api } from "../codec/Api.ts"
import { array, field, int16, int32, int8, nullable, string, struct, type Value } from "../codec/Declare.ts"

export const DeleteAclsFilter = struct("DeleteAclsFilter", {
  resourceTypeFilter: field(int8),
  resourceNameFilter: nullable(string),
  patternTypeFilter: field(int8, "1+", { default: 3 }),
  principalFilter: nullable(string),
  hostFilter: nullable(string),
  operation: field(int8),
  permissionType: field(int8)
})
export interface DeleteAclsFilter extends Value<typeof DeleteAclsFilter> {}

export const DeleteAclsRequest = struct("DeleteAclsRequest", {
  filters: field(array(DeleteAclsFilter))
})
export interface DeleteAclsRequest extends Value<typeof DeleteAclsRequest> {}

export const DeleteAclsMatchingAcl = struct("DeleteAclsMatchingAcl", {
  errorCode: field(int16),
  errorMessage: nullable(string),
  resourceType: field(int8),
  resourceName: field(string),
  patternType: field(int8, "1+", { default: 3 }),
  principal: field(string),
  host: field(string),
  operation: field(int8),
  permissionType: field(int8)
})
export interface DeleteAclsMatchingAcl extends Value<typeof DeleteAclsMatchingAcl> {}

export const DeleteAclsFilterResult = struct("DeleteAclsFilterResult", {
  errorCode: field(int16),
  errorMessage: nullable(string),
  matchingAcls: field(array(DeleteAclsMatchingAcl))
})
export interface DeleteAclsFilterResult extends Value<typeof DeleteAclsFilterResult> {}

export const DeleteAclsResponse = struct("DeleteAclsResponse", {
  throttleTimeMs: field(int32),
  filterResults: field(array(DeleteAclsFilterResult))
})
export interface DeleteAclsResponse extends Value<typeof DeleteAclsResponse> {}

/**
 * Deletes the access rules that match a filter (KIP-140).
 *
 * Version 1 brought patterns (KIP-290), 2 the flexible encoding, 3 users as resources (KIP-373). Version 0 ended with Kafka 4.
 */
export const DeleteAcls: Api<DeleteAclsRequest, DeleteAclsResponse> = api({
  name: "DeleteAcls",
  key: 31,
  versions: "0-3",
  flexible: "2+",
  advertised: [1, 3],
  request: DeleteAclsRequest,
  response: DeleteAclsResponse
})
