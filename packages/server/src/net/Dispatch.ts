import { MAX_ELEMENTS, Reader } from "@tusk/protocol/codec/Reader"
import { Writer } from "@tusk/protocol/codec/Writer"
import { decodeRequestHeader, encodeResponse, peekRequestHeader } from "@tusk/protocol/Header"
import { errorCode, UnknownServerError, UnsupportedVersion } from "@tusk/protocol/KafkaError"
import type { KafkaError } from "@tusk/protocol/KafkaError"
import { ApiVersions } from "@tusk/protocol/messages/ApiVersions"
import { ProtocolError, protocolError } from "@tusk/protocol/ProtocolError"
import { Active } from "@tusk/storage/commit/Active"
import { Committer } from "@tusk/storage/commit/Committer"
import { Fenced, OutcomeUnknown, StoreUnavailable } from "@tusk/storage/port/StoreError"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import { BrokerSettings } from "../config/BrokerSettings.ts"
import type { ConnectionInfo, Handle, Handler, RequestContext, TurnAway } from "../request/Handler.ts"
import { handlers } from "../handlers/index.ts"
import { monotonicMs } from "../request/monotonic.ts"

/** The chunks of an answer's frame; none where the request wants no answer. Never fails. */
export type Answering = Effect.Effect<ReadonlyArray<Uint8Array>>

/** A request that was understood, ready to run. */
export interface Admitted {
  readonly concurrent: boolean
  /**
   * Where it may not run at once, as this broker does not serve now or too much waits for a commit: waits until it may, and
   * nothing behind it on its connection comes before it. Tells what is to run then: the request, or its refusal, once
   * `request.timeout.ms` is over; undefined where nobody waits for the answer any more.
   */
  readonly ready: Effect.Effect<Answering | undefined> | undefined
  readonly run: Answering
}

interface Served {
  readonly handler: Handler
  readonly handle: Handle<any, any>
  readonly turnAway: TurnAway<any>
}

/** From a frame to its answer: the one boundary where errors become answers. */
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
      const clock = yield* Clock.Clock
      const { requestTimeoutMs } = yield* BrokerSettings
      const table = new Map<number, Served>()
      for (const handler of handlers) {
        table.set(handler.api.key, {
          handler,
          handle: yield* handler.make as Effect.Effect<Handle<any, any>, never, HandlerServices>,
          turnAway: yield* handler.turningAway as Effect.Effect<TurnAway<any>, never, HandlerServices>
        })
      }
      // One writer for all: encoding never waits, and what it has handed out it never touches again.
      const writer = new Writer()
      const nowMs = () => monotonicMs(clock)
      return Dispatch.of({ admit: admit({ table, active, committer, nowMs, requestTimeoutMs, writer }) })
    })
  )
}

/** What the handlers need, all of them: a layer that lacks one does not compile. */
export type HandlerServices = Effect.Services<(typeof handlers)[number]["make"]>

interface Parts {
  readonly table: ReadonlyMap<number, Served>
  readonly active: Active["Service"]
  readonly committer: Committer["Service"]
  readonly nowMs: () => number
  readonly requestTimeoutMs: number
  readonly writer: Writer
}

