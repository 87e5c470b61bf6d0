/** Messages inside messages stand behind their version, an int16. */
import type { MessageCodec } from "../codec/MessageCodec.ts"
import { MAX_ELEMENTS, Reader } from "../codec/Reader.ts"
import { Writer } from "../codec/Writer.ts"
import { protocolError } from "../ProtocolError.ts"

/**
 * The version and the value, in one piece. Throws `ProtocolError` for a value that the version cannot hold.
 *
 * @example
 * import { EndTxnMarker } from "@tusk/protocol/embedded/ControlRecord"
 * import { decodeVersioned, encodeVersioned } from "@tusk/protocol/embedded/Versioned"
 *
 * const bytes = encodeVersioned(EndTxnMarker, 0, { coordinatorEpoch: 5 })
 * bytes.byteLength // 6
 * decodeVersioned(EndTxnMarker, bytes) // { version: 0, value: { coordinatorEpoch: 5 } }
 */
export const encodeVersioned = <A>(codec: MessageCodec<A>, version: number, value: A): Uint8Array => {
  const writer = new Writer()
  writer.int16(version)
  codec.encode(writer, version, value)
  return Buffer.concat(writer.finish())
}

/**
 * Reads a value by the version in front of it. As Kafka's consumers do, a version newer than the newest known is read as
 * that one, and what follows is ignored. Throws `ProtocolError`.
 */
export const decodeVersioned = <A>(
  codec: MessageCodec<A>,
  bytes: Uint8Array
): { readonly version: number; readonly value: A } => {
  const reader = new Reader(bytes, 0, MAX_ELEMENTS)
  const version = reader.int16()
  if (version < codec.minVersion) throw protocolError("unsupportedVersion", `${codec.name} has no version ${version}`)
  if (version > codec.maxVersion) return { version, value: codec.decodePrefix(reader, codec.maxVersion) }
  return { version, value: codec.decode(reader, version) }
}
