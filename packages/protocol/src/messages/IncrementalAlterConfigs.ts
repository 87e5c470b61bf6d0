import { type Api, api } from "../codec/Api.ts"
import { array, bool, field, int16, int32, int8, nullable, string, struct, type Value } from "../codec/Declare.ts"

export const IncrementalAlterConfigsRequestAlterableConfig = struct("AlterableConfig", {
  name: field(string),
  configOperation: field(int8),
  value: nullable(string)
})
export interface IncrementalAlterConfigsRequestAlterableConfig extends Value<
  typeof IncrementalAlterConfigsRequestAlterableConfig
> {}

export const IncrementalAlterConfigsRequestAlterConfigsResource = struct("AlterConfigsResource", {
  resourceType: field(int8),
  resourceName: field(string),
  configs: field(array(IncrementalAlterConfigsRequestAlterableConfig))
})
export interface IncrementalAlterConfigsRequestAlterConfigsResource extends Value<
  typeof IncrementalAlterConfigsRequestAlterConfigsResource
> {}

export const IncrementalAlterConfigsRequest = struct("IncrementalAlterConfigsRequest", {
  resources: field(array(IncrementalAlterConfigsRequestAlterConfigsResource)),
  validateOnly: field(bool)
})
export interface IncrementalAlterConfigsRequest extends Value<typeof IncrementalAlterConfigsRequest> {}

export const IncrementalAlterConfigsResponseAlterConfigsResourceResponse = struct("AlterConfigsResourceResponse", {
  errorCode: field(int16),
  errorMessage: nullable(string),
  resourceType: field(int8),
  resourceName: field(string)
})
export interface IncrementalAlterConfigsResponseAlterConfigsResourceResponse extends Value<
  typeof IncrementalAlterConfigsResponseAlterConfigsResourceResponse
> {}

export const IncrementalAlterConfigsResponse = struct("IncrementalAlterConfigsResponse", {
  throttleTimeMs: field(int32),
  responses: field(array(IncrementalAlterConfigsResponseAlterConfigsResourceResponse))
})
export interface IncrementalAlterConfigsResponse extends Value<typeof IncrementalAlterConfigsResponse> {}

/**
 * Sets, deletes, appends to and subtracts from single settings (KIP-339).
 *
 * Version 1 is flexible.
 */
export const IncrementalAlterConfigs: Api<IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse> = api({
  name: "IncrementalAlterConfigs",
  key: 44,
  versions: "0-1",
  flexible: "1+",
  advertised: [0, 1],
  request: IncrementalAlterConfigsRequest,
  response: IncrementalAlterConfigsResponse
})
