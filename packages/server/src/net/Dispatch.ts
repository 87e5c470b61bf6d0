import { MAX_ELEMENTS, Reader } from "@tusk/protocol/codec/Reader"
import { Writer } from "@tusk/protocol/codec/Writer"
import { decodeRequestHeader, encodeResponse, peekRequestHeader } from "@tusk/protocol/Header"
import { errorCode, IllegalSaslState, UnknownServerError, UnsupportedVersion } from "@tusk/protocol/KafkaError"
import type { KafkaError } from "@tusk/protocol/KafkaError"
import { ApiVersions } from "@tusk/protocol/messages/ApiVersions"
import { SaslAuthenticate } from "@tusk/protocol/messages/SaslAuthenticate"
import { ProtocolError, protocolError } from "@tusk/protocol/ProtocolError"
import { Active } from "@tusk/storage/commit/Active"
import { Committer } from "@tusk/storage/commit/Committer"
import { logDebugOf } from "@tusk/storage/logging"
import { Fenced, OutcomeUnknown, StoreUnavailable } from "@tusk/storage/port/StoreError"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Random from "effect/Random"
import * as Result from "effect/Result"
import { BrokerSettings } from "../config/BrokerSettings.ts"
import { Authorizer } from "../request/Authorizer.ts"
import type { ConnectionInfo } from "../request/ConnectionInfo.ts"
import type { Answering, Handle, Handler, PutsObjects, TurnAway } from "../request/Handler.ts"
import type { Login } from "../request/Login.ts"
import { RequestContext } from "../request/RequestContext.ts"
import { RequestCounts } from "../request/ServerCounts.ts"
import type { ApiCounts } from "../request/ServerCounts.ts"
import { handlers } from "../handlers/index.ts"
import { atMost } from "../request/atMost.ts"
import { inArea, resourceFields } from "../observe/LogLines.ts"
import { RequestSpans, spanOf } from "../observe/RequestSpans.ts"
import { RequestFaults } from "../request/RequestFaults.ts"
import { wireClock } from "../request/WireClock.ts"
import { ClientQuotas } from "../security/quota/ClientQuotas.ts"
import type { ClientMeters } from "../security/quota/ClientMeters.ts"
import { REQUEST } from "../security/quota/QuotaKinds.ts"
import { inTurn } from "./Admitted.ts"
import type { Admitted, Begin, Framing, PlacingFrame } from "./Admitted.ts"
import { faulted } from "./faulted.ts"
import { end, guard, kafkaName, token } from "./loginFrames.ts"
import { meter, timed } from "./metering.ts"
import { mayRun, onceItMayRun, serves } from "./Readiness.ts"
import type { Gate } from "./Readiness.ts"
import { SlowRequests } from "./SlowRequests.ts"
import { monotonicMs } from "../request/monotonic.ts"

interface Served {
  readonly handler: Handler
  readonly handle: Handle<any, any>
  readonly turnAway: TurnAway<any>
  readonly putsObjects: PutsObjects<any>
  readonly counts: ApiCounts
}

/** From a frame to its answer: the one boundary at which errors become answers. */
export class Dispatch extends Context.Service<
  Dispatch,
  {
    /**
     * Fails with what is wrong with the frame; then the connection closes. `receivedMs`: when it came, by the monotonic
     * clock.
     */
    readonly admit: (frame: Uint8Array, connection: ConnectionInfo, receivedMs: number) => Admitted | ProtocolError
  }
