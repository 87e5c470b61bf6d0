import type { SaslAuthenticationFailed } from "@tusk/protocol/KafkaError"
import type * as Effect from "effect/Effect"

/** What is to become of a frame on a connection that has to log in. */
export type LoginVerdict =
  /** It is a request, and served. */
  | { readonly _tag: "Serve" }
  /** It is a token without Kafka's header (SaslHandshake 0): `authenticate` takes it. */
  | { readonly _tag: "Token" }
  /** It is a request that has no place here: refused with ILLEGAL_SASL_STATE, then the connection ends. */
  | { readonly _tag: "OutOfTurn" }
  /** Not answered: the connection ends. */
  | { readonly _tag: "Close"; readonly reason: string }

/** An answer to a token of the client's. */
export interface LoginStep {
  readonly token: Uint8Array
  /** For how long the connection may be used before it authenticates again (KIP-368), in milliseconds; 0: no limit, or not done. */
  readonly sessionLifetimeMs: bigint
}

/** How a connection of a SASL listener authenticates, at its beginning and again later. Times are of the monotonic clock. */
export interface Login {
  /** Each frame is to be shown to `arrived`: it is not authenticated, or will have to do it again. */
  readonly isGuarding: boolean
  /** It is not authenticated, or does it again just now. */
  readonly isUnderWay: boolean
  /** Since when it is under way; 0 if it is not. */
  readonly sinceMs: number
  /** The next frame is a token without Kafka's header. */
  readonly takesTokens: boolean
  /** `apiKey`: undefined for a token without header. */
  readonly arrived: (apiKey: number | undefined, nowMs: number) => LoginVerdict
  /** ApiVersions was answered without an error. */
  readonly versionsTold: () => void
  /** Agrees on a mechanism; if it is none of those that are enabled, false after a delay, and the connection ends. */
  readonly handshake: (version: number, mechanism: string) => Effect.Effect<boolean>
  /** So many bytes of requests that have not come whole, or not been begun, are kept, which the others that log in cannot have. */
  readonly holds: (bytes: number) => void
  /** The mechanisms that are enabled. */
  readonly mechanisms: ReadonlyArray<string>
  /** Takes a token of the mechanism. Fails after a delay, and the connection ends. */
  readonly authenticate: (token: Uint8Array) => Effect.Effect<LoginStep, SaslAuthenticationFailed>
  /** The login has failed. Returns after a delay; the connection ends with what is answered then. */
  readonly refuse: (reason: string) => Effect.Effect<void>
  /** A request of the login was not run. */
  readonly abandon: (reason: string) => void
}
