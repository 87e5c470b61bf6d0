import type { Struct } from "./Declare.ts"
import { parseRange } from "./Ir.ts"
import { type MessageCodec, messageCodec } from "./MessageCodec.ts"

/** One API of the protocol: its key, its versions, and the codecs of request and response. */
export interface Api<Req, Res> {
  /** Kafka's name: `Fetch`. */
  readonly name: string
  /** Kafka's number, an int16: 1 is Fetch. */
  readonly key: number
  /** The versions that can be read and written: also those Kafka has dropped or not yet released. */
  readonly minVersion: number
  readonly maxVersion: number
  /** The range in the ApiVersions answer of an Apache Kafka 4.3.1 broker. */
  readonly advertised: readonly [min: number, max: number]
  /** First version in the flexible encoding (KIP-482); `Infinity` when there is none. */
  readonly flexibleFrom: number
  /** The version of the header in front of a body of this version: the later one has tagged fields (KIP-482). */
  readonly requestHeaderVersion: (version: number) => 1 | 2
  readonly responseHeaderVersion: (version: number) => 0 | 1
  readonly request: MessageCodec<Req>
  readonly response: MessageCodec<Res>
}

/** Declares an API. `versions` is the range of its declarations, `flexible` the part in the flexible encoding. */
export const api = <Req, Res>(declaration: {
  readonly name: string
  readonly key: number
  readonly versions: string
  readonly flexible: string
  readonly advertised: readonly [min: number, max: number]
  /** ApiVersions alone: its answer has the oldest header, so that any client can read it (KIP-511). */
  readonly plainResponseHeader?: true
  readonly request: Struct<Req>
  readonly response: Struct<Res>
}): Api<Req, Res> => {
  const { name, key, advertised, plainResponseHeader } = declaration
  const [minVersion, maxVersion] = parseRange(declaration.versions)
  const flexibleFrom = declaration.flexible === "none" ? Infinity : parseRange(declaration.flexible)[0]
  return {
    name,
    key,
    minVersion,
    maxVersion,
    advertised,
    flexibleFrom,
    requestHeaderVersion: (version) => (version >= flexibleFrom ? 2 : 1),
    responseHeaderVersion: (version) => (version >= flexibleFrom && plainResponseHeader !== true ? 1 : 0),
    request: messageCodec(declaration.request, declaration),
    response: messageCodec(declaration.response, declaration)
  }
}
