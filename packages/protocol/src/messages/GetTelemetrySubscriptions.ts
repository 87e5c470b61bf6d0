import { type Api, api } from "../codec/Api.ts"
import { array, bool, field, int16, int32, int8, string, struct, uuid, type Value } from "../codec/Declare.ts"

export const GetTelemetrySubscriptionsRequest = struct("GetTelemetrySubscriptionsRequest", {
  clientInstanceId: field(uuid)
})
export interface GetTelemetrySubscriptionsRequest extends Value<typeof GetTelemetrySubscriptionsRequest> {}

export const GetTelemetrySubscriptionsResponse = struct("GetTelemetrySubscriptionsResponse", {
  throttleTimeMs: field(int32),
  errorCode: field(int16),
  clientInstanceId: field(uuid),
  subscriptionId: field(int32),
  acceptedCompressionTypes: field(array(int8)),
  pushIntervalMs: field(int32),
  telemetryMaxBytes: field(int32),
  deltaTemporality: field(bool),
  requestedMetrics: field(array(string))
})
export interface GetTelemetrySubscriptionsResponse extends Value<typeof GetTelemetrySubscriptionsResponse> {}

/**
 * Which metrics a client should push (KIP-714).
 */
export const GetTelemetrySubscriptions: Api<GetTelemetrySubscriptionsRequest, GetTelemetrySubscriptionsResponse> = api({
  name: "GetTelemetrySubscriptions",
  key: 71,
  versions: "0",
  flexible: "0+",
  advertised: [0, 0],
  request: GetTelemetrySubscriptionsRequest,
  response: GetTelemetrySubscriptionsResponse
})
