import { type Api, api } from "../codec/Api.ts"
import { array, bool, field, int16, int32, int8, nullable, string, struct, type Value } from "../codec/Declare.ts"

export const DescribeConfigsResource = struct("DescribeConfigsResource", {
  resourceType: field(int8),
  resourceName: field(string),
  configurationKeys: nullable(array(string))
})
export interface DescribeConfigsResource extends Value<typeof DescribeConfigsResource> {}

export const DescribeConfigsRequest = struct("DescribeConfigsRequest", {
  resources: field(array(DescribeConfigsResource)),
  includeSynonyms: field(bool, "1+"),
  includeDocumentation: field(bool, "3+")
})
export interface DescribeConfigsRequest extends Value<typeof DescribeConfigsRequest> {}

export const DescribeConfigsSynonym = struct("DescribeConfigsSynonym", {
  name: field(string, "1+"),
  value: nullable(string, "1+"),
  source: field(int8, "1+")
})
export interface DescribeConfigsSynonym extends Value<typeof DescribeConfigsSynonym> {}

export const DescribeConfigsResourceResult = struct("DescribeConfigsResourceResult", {
  name: field(string),
  value: nullable(string),
  readOnly: field(bool),
  isDefault: field(bool, "0"),
  configSource: field(int8, "1+", { default: -1, ignorable: true }),
  isSensitive: field(bool),
  synonyms: field(array(DescribeConfigsSynonym), "1+", { ignorable: true }),
  configType: field(int8, "3+", { ignorable: true }),
  documentation: nullable(string, "3+", "3+", { ignorable: true })
})
export interface DescribeConfigsResourceResult extends Value<typeof DescribeConfigsResourceResult> {}

export const DescribeConfigsResult = struct("DescribeConfigsResult", {
  errorCode: field(int16),
  errorMessage: nullable(string),
  resourceType: field(int8),
  resourceName: field(string),
  configs: field(array(DescribeConfigsResourceResult))
})
export interface DescribeConfigsResult extends Value<typeof DescribeConfigsResult> {}

export const DescribeConfigsResponse = struct("DescribeConfigsResponse", {
  throttleTimeMs: field(int32),
  results: field(array(DescribeConfigsResult))
})
export interface DescribeConfigsResponse extends Value<typeof DescribeConfigsResponse> {}

/**
 * Settings of topics, brokers, groups and client metrics (KIP-133).
 *
 * Version 1 brought sources and synonyms (KIP-226), 3 types and documentation (KIP-569), 4 the flexible encoding. Version 0
 * ended with Kafka 4.
 */
export const DescribeConfigs: Api<DescribeConfigsRequest, DescribeConfigsResponse> = api({
  name: "DescribeConfigs",
  key: 32,
  versions: "0-4",
  flexible: "4+",
  advertised: [1, 4],
  request: DescribeConfigsRequest,
  response: DescribeConfigsResponse
})
