import type { Api } from "@tusk/protocol/codec/Api"
import { ApiVersions } from "@tusk/protocol/messages/ApiVersions"
import type { ApiVersionsResponse } from "@tusk/protocol/messages/ApiVersions"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { BadAnswer, UnsupportedApi } from "./ClientError.ts"
import type { ClientError } from "./ClientError.ts"
import { Exchange, UNSUPPORTED_VERSION } from "./Exchange.ts"
import { addressText, Transport } from "./Transport.ts"
import type { Address } from "./Transport.ts"

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

/** Opens a connection that lives as long as the scope. */
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
    exchange.begin(yield* transport.open(to, events))
    const ranges = yield* negotiate(exchange, address, options)

    const versionOf = <Req, Res>(api: Api<Req, Res>, asked: AskOptions = {}) => {
      const range = ranges.get(api.key)
      const fail = (reason: string) => Effect.fail(new UnsupportedApi({ address, api: api.name, reason }))
      if (range === undefined) return fail("it does not have this API")
      const newest = Math.min(range[1], api.maxVersion, asked.maxVersion ?? api.maxVersion)
      const oldest = Math.max(range[0], api.minVersion, asked.minVersion ?? api.minVersion)
      return newest < oldest ? fail(`it has versions ${range[0]} to ${range[1]}`) : Effect.succeed(newest)
    }
    return {
      address,
      isOpen: () => exchange.isOpen,
      versionOf,
      ask: (api, body, asked) =>
        Effect.flatMap(versionOf(api, asked), (version) =>
          exchange.ask(
            api,
            version,
            typeof body === "function" ? (body as (version: number) => never)(version) : body,
            timeoutMs + (asked?.waitsMs ?? 0)
          )
        ),
      tell: (api, body, asked) => Effect.flatMap(versionOf(api, asked), (version) => exchange.tell(api, version, body))
    }
  })
