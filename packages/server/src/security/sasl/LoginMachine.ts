/**
 * How a connection authenticates: pure, as Apache Kafka's server does it (KIP-43, KIP-152, KIP-368).
 *
 * | stage | ApiVersions | SaslHandshake | SaslAuthenticate | a token without header | all else |
 * |---|---|---|---|---|---|
 * | `initial` | served; then `handshake` | served; then `authenticate` | close | close | close |
 * | `handshake` | close | served; then `authenticate` | close | close | close |
 * | `authenticate`, after SaslHandshake 1 | out of turn | out of turn | taken | close | out of turn |
 * | `authenticate`, after SaslHandshake 0 | – | – | – | taken | – |
 * | `complete` | served | served, or begins anew | served | close | served |
 * | `failed` | close | close | close | close | close |
 *
 * `complete` with a session that ends begins anew at a SaslHandshake, at most once a second; after the session's end all
 * else closes. Kafka's INITIAL_REQUEST and HANDSHAKE_OR_VERSIONS_REQUEST are one here: the difference is a token of
 * Kerberos, which is not served. Times are milliseconds of the monotonic clock, but for `expiresMs`.
 */
import type { Identity } from "../../request/Identity.ts"
import type { LoginVerdict } from "../../request/Login.ts"
import type { Found } from "./Exchange.ts"

export type Stage = "initial" | "handshake" | "authenticate" | "complete" | "failed"

/** What a login came to. */
export interface Authenticated {
  readonly mechanism: string
  readonly identity: Identity
}

export interface LoginState {
  readonly stage: Stage
  /** What was agreed on; "" before that. */
  readonly mechanism: string
  /** Tokens come without Kafka's header. */
  readonly isRaw: boolean
  /** Of the last login that was completed. */
  readonly done: Authenticated | undefined
  /** When it has to be done again; Infinity: never. */
  readonly sessionEndsMs: number
  /** When it was begun anew. */
  readonly renewedMs: number
}

export const BEGINNING: LoginState = {
  stage: "initial",
  mechanism: "",
  isRaw: false,
  done: undefined,
  sessionEndsMs: Infinity,
  renewedMs: -Infinity
}

/** What came: a request by its API, or a token without header. */
export type Arrived = "apiVersions" | "saslHandshake" | "saslAuthenticate" | "other" | "token"

/** A client that authenticates anew sooner than after so long is refused (KIP-368). */
const MIN_RENEWAL_MS = 1000

const SERVE: LoginVerdict = { _tag: "Serve" }
const TOKEN: LoginVerdict = { _tag: "Token" }
const OUT_OF_TURN: LoginVerdict = { _tag: "OutOfTurn" }
const close = (reason: string): LoginVerdict => ({ _tag: "Close", reason })

const failed = (state: LoginState): LoginState => ({ ...state, stage: "failed" })

type Step<A> = readonly [next: LoginState, out: A]

/** A frame came. */
export const arrive = (state: LoginState, what: Arrived, nowMs: number): Step<LoginVerdict> => {
  switch (state.stage) {
    case "initial":
      if (what === "apiVersions" || what === "saslHandshake") return [state, SERVE]
      return [failed(state), close("it sent something else before it was authenticated")]
    case "handshake":
      if (what === "saslHandshake") return [state, SERVE]
      return [failed(state), close("it sent something else where SaslHandshake was due")]
    case "authenticate":
      return arriveInExchange(state, what)
    case "complete":
      return arriveAfter(state, what, nowMs)
    case "failed":
      return [state, close("its login has failed")]
  }
}

const arriveInExchange = (state: LoginState, what: Arrived): Step<LoginVerdict> => {
  const { done, isRaw, mechanism } = state
  if (done !== undefined && done.mechanism !== mechanism) {
    return [failed(state), close(`it may not authenticate anew by ${mechanism} after ${done.mechanism}`)]
  }
  if (isRaw) return what === "token" ? [state, TOKEN] : [failed(state), close("a token was due")]
  if (what === "saslAuthenticate") return [state, SERVE]
  return [failed(state), what === "token" ? close("SaslAuthenticate was due") : OUT_OF_TURN]
}

