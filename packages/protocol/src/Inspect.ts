/** A frame for people: header and body of bytes caught on the wire, as JSON or as text to read. */
import * as Result from "effect/Result"
import type { Api } from "./codec/Api.ts"
import type { FieldPlan, StructPlan, TypePlan } from "./codec/Ir.ts"
import { isDefault } from "./codec/Ir.ts"
import type { MessageCodec } from "./codec/MessageCodec.ts"
import { Reader } from "./codec/Reader.ts"
import { apiOf, attempt } from "./Decode.ts"
import { peekRequestHeader, requestHeaderCodec, responseHeaderCodec } from "./Header.ts"
import { type Json, toJson } from "./Json.ts"
import { errorInfo, NONE } from "./KafkaError.ts"
import { apiByKey, apiByName } from "./messages/index.ts"
import { type ProtocolError, protocolError } from "./ProtocolError.ts"

/** What a response answers, since a response does not say it itself. */
export interface ResponseOf {
  readonly api: Api<any, any>
  readonly version: number
}

/** A frame taken apart: as JSON in the conventions of `Json.ts`, and with what `printFrame` needs. */
export interface InspectedFrame {
  readonly api: Api<any, any>
  readonly version: number
  readonly type: "request" | "response"
  readonly header: { readonly [name: string]: Json }
  readonly body: { readonly [name: string]: Json }
  /** The body as a value of the codec. */
  readonly value: unknown
}

/**
 * Reads `API:VERSION`, the API by name or key: `Fetch:13`, `1:13`. Fails with a `ProtocolError`: `badFrame` for another
 * form, `unknownApi`, `unsupportedVersion`.
 */
export const parseResponseOf = (text: string): Result.Result<ResponseOf, ProtocolError> =>
  attempt(() => {
    const parts = /^(\w+):(\d+)$/.exec(text.trim())
    if (parts === null) throw protocolError("badFrame", `${JSON.stringify(text)} is not of the form API:VERSION`)
    const named = /^\d+$/.test(parts[1]!) ? apiByKey(Number(parts[1])) : apiByName(parts[1]!)
    if (named === undefined) throw protocolError("unknownApi", `no API is called ${parts[1]}`)
    return { api: apiOf(named.key, Number(parts[2])), version: Number(parts[2]) }
  })

const bytesOf = (frame: Uint8Array | string): Uint8Array => {
  if (typeof frame !== "string") return frame
  const digits = frame.replace(/\s+/g, "")
  if (digits.length % 2 !== 0 || !/^[0-9a-fA-F]*$/.test(digits)) throw protocolError("badFrame", "not bytes in hex")
  return Buffer.from(digits, "hex")
}

const withoutLength = (bytes: Uint8Array): Uint8Array => {
  if (bytes.byteLength < 4) throw protocolError("truncated", "a frame begins with a length of four bytes")
  const length = new DataView(bytes.buffer, bytes.byteOffset, 4).getInt32(0)
  const rest = bytes.byteLength - 4
  if (length > rest) throw protocolError("truncated", `the frame says ${length} bytes, ${rest} are there`)
  if (length < rest) throw protocolError("trailingBytes", `the frame says ${length} bytes, ${rest} are there`)
  return bytes.subarray(4)
}

/**
 * Takes one frame apart, bytes or hex (blanks do not count), length prefix included: a request, or the response to what
 * `response` names. Fails with a `ProtocolError` that says what is wrong with the bytes and where.
 *
 * @example
 * import { inspectFrame, parseResponseOf, printFrame } from "@tusk/protocol/Inspect"
 * import * as Result from "effect/Result"
 *
 * const response = Result.getOrThrow(parseResponseOf("Heartbeat:0"))
 * const frame = Result.getOrThrow(inspectFrame("00000006 00000007 001b", { response }))
 * frame.header // { correlationId: 7 }
 * frame.body // { errorCode: 27 }
 * printFrame(frame).includes("errorCode: 27 REBALANCE_IN_PROGRESS") // true
 */