>()("@tusk/server/net/Dispatch") {
  static readonly layer = Layer.effect(
    Dispatch,
    Effect.gen(function* () {
      const active = yield* Active
      const committer = yield* Committer
      const clock = yield* wireClock
      const faultOf = yield* RequestFaults
      const { logSlowRequestMs, requestTimeoutMs } = yield* BrokerSettings
      const { isOn: authorizes } = yield* Authorizer
      const counts = yield* RequestCounts
      const { clients: meters } = yield* ClientQuotas
      const traced = yield* RequestSpans
      const random = yield* Random.Random
      const isTraced = traced === 0 ? undefined : () => random.nextDoubleUnsafe() < traced
      const table = new Map<number, Served>()
      for (const handler of handlers) {
        const served = {
          handler,
          handle: yield* handler.make as Effect.Effect<Handle<any, any>, never, HandlerServices>,
          turnAway: yield* handler.turningAway as Effect.Effect<TurnAway<any>, never, HandlerServices>,
          putsObjects: yield* handler.putsObjects as Effect.Effect<PutsObjects<any>, never, HandlerServices>,
          counts: counts.of(handler.api)
        }
        table.set(handler.api.key, faultOf === undefined ? served : { ...served, handle: faulted(faultOf, served) })
      }
      // One writer for all: encoding never waits, and what it has handed out it never touches again.
      const writer = new Writer()
      const nowMs = () => monotonicMs(clock)
      const slow = new SlowRequests({
        limitMs: logSlowRequestMs,
        fork: Effect.runForkWith(yield* Effect.context<never>())
      })
      return Dispatch.of({
        admit: admit({
          table,
          active,
          committer,
          nowMs,
          requestTimeoutMs,
          authorizes,
          writer,
          isTraced,
          slow,
          meters
        })
      })
    })
  )
}

/** What the handlers need, all of them: a layer that lacks one does not compile. */
export type HandlerServices = Effect.Services<(typeof handlers)[number]["make"]>

interface Parts extends Gate {
  readonly meters: ClientMeters
  readonly slow: SlowRequests
  readonly table: ReadonlyMap<number, Served>
  readonly writer: Writer
  /** Whether the next request is a span; undefined: none is. */
  readonly isTraced: (() => boolean) | undefined
}

const admit =
  (parts: Parts): Dispatch["Service"]["admit"] =>
  (frame, connection, receivedMs) => {
    let about = ""
    try {
      const { login } = connection
      const verdict = login?.isGuarding === true ? guard(login, frame, receivedMs) : undefined
      if (verdict?._tag === "Close") return inTurn(() => end(connection, verdict.reason))
      if (verdict?._tag === "Token")
        return token(parts, parts.table.get(SaslAuthenticate.key)!.handler, login!, frame, connection, receivedMs)
      const { apiKey, apiVersion, correlationId } = peekRequestHeader(frame)
      const served = parts.table.get(apiKey)
      if (served === undefined) {
        return protocolError("unknownApi", `API key ${apiKey} is not served`)
      }
      const { counts, handle, handler, putsObjects, turnAway } = served
      const [min, max] = handler.versions
      if (apiVersion < min || apiVersion > max) {
        if (handler.api.key === ApiVersions.key) return tooNew(parts, served, correlationId, connection, receivedMs)
        return protocolError(
          "unsupportedVersion",
          `${handler.api.name} is served in versions ${min}-${max}, not ${apiVersion}`
        )
      }
      about = `${handler.api.name} ${apiVersion}: `
      const reader = new Reader(frame, 0, MAX_ELEMENTS)
      const header = decodeRequestHeader(reader, handler.api, apiVersion)
      // What lies behind the body is ignored, as Apache Kafka does: librdkafka 2.15 leaves bytes behind a Metadata v13.
      const body = handler.api.request.decodePrefix(reader, apiVersion)
      const context = new RequestContext(apiVersion, header.clientId ?? "", correlationId, connection)
      connection.clientId = context.clientId
      const asked: Asked = {
        handler,
        handle,
        turnAway,
        putsObjects,
        counts,
        request: body,
        context,
        bytes: frame.byteLength,
        usedMs: 0,
        receivedMs,
        begunMs: receivedMs,
        errorCode: 0
      }
      counts.requests++
      counts.requestBytes += frame.byteLength
      if (verdict?._tag === "OutOfTurn") return outOfTurn(parts, login!, asked)
      const begin = () => begun(parts, asked)
      const forObjects = () => putsObjects(body, context)
      const ready = mayRun(parts, handler, forObjects) ? undefined : readiness(parts, asked, begin, receivedMs)
      return { concurrent: handler.concurrent, ready, begin }
    } catch (error) {
      if (error instanceof ProtocolError) return protocolError(error.reason, `${about}${error.message}`)
      throw error
    }
  }

