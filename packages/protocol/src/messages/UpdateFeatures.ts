import { type Api, api } from "../codec/Api.ts"
import { array, bool, field, int16, int32, int8, nullable, string, struct, type Value } from "../codec/Declare.ts"

export const FeatureUpdateKey = struct("FeatureUpdateKey", {
  feature: field(string),
  maxVersionLevel: field(int16),
  allowDowngrade: field(bool, "0"),
  upgradeType: field(int8, "1+", { default: 1 })
})
export interface FeatureUpdateKey extends Value<typeof FeatureUpdateKey> {}

export const UpdateFeaturesRequest = struct("UpdateFeaturesRequest", {
  timeoutMs: field(int32, "0+", { default: 60000 }),
  featureUpdates: field(array(FeatureUpdateKey)),
  validateOnly: field(bool, "1+")
})
export interface UpdateFeaturesRequest extends Value<typeof UpdateFeaturesRequest> {}

export const UpdatableFeatureResult = struct("UpdatableFeatureResult", {
  feature: field(string),
  errorCode: field(int16),
  errorMessage: nullable(string)
})
export interface UpdatableFeatureResult extends Value<typeof UpdatableFeatureResult> {}

export const UpdateFeaturesResponse = struct("UpdateFeaturesResponse", {
  throttleTimeMs: field(int32),
  errorCode: field(int16),
  errorMessage: nullable(string),
  results: field(array(UpdatableFeatureResult), "0-1", { ignorable: true })
})
export interface UpdateFeaturesResponse extends Value<typeof UpdateFeaturesResponse> {}

/**
 * Raises or lowers the cluster's feature levels (KIP-584).
 *
 * Version 1 brought validation without effect and kinds of downgrade (KIP-778), 2 one error for all (KIP-1022).
 */
export const UpdateFeatures: Api<UpdateFeaturesRequest, UpdateFeaturesResponse> = api({
  name: "UpdateFeatures",
  key: 57,
  versions: "0-2",
  flexible: "0+",
  advertised: [0, 2],
  request: UpdateFeaturesRequest,
  response: UpdateFeaturesResponse
})
