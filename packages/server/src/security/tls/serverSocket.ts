/**
 * Node's TLS on one accepted socket. `tls.Server` would drop a client whose certificate is not trusted without an alert;
 * here the connection is ours. What of `TLSSocket` Node does not document is used in this file alone.
 */
import type { Socket as NetSocket } from "node:net"
import { TLSSocket } from "node:tls"
import type { SecureContext } from "node:tls"

/** The parts of Node's TLSSocket and its handle that its types leave out. */
interface Inner {
  readonly ssl: {
    /** What OpenSSL has against the certificate of the other end. */
    readonly verifyError: () => { readonly code?: string; readonly message?: string } | null | undefined
    /** Bytes as if they had come from the other end. */
    readonly receive: (bytes: Buffer) => void
    readonly readStop: () => void
  } | null
  /** From here on errors are those of the stream. */
  readonly _releaseControl: () => void
}

const innerOf = (socket: TLSSocket) => socket as unknown as Inner

export interface Accepting {
  readonly context: SecureContext
  readonly requestCert: boolean
  /** OpenSSL refuses a client that shows none, with the alert for it. Whether one is trusted is asked afterwards. */
  readonly requireCert: boolean
}

/** Begins a handshake. One of the two is called, at most once; neither if the connection just closes. */
export const acceptTls = (
  net: NetSocket,
  { context, requestCert, requireCert }: Accepting,
  secure: (socket: TLSSocket) => void,
  failed: (error: Error) => void
): void => {
  const socket = new TLSSocket(net, {
    isServer: true,
    secureContext: context,
    requestCert,
    rejectUnauthorized: requireCert
  })
  let isSecure = false
  socket.on("error", (error) => {
    if (!isSecure) failed(error)
  })
  socket.once("secure", () => {
    isSecure = true
    socket.pause()
    innerOf(socket)._releaseControl()
    secure(socket)
  })
}

/** Why a certificate is not trusted; nothing if it is. */
export const distrustOf = (socket: TLSSocket): string | undefined => {
  const { ssl } = innerOf(socket)
  if (ssl === null) return "the connection is gone"
  const error = ssl.verifyError()
  return error === null || error === undefined ? undefined : (error.code ?? String(error.message))
}

const [ALERT, HEADER_BYTES, MAX_RECORD_BYTES, SOME_BYTES] = [0x15, 5, 16_384 + 256, 64]

/** A record that nobody has encrypted. It is long enough to end one that the client has begun as well. */
const PLAIN_RECORD = Buffer.alloc(HEADER_BYTES + MAX_RECORD_BYTES)
PLAIN_RECORD.set([ALERT, 3, 3, 0, SOME_BYTES])

/**
 * Refuses a client after its handshake. OpenSSL has no call that sends an alert, and sends a fatal one itself
 * (`unexpected_message`, `bad_record_mac`) for bytes that are not encrypted. The other end may read it until the socket
 * is destroyed; nothing more is read from it. Not from within a callback of OpenSSL.
 */
export const sendAlert = (socket: TLSSocket): void => {
  const { ssl } = innerOf(socket)
  if (ssl === null || socket.destroyed) return
  ssl.receive(PLAIN_RECORD)
  innerOf(socket).ssl?.readStop()
  socket.end()
}
