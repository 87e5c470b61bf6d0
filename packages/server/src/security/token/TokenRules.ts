/**
 * What a request makes of a delegation token (KIP-48): pure, with Apache Kafka's checks in Kafka's order. Principals are
 * `User:<name>`, times milliseconds since 1970.
 */
import {
  DelegationTokenExpired,
  DelegationTokenNotFound,
  DelegationTokenOwnerMismatch,
  InvalidPrincipalType,
  InvalidRequest,
  PolicyViolation
} from "@tusk/protocol/KafkaError"
import type { KafkaError } from "@tusk/protocol/KafkaError"
import type { StoredDelegationToken } from "@tusk/storage/port/Security"

/** How long tokens live, in milliseconds, and how long their names may be, in bytes. */
export interface TokenLimits {
  readonly maxLifetimeMs: bigint
  readonly expiryTimeMs: bigint
  readonly namesMaxBytes: number
}

/** A token that somebody wants. */
export interface TokenWish {
  readonly owner: string
  readonly requester: string
  readonly renewers: ReadonlyArray<string>
  /** 0 or less: as long as it may. */
  readonly maxLifetimeMs: bigint
}

/** The last moment that a message can tell. */
const END_OF_TIME = 2n ** 63n - 1n

const least = (one: bigint, other: bigint): bigint => (one < other ? one : other)

const after = (nowMs: bigint, forMs: bigint): bigint => least(nowMs + forMs, END_OF_TIME)

/** For how long: what is asked for, up to what may be. */
const bounded = (askedMs: bigint, mostMs: bigint): bigint => (askedMs > 0n ? least(askedMs, mostMs) : mostMs)

/** Why there is no such token. */
export const problemOf = ({ owner, renewers, requester }: TokenWish, limits: TokenLimits): KafkaError | undefined => {
  // Kafka takes any owner, and lets the token's holder in as the user of that name. Here it would be somebody else.
  if (!owner.startsWith("User:")) return new InvalidPrincipalType()
  const names = [owner, requester, ...renewers]
  // Postgres keeps no text with it.
  if (names.some((name) => name.includes("\0"))) {
    return new InvalidRequest({ message: "A principal's name may not have the character NUL." })
  }
  if (names.reduce((bytes, name) => bytes + Buffer.byteLength(name), 0) > limits.namesMaxBytes) {
    return new PolicyViolation({
      message: `The names have more than ${limits.namesMaxBytes} bytes (tusk.delegation.token.names.max.bytes).`
    })
  }
  return undefined
}

/** A new token. */
export const made = (
  wish: TokenWish,
  { hmacHash, tokenId }: Pick<StoredDelegationToken, "tokenId" | "hmacHash">,
  limits: TokenLimits,
  nowMs: bigint
): StoredDelegationToken => {
  const maxTimestamp = after(nowMs, bounded(wish.maxLifetimeMs, limits.maxLifetimeMs))
  return {
    tokenId,
    hmacHash,
    owner: wish.owner,
    requester: wish.requester,
    renewers: wish.renewers,
    issueTimestamp: nowMs,
    maxTimestamp,
    expiryTimestamp: least(maxTimestamp, after(nowMs, limits.expiryTimeMs))
  }
}

export const hasExpired = (
  { expiryTimestamp, maxTimestamp }: Pick<StoredDelegationToken, "expiryTimestamp" | "maxTimestamp">,
  nowMs: bigint
): boolean => maxTimestamp < nowMs || expiryTimestamp < nowMs

/** Whom a token is about. */
type Parties = Pick<StoredDelegationToken, "owner" | "requester" | "renewers">

const mayRenew = ({ owner, renewers }: Parties, principal: string): boolean =>
  owner === principal || renewers.includes(principal)

/** Whether a principal may be told of a token, as it is about it. */
export const isOf = (token: Parties, principal: string): boolean =>
  token.requester === principal || mayRenew(token, principal)

/** Who asks for how long a token may live from now on. */
export interface Change {
  readonly principal: string
  readonly periodMs: bigint
  readonly nowMs: bigint
}

/** The token as it is afterwards, or why it stays as it is. */
export const renewed = (
  token: StoredDelegationToken | undefined,
  { nowMs, periodMs, principal }: Change,
  { expiryTimeMs }: TokenLimits
): StoredDelegationToken | KafkaError => {
  if (token === undefined) return new DelegationTokenNotFound()
  if (hasExpired(token, nowMs)) return new DelegationTokenExpired()
  if (!mayRenew(token, principal)) return new DelegationTokenOwnerMismatch()
  return { ...token, expiryTimestamp: least(token.maxTimestamp, after(nowMs, bounded(periodMs, expiryTimeMs))) }
}

/** The same for one whose end is to be another; undefined: it is gone at once, as a negative time says. */
export const ended = (
  token: StoredDelegationToken | undefined,
  { nowMs, periodMs, principal }: Change
): StoredDelegationToken | KafkaError | undefined => {
  if (token === undefined) return new DelegationTokenNotFound()
  if (!mayRenew(token, principal)) return new DelegationTokenOwnerMismatch()
  if (periodMs < 0n) return undefined
  if (hasExpired(token, nowMs)) return new DelegationTokenExpired()
  return { ...token, expiryTimestamp: least(token.maxTimestamp, after(nowMs, periodMs)) }
}
