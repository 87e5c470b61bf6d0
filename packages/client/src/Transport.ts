import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { BrokerUnreachable } from "./ClientError.ts"

/** Where a broker listens. */
export interface Address {
  readonly host: string
  readonly port: number
}

/** `host:port`, an IPv6 address in brackets. */
export const addressText = ({ host, port }: Address): string =>
  host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`

/** What comes in on a channel. Both are called outside of any fiber. */
export interface ChannelEvents {
  /** Bytes as they come; a chunk is not touched again by whoever gave it. */
  readonly data: (chunk: Uint8Array) => void
  /** Once, when nothing comes any more; `reason` if it was not the other side that closed. */
  readonly closed: (reason: string | undefined) => void
}

/** A way to a broker that bytes go both ways on. */
export interface Channel {
  /** Sends all chunks, in order. After `closed` nothing happens. */
  readonly send: (chunks: ReadonlyArray<Uint8Array>) => void
  /** Returns once what was sent has left for the network, or most of it. */
  readonly room: Effect.Effect<void>
  /** Ends it now; `closed` is called. */
  readonly destroy: () => void
}

/** How TLS is spoken with a broker. Texts are PEM. */
export interface TlsOptions {
  /** Whom to trust; undefined: those that Node brings along. */
  readonly trusted: ReadonlyArray<string> | undefined
  /** What a client shows of itself, where a broker asks for it (`ssl.client.auth`). */
  readonly own:
    | { readonly certificates: string; readonly key: string; readonly passphrase: string | undefined }
    | { readonly pkcs12: Uint8Array; readonly passphrase: string | undefined }
    | undefined
  /** Whether the certificate has to name the host that was asked for. */
  readonly checksName: boolean
  /** `TLSv1.2`, `TLSv1.3`. */
  readonly versions: ReadonlyArray<string>
  /** Names of suites, TLS 1.3's or OpenSSL's; undefined: Node's own. */
  readonly ciphers: string | undefined
}

/** How brokers are reached. A login (SASL) is not its matter: that is requests and answers (`Login.ts`). */
export class Transport extends Context.Service<
  Transport,
  {
    /** Opens a channel that lives as long as the scope; with `tls` it is one of TLS, whose other side is known. */
    readonly open: (
      address: Address,
      events: ChannelEvents,
      tls?: TlsOptions
    ) => Effect.Effect<Channel, BrokerUnreachable, Scope.Scope>
  }
>()("tusk/cli/Transport") {}