const arriveAfter = (state: LoginState, what: Arrived, nowMs: number): Step<LoginVerdict> => {
  const { renewedMs, sessionEndsMs } = state
  if (what === "token") return [failed(state), close("a request was due")]
  if (what === "saslHandshake" && sessionEndsMs !== Infinity && nowMs - renewedMs >= MIN_RENEWAL_MS) {
    return [{ ...state, stage: "handshake", renewedMs: nowMs }, SERVE]
  }
  if (nowMs > sessionEndsMs) return [failed(state), close("its session is over, and it did not authenticate anew")]
  return [state, SERVE]
}

/** ApiVersions was answered with what is served. */
export const versionsTold = (state: LoginState): LoginState =>
  state.stage === "initial" ? { ...state, stage: "handshake" } : state

/** SaslHandshake came in its turn: whether the mechanism is agreed on. */
export const shakeHands = (
  state: LoginState,
  version: number,
  mechanism: string,
  enabled: ReadonlyArray<string>
): Step<boolean> =>
  enabled.includes(mechanism)
    ? [{ ...state, stage: "authenticate", mechanism, isRaw: version === 0 }, true]
    : [failed(state), false]

/** What a client is told of its token. */
export type Told =
  | { readonly _tag: "Step"; readonly token: Uint8Array; readonly sessionLifetimeMs: number }
  | { readonly _tag: "Refused"; readonly message: string; readonly reason: string }

export interface Now {
  readonly nowMs: number
  /** Since 1970. */
  readonly wallMs: number
  /** `connections.max.reauth.ms` of the mechanism: 0 or less is no limit. */
  readonly maxReauthMs: number
}

/** The mechanism has looked at a token. */
export const evaluated = (state: LoginState, outcome: Found, now: Now): Step<Told> => {
  const { done, mechanism } = state
  switch (outcome._tag) {
    case "Challenge":
      return [state, { _tag: "Step", token: outcome.token, sessionLifetimeMs: 0 }]
    case "Rejected": {
      const { reason, told } = outcome
      return [failed(state), { _tag: "Refused", message: told ?? invalidCredentials(state), reason }]
    }
    case "Accepted": {
      const { identity, token } = outcome
      if (done !== undefined && done.identity.principal !== identity.principal) {
        return [failed(state), otherPrincipal(done.identity.principal, identity.principal)]
      }
      const lifetimeMs = lifetime(outcome.expiresMs, now)
      const sessionEndsMs = lifetimeMs === undefined ? Infinity : now.nowMs + lifetimeMs
      const next: LoginState = { ...state, stage: "complete", done: { mechanism, identity }, sessionEndsMs }
      return [next, { _tag: "Step", token, sessionLifetimeMs: lifetimeMs ?? 0 }]
    }
  }
}

/** Until the credential expires or `connections.max.reauth.ms` is over, whichever is first; undefined: no limit. */
const lifetime = (expiresMs: number, { maxReauthMs, wallMs }: Now): number | undefined => {
  const longest = Math.min(expiresMs - wallMs, maxReauthMs > 0 ? maxReauthMs : Infinity)
  return longest === Infinity ? undefined : Math.max(0, Math.floor(longest))
}

/** Apache Kafka's words: nobody learns which part was wrong. */
const invalidCredentials = ({ done, mechanism }: LoginState): string => {
  const what = done === undefined ? "authentication" : "re-authentication"
  return `Authentication failed during ${what} due to invalid credentials with SASL mechanism ${mechanism}`
}

const otherPrincipal = (before: string, after: string): Told => {
  const told = (principal: string) => principal.replace(":", ".")
  const message = `Cannot change principals during re-authentication from ${told(before)}: ${told(after)}`
  return { _tag: "Refused", message, reason: message }
}