/** A request in the middle of a login that is none of it: the client learns it, and the connection ends. */
const outOfTurn = (parts: Parts, login: Login, asked: Asked): Admitted => {
  const error = new IllegalSaslState({
    message: `Unexpected Kafka request of type ${kafkaName(asked.handler.api.name)} during SASL authentication.`
  })
  return inTurn(() =>
    Effect.map(login.refuse("it sent another request while it authenticated"), () =>
      encode(parts, asked, refuse(asked, error))
    )
  )
}

/** A request with what answers it. */
interface Asked extends Served {
  readonly request: unknown
  readonly context: RequestContext
  /** Of its frame. */
  readonly bytes: number
  /** For how long it held this thread, in milliseconds, if its client has a quota of that. */
  usedMs: number
  readonly receivedMs: number
  /** Its turn had come, and the broker served. */
  begunMs: number
  /** Of its answer, once there is one: 0 if nothing is wrong. */
  errorCode: number
}

/** A timer of Node holds no more. */
const LONGEST_TIMER_MS = 2 ** 31 - 1

const readiness = (parts: Parts, asked: Asked, run: Begin, receivedMs: number): Effect.Effect<Begin | undefined> => {
  const { context, handler, putsObjects, request, turnAway } = asked
  return onceItMayRun(parts, {
    handler,
    connection: context.connection,
    isAwaited: () => handler.isAwaited(request),
    forObjects: () => putsObjects(request, context),
    receivedMs,
    run,
    refused: () => {
      turnAway(request, context)
      return refusal(parts, asked, handler.later())
    },
    dropped: () => {
      turnAway(request, context)
      return undefined
    }
  })
}

const begun = (parts: Parts, asked: Asked): Framing | PlacingFrame => {
  const { context, handle, request } = asked
  asked.begunMs = parts.nowMs()
  try {
    const handled = handle(request, context)
    const isTimed = parts.meters.isOn && parts.meters.has(REQUEST)
    if (isTimed) asked.usedMs += parts.nowMs() - asked.begunMs
    const answering = (answer: Answering<any>) => framed(parts, asked, isTimed ? timedOf(parts, asked, answer) : answer)
    if (!("placed" in handled)) return answering(handled)
    return { placed: handled.placed, answer: answering(handled.answer) }
  } catch (defect) {
    return framed(parts, asked, Effect.die(defect))
  }
}

const timedOf = ({ nowMs }: Parts, asked: Asked, answer: Answering<any>): Answering<any> =>
  timed(answer, nowMs, (tookMs) => {
    asked.usedMs += tookMs
  })

/**
 * Encodes whatever comes of a request: an answer, a refusal, or a defect, such as an answer that cannot be encoded, as
 * UNKNOWN_SERVER_ERROR.
 */
const framed = (parts: Parts, asked: Asked, handled: Answering<any>): Framing => {
  const { handler, request } = asked
  const tell = (answer: object | undefined) => {
    // Looked at again, as it may have waited long: and nothing is told of a cluster that may have another writer by now.
    const isStale = handler.reads && !serves(parts.active, true)
    return encode(parts, asked, isStale ? refuse(asked, handler.later()) : answer)
  }
  const waitsMs = handler.waitsMs(request)
  const limitMs = Math.min(parts.requestTimeoutMs + waitsMs, LONGEST_TIMER_MS)
  const answered = Effect.map(waitsMs === Infinity ? handled : inTime(limitMs, handler, handled), tell)
  const told = Effect.catchCause(answered, (cause) => Effect.map(refused(asked, cause), tell))
  return parts.isTraced?.() === true ? spanOf(asked, told) : told
}

/**
 * Answers at `limitMs` at the latest. What is to be stored by then goes on: a client that asks again waits in its
 * turn, or finds it done.
 */
const inTime = <A>(
  limitMs: number,
  { later, reads }: Handler,
  handled: Effect.Effect<A, KafkaError>
): Effect.Effect<A, KafkaError> =>
  atMost(
    handled,
    () => limitMs,
    (fiber) => {
      if (reads) fiber.interruptUnsafe()
      return Effect.fail(later())
    }
  )

