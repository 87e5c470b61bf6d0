import { type Api, api } from "../codec/Api.ts"
import { bool, bytes, field, int16, int32, int8, struct, uuid, type Value } from "../codec/Declare.ts"

export const PushTelemetryRequest = struct("PushTelemetryRequest", {
  clientInstanceId: field(uuid),
  subscriptionId: field(int32),
  terminating: field(bool),
  compressionType: field(int8),
  metrics: field(bytes)
})
export interface PushTelemetryRequest extends Value<typeof PushTelemetryRequest> {}

export const PushTelemetryResponse = struct("PushTelemetryResponse", {
  throttleTimeMs: field(int32),
  errorCode: field(int16)
})
export interface PushTelemetryResponse extends Value<typeof PushTelemetryResponse> {}

/**
 * A client's metrics (KIP-714).
 */
export const PushTelemetry: Api<PushTelemetryRequest, PushTelemetryResponse> = api({
  name: "PushTelemetry",
  key: 72,
  versions: "0",
  flexible: "0+",
  advertised: [0, 0],
  request: PushTelemetryRequest,
  response: PushTelemetryResponse
})
