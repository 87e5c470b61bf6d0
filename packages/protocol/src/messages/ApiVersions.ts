import { type Api, api } from "../codec/Api.ts"
import { array, bool, field, int16, int32, int64, string, struct, type Value } from "../codec/Declare.ts"

export const ApiVersionsRequest = struct("ApiVersionsRequest", {
  clientSoftwareName: field(string, "3+", { ignorable: true }),
  clientSoftwareVersion: field(string, "3+", { ignorable: true })
})
export interface ApiVersionsRequest extends Value<typeof ApiVersionsRequest> {}

export const ApiVersion = struct("ApiVersion", {
  apiKey: field(int16),
  minVersion: field(int16),
  maxVersion: field(int16)
})
export interface ApiVersion extends Value<typeof ApiVersion> {}

export const SupportedFeatureKey = struct("SupportedFeatureKey", {
  name: field(string, "3+"),
  minVersion: field(int16, "3+"),
  maxVersion: field(int16, "3+")
})
export interface SupportedFeatureKey extends Value<typeof SupportedFeatureKey> {}

export const FinalizedFeatureKey = struct("FinalizedFeatureKey", {
  name: field(string, "3+"),
  maxVersionLevel: field(int16, "3+"),
  minVersionLevel: field(int16, "3+")
})
export interface FinalizedFeatureKey extends Value<typeof FinalizedFeatureKey> {}

export const ApiVersionsResponse = struct("ApiVersionsResponse", {
  errorCode: field(int16),
  apiKeys: field(array(ApiVersion)),
  throttleTimeMs: field(int32, "1+", { ignorable: true }),
  supportedFeatures: field(array(SupportedFeatureKey), "3+", { tag: 0, ignorable: true }),
  finalizedFeaturesEpoch: field(int64, "3+", { tag: 1, default: -1n, ignorable: true }),
  finalizedFeatures: field(array(FinalizedFeatureKey), "3+", { tag: 2, ignorable: true }),
  zkMigrationReady: field(bool, "3+", { tag: 3, ignorable: true })
})
export interface ApiVersionsResponse extends Value<typeof ApiVersionsResponse> {}

/**
 * Which APIs and versions a broker has.
 *
 * Version 3 brought the client's name and version (KIP-511), the flexible encoding and features (KIP-584), 4 features that
 * begin at zero (KIP-1022). The answer's header is always version 0.
 */
export const ApiVersions: Api<ApiVersionsRequest, ApiVersionsResponse> = api({
  name: "ApiVersions",
  key: 18,
  versions: "0-4",
  flexible: "3+",
  advertised: [0, 4],
  plainResponseHeader: true,
  request: ApiVersionsRequest,
  response: ApiVersionsResponse
})
