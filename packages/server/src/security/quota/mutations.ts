import * as Effect from "effect/Effect"
import { monotonicMs } from "../../request/monotonic.ts"
import type { RequestContext } from "../../request/RequestContext.ts"
import { wireClock } from "../../request/WireClock.ts"
import { UNLIMITED } from "./ClientMeters.ts"
import type { MutationQuota } from "./ClientMeters.ts"
import { ClientQuotas } from "./ClientQuotas.ts"

/** What changes of partitions a request may make; one of version `strictSince` or later is refused what comes too soon. */
export const mutations = Effect.gen(function* () {
  const { clients } = yield* ClientQuotas
  const clock = yield* wireClock
  const now = () => monotonicMs(clock)
  return (context: RequestContext, strictSince: number): MutationQuota =>
    clients.isOn ? clients.mutating(context, context.apiVersion >= strictSince, now) : UNLIMITED
})
