import * as Effect from "effect/Effect"
import { errors, jwtVerify } from "jose"
import type { JWTPayload, JWTVerifyGetKey } from "jose"
import type { Settings } from "../../config/Settings.ts"
import type { BearerOutcome } from "./BearerExchange.ts"
import { JwksKeys } from "./JwksKeys.ts"

type OAuthSettings = Pick<Settings, Extract<keyof Settings, `oauth${string}`>>

const invalid = (reason: string): BearerOutcome => ({ _tag: "Invalid", reason })

/**
 * Checks JWTs as Apache Kafka's broker does: signed by one of the keys, not expired, with `exp` and `iat`, of the expected
 * issuer and audience. A token that is not signed is never taken.
 */
export const bearerTokens = (
  settings: OAuthSettings,
  nowMs: () => number
): ((token: string) => Effect.Effect<BearerOutcome>) => {
  const { oauthJwksUrl: url } = settings
  if (url === undefined) {
    return () => Effect.succeed(invalid("sasl.oauthbearer.jwks.endpoint.url is not set: no token can be checked"))
  }
  const keys = new JwksKeys({
    url,
    refreshMs: settings.oauthJwksRefreshMs,
    backoffMs: settings.oauthJwksRetryBackoffMs,
    maxBackoffMs: settings.oauthJwksRetryBackoffMaxMs,
    nowMs
  })
  return Effect.fnUntraced(function* (token: string) {
    const known = yield* keys.current
    if (known === undefined) return invalid(`the keys cannot be read: ${keys.problem}`)
    const first = yield* verified(settings, token, known)
    if (!(first instanceof errors.JWKSNoMatchingKey)) return outcomeOf(settings, first)
    const newer = yield* keys.again
    return outcomeOf(settings, newer === known ? first : yield* verified(settings, token, newer!))
  })
}

/** The claims, or what is wrong with the token. */
const verified = (settings: OAuthSettings, token: string, keys: JWTVerifyGetKey): Effect.Effect<JWTPayload | Error> => {
  const { oauthClockSkewSeconds, oauthExpectedAudience, oauthExpectedIssuer } = settings
  const options = {
    clockTolerance: oauthClockSkewSeconds,
    requiredClaims: ["exp", "iat"],
    ...(oauthExpectedIssuer === undefined ? {} : { issuer: oauthExpectedIssuer }),
    ...(oauthExpectedAudience.length === 0 ? {} : { audience: Array.from(oauthExpectedAudience) })
  }
  return Effect.promise(() =>
    jwtVerify(token, keys, options).then(
      ({ payload }) => payload,
      (error: unknown) => (error instanceof Error ? error : new Error(String(error)))
    )
  )
}

const outcomeOf = ({ oauthScopeClaim, oauthSubClaim }: OAuthSettings, claims: JWTPayload | Error): BearerOutcome => {
  if (claims instanceof Error) return invalid(claims.message)
  const name = claims[oauthSubClaim]
  if (typeof name !== "string" || name.trim() === "") return invalid(`claim ${oauthSubClaim} names nobody`)
  if (!isScope(claims[oauthScopeClaim])) return invalid(`claim ${oauthScopeClaim} is no scope`)
  if (claims.iat! < 0 || claims.exp! < 0) return invalid("a time in it is negative")
  return { _tag: "Valid", name: name.trim(), expiresMs: claims.exp! * 1000 }
}

/** None, a text, or texts of which none is said twice, as Kafka has it. */
const isScope = (scope: unknown): boolean => {
  if (scope === undefined || scope === null) return true
  const all: ReadonlyArray<unknown> = Array.isArray(scope) ? scope : [scope]
  const texts = all.filter((each) => typeof each === "string" && each.trim() !== "")
  return !Array.isArray(scope) && typeof scope !== "string"
    ? true
    : texts.length === all.length && new Set(texts.map((each) => (each as string).trim())).size === all.length
}