const admit =
  (parts: Parts): Dispatch["Service"]["admit"] =>
  (frame, connection, receivedMs) => {
    let about = ""
    try {
      const { apiKey, apiVersion, correlationId } = peekRequestHeader(frame)
      const served = parts.table.get(apiKey)
      if (served === undefined) {
        return protocolError("unknownApi", `API key ${apiKey} is not served`)
      }
      const { handle, handler, turnAway } = served
      const [min, max] = handler.versions
      if (apiVersion < min || apiVersion > max) {
        if (handler.api.key === ApiVersions.key) return tooNew(parts, served, correlationId, connection)
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
      const context: RequestContext = { apiVersion, clientId: header.clientId ?? "", correlationId, connection }
      const asked: Asked = { handler, handle, turnAway, request: body, context }
      const run = answerTo(parts, asked)
      return { concurrent: handler.concurrent, ready: readiness(parts, asked, run, receivedMs), run }
    } catch (error) {
      if (error instanceof ProtocolError) return protocolError(error.reason, `${about}${error.message}`)
      throw error
    }
  }

/** A request with who answers it. */
interface Asked extends Served {
  readonly request: unknown
  readonly context: RequestContext
}

/**
 * Whether this broker may do what such a request wants. What reads needs a fresh proof that the cluster's lock is held;
 * what writes is proven by its own commit.
 */
const serves = (active: Active["Service"], reads: boolean): boolean =>
  reads ? active.isServing() : active.reign() !== undefined

const readiness = (
  parts: Parts,
  asked: Asked,
  run: Answering,
  receivedMs: number
): Effect.Effect<Answering | undefined> | undefined => {
  const { active, committer, nowMs, requestTimeoutMs } = parts
  const { context, handler, request, turnAway } = asked
  const { connection } = context
  const isServed = handler.always || serves(active, handler.reads)
  if (isServed && (!handler.concurrent || committer.hasRoom())) return undefined
  const refused = () => {
    turnAway(request, context)
    return refusal(parts, asked, handler.later())
  }
  const dropped = () => {
    turnAway(request, context)
    return undefined
  }
  // Who runs beside others is what fills the Committer's queue.
  const room = handler.concurrent
    ? Effect.map(onceRoom(committer, asked), (hasRoom) => (hasRoom ? run : dropped()))
    : Effect.succeed(run)
  const mayRun = isServed
    ? room
    : Effect.flatMap(onceServing(active, handler, connection), (serving) => {
        if (serving) return room
        return Effect.sync(connection.isGone ? dropped : refused)
      })
  return atMost<Answering | undefined, never>(
    mayRun,
    () => Math.max(0, receivedMs + requestTimeoutMs - nowMs()),
    (waiting) => {
      waiting.interruptUnsafe()
      return Effect.sync(refused)
    }
  )
}

/** What nearly always is over at once, and costs no timer then. Where it takes longer than that, `late` says what comes of it. */
const atMost = <A, E>(
  effect: Effect.Effect<A, E>,
  limitMs: () => number,
  late: (fiber: Fiber.Fiber<A, E>) => Effect.Effect<A, E>
): Effect.Effect<A, E> =>
  Effect.flatMap(Effect.forkChild(effect, { startImmediately: true }), (fiber) => {
    const exit = fiber.pollUnsafe()
    if (exit !== undefined) return exit
    return Effect.flatMap(Effect.timeoutOption(Fiber.join(fiber), limitMs()), (joined) =>
      Option.isSome(joined) ? Effect.succeed(joined.value) : late(fiber)
    )
  })

/** Returns false once `isOver`: it is asked when the client goes, and when the broker stops. */
const atEnding = (connection: ConnectionInfo, isOver: () => boolean): Effect.Effect<false> =>
  Effect.callback((resume) => {
    const ending = () => {
      if (isOver()) resume(Effect.succeed(false))
    }
    connection.onEnding(ending)
    return Effect.sync(() => connection.offEnding(ending))
  })

/**
 * Waits until not too much waits for a commit. False: the client has gone meanwhile, and may have begun anew elsewhere. A
 * broker that stops makes room soon.
 */
const onceRoom = (
  committer: Committer["Service"],
  { context: { connection }, handler, request }: Asked
): Effect.Effect<boolean> => {
  const room = Effect.as(committer.room, true)
  if (!handler.isAwaited(request)) return room
  const gone = atEnding(connection, () => connection.isGone)
  return Effect.raceAllFirst<Effect.Effect<boolean>>([room, gone])
}

/**
 * Waits until this broker serves. False: the client has gone meanwhile, and what it wanted then is not done later, for it
 * may have begun anew elsewhere; or the broker stops; or another broker serves the cluster: then the end of the connection
 * tells it so, as all that this one could tell it of is itself.
 */
const onceServing = (
  active: Active["Service"],
  { reads }: Handler,
  connection: ConnectionInfo
): Effect.Effect<boolean> => {
  const over = atEnding(connection, () => true)
  const elsewhere = Effect.map(active.whenElsewhere, () => {
    connection.close("another Tusk serves this database")
    return false
  })
  return Effect.raceAllFirst([Effect.as(reads ? active.whenServing : active.whenReigning, true), over, elsewhere])
}

/** A timer of Node holds no more. */
const LONGEST_TIMER_MS = 2 ** 31 - 1

/**
 * Runs a request and encodes whatever comes of it: an answer, a refusal, or a defect, such as an answer that cannot be
 * encoded, as UNKNOWN_SERVER_ERROR.
 */
const answerTo = (parts: Parts, asked: Asked): Answering => {
  const { context, handle, handler, request } = asked
  const handled = Effect.suspend(() => handle(request, context))
  const tell = (response: unknown) => {
    // Looked at again, as it may have waited long: and nothing is told of a cluster that may have another writer by now.
    const isStale = handler.reads && !serves(parts.active, true)
    return encode(parts, asked, isStale ? refuse(asked, handler.later()) : response)
  }
  const waitsMs = handler.waitsMs(request)
  const limitMs = Math.min(parts.requestTimeoutMs + waitsMs, LONGEST_TIMER_MS)
  const answered = Effect.map(waitsMs === Infinity ? handled : inTime(limitMs, handler, handled), tell)
  return Effect.catchCause(answered, (cause) => Effect.map(refused(asked, cause), tell))
}

/**
 * Answers at `limitMs` at the latest. What is to be stored by then goes on: who asks again waits for it in his turn, or
 * finds it done.
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

const refuse = ({ context, handler, request }: Asked, error: KafkaError): unknown =>
  handler.refuse(request, errorCode(error), error, context)

const refusal = (parts: Parts, asked: Asked, error: KafkaError): Answering =>
  Effect.sync(() => encode(parts, asked, refuse(asked, error)))

const refused = (asked: Asked, cause: Cause.Cause<KafkaError>): Effect.Effect<unknown> => {
  const { context, handler } = asked
  const defect = Cause.findDefect(cause)
  if (Result.isSuccess(defect)) {
    return Effect.logError(`defect in ${handler.api.name}`, defect.success).pipe(
      Effect.annotateLogs(logFields(handler, context)),
      Effect.map(() => refuse(asked, new UnknownServerError({ cause: defect.success })))
    )
  }
  const error = Cause.findError(cause)
  if (Result.isFailure(error)) return Effect.failCause(error.failure)
  return Effect.sync(() => refuse(asked, isOfStore(error.success) ? handler.later() : error.success))
}

/** What a store's error is for a partition's leader; for all of a request it is what each API has for it. */
const isOfStore = ({ cause }: KafkaError): boolean =>
  cause instanceof Fenced || cause instanceof OutcomeUnknown || cause instanceof StoreUnavailable

const NOTHING: ReadonlyArray<Uint8Array> = []

/** Of no answer, for who wants none, nothing. */
const encode = (
  { writer }: Parts,
  { context: { apiVersion, correlationId }, handler }: Pick<Asked, "handler" | "context">,
  response: unknown
): ReadonlyArray<Uint8Array> =>
  response === undefined ? NOTHING : encodeResponse(handler.api, apiVersion, correlationId, response, writer)

/** A version of ApiVersions we do not know: answered as version 0 with the versions that we do (KIP-511). */
const tooNew = (parts: Parts, served: Served, correlationId: number, connection: ConnectionInfo): Admitted => {
  const context: RequestContext = { apiVersion: 0, clientId: "", correlationId, connection }
  const asked: Asked = { ...served, request: served.handler.api.request.defaults(), context }
  return { concurrent: false, ready: undefined, run: refusal(parts, asked, new UnsupportedVersion()) }
}

const logFields = (handler: Handler, context: RequestContext) => ({
  apiKey: handler.api.key,
  apiVersion: context.apiVersion,
  correlationId: context.correlationId,
  clientId: context.clientId
})