const refuse = ({ context, handler, request }: Asked, error: KafkaError): object | undefined =>
  handler.refuse(request, errorCode(error), error, context)

const refusal =
  (parts: Parts, asked: Asked, error: KafkaError): Begin =>
  () =>
    Effect.sync(() => encode(parts, asked, refuse(asked, error)))

const refused = (asked: Asked, cause: Cause.Cause<KafkaError>): Effect.Effect<object | undefined> => {
  const { handler } = asked
  const defect = Cause.findDefect(cause)
  if (Result.isSuccess(defect)) {
    return Effect.logError(`defect in ${handler.api.name}`, defect.success).pipe(
      Effect.annotateLogs(logFields(asked)),
      inArea("request"),
      Effect.map(() => refuse(asked, new UnknownServerError({ cause: defect.success })))
    )
  }
  const found = Cause.findError(cause)
  if (Result.isFailure(found)) return Effect.failCause(found.failure)
  const error = isOfStore(found.success) ? handler.later() : found.success
  return Effect.map(logRefusal(asked, error), () => refuse(asked, error))
}

const logRefusal = (asked: Asked, error: KafkaError): Effect.Effect<void> =>
  logDebugOf(() =>
    Effect.logDebug(`${asked.handler.api.name} is refused: ${error._tag}`).pipe(
      Effect.annotateLogs(logFields(asked)),
      inArea("request")
    )
  )

/** What a store's error is for a partition's leader; for all of a request it is what each API has for it. */
const isOfStore = ({ cause }: KafkaError): boolean =>
  cause instanceof Fenced || cause instanceof OutcomeUnknown || cause instanceof StoreUnavailable

const NOTHING: ReadonlyArray<Uint8Array> = []

/** The bytes of an answer, none if the request wants no answer. For how long the client is throttled is set here alone. */
const encode = (
  { meters, nowMs, slow, writer }: Parts,
  asked: Asked,
  answer: { throttleTimeMs?: number } | undefined
): ReadonlyArray<Uint8Array> => {
  const { bytes, context, counts, handler, receivedMs, usedMs } = asked
  if (meters.isOn) {
    meter(meters, counts, { api: handler.api, context, bytes, usedMs, isAnswered: answer !== undefined }, nowMs())
  }
  let chunks = NOTHING
  if (answer !== undefined) {
    // Set, not copied with it: an answer that several requests share is encoded before the next one is.
    answer.throttleTimeMs = context.throttleTimeMs
    chunks = encodeResponse(handler.api, context.apiVersion, context.correlationId, answer, writer)
  }
  const answeredMs = nowMs()
  asked.errorCode = counts.answered(answer, chunks, answeredMs - receivedMs)
  if (answeredMs - receivedMs >= slow.limitMs) tellSlow(slow, asked, answeredMs)
  return chunks
}

const tellSlow = (slow: SlowRequests, asked: Asked, answeredMs: number): void => {
  const { begunMs, handler, receivedMs, request } = asked
  const stages = { receivedMs, begunMs, answeredMs, ownWaitMs: handler.ownWaitMs(request) }
  slow.answered(handler.api.name, stages, () => logFields(asked))
}

/** A version of ApiVersions we do not know: answered as version 0 with the versions that we do (KIP-511). */
const tooNew = (
  parts: Parts,
  served: Served,
  correlationId: number,
  connection: ConnectionInfo,
  receivedMs: number
): Admitted => {
  const context = new RequestContext(0, "", correlationId, connection)
  const request = served.handler.api.request.defaults()
  const asked: Asked = {
    ...served,
    request,
    context,
    bytes: 0,
    usedMs: 0,
    receivedMs,
    begunMs: receivedMs,
    errorCode: 0
  }
  served.counts.requests++
  return { concurrent: false, ready: undefined, begin: refusal(parts, asked, new UnsupportedVersion()) }
}

/** What a log line tells of a request. */
const logFields = ({ context, handler, request }: Asked) => ({
  ...resourceFields(handler.resources(request)),
  apiKey: handler.api.key,
  apiVersion: context.apiVersion,
  correlationId: context.correlationId,
  clientId: context.clientId,
  principal: context.principal
})
