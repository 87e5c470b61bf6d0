import type { Api } from "@tusk/protocol/codec/Api"
import { Produce } from "@tusk/protocol/messages/Produce"
import { WriteTxnMarkers } from "@tusk/protocol/messages/WriteTxnMarkers"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type { RequestContext } from "../request/RequestContext.ts"
import type { ApiCounts } from "../request/ServerCounts.ts"
import type { ClientMeters } from "../security/quota/ClientMeters.ts"
import { PRODUCE, REQUEST } from "../security/quota/QuotaKinds.ts"

/** A request of whose use its client's quotas are told. */
export interface Used {
  readonly api: Api<any, any>
  readonly context: RequestContext
  /** Of its frame. */
  readonly bytes: number
  /** Of this thread, in milliseconds, up to its answer. */
  readonly usedMs: number
  /** It wants an answer. */
  readonly isAnswered: boolean
}

/**
 * Tells the quotas of a request's client what it used, as its answer is about to be encoded. Who used more is told for how long
 * to wait, and is mute for so long. As in Kafka, a request without an answer and those of brokers use no time.
 */
export const meter = (meters: ClientMeters, counts: ApiCounts, used: Used, nowMs: number): void => {
  const { api, bytes, context, isAnswered, usedMs } = used
  if (api.key === Produce.key && meters.has(PRODUCE)) {
    context.mute(meters.record(PRODUCE, context, bytes, nowMs))
  }
  if (isAnswered && api.key !== WriteTxnMarkers.key && meters.has(REQUEST)) {
    // Of one thread's time, in percent of a second.
    context.mute(meters.record(REQUEST, context, usedMs / 10, nowMs))
  }
  const { connection, mutesMs } = context
  if (mutesMs === 0) return
  connection.mutedUntilMs = Math.max(connection.mutedUntilMs, nowMs + mutesMs)
  counts.throttled++
  counts.throttledMs += mutesMs
}

/**
 * Tells for how long a request holds this thread until it waits for something: nearly all that it does is done by then. What
 * others do meanwhile, woken by it, is told with it.
 */
export const timed = <A, E, R>(
  handled: Effect.Effect<A, E, R>,
  nowMs: () => number,
  tell: (tookMs: number) => void
): Effect.Effect<A, E, R> =>
  Effect.suspend(() => {
    const begunMs = nowMs()
    return Effect.flatMap(Effect.forkChild(handled, { startImmediately: true }), (fiber) => {
      tell(nowMs() - begunMs)
      return Fiber.join(fiber)
    })
  })
