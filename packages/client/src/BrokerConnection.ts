import type { Api } from "@tusk/protocol/codec/Api"
import { ApiVersions } from "@tusk/protocol/messages/ApiVersions"
import type { ApiVersionsResponse } from "@tusk/protocol/messages/ApiVersions"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { BadAnswer, BrokerUnreachable, UnsupportedApi } from "./ClientError.ts"
import type { ClientError } from "./ClientError.ts"
import { Exchange, UNSUPPORTED_VERSION } from "./Exchange.ts"
import { authenticate } from "./Login.ts"
import type { Login } from "./Login.ts"
import { addressText, Transport } from "./Transport.ts"
import type { Address, TlsOptions } from "./Transport.ts"

/** How one request is sent. */
export interface AskOptions {
  /** The newest version that the caller understands; the API's own if not given. */
  readonly maxVersion?: number
  /** The oldest version that can say what the caller wants. */
  readonly minVersion?: number
  /** How long an answer may take beyond the connection's own timeout: what the broker is told to wait. */
  readonly waitsMs?: number
}

/** A connection to one broker, whose versions are known. */
export interface BrokerConnection {
  readonly address: string
  readonly isOpen: () => boolean
  /** The version in which an API is asked. */
  readonly versionOf: <Req, Res>(api: Api<Req, Res>, options?: AskOptions) => Effect.Effect<number, UnsupportedApi>
  /** Sends a request in the newest version that both know, and returns the answer. Requests may be pipelined. */
  readonly ask: <Req, Res>(
    api: Api<Req, Res>,
    body: Req | ((version: number) => Req),
    options?: AskOptions
  ) => Effect.Effect<Res, ClientError>
  /** Sends a request that has no answer. */
  readonly tell: <Req, Res>(api: Api<Req, Res>, body: Req, options?: AskOptions) => Effect.Effect<void, ClientError>
}

/** What a connection goes by. */
export interface ConnectionOptions {
  readonly clientId: string
  /** What ApiVersions tells the broker of this client. */
  readonly softwareVersion: string
  /** How long opening, and each answer, may take, in milliseconds. */
  readonly timeoutMs: number
  readonly security?: Security
}

/** How a broker is spoken with, and who speaks: neither, in clear and as nobody. */
export interface Security {
  readonly tls?: TlsOptions
  readonly login?: Login
}

type Ranges = ReadonlyMap<number, readonly [min: number, max: number]>

const rangesOf = ({ apiKeys }: ApiVersionsResponse): Ranges =>
  new Map(apiKeys.map(({ apiKey, maxVersion, minVersion }) => [apiKey, [minVersion, maxVersion]]))

/** Asks in the newest version; a broker that does not know it answers in version 0, by KIP-511 with the versions it has. */
const negotiate = (
  exchange: Exchange,
  address: string,
  { softwareVersion, timeoutMs }: ConnectionOptions
): Effect.Effect<Ranges, ClientError> =>
  Effect.gen(function* () {
    const body = { clientSoftwareName: "tusk-cli", clientSoftwareVersion: softwareVersion }
    const newest = yield* exchange.askVersions(body, timeoutMs)
    if (newest.errorCode === 0) return rangesOf(newest)
    if (newest.errorCode === UNSUPPORTED_VERSION) {
      const named = rangesOf(newest).get(ApiVersions.key)?.[1] ?? 0
      const again = yield* exchange.ask(ApiVersions, Math.min(named, ApiVersions.maxVersion), body, timeoutMs)
      if (again.errorCode === 0) return rangesOf(again)
    }
    return yield* new BadAnswer({ address, reason: `ApiVersions answers with error ${newest.errorCode}` })
  })

/** Why a broker that hangs up on a client without login, or without TLS, may do so: it does not say it. */
const HINTS = {
  atOnce: "it closed the connection at once: does it speak TLS there? (security.protocol)",
  afterVersions:
    "it closed the connection at the first request: does it want a login? (security.protocol, sasl.mechanism)"
} as const

/** A connection that is lost before it was of any use is told as such, and not tried again and again. */
const withHint =
  (address: string, reason: string) =>
  (error: ClientError): ClientError =>
    error._tag === "ConnectionLost" ? new BrokerUnreachable({ address, reason }) : error

/** Opens a connection that lives as long as the scope, and logs in. */
export const connect = (
  to: Address,
  options: ConnectionOptions
): Effect.Effect<BrokerConnection, ClientError, Transport | Scope.Scope> =>
  Effect.gen(function* () {
    const transport = yield* Transport
    const address = addressText(to)
    const { clientId, timeoutMs } = options
    const exchange = new Exchange(address, clientId)
    const events = {
      data: (chunk: Uint8Array) => exchange.data(chunk),
      closed: (reason: string | undefined) => exchange.closed(reason)
    }
    const { login, tls } = options.security ?? {}
    exchange.begin(yield* transport.open(to, events, tls))
    const negotiated = negotiate(exchange, address, options)
    const ranges = yield* tls === undefined ? Effect.mapError(negotiated, withHint(address, HINTS.atOnce)) : negotiated
    const versionOf = <Req, Res>(api: Api<Req, Res>, asked: AskOptions = {}) => {
      const range = ranges.get(api.key)
      const fail = (reason: string) => Effect.fail(new UnsupportedApi({ address, api: api.name, reason }))
      if (range === undefined) return fail("it does not have this API")
      const newest = Math.min(range[1], api.maxVersion, asked.maxVersion ?? api.maxVersion)
      const oldest = Math.max(range[0], api.minVersion, asked.minVersion ?? api.minVersion)
      return newest < oldest ? fail(`it has versions ${range[0]} to ${range[1]}`) : Effect.succeed(newest)
    }
    const asking = <Req, Res>(api: Api<Req, Res>, body: Req, waitsMs: number, asked?: AskOptions) =>
      Effect.flatMap(versionOf(api, asked), (version) => exchange.ask(api, version, body, timeoutMs + waitsMs))
    const renewAt =
      login === undefined ? Infinity : yield* authenticate({ address, ask: (api, body) => asking(api, body, 0) }, login)
    let isNew = login === undefined
    return {
      address,
      isOpen: () => exchange.isOpen && performance.now() < renewAt,
      versionOf,
      ask: (api, body, asked) =>
        Effect.flatMap(versionOf(api, asked), (version) =>
          exchange.ask(
            api,
            version,
            typeof body === "function" ? (body as (version: number) => never)(version) : body,
            timeoutMs + (asked?.waitsMs ?? 0)
          )
        ).pipe(
          Effect.tap(() => Effect.sync(() => void (isNew = false))),
          Effect.mapError((error) => (isNew ? withHint(address, HINTS.afterVersions)(error) : error))
        ),
      tell: (api, body, asked) => Effect.flatMap(versionOf(api, asked), (version) => exchange.tell(api, version, body))
    }
  })
