/** Headers of requests and responses, and whole frames. Source: Kafka 4.3.1's RequestHeader and ResponseHeader. */
import type { Api } from "./codec/Api.ts"
import { field, int16, int32, nullable, string, struct, type Value } from "./codec/Declare.ts"
import { type MessageCodec, messageCodec } from "./codec/MessageCodec.ts"
import { Reader } from "./codec/Reader.ts"
import type { Writer } from "./codec/Writer.ts"
import { protocolError } from "./ProtocolError.ts"

const RequestHeaderData = struct("RequestHeader", {
  requestApiKey: field(int16),
  requestApiVersion: field(int16),
  correlationId: field(int32),
  clientId: nullable(string, "1+", "1+", { ignorable: true, flexible: "none" })
})

/** The header in front of every request, as declared: version 1, or 2 with tagged fields (KIP-482). */
export const requestHeaderCodec: MessageCodec<Value<typeof RequestHeaderData>> = messageCodec(RequestHeaderData, {
  versions: "0-2",
  flexible: "2+"
})

const ResponseHeaderData = struct("ResponseHeader", { correlationId: field(int32) })

/** The header in front of every response: version 0, or 1 with tagged fields (KIP-482). */
export const responseHeaderCodec: MessageCodec<Value<typeof ResponseHeaderData>> = messageCodec(ResponseHeaderData, {
  versions: "0-1",
  flexible: "1+"
})

/** What a request says of itself. */
export interface RequestHeader {
  /** The API's number, an int16: 0 is Produce. */
  readonly apiKey: number
  /** The version of the API that the body is of, an int16. */
  readonly apiVersion: number
  /** An int32 of the client's, which the response repeats. */
  readonly correlationId: number
  /** The name that a client gives itself. */
  readonly clientId: string | null
}

/**
 * The first eight bytes of a request (without the length prefix), which are the same in every version: enough to find the
 * API; its version tells the version of the header. Throws `ProtocolError`.
 */
export const peekRequestHeader = (frame: Uint8Array): Omit<RequestHeader, "clientId"> => {
  if (frame.byteLength < 8) throw protocolError("truncated", `a request of ${frame.byteLength} bytes has no header`)
  return {
    apiKey: int16At(frame, 0),
    apiVersion: int16At(frame, 2),
    correlationId: (int16At(frame, 4) << 16) | (int16At(frame, 6) & 0xffff)
  }
}

/** Without a DataView, which every request would pay for. */
const int16At = (bytes: Uint8Array, at: number): number => ((bytes[at]! << 24) >> 16) | bytes[at + 1]!

/** Reads a request's header and leaves the reader at the body. Throws `ProtocolError`. */
export const decodeRequestHeader = (reader: Reader, api: Api<any, any>, version: number): RequestHeader => {
  const header = requestHeaderCodec.decodePrefix(reader, api.requestHeaderVersion(version))
  return {
    apiKey: header.requestApiKey,
    apiVersion: header.requestApiVersion,
    correlationId: header.correlationId,
    clientId: header.clientId
  }
}

const framed = <A>(writer: Writer, write: () => A): ReadonlyArray<Uint8Array> => {
  try {
    const at = writer.take(4)
    const view = writer.view
    write()
    view.setInt32(at, writer.length - 4)
    return writer.finish()
  } catch (error) {
    writer.reset()
    throw error
  }
}

/**
 * A whole response with its length prefix, as chunks for a vectored write; large byte arrays are in it by reference.
 * Throws `ProtocolError` for a value that the version cannot hold; the writer may be used on in either case.
 */
export const encodeResponse = <Req, Res>(
  api: Api<Req, Res>,
  version: number,
  correlationId: number,
  body: Res,
  writer: Writer
): ReadonlyArray<Uint8Array> =>
  framed(writer, () => {
    writer.int32(correlationId)
    if (api.responseHeaderVersion(version) === 1) writer.uvarint(0)
    api.response.encode(writer, version, body)
  })

/**
 * A whole request with its length prefix, as chunks. Throws `ProtocolError` for a value that the version cannot hold; the
 * writer may be used on in either case.
 *
 * @example
 * import { Writer } from "@tusk/protocol/codec/Writer"
 * import { encodeRequest, peekRequestHeader } from "@tusk/protocol/Header"
 * import { ApiVersions } from "@tusk/protocol/messages/ApiVersions"
 *
 * const chunks = encodeRequest(ApiVersions, 0, 7, "me", ApiVersions.request.defaults(), new Writer())
 * const frame = Buffer.concat(chunks)
 * frame.readInt32BE(0) === frame.byteLength - 4 // true
 * peekRequestHeader(frame.subarray(4)) // { apiKey: 18, apiVersion: 0, correlationId: 7 }
 */
export const encodeRequest = <Req, Res>(
  api: Api<Req, Res>,
  version: number,
  correlationId: number,
  clientId: string | null,
  body: Req,
  writer: Writer
): ReadonlyArray<Uint8Array> =>
  framed(writer, () => {
    requestHeaderCodec.encode(writer, api.requestHeaderVersion(version), {
      requestApiKey: api.key,
      requestApiVersion: version,
      correlationId,
      clientId
    })
    api.request.encode(writer, version, body)
  })
