import { type Api, api } from "../codec/Api.ts"
import { array, bool, field, int16, int32, int8, nullable, string, struct, type Value } from "../codec/Declare.ts"

export const AlterConfigsRequestAlterableConfig = struct("AlterableConfig", {
  name: field(string),
  value: nullable(string)
})
export interface AlterConfigsRequestAlterableConfig extends Value<typeof AlterConfigsRequestAlterableConfig> {}

export const AlterConfigsResource = struct("AlterConfigsResource", {
  resourceType: field(int8),
  resourceName: field(string),
  configs: field(array(AlterConfigsRequestAlterableConfig))
})
export interface AlterConfigsResource extends Value<typeof AlterConfigsResource> {}

export const AlterConfigsRequest = struct("AlterConfigsRequest", {
  resources: field(array(AlterConfigsResource)),
  validateOnly: field(bool)
})
export interface AlterConfigsRequest extends Value<typeof AlterConfigsRequest> {}

export const AlterConfigsResourceResponse = struct("AlterConfigsResourceResponse", {
  errorCode: field(int16),
  errorMessage: nullable(string),
  resourceType: field(int8),
  resourceName: field(string)
})
export interface AlterConfigsResourceResponse extends Value<typeof AlterConfigsResourceResponse> {}

export const AlterConfigsResponse = struct("AlterConfigsResponse", {
  throttleTimeMs: field(int32),
  responses: field(array(AlterConfigsResourceResponse))
})
export interface AlterConfigsResponse extends Value<typeof AlterConfigsResponse> {}

/**
 * Replaces all settings of a resource (KIP-133). IncrementalAlterConfigs is what clients use now.
 *
 * Version 2 is flexible.
 */
export const AlterConfigs: Api<AlterConfigsRequest, AlterConfigsResponse> = api({
  name: "AlterConfigs",
  key: 33,
  versions: "0-2",
  flexible: "2+",
  advertised: [0, 2],
  request: AlterConfigsRequest,
  response: AlterConfigsResponse
})
