/**
 * Whole frames to values, as `Result`: for any bytes a value or a `ProtocolError`, never an exception. A frame here is
 * without the int32 of its length. Source: Kafka 4.3.1's message definitions; KIP-482 for headers with tagged fields.
 */
import * as Result from "effect/Result"
import type { Api } from "./codec/Api.ts"
import { Reader } from "./codec/Reader.ts"
import { decodeRequestHeader, peekRequestHeader, type RequestHeader, responseHeaderCodec } from "./Header.ts"
import { apiByKey } from "./messages/index.ts"
import { ProtocolError, protocolError } from "./ProtocolError.ts"

/** A request: its API, its header, and a body of that API and of the header's version. */
export interface DecodedRequest<Req> {
  readonly api: Api<Req, any>
  readonly header: RequestHeader
  readonly body: Req
}

/** Runs a decoder that throws `ProtocolError`; any other exception is a bug and passes through. */
export const attempt = <A>(decode: () => A): Result.Result<A, ProtocolError> => {
  try {
    return Result.succeed(decode())
  } catch (error) {
    if (error instanceof ProtocolError) return Result.fail(error)
    throw error
  }
}

/** The API of a request's header, with a version that can be read. Throws `ProtocolError`. */
export const apiOf = (key: number, version: number): Api<any, any> => {
  const api = apiByKey(key)
  if (api === undefined) throw protocolError("unknownApi", `no API has key ${key}`)
  if (version < api.minVersion || version > api.maxVersion) {
    throw protocolError("unsupportedVersion", `${api.name} has no version ${version}`)
  }
  return api
}

/**
 * Decodes a request: its header, and the body to the last byte. Byte arrays in it are views of `frame`. Fails with a
 * `ProtocolError`: `unknownApi`, `unsupportedVersion`, or what is wrong with the bytes and where.
 *
 * @example
 * import { Writer } from "@tusk/protocol/codec/Writer"
 * import { decodeRequest } from "@tusk/protocol/Decode"
 * import { encodeRequest } from "@tusk/protocol/Header"
 * import { Heartbeat } from "@tusk/protocol/messages/Heartbeat"
 * import * as Result from "effect/Result"
 *
 * const body = { ...Heartbeat.request.defaults(), groupId: "orders" }
 * const frame = Buffer.concat(encodeRequest(Heartbeat, 4, 7, "me", body, new Writer()))
 * const request = Result.getOrThrow(decodeRequest(frame.subarray(4)))
 * request.api.name // "Heartbeat"
 * request.header.correlationId // 7
 * request.body.groupId // "orders"
 */
export const decodeRequest = (frame: Uint8Array): Result.Result<DecodedRequest<any>, ProtocolError> =>
  attempt(() => {
    const { apiKey, apiVersion } = peekRequestHeader(frame)
    const api = apiOf(apiKey, apiVersion)
    const reader = new Reader(frame)
    const header = decodeRequestHeader(reader, api, apiVersion)
    return { api, header, body: api.request.decode(reader, apiVersion) }
  })

/**
 * Decodes a response. It does not say what it answers: `api` and `version` are those of the request. Byte arrays in it are
 * views of `frame`. Fails with a `ProtocolError` that says what is wrong with the bytes and where.
 */
export const decodeResponse = <Req, Res>(
  api: Api<Req, Res>,
  version: number,
  frame: Uint8Array
): Result.Result<{ readonly correlationId: number; readonly body: Res }, ProtocolError> =>
  attempt(() => {
    const reader = new Reader(frame)
    const { correlationId } = responseHeaderCodec.decodePrefix(reader, api.responseHeaderVersion(version))
    return { correlationId, body: api.response.decode(reader, version) }
  })
