import { protocolError } from "@tusk/protocol/ProtocolError"
import type { ProtocolError } from "@tusk/protocol/ProtocolError"

/**
 * Cuts a byte stream into frames (a length of 4 bytes, then as many bytes). A frame within one chunk is a view on it;
 * one that spans chunks is put together once, when its last byte is there: memory follows what arrived, never what was
 * announced.
 */
export interface Framer {
  readonly maxBytes: number
  parts: Array<Uint8Array>
  have: number
  need: number
}

export const makeFramer = (maxBytes: number): Framer => ({ maxBytes, parts: [], have: 0, need: 4 })

/** Whether a frame has begun and not ended. */
export const isPartial = (framer: Framer): boolean => framer.have > 0

/** Adds the frames that `chunk` completes to `out`; a length out of bounds is an error, the stream is then lost. */
export const feed = (framer: Framer, chunk: Uint8Array, out: Array<Uint8Array>): ProtocolError | undefined => {
  let bytes = chunk
  if (framer.have > 0) {
    framer.parts.push(chunk)
    framer.have += chunk.byteLength
    if (framer.have < framer.need) return undefined
    bytes = Buffer.concat(framer.parts, framer.have)
    framer.parts = []
    framer.have = 0
  }
  framer.need = 4
  let at = 0
  const end = bytes.byteLength
  while (end - at >= 4) {
    const length = (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!
    if (length <= 0 || length > framer.maxBytes) {
      return protocolError(
        "lengthBeyondFrame",
        `a frame of ${length} bytes is not within 1..${framer.maxBytes} (socket.request.max.bytes)`
      )
    }
    if (end - at < 4 + length) {
      framer.need = 4 + length
      break
    }
    out.push(bytes.subarray(at + 4, at + 4 + length))
    at += 4 + length
  }
  if (at < end) {
    // A small rest of a large buffer must not keep all of that alive while the client takes its time.
    const rest = bytes.subarray(at)
    framer.parts.push(at > 0 ? Buffer.from(rest) : rest)
    framer.have = end - at
  }
  return undefined
}