export const inspectFrame = (
  frame: Uint8Array | string,
  options: { readonly response?: ResponseOf } = {}
): Result.Result<InspectedFrame, ProtocolError> =>
  attempt(() => {
    const bytes = withoutLength(bytesOf(frame))
    const reader = new Reader(bytes)
    const header = <A>(codec: MessageCodec<A>, version: number) =>
      toJson(codec, version, codec.decodePrefix(reader, version))
    if (options.response !== undefined) {
      const { api, version } = options.response
      const head = header(responseHeaderCodec, api.responseHeaderVersion(version))
      const value = api.response.decode(reader, version)
      return { api, version, type: "response", header: head, body: toJson(api.response, version, value), value }
    }
    const { apiKey, apiVersion: version } = peekRequestHeader(bytes)
    const api = apiOf(apiKey, version)
    const head = header(requestHeaderCodec, api.requestHeaderVersion(version))
    const value = api.request.decode(reader, version)
    return { api, version, type: "request", header: head, body: toJson(api.request, version, value), value }
  })

/** Bytes shown of a byte array. */
const SHOWN = 32

const scalar = (type: TypePlan, value: any): string => {
  if (value === null) return "null"
  switch (type.kind) {
    case "string":
      return JSON.stringify(value)
    case "bytes":
    case "records":
    case "recordChunks": {
      const bytes: Buffer = type.kind === "recordChunks" ? Buffer.concat(value) : Buffer.from(value)
      const start = bytes.subarray(0, SHOWN).toString("hex")
      return `${bytes.length} bytes${bytes.length === 0 ? "" : ` ${start}${bytes.length > SHOWN ? "…" : ""}`}`
    }
    default:
      return String(value)
  }
}

const isErrorCode = ({ name, type }: FieldPlan): boolean => type.kind === "int16" && /errorCode$/i.test(name)

/** What an error code says, behind its number; nothing for "no error". */
const meaning = (code: number): string => {
  const info = code === NONE ? undefined : errorInfo(code)
  if (info === undefined) return ""
  return info.text === null ? ` ${info.name}` : ` ${info.name}: ${info.text}`
}

const fieldLines = (field: FieldPlan, value: any, indent: string): Array<string> => {
  const { type } = field
  if (value === null || (type.kind !== "array" && type.kind !== "struct")) {
    return [`${indent}${field.name}: ${scalar(type, value)}${isErrorCode(field) ? meaning(value) : ""}`]
  }
  if (type.kind === "struct") return [`${indent}${field.name}:`, ...structLines(type.struct, value, `${indent}  `)]
  const inner = type.of
  if (inner.kind !== "struct") {
    return [`${indent}${field.name}: [${value.map((element: unknown) => scalar(inner, element)).join(", ")}]`]
  }
  return [
    `${indent}${field.name}: ${value.length}`,
    ...value.flatMap((element: unknown) => {
      const [first, ...rest] = structLines(inner.struct, element, `${indent}    `)
      return first === undefined ? [`${indent}  -`] : [`${indent}  - ${first.trimStart()}`, ...rest]
    })
  ]
}

const structLines = (plan: StructPlan, value: any, indent: string): Array<string> => [
  ...plan.fields
    .filter((field) => field.place === "body" || (field.place === "tagged" && !isDefault(field, value[field.name])))
    .flatMap((field) => fieldLines(field, value[field.name], indent)),
  ...(value.unknownTaggedFields ?? []).map(
    (unknown: { tag: number; data: Uint8Array }) =>
      `${indent}unknown tag ${unknown.tag}: ${scalar({ kind: "bytes" }, unknown.data)}`
  )
]

/** An inspected frame as indented text, a field a line; error codes with their names, byte arrays by their first 32. */
export const printFrame = (frame: InspectedFrame): string => {
  const codec = frame.type === "request" ? frame.api.request : frame.api.response
  const header = Object.entries(frame.header).map(([name, value]) => `  ${name}: ${JSON.stringify(value)}`)
  return [
    `${frame.api.name} ${frame.type} v${frame.version}`,
    "header",
    ...header,
    "body",
    ...structLines(codec.plan(frame.version), frame.value, "  ")
  ].join("\n")
}
