// Serves: GetTelemetrySubscriptions: what the subscriptions that a client matches ask for (KIP-714).
// Left out: nothing.

import { ZERO_UUID } from "@tusk/protocol/codec/Uuid"
import { NONE, ThrottlingQuotaExceeded } from "@tusk/protocol/KafkaError"
import { GetTelemetrySubscriptions } from "@tusk/protocol/messages/GetTelemetrySubscriptions"
import type { GetTelemetrySubscriptionsRequest } from "@tusk/protocol/messages/GetTelemetrySubscriptions"
import { GZIP, LZ4, SNAPPY, ZSTD } from "@tusk/protocol/record/Compression"
import { randomUuid } from "@tusk/storage/port/Uuid"
import * as Effect from "effect/Effect"
import { handler } from "../request/Handler.ts"
import type { RequestContext } from "../request/RequestContext.ts"
import { CLUSTER } from "../request/Resources.ts"
import { ClientTelemetry } from "../telemetry/ClientTelemetry.ts"

/** In the order in which clients are to prefer them. */
const CODECS: ReadonlyArray<number> = [ZSTD, LZ4, GZIP, SNAPPY]

export const getTelemetrySubscriptions = handler({
  api: GetTelemetrySubscriptions,
  resources: () => CLUSTER,
  reads: false,
  // A Java client never asks again after an error that it does not expect here.
  later: () => new ThrottlingQuotaExceeded(),
  make: Effect.gen(function* () {
    const telemetry = yield* ClientTelemetry
    return Effect.fnUntraced(function* (request: GetTelemetrySubscriptionsRequest, context: RequestContext) {
      const clientInstanceId = request.clientInstanceId === ZERO_UUID ? yield* randomUuid : request.clientInstanceId
      const { intervalMs, maxBytes, metrics, subscriptionId } = yield* telemetry.subscription(clientInstanceId, context)
      return {
        errorCode: NONE,
        clientInstanceId,
        subscriptionId,
        acceptedCompressionTypes: CODECS,
        pushIntervalMs: intervalMs,
        telemetryMaxBytes: maxBytes,
        deltaTemporality: true,
        requestedMetrics: metrics
      }
    })
  }),
  refuse: (_request, errorCode) => ({
    errorCode,
    clientInstanceId: ZERO_UUID,
    subscriptionId: 0,
    acceptedCompressionTypes: [],
    pushIntervalMs: 0,
    telemetryMaxBytes: 0,
    deltaTemporality: false,
    requestedMetrics: []
  })
})
