// Serves: PushTelemetry: a client's metrics, of which the newest are kept in memory for export (KIP-714).
// Left out: nothing.

import { NONE, ThrottlingQuotaExceeded } from "@tusk/protocol/KafkaError"
import { PushTelemetry } from "@tusk/protocol/messages/PushTelemetry"
import type { PushTelemetryRequest } from "@tusk/protocol/messages/PushTelemetry"
import * as Effect from "effect/Effect"
import { handler } from "../request/Handler.ts"
import type { RequestContext } from "../request/RequestContext.ts"
import { CLUSTER } from "../request/Resources.ts"
import { ClientTelemetry } from "../telemetry/ClientTelemetry.ts"

export const pushTelemetry = handler({
  api: PushTelemetry,
  resources: () => CLUSTER,
  reads: false,
  // A Java client never pushes again after an error that it does not expect here.
  later: () => new ThrottlingQuotaExceeded(),
  make: Effect.map(
    ClientTelemetry,
    (telemetry) => (request: PushTelemetryRequest, context: RequestContext) =>
      Effect.as(telemetry.push(request, context), { errorCode: NONE })
  ),
  refuse: (_request, errorCode) => ({ errorCode })
})
