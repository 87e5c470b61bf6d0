/** What the matrix asks of each client: the mechanisms, and how a login is right or wrong. */
import type { Certificates, Pair, Tokens } from "./Keys.ts"

export const MECHANISMS = ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER", "mTLS"] as const
export type Mechanism = (typeof MECHANISMS)[number]

export const CASES = ["right", "wrong secret", "expired", "unknown user", "deleted", "no ACL", "denied"] as const
export type Case = (typeof CASES)[number]

/** Users of every mechanism: rules allow `right` all, speak of `norule` nowhere, and both allow and deny `denied`. */
export const USERS = { right: "right-secret", norule: "norule-secret", denied: "denied-secret" } as const

/** Cases that a mechanism has not, and why. */
export const without = (mechanism: Mechanism, name: Case): string | undefined => {
  if (name !== "deleted") return undefined
  if (mechanism === "PLAIN") return "PLAIN's users are those of a setting"
  return mechanism === "mTLS" ? "a certificate is asked for once a connection" : undefined
}

/** Who a client says that it is, and with what. */
export interface Login {
  readonly user: string
  readonly password: string
  readonly token: string
  readonly pair: Pair
  /** On the listener with short sessions: the steps are made again when the first session has ended. */
  readonly isLong: boolean
  /** A user of this run alone, which is deleted before the second steps. */
  readonly isOwn: boolean
}

/** How long a token of "deleted" is good. No user can be deleted there: the client goes on when its token has ended. */
export const TOKEN_SECONDS = 20

/** A user of whom no broker knows. */
export const UNKNOWN = "nobody"

const userOf = (name: Case): string => {
  if (name === "unknown user") return UNKNOWN
  if (name === "no ACL") return "norule"
  return name === "denied" ? "denied" : "right"
}

const pairOf = (certificates: Certificates, name: Case): Pair => {
  if (name === "wrong secret") return certificates.wrong
  if (name === "expired") return certificates.expired
  return certificates.of.get(userOf(name))!
}

const tokenOf = (tokens: Tokens, name: Case, user: string): string => {
  if (name === "wrong secret") return tokens.forged(user)
  if (name === "expired") return tokens.of(user, -60)
  return tokens.of(user, name === "deleted" ? TOKEN_SECONDS : 3600)
}

/** `own`: the name of the user that belongs to this run. */
export const loginOf = (
  mechanism: Mechanism,
  name: Case,
  own: string,
  certificates: Certificates,
  tokens: Tokens
): Login => {
  const isScram = mechanism.startsWith("SCRAM")
  const isOwn = isScram && name === "deleted"
  const user = isOwn ? own : userOf(name)
  const known: Readonly<Record<string, string>> = USERS
  return {
    user,
    password: name === "wrong secret" ? "wrong" : (known[user] ?? OWN_PASSWORD),
    token: tokenOf(tokens, name, user),
    pair: pairOf(certificates, name),
    // What expires of a password is the session.
    isLong: name === "deleted" || (name === "expired" && (isScram || mechanism === "PLAIN")),
    isOwn
  }
}

export const OWN_PASSWORD = "own-secret"
