import { protocolError } from "@tusk/protocol/ProtocolError"
import type { ProtocolError } from "@tusk/protocol/ProtocolError"

/**
 * Cuts a byte stream into frames (a length of 4 bytes, then as many bytes). A frame within one chunk is a view on it. One
 * that spans chunks is gathered in a buffer of its own that grows with what arrived, never with what was announced: it is
 * at most four times as large. Chunks are the framer's own from then on: a large one of which no frame is a view is given
 * back to the system at once, for memory outside V8's heap is what makes the garbage collector run while producers send.
 */
export interface Framer {
  /** Greatest frame: looked at when its length has come. */
  maxBytes: number
  /** The setting that says so. */
  setting: string
  /** The first `have` bytes of the begun frame lie here, if it spans chunks. */
  gathered: Buffer
  have: number
  /** The begun frame's length, as far as its four bytes have come. */
  length: number
  /** How many of these four have come. */
  lengthBytes: number
}

export const REQUEST_LIMIT = "socket.request.max.bytes"

const NOTHING = Buffer.alloc(0)
/** A frame's buffer is at once this large, if the frame is. */
const FIRST_BYTES = 64 * 1024
const GROWTH = 4
/** Smaller chunks are left to the garbage collector. */
const RELEASED_BYTES = 4096

export const makeFramer = (maxBytes: number): Framer => ({
  maxBytes,
  setting: REQUEST_LIMIT,
  gathered: NOTHING,
  have: 0,
  length: 0,
  lengthBytes: 0
})

/** Whether a frame has begun and not ended. */
export const isPartial = (framer: Framer): boolean => framer.lengthBytes > 0

/** Adds the frames that `chunk` completes to `out`; a length out of bounds is an error, the stream is then lost. */
export const feed = (framer: Framer, chunk: Uint8Array, out: Array<Uint8Array>): ProtocolError | undefined => {
  const end = chunk.byteLength
  let at = 0
  let isKept = false
  while (at < end) {
    if (framer.lengthBytes < 4) {
      // A length with the highest bit set comes out negative.
      framer.length = (framer.length << 8) | chunk[at++]!
      if (++framer.lengthBytes < 4) continue
      if (framer.length <= 0 || framer.length > framer.maxBytes) {
        const other = otherProtocol(framer.length)
        if (other !== undefined) return protocolError("otherProtocol", other)
        return protocolError(
          "lengthBeyondFrame",
          `a frame of ${framer.length} bytes is not within 1..${framer.maxBytes} (${framer.setting})`
        )
      }
      continue
    }
    const next = at + framer.length - framer.have
    if (framer.have === 0 && next <= end) {
      out.push(chunk.subarray(at, next))
      isKept = true
    } else {
      gather(framer, chunk.subarray(at, Math.min(next, end)))
      if (next > end) break
      out.push(framer.gathered)
    }
    at = next
    framer.gathered = NOTHING
    framer.have = framer.length = framer.lengthBytes = 0
  }
  if (!isKept) release(chunk)
  return undefined
}

/** The first four bytes of HTTP requests. */
const HTTP = new Set(["GET ", "HEAD", "POST", "PUT ", "DELE", "CONN", "OPTI", "TRAC", "PATC", "PRI "])
/** A record with a handshake: its type and the version's first byte. */
const TLS = 0x1603

/** What a client speaks, if its first bytes make no length. */
const otherProtocol = (length: number): string | undefined => {
  if (length >>> 16 === TLS) {
    return "this looks like TLS, and the port takes Kafka's protocol without it (security.protocol=PLAINTEXT)"
  }
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(length)
  return HTTP.has(bytes.toString("latin1"))
    ? "this looks like HTTP, and the port takes Kafka's protocol only"
    : undefined
}

/** No more comes: what there is of a begun frame is given back at once, as whoever sends half a frame does it often. */
export const abandon = (framer: Framer): void => {
  release(framer.gathered)
  framer.gathered = NOTHING
  framer.have = framer.length = framer.lengthBytes = 0
}

const gather = (framer: Framer, bytes: Uint8Array): void => {
  const have = framer.have + bytes.byteLength
  if (have > framer.gathered.byteLength) {
    const larger = Buffer.allocUnsafeSlow(Math.min(framer.length, Math.max(FIRST_BYTES, GROWTH * have)))
    larger.set(framer.gathered.subarray(0, framer.have))
    release(framer.gathered)
    framer.gathered = larger
  }
  framer.gathered.set(bytes, framer.have)
  framer.have = have
}

/** What a socket reads is a buffer of its own; a view on a larger one, a pool say, is not ours to give back. */
const release = ({ buffer, byteLength }: Uint8Array): void => {
  if (byteLength >= RELEASED_BYTES && byteLength === buffer.byteLength && buffer instanceof ArrayBuffer) {
    buffer.transfer(0)
  }
}
