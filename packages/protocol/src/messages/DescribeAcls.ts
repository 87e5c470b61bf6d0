import { type Api, api } from "../codec/Api.ts"
import { array, field, int16, int32, int8, nullable, string, struct, type Value } from "../codec/Declare.ts"

export const DescribeAclsRequest = struct("DescribeAclsRequest", {
  resourceTypeFilter: field(int8),
  resourceNameFilter: nullable(string),
  patternTypeFilter: field(int8, "1+", { default: 3 }),
  principalFilter: nullable(string),
  hostFilter: nullable(string),
  operation: field(int8),
  permissionType: field(int8)
})
export interface DescribeAclsRequest extends Value<typeof DescribeAclsRequest> {}

export const AclDescription = struct("AclDescription", {
  principal: field(string),
  host: field(string),
  operation: field(int8),
  permissionType: field(int8)
})
export interface AclDescription extends Value<typeof AclDescription> {}

export const DescribeAclsResource = struct("DescribeAclsResource", {
  resourceType: field(int8),
  resourceName: field(string),
  patternType: field(int8, "1+", { default: 3 }),
  acls: field(array(AclDescription))
})
export interface DescribeAclsResource extends Value<typeof DescribeAclsResource> {}

export const DescribeAclsResponse = struct("DescribeAclsResponse", {
  throttleTimeMs: field(int32),
  errorCode: field(int16),
  errorMessage: nullable(string),
  resources: field(array(DescribeAclsResource))
})
export interface DescribeAclsResponse extends Value<typeof DescribeAclsResponse> {}

/**
 * Finds access rules (KIP-140).
 *
 * Version 1 brought patterns (KIP-290), 2 the flexible encoding, 3 users as resources (KIP-373). Version 0 ended with Kafka 4.
 */
export const DescribeAcls: Api<DescribeAclsRequest, DescribeAclsResponse> = api({
  name: "DescribeAcls",
  key: 29,
  versions: "0-3",
  flexible: "2+",
  advertised: [1, 3],
  request: DescribeAclsRequest,
  response: DescribeAclsResponse
})
