import { Reader } from "@tusk/protocol/codec/Reader"
import { Writer } from "@tusk/protocol/codec/Writer"
import { decodeRequestHeader, encodeResponse, peekRequestHeader } from "@tusk/protocol/Header"
import { errorCode, UnknownServerError, UnsupportedVersion } from "@tusk/protocol/KafkaError"
import type { KafkaError } from "@tusk/protocol/KafkaError"
import { ApiVersions } from "@tusk/protocol/messages/ApiVersions"
import { ProtocolError, protocolError } from "@tusk/protocol/ProtocolError"
import { Active } from "@tusk/storage/Active"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import type { ConnectionInfo, Handle, Handler, RequestContext } from "./Handler.ts"
import { handlers } from "./handlers/index.ts"

/** A request that was understood, ready to run. */
export interface Admitted {
  readonly concurrent: boolean
  /**
   * Where this broker does not serve now: waits until it does. Nothing behind it on its connection comes before it. False:
   * there is nobody any more who waits for the answer, and it is not to run.
   */
  readonly ready: Effect.Effect<boolean> | undefined
  /** The chunks of the answer's frame; none where the request wants no answer. Never fails. */
  readonly run: Effect.Effect<ReadonlyArray<Uint8Array>>
}

interface Served {
  readonly handler: Handler
  readonly handle: Handle<any, any>
}

/** From a frame to its answer: the one boundary where errors become answers. */
export class Dispatch extends Context.Service<
  Dispatch,
  {
    /** Fails with what is wrong with the frame; then the connection closes. */
    readonly admit: (frame: Uint8Array, connection: ConnectionInfo) => Admitted | ProtocolError
  }
>()("@tusk/server/Dispatch") {
  static readonly layer = Layer.effect(
    Dispatch,
    Effect.gen(function* () {
      const active = yield* Active
      const table = new Map<number, Served>()
      for (const handler of handlers) {
        table.set(handler.api.key, {
          handler,
          handle: yield* handler.make as Effect.Effect<Handle<any, any>, never, HandlerServices>
        })
      }
      // One writer for all: encoding never waits, and what it has handed out it never touches again.
      return Dispatch.of({ admit: admit(table, active, new Writer()) })
    })
  )
}

/** What the handlers need, all of them: a layer that lacks one does not compile. */
export type HandlerServices = Effect.Services<(typeof handlers)[number]["make"]>

const admit =
  (table: ReadonlyMap<number, Served>, active: Active["Service"], writer: Writer) =>
  (frame: Uint8Array, connection: ConnectionInfo): Admitted | ProtocolError => {
    let about = ""
    try {
      const { apiKey, apiVersion, correlationId } = peekRequestHeader(frame)
      const served = table.get(apiKey)
      if (served === undefined) {
        return protocolError("unknownApi", `API key ${apiKey} is not served`)
      }
      const { handle, handler } = served
      const [min, max] = handler.versions
      if (apiVersion < min || apiVersion > max) {
        if (handler.api.key === ApiVersions.key) return tooNew(handler, correlationId, connection, writer)
        return protocolError(
          "unsupportedVersion",
          `${handler.api.name} is served in versions ${min}-${max}, not ${apiVersion}`
        )
      }
      about = `${handler.api.name} ${apiVersion}: `
      const reader = new Reader(frame)
      const header = decodeRequestHeader(reader, handler.api, apiVersion)
      // What lies behind the body is ignored, as Apache Kafka does: librdkafka 2.15 leaves bytes behind a Metadata v13.
      const body = handler.api.request.decodePrefix(reader, apiVersion)
      const context: RequestContext = { apiVersion, clientId: header.clientId ?? "", correlationId, connection }
      return {
        concurrent: handler.concurrent,
        ready: active.isServing() ? undefined : onceServing(active, connection),
        run: answerTo(handler, handle, body, context, writer)
      }
    } catch (error) {
      if (error instanceof ProtocolError) return protocolError(error.reason, `${about}${error.message}`)
      throw error
    }
  }

/**
 * Waits until this broker serves. False: the client has gone meanwhile, and what it wanted then is not done later: it may
 * have begun anew elsewhere.
 */
const onceServing = (active: Active["Service"], connection: ConnectionInfo): Effect.Effect<boolean> => {
  const gone = Effect.callback<boolean>((resume) => {
    const hungUp = () => resume(Effect.succeed(false))
    connection.onHungUp(hungUp)
    return Effect.sync(() => connection.offHungUp(hungUp))
  })
  return Effect.raceFirst(Effect.as(active.whenServing, true), gone)
}

/** Runs a request and encodes whatever comes of it: an answer, a refusal, or a defect as UNKNOWN_SERVER_ERROR. */
const answerTo = (
  handler: Handler,
  handle: Handle<any, any>,
  request: unknown,
  context: RequestContext,
  writer: Writer
): Effect.Effect<ReadonlyArray<Uint8Array>> => {
  const answered = Effect.catchCause(
    Effect.suspend(() => handle(request, context)),
    (cause) => refused(handler, request, context, cause)
  )
  return Effect.map(answered, (response) =>
    response === undefined ? NOTHING : encode(handler, context, response, writer)
  )
}

const refused = (
  handler: Handler,
  request: unknown,
  context: RequestContext,
  cause: Cause.Cause<KafkaError>
): Effect.Effect<unknown> => {
  const refusal = (error: KafkaError) => handler.refuse(request, errorCode(error), error, context)
  const defect = Cause.findDefect(cause)
  if (Result.isSuccess(defect)) {
    return Effect.logError(`defect in ${handler.api.name}`, defect.success).pipe(
      Effect.annotateLogs(logFields(handler, context)),
      Effect.map(() => refusal(new UnknownServerError({ cause: defect.success })))
    )
  }
  const error = Cause.findError(cause)
  return Result.isSuccess(error) ? Effect.sync(() => refusal(error.success)) : Effect.failCause(error.failure)
}

const NOTHING: ReadonlyArray<Uint8Array> = []

const encode = (
  handler: Handler,
  context: RequestContext,
  response: unknown,
  writer: Writer
): ReadonlyArray<Uint8Array> => encodeResponse(handler.api, context.apiVersion, context.correlationId, response, writer)

/** A version of ApiVersions we do not know: answered as version 0 with the versions that we do (KIP-511). */
const tooNew = (handler: Handler, correlationId: number, connection: ConnectionInfo, writer: Writer): Admitted => {
  const context: RequestContext = { apiVersion: 0, clientId: "", correlationId, connection }
  const refused = new UnsupportedVersion()
  return {
    concurrent: false,
    ready: undefined,
    run: Effect.sync(() =>
      encode(
        handler,
        context,
        handler.refuse(handler.api.request.defaults(), errorCode(refused), refused, context),
        writer
      )
    )
  }
}

const logFields = (handler: Handler, context: RequestContext) => ({
  apiKey: handler.api.key,
  apiVersion: context.apiVersion,
  correlationId: context.correlationId,
  clientId: context.clientId
})
