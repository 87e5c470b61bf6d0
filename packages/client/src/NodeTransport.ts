import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Net from "node:net"
import * as Tls from "node:tls"
import { BrokerUnreachable } from "./ClientError.ts"
import { addressText, Transport } from "./Transport.ts"
import type { Address, Channel, ChannelEvents, TlsOptions } from "./Transport.ts"

const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: "nothing listens there",
  ENOTFOUND: "there is no such host",
  EAI_AGAIN: "its name cannot be looked up",
  EHOSTUNREACH: "there is no way to it",
  ENETUNREACH: "there is no way to its network",
  ETIMEDOUT: "it does not answer",
  ECONNRESET: "it closed the connection",
  ERR_TLS_CERT_ALTNAME_INVALID: "its certificate is of another host",
  DEPTH_ZERO_SELF_SIGNED_CERT: "its certificate is signed by itself, and not trusted",
  SELF_SIGNED_CERT_IN_CHAIN: "its certificate is signed by somebody who is not trusted",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: "its certificate is signed by somebody who is not trusted",
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: "its certificate is signed by somebody who is not trusted",
  CERT_HAS_EXPIRED: "its certificate has expired",
  CERT_NOT_YET_VALID: "its certificate does not hold yet",
  ERR_SSL_WRONG_VERSION_NUMBER: "it does not speak TLS there",
  ERR_SSL_PACKET_LENGTH_TOO_LONG: "it does not speak TLS there",
  ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED: "it wants a certificate of the client (ssl.keystore.location)",
  ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE: "it refuses the TLS handshake"
}

/** OpenSSL's words stand between colons: `80EB…:error:0A000412:SSL routines:ssl3_read_bytes:bad certificate:…`. */
const reasonOf = (error: NodeJS.ErrnoException): string =>
  REASONS[error.code ?? ""] ??
  /:SSL routines:[^:]*:([^:]+):/.exec(error.message)?.[1] ??
  error.message.replaceAll(/\s*\n\s*/g, " ")

/** TLS 1.3's suites have names of their own, the others OpenSSL's: Node takes both in one list. */
const secureOptions = ({ checksName, ciphers, own, trusted, versions }: TlsOptions): Tls.ConnectionOptions => {
  const ordered = versions.toSorted() as Array<Tls.SecureVersion>
  return {
    minVersion: ordered[0] ?? "TLSv1.2",
    maxVersion: ordered.at(-1) ?? "TLSv1.3",
    ...(trusted === undefined ? {} : { ca: [...trusted] }),
    ...(own === undefined || "pkcs12" in own ? {} : { cert: own.certificates, key: own.key }),
    ...(own !== undefined && "pkcs12" in own ? { pfx: Buffer.from(own.pkcs12) } : {}),
    ...(own?.passphrase === undefined ? {} : { passphrase: own.passphrase }),
    ...(ciphers === undefined ? {} : { ciphers }),
    ...(checksName ? {} : { checkServerIdentity: () => undefined })
  }
}

/** The socket, and the event with which it is ready. Throws for a key or certificate that is none. */
const socketOf = ({ host, port }: Address, tls: TlsOptions | undefined): readonly [Net.Socket, string] => {
  const to = { host, port, noDelay: true, keepAlive: true }
  if (tls === undefined) return [Net.connect(to), "connect"]
  // SNI is of names alone.
  const servername = Net.isIP(host) === 0 ? { servername: host } : {}
  return [Tls.connect({ ...to, ...servername, ...secureOptions(tls) }), "secureConnect"]
}

const connect = (
  address: Address,
  events: ChannelEvents,
  tls: TlsOptions | undefined
): Effect.Effect<Net.Socket, BrokerUnreachable> =>
  Effect.callback<Net.Socket, BrokerUnreachable>((resume) => {
    const refuse = (reason: string) =>
      resume(Effect.fail(new BrokerUnreachable({ address: addressText(address), reason })))
    let made: readonly [Net.Socket, string]
    try {
      made = socketOf(address, tls)
    } catch (error) {
      return refuse(reasonOf(error as NodeJS.ErrnoException))
    }
    const [socket, ready] = made
    let failure: string | undefined
    socket.on("error", (error) => {
      failure = reasonOf(error)
      refuse(failure)
    })
    socket.on("data", events.data)
    socket.on("close", () => {
      events.closed(failure)
      refuse(failure ?? "it closed the connection")
    })
    socket.once(ready, () => resume(Effect.succeed(socket)))
    return Effect.sync(() => socket.destroy())
  })

/** TCP and TLS, by Node. */
export const nodeTransport: Layer.Layer<Transport> = Layer.succeed(Transport, {
  open: (address, events, tls) =>
    Effect.acquireRelease(connect(address, events, tls), (socket) => Effect.sync(() => socket.destroy())).pipe(
      Effect.map((socket): Channel => ({
        send: (chunks) => {
          if (socket.destroyed) return
          socket.cork()
          for (const chunk of chunks) socket.write(chunk)
          socket.uncork()
        },
        room: Effect.callback<void>((resume) => {
          if (!socket.writableNeedDrain || socket.destroyed) return resume(Effect.void)
          const done = () => {
            socket.off("drain", done).off("close", done)
            resume(Effect.void)
          }
          socket.on("drain", done).on("close", done)
        }),
        destroy: () => socket.destroy()
      }))
    )
})
