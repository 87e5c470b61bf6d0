import { type Api, api } from "../codec/Api.ts"
import { array, field, int16, int32, int8, string, struct, type Value } from "../codec/Declare.ts"

export const ListConfigResourcesRequest = struct("ListConfigResourcesRequest", {
  resourceTypes: field(array(int8), "1+")
})
export interface ListConfigResourcesRequest extends Value<typeof ListConfigResourcesRequest> {}

export const ConfigResource = struct("ConfigResource", {
  resourceName: field(string),
  resourceType: field(int8, "1+", { default: 16, ignorable: true })
})
export interface ConfigResource extends Value<typeof ConfigResource> {}

export const ListConfigResourcesResponse = struct("ListConfigResourcesResponse", {
  throttleTimeMs: field(int32),
  errorCode: field(int16),
  configResources: field(array(ConfigResource))
})
export interface ListConfigResourcesResponse extends Value<typeof ListConfigResourcesResponse> {}

/**
 * Names of resources that have settings.
 *
 * Version 0 lists client metrics (KIP-714), 1 any kind (KIP-1142).
 */
export const ListConfigResources: Api<ListConfigResourcesRequest, ListConfigResourcesResponse> = api({
  name: "ListConfigResources",
  key: 74,
  versions: "0-1",
  flexible: "0+",
  advertised: [0, 1],
  request: ListConfigResourcesRequest,
  response: ListConfigResourcesResponse
})
