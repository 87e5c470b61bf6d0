/** Whole frames to values, as `Result`: for any bytes a value or a `ProtocolError`, never an exception. */
import * as Result from "effect/Result"
import type { Api } from "./codec/Api.ts"
import { Reader } from "./codec/Reader.ts"
import { decodeRequestHeader, peekRequestHeader, type RequestHeader, responseHeaderCodec } from "./Header.ts"
import { apiByKey } from "./messages/index.ts"
import { ProtocolError, protocolError } from "./ProtocolError.ts"

/** A request whose body is one of `api`'s. */
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

/** Decodes a request frame (without the length prefix): its header, and the body to the last byte. */
export const decodeRequest = (frame: Uint8Array): Result.Result<DecodedRequest<any>, ProtocolError> =>
  attempt(() => {
    const { apiKey, apiVersion } = peekRequestHeader(frame)
    const api = apiOf(apiKey, apiVersion)
    const reader = new Reader(frame)
    const header = decodeRequestHeader(reader, api, apiVersion)
    return { api, header, body: api.request.decode(reader, apiVersion) }
  })

/** Decodes a response frame (without the length prefix) to a request that was of this API and version. */
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
