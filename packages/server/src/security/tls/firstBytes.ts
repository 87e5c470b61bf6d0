import type { Socket } from "node:net"

/** What a client has said first: a whole record of TLS, or why it is none. */
export type FirstBytes = { readonly isTls: true } | { readonly isTls: false; readonly looksLike: string }

const HANDSHAKE = 0x16
const HEADER_BYTES = 5
/** RFC 8446, 5.1: a record has no more, but for what encryption adds. */
const MAX_RECORD_BYTES = 16_384
const HTTP = /^(?:GET|HEAD|POST|PUT|DELETE|CONNECT|OPTIONS|TRACE|PATCH|PRI) /

const looksLike = (bytes: Buffer): string => {
  if (HTTP.test(bytes.toString("latin1", 0, 8))) return "HTTP"
  // A frame of Kafka's begins with its length, of which the first byte is zero below 16 MB.
  return bytes[0] === 0 ? "Kafka's protocol without TLS" : "no TLS"
}

/**
 * Waits until a client has sent its whole first record, and puts that back into the socket: until then a connection costs a
 * socket and nothing of TLS. Calls `done` once; returns what ends the wait.
 */
export const awaitFirstBytes = (net: Socket, done: (first: FirstBytes) => void): (() => void) => {
  const chunks: Array<Buffer> = []
  let have = 0
  let wanted = HEADER_BYTES
  const finish = (bytes: Buffer, first: FirstBytes) => {
    net.off("readable", look)
    net.unshift(bytes)
    done(first)
  }
  const look = () => {
    for (let chunk: Buffer | null; (chunk = net.read() as Buffer | null) !== null;) {
      chunks.push(chunk)
      have += chunk.length
    }
    if (have === 0 || (have < wanted && chunks[0]![0] === HANDSHAKE)) return
    const bytes = Buffer.concat(chunks)
    chunks.splice(0, chunks.length, bytes)
    if (bytes[0] !== HANDSHAKE || bytes.readUInt16BE(3) > MAX_RECORD_BYTES) {
      return finish(bytes, { isTls: false, looksLike: looksLike(bytes) })
    }
    wanted = HEADER_BYTES + bytes.readUInt16BE(3)
    if (have >= wanted) finish(bytes, { isTls: true })
  }
  net.on("readable", look)
  look()
  return () => net.off("readable", look)
}
